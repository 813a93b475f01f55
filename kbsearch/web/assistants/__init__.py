"""Assistants: the Model Context Protocol, over HTTP and over stdin, with a person's own rights."""
