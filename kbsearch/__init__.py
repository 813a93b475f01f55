"""kbsearch: a self-hosted help centre around a full-text index."""

__version__ = "0.1.0"
