"""The engine in service: the one place that says which it is."""

from kbsearch.search.fulltext.tantivy_engine import (
    create,
    guarded,
    opened,
    opened_or_created,
    stemmer,
    stems,
)

__all__ = ["create", "guarded", "opened", "opened_or_created", "stemmer", "stems"]
