"""Taking over the past: people and tickets from JSON Lines or CSV, as often as one likes."""
