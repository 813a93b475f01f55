"""The connections of a web process to its clients: waitress's, with a time and a share for each.

A client has some seconds for the header of a request and a least speed for its body; an address
has a share of the connections, so that nobody takes those of the others. Where there are too many,
the one goes that has owed us something for the longest: nobody is cut off while we owe the answer.
"""

import logging
import math
import socket
import time
from collections.abc import Sequence
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import WSGITask

from kbsearch import limits
from kbsearch.leash import Leash

log = logging.getLogger(__name__)

CONNECTIONS = 1000
ACCEPTED_AT_ONCE = 64
LOOK_SECONDS = 1.0
HEADER_SECONDS = 20.0  # from the first byte of a request, or the opening of its connection
BODY_RATE = 1000  # bytes a second, from the end of these seconds on
IDLE_SECONDS = 60.0  # between two requests, or without taking a byte of an answer
PATIENCE = "kbsearch.patience"  # in a request's environment: what asks for more time to answer it


class Task(WSGITask):
    """The answer to one request."""

    channel: "Channel"

    def get_environment(self) -> dict[str, Any]:
        environment: dict[str, Any] = super().get_environment()
        environment[PATIENCE] = self.channel.server.leash.beat
        return environment


class Channel(HTTPChannel):
    """One connection, and since when its client owes what comes next."""

    task_class = Task
    server: "Server"

    def __init__(self, server: "Server", connection: Any, address: Any, *rest: Any, **more: Any):
        self.network = limits.network(address[0])
        self._since = time.monotonic()
        self._is_new = True
        super().__init__(server, connection, address, *rest, **more)

    @property
    def due(self) -> float:
        """When the client must have done its part by; never while the answer is ours to give."""
        if self.requests:
            return math.inf
        if self.total_outbufs_len or (self.request is None and not self._is_new):
            return self._since + IDLE_SECONDS
        received = self.request.body_bytes_received if self.request else 0
        return self._since + HEADER_SECONDS + received / BODY_RATE

    def received(self, data: bytes) -> bool:
        under_way = self.request
        went_on = bool(super().received(data))
        if self.request is not under_way:
            self._since = time.monotonic()
        return went_on

    def service(self) -> None:
        super().service()
        self._is_new = False
        self._since = time.monotonic()

    def handle_write(self) -> None:
        left = self.total_outbufs_len
        super().handle_write()
        if self.total_outbufs_len < left:
            self._since = time.monotonic()

    def write_soon(self, data: Any) -> int:
        self.server.leash.beat()  # an answer that grows, however long it takes, is no hanging one
        return int(super().write_soon(data))


class Server(TcpWSGIServer):
    """A listening socket and the connections it let in.

    `share` is how many of them an address may have; 0 where all come from one, as from a proxy.
    """

    channel_class = Channel
    active_channels: dict[int, Channel]  # type: ignore[assignment]  # as it is, against its stub
    _map: dict[int, Any]

    def __init__(
        self,
        app: Any,
        listener: socket.socket,
        sockets: dict[int, Any],
        waiting: Any,
        leash: Leash,
        share: int,
        **options: Any,
    ) -> None:
        self.leash = leash
        self.share = share
        self._has_callers = False
        self._look_at = 0.0
        super().__init__(
            app,
            sockets,
            _sock=listener,
            dispatcher=waiting,
            adj=Adjustments(sockets=[listener], **options),
            bind_socket=False,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
        )

    def handle_accept(self) -> None:
        """Note that somebody calls; `look_after` lets them in when all events are dealt with.

        The descriptor of a connection closed before would be theirs, and so would its events.
        """
        self._has_callers = True

    def look_after(self) -> None:
        """Let in who calls, and cut off who takes too long."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            for channel in list(self.active_channels.values()):
                if channel.due <= now:
                    channel.handle_close()
        if self._has_callers:
            self._has_callers = False
            for _ in range(ACCEPTED_AT_ONCE):
                if not self._let_one_in():
                    break

    def _let_one_in(self) -> bool:
        """Whether there was somebody to let in."""
        try:
            accepted = self.accept()
            if accepted is None:
                return False
            connection, address = accepted
            self.set_socket_options(connection)
        except OSError as problem:  # they left meanwhile, or the system has no more descriptors
            log.warning("a connection was not taken: %s", problem)
            return False
        if self._make_room(limits.network(address[0])):
            self.channel_class(self, connection, address, self.adj, map=self._map)
        else:
            connection.close()
        return True

    def _make_room(self, network: str) -> bool:
        """Whether there is room for one more connection from there, once somebody has gone."""
        channels = list(self.active_channels.values())
        neighbours = [channel for channel in channels if channel.network == network]
        if self.share and len(neighbours) >= self.share:
            return _cut_longest_due(neighbours)
        return len(channels) < CONNECTIONS or _cut_longest_due(channels)


def _cut_longest_due(channels: Sequence[Channel]) -> bool:
    first = min(channels, key=lambda channel: channel.due)
    if first.due == math.inf:
        return False
    first.handle_close()
    return True
