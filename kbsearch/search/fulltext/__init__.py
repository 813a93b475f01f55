"""The two Tantivy indexes and what they know of a text; no table, no noun."""
