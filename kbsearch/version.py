"""The version of what is installed."""

__version__ = "1.0.0"
