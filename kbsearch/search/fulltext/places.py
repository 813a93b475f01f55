"""Indexes by where they are: in a folder, or on other machines.

The client of these is imported when there are any, and never before.
"""

from kbsearch.search.fulltext import engine
from kbsearch.search.fulltext.plan import Fields, Place, RemoteIndex, SearchIndex


def opened(place: Place, fields: Fields) -> SearchIndex:
    """The index of a place."""
    if isinstance(place, RemoteIndex):
        from kbsearch.search.fulltext import opensearch_engine

        return opensearch_engine.opened(place, fields)
    return engine.opened(place, fields)


def opened_or_created(place: Place, fields: Fields) -> SearchIndex:
    """The index of a place, made if it is not there."""
    if isinstance(place, RemoteIndex):
        from kbsearch.search.fulltext import opensearch_engine

        return opensearch_engine.opened_or_created(place, fields)
    return engine.opened_or_created(place, fields)


def remote_names(address: str, prefix: str) -> list[str]:
    """The indexes of a cluster that begin so, in small letters, the newest first."""
    from kbsearch.search.fulltext import opensearch_engine

    return opensearch_engine.names(address, prefix)


def remove_remote(place: RemoteIndex) -> None:
    """Remove an index of a cluster, if it is there."""
    from kbsearch.search.fulltext import opensearch_engine

    opensearch_engine.remove(place)


def put_in_service(place: RemoteIndex, alias: str) -> None:
    """Have an alias of a cluster name an index and no other."""
    from kbsearch.search.fulltext import opensearch_engine

    opensearch_engine.put_in_service(place, alias)


def check_remote(address: str) -> None:
    """Raise IndexUnreachable, with its reason, while a cluster does not answer."""
    from kbsearch.search.fulltext import opensearch_engine

    opensearch_engine.check(address)
