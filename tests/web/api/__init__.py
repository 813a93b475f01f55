"""Programs: the API and its door."""
