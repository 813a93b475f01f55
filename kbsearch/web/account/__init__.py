"""Pages of one's own account, and the ways in."""
