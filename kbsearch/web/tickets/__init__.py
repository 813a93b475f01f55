"""Pages of requests: the form, the lists, the conversation."""
