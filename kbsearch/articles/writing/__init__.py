"""Articles being written: drafts, what they are made of, proposals on branches."""
