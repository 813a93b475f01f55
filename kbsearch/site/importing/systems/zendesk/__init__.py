"""Zendesk: a folder of its exports, the pages of its API or the lines of an account's export."""
