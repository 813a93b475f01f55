"""Pages of those who write articles."""
