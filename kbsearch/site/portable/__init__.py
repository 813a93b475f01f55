"""What of a site leaves it and comes back: lines with addresses and numbers, not our ids."""
