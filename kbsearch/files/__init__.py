"""Files by their content: stored, typed, measured; nothing here knows a table."""
