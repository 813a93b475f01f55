"""OpenSearch, for more tickets than one machine ranks in time: the same plans, sent to a cluster.

Nobody holds a lock on a cluster. A document is written with the revision of the database that it
was read at, and one of a lower revision never replaces it, so that two writers do no harm.
"""

import logging
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

from opensearchpy import OpenSearch
from opensearchpy.exceptions import (
    AuthenticationException,
    AuthorizationException,
    NotFoundError,
    OpenSearchException,
    TransportError,
)
from opensearchpy.exceptions import ConnectionError as NoConnection
from opensearchpy.helpers import streaming_bulk

from kbsearch import randomness, tracing
from kbsearch.cluster_address import ClusterAddress, parsed
from kbsearch.search.fulltext import opensearch_queries as queries
from kbsearch.search.fulltext import opensearch_refusals as refusals
from kbsearch.search.fulltext.opensearch_queries import Json
from kbsearch.search.fulltext.opensearch_view import OpenSearchView
from kbsearch.search.fulltext.plan import (
    UNREADABLE_CA,
    DamagedIndex,
    Document,
    Fields,
    IndexBusy,
    IndexUnreachable,
    RemoteIndex,
)

PATIENCE, PATIENCE_OF_WRITERS = 5.0, 120.0  # seconds that a call may take
AWAY_SECONDS = 5.0  # for which a cluster that did not answer is not asked again
MOST_WAITING = 500  # documents not sent yet
MOST_BYTES = 8_000_000  # of one call
MOST_TRIES = 6  # of what a cluster refuses because it has too much to do
# A call would be a line, with what people asked; a failed one a trace. Who called says what failed.
for _name in ("opensearch", "opensearchpy.trace"):
    logging.getLogger(_name).setLevel(logging.ERROR)


class Cluster:
    """The servers of an address, as one process asks them."""

    def __init__(self, address: str) -> None:
        self.address = parsed(address)
        self.calls = 0
        self._away_until, self._away_because = 0.0, ""
        self._preference = f"kb{randomness.token(8)}"  # one copy answers all of a process
        self._client: OpenSearch | None = None

    @property
    def client(self) -> OpenSearch:
        """Made at the first call, never before a fork."""
        if self._client is None:
            self._client = _client(self.address)
        return self._client

    def name_of(self, name: str) -> str:
        """An index as the cluster calls it: in small letters."""
        return f"{self.address.prefix}-{name}".lower()

    def search(self, name: str, searches: Sequence[Json]) -> list[Json]:
        """Some searches of an index, in one call."""
        if time.monotonic() < self._away_until:
            raise IndexUnreachable(self._away_because)
        header: Json = {"index": name, "preference": self._preference}
        if self.address.shards > 1:
            header["search_type"] = "dfs_query_then_fetch"
        header["allow_partial_search_results"] = False
        body = [line for one in searches for line in (header, one)]
        with tracing.span("index.call"), self.asking():
            answers: list[Json] = self.client.msearch(
                body=body, params={"request_timeout": PATIENCE}
            )["responses"]
        for answer in answers:
            if "error" in answer:
                kind = answer["error"].get("type", "")
                missing = kind in ("index_not_found_exception", "index_closed_exception")
                if missing:
                    raise DamagedIndex(f"{name}: {kind}")
                raise IndexUnreachable(refusals.of_status(answer.get("status"), kind))
        return answers

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Make one of our errors of what may go wrong on the way; nothing secret is in it."""
        self.calls += 1
        try:
            yield
        except NotFoundError as problem:
            raise DamagedIndex(refusals.of_status(404, problem.error)) from None
        except NoConnection as problem:
            reason = refusals.of_certificate(problem.info) or str(problem.error)
            raise self._gone(reason) from None
        except (AuthenticationException, AuthorizationException) as problem:
            raise self._gone(refusals.of_status(problem.status_code, "")) from None
        except TransportError as problem:
            reason = refusals.of_status(problem.status_code, problem.error)
            raise IndexUnreachable(reason) from None
        except OpenSearchException as problem:
            raise IndexUnreachable(type(problem).__name__) from None

    def _gone(self, reason: str) -> IndexUnreachable:
        """Ask nothing for a while: who asks meanwhile is told the same."""
        self._away_until, self._away_because = time.monotonic() + AWAY_SECONDS, reason
        return IndexUnreachable(reason)


def _client(address: ClusterAddress) -> OpenSearch:
    options: dict[str, Any] = {}
    if address.is_encrypted:
        options = {"use_ssl": True, "ssl_context": _trust(address.ca)}
    if address.user:
        options["http_auth"] = (address.user, address.password)
    return OpenSearch(
        [{"host": host, "port": port} for host, port in address.nodes],
        timeout=PATIENCE,
        max_retries=len(address.nodes) - 1,  # each of the others once
        **options,
    )


def _trust(ca: str) -> ssl.SSLContext:
    """Whom to believe: the authorities of a file, else the machine's own, as OpenSSL finds them."""
    try:
        return ssl.create_default_context(cafile=ca or None)
    except refusals.UNREADABLE:
        raise IndexUnreachable(UNREADABLE_CA) from None


_cluster = lru_cache(maxsize=4)(Cluster)


def cluster(address: str) -> Cluster:
    """The servers of an address; one a process."""
    return _cluster(address)


class OpenSearchWriter:
    """Writes to an index of a cluster; what was sent shows with the next commit at the latest.

    What a rollback comes too late for does no harm: it is what the database holds.
    """

    def __init__(self, index: "OpenSearchIndex", done: Callable[[], None]) -> None:
        self._index = index
        self._done = done
        self._key = index.fields[0].name
        self._fields = {field.name: field for field in index.fields}
        self._waiting: dict[str, Json] = {}

    def add(self, document: Document, revision: int = 0) -> None:
        key = str(document[self._key])
        action: Json = {"_id": key, "_source": queries.source(self._fields, document)}
        if revision:
            action |= {"version": revision, "version_type": "external_gte"}
        self._waiting[key] = action
        if len(self._waiting) >= MOST_WAITING:
            self._send()

    def remove(self, field: str, term: str) -> None:
        assert field == self._key, "only whole documents are removed, by their key"
        self._waiting[term] = {"_op_type": "delete", "_id": term}

    def _send(self) -> None:
        actions = list(self._waiting.values())
        servers = self._index.servers
        with tracing.span("index.write"), servers.asking():
            for is_done, item in streaming_bulk(
                servers.client,
                actions,
                index=self._index.name,
                max_chunk_bytes=MOST_BYTES,
                raise_on_error=False,
                max_retries=MOST_TRIES,
                initial_backoff=1,
                request_timeout=PATIENCE_OF_WRITERS,
            ):
                _check(is_done, item)
        self._waiting.clear()

    def commit(self) -> None:
        self._send()
        servers = self._index.servers
        with tracing.span("index.commit"), servers.asking():
            servers.client.indices.refresh(
                index=self._index.name, params={"request_timeout": PATIENCE_OF_WRITERS}
            )
        self._index.committed()

    def rollback(self) -> None:
        self._waiting.clear()

    def close(self) -> None:
        self._done()


def _check(is_done: bool, item: Mapping[str, Json]) -> None:
    """See what became of a document; another writer may have been ahead, or it was gone."""
    for operation, outcome in item.items():
        status = outcome.get("status")
        is_gone = operation == "delete" and status == 404
        if not (is_done or is_gone or status == 409):
            kind = outcome.get("error", {})
            reason = kind.get("type") if isinstance(kind, dict) else kind
            told = refusals.of_status(status, reason)
            raise (DamagedIndex if status == 404 else IndexUnreachable)(told)


class OpenSearchIndex:
    """An index of a cluster; `view()` is the same until there is news."""

    def __init__(self, servers: Cluster, name: str, fields: Fields) -> None:
        self.servers = servers
        self.name = servers.name_of(name)
        self.fields = fields
        self._is_writing = False
        self._view: OpenSearchView | None = None

    def catch_up(self, revision: int) -> None:
        if self._view is not None and (self._view.is_full or self._view.is_before(revision)):
            self._view = None

    def committed(self) -> None:
        """Learn anew with the next view."""
        self._view = None

    def view(self) -> OpenSearchView:
        if self._view is None:
            self._view = OpenSearchView(partial(self.servers.search, self.name), self.fields)
        return self._view

    def writer(self, heap: int) -> OpenSearchWriter:
        """The writer; one a process, though others do no harm."""
        if self._is_writing:
            raise IndexBusy("this process is writing already")
        self._is_writing = True
        return OpenSearchWriter(self, self._closed)

    def _closed(self) -> None:
        self._is_writing = False


def create(place: RemoteIndex, fields: Fields) -> OpenSearchIndex:
    """A new index, with nothing in it."""
    servers = cluster(place.address)
    address = servers.address
    settings: Json = {
        "number_of_shards": address.shards,
        "refresh_interval": "-1",  # a commit refreshes: what it wrote shows together
        "analysis": queries.ANALYSIS,
    }
    if address.replicas is None:
        settings["auto_expand_replicas"] = "0-1"
    else:
        settings["number_of_replicas"] = address.replicas
    body = {"settings": {"index": settings}, "mappings": queries.mapping(fields)}
    index = OpenSearchIndex(servers, place.name, fields)
    with servers.asking():
        version = servers.client.info()["version"]
        if version.get("distribution") != "opensearch" or version["number"].split(".")[0] != "2":
            raise IndexUnreachable("it is not of OpenSearch 2")
        servers.client.indices.create(
            index=index.name, body=body, params={"request_timeout": PATIENCE_OF_WRITERS}
        )
    return index


def opened(place: RemoteIndex, fields: Fields) -> OpenSearchIndex:
    """An index that is there; whether it is shows when it is asked."""
    return OpenSearchIndex(cluster(place.address), place.name, fields)


def opened_or_created(place: RemoteIndex, fields: Fields) -> OpenSearchIndex:
    """An index, made if it is not there."""
    servers = cluster(place.address)
    with servers.asking():
        is_there = servers.client.indices.exists(index=servers.name_of(place.name))
    return (opened if is_there else create)(place, fields)


def names(address: str, prefix: str) -> list[str]:
    """The indexes of a site that begin so, in small letters, the newest first."""
    servers = cluster(address)
    with servers.asking():
        rows: Any = servers.client.cat.indices(
            index=f"{servers.name_of(prefix)}*",
            params={"format": "json", "h": "index,creation.date"},
        )
    rows.sort(key=lambda row: int(row["creation.date"]), reverse=True)
    return [row["index"].removeprefix(servers.name_of("")) for row in rows]


def remove(place: RemoteIndex) -> None:
    """Remove an index, if it is there."""
    servers = cluster(place.address)
    with servers.asking():
        servers.client.indices.delete(
            index=servers.name_of(place.name), params={"ignore_unavailable": "true"}
        )


def put_in_service(place: RemoteIndex, alias: str) -> None:
    """Have an alias name an index and no other, for whoever looks at the cluster itself."""
    servers = cluster(place.address)
    name = servers.name_of(alias)
    actions = [
        {"remove": {"index": f"{name}-*", "alias": name, "must_exist": False}},
        {"add": {"index": servers.name_of(place.name), "alias": name}},
    ]
    with servers.asking():
        servers.client.indices.update_aliases(body={"actions": actions})


def check(address: str) -> None:
    """Raise IndexUnreachable, with its reason, while a cluster does not answer."""
    servers = cluster(address)
    with servers.asking():
        servers.client.info(params={"request_timeout": PATIENCE})
