"""Pages of those who look for an answer."""
