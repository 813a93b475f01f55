"""The connections of a web process to its clients: waitress's, with a measure for each of them.

A client has some seconds for the header of a request and a least speed for its body; an address
has a share of the connections, so that nobody takes those of the others. Where there are too many,
the one goes that has owed us something for the longest: nobody is cut off while we owe the answer.

How long a body may be is decided at the end of the header. What is refused goes on to the
application without its body, so that the answer is a page like others; what still arrives of it is
thrown away for a moment, because a client that is cut off while it sends never reads the answer.
"""

import contextlib
import logging
import math
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import WSGITask
from waitress.utilities import BadRequest

from kbsearch import limits
from kbsearch.processes.parent_pipe import ParentPipe

log = logging.getLogger(__name__)

CONNECTIONS = 1000
ACCEPTED_AT_ONCE = 64
LOOK_SECONDS = 1.0
HEADER_SECONDS = 20.0  # from the first byte of a request, or the opening of its connection
BODY_RATE = 1000  # bytes a second, from the end of these seconds on
IDLE_SECONDS = 60.0  # between two requests, or without taking a byte of an answer
LINGER_SECONDS = 5.0  # in which a client may read why its body is not wanted
SHORT_BODY = 64_000  # bytes that are taken from anybody
LONGEST_CHUNK_HEAD = 64 * 1024  # bytes before a chunk or after the last
SPOOLED = 1_000_000_000  # bytes of bodies that a web process keeps at a time
REFUSED = "kbsearch.refused"  # in a request's environment: why its body was not read
TOO_LONG, NO_SPACE = "too long", "no space"
PATIENCE = "kbsearch.patience"  # in a request's environment: what asks for more time to answer it


LongestBody = Callable[[dict[str, Any]], int]  # bytes, for a request of this environment


class RequestParser(HTTPRequestParser):
    """A request as it is read."""

    body_rcv: Any
    error: Any

    def __init__(self, adjustments: Adjustments, channel: "Channel") -> None:
        super().__init__(adjustments)
        self.refused = ""
        self.spooled = 0  # bytes that are set aside for the body, the length it may come to
        self._channel = channel

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as problem:  # a length of 5,000 digits, half an IPv6 address
            raise ParsingError(str(problem)) from problem

    def received(self, data: bytes) -> int:
        consumed = int(super().received(data))
        if self.error:
            self.expect_continue = False  # or waitress would ask for the body it will not read
        if self.error or self.body_rcv is None:
            return consumed
        if not self.spooled:
            self._decide()
        elif self.body_bytes_received > self.spooled:
            self.refuse(TOO_LONG)
        elif self.chunked and self._chunk_head() > LONGEST_CHUNK_HEAD:
            self.error = BadRequest("Chunk header too long")
            self.completed = True
        return len(data) if self.refused else consumed

    def _decide(self) -> None:
        """At the end of the header: whether the body is wanted, and whether there is room."""
        longest = SHORT_BODY
        if self.chunked or self.content_length > SHORT_BODY:
            longest = self._channel.longest_body(self)
        if self.content_length > longest:
            self.refuse(TOO_LONG)
            return
        length = longest if self.chunked else self.content_length
        if length > SHORT_BODY and length > self._channel.server.spool_left():
            self.refuse(NO_SPACE)
            return
        self.spooled = length

    def _chunk_head(self) -> int:
        """What came of a chunk's head or of the trailer; waitress keeps it whatever its length."""
        return len(self.body_rcv.control_line) + len(self.body_rcv.trailer)

    def refuse(self, reason: str) -> None:
        """Read no more: the application answers without the body, and the connection ends."""
        self.close()
        self.refused, self.spooled, self.body_rcv = reason, 0, None
        self.headers.pop("CONTENT_LENGTH", None)
        self.headers["CONNECTION"] = "close"
        self.connection_close, self.expect_continue = True, False
        self.completed = True


class AnswerTask(WSGITask):
    """The answer to one request."""

    channel: "Channel"

    def get_environment(self) -> dict[str, Any]:
        environment: dict[str, Any] = super().get_environment()
        environment[PATIENCE] = self.channel.server.parent_pipe.beat
        environment[REFUSED] = self.request.refused
        return environment


class Channel(HTTPChannel):
    """One connection, and since when its client owes what comes next."""

    task_class = AnswerTask
    server: "Server"

    def __init__(self, server: "Server", connection: Any, address: Any, *rest: Any, **more: Any):
        self.network = limits.network(address[0])
        self._since = time.monotonic()
        self._is_new = True
        self._ends_early = self._is_lingering = False
        super().__init__(server, connection, address, *rest, **more)

    def parser_class(self, adjustments: Adjustments) -> RequestParser:
        """Called by waitress for each request."""
        return RequestParser(adjustments, self)

    def longest_body(self, request: RequestParser) -> int:
        return self.server.longest_body(AnswerTask(self, request).get_environment())

    @property
    def spooled(self) -> int:
        """Bytes set aside for the bodies of its requests."""
        requests = [*self.requests, self.request] if self.request else self.requests
        return sum(request.spooled for request in requests)

    @property
    def due(self) -> float:
        """When the client must have done its part by; never while the answer is ours to give."""
        if self.requests:
            return math.inf
        if self._is_lingering:
            return self._since + LINGER_SECONDS
        if self.total_outbufs_len or (self.request is None and not self._is_new):
            return self._since + IDLE_SECONDS
        received = self.request.body_bytes_received if self.request else 0
        return self._since + HEADER_SECONDS + received / BODY_RATE

    def received(self, data: bytes) -> bool:
        if self._is_lingering:
            return False
        under_way = self.request
        went_on = bool(super().received(data))
        if self.request is not under_way:
            self._since = time.monotonic()
        return went_on

    def service(self) -> None:
        self._ends_early = bool(self.requests[0].refused or self.requests[0].error)
        super().service()
        self._is_new = False
        self._since = time.monotonic()

    def handle_write(self) -> None:
        unsent = self.total_outbufs_len
        if self._ends_early and self.close_when_flushed and not self.will_close:
            self._flush_exception(self._flush_some)
            if not self.total_outbufs_len:
                self._linger()
        else:
            super().handle_write()
        if self.total_outbufs_len < unsent:
            self._since = time.monotonic()

    def _linger(self) -> None:
        """Say that this was the last of it, and wait until the client has heard."""
        self.close_when_flushed, self._is_lingering = False, True
        self._since = time.monotonic()
        with contextlib.suppress(OSError):  # it left by itself
            self.socket.shutdown(socket.SHUT_WR)

    def write_soon(self, data: Any) -> int:
        self.server.parent_pipe.beat()  # an answer that grows, however slowly, is no hanging one
        return int(super().write_soon(data))


class Server(TcpWSGIServer):
    """A listening socket and the connections it let in.

    `share` is how many of them an address may have; 0 where all come from one, as from a proxy.
    `longest_body` is asked at the end of the header of a request with a body that is not short.
    """

    channel_class = Channel
    active_channels: dict[int, Channel]

    def __init__(
        self,
        app: Any,
        listener: socket.socket,
        sockets: dict[int, Any],
        waiting: Any,
        parent_pipe: ParentPipe,
        share: int,
        longest_body: LongestBody,
        **options: Any,
    ) -> None:
        self.parent_pipe = parent_pipe
        self.share = share
        self.longest_body = longest_body
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

    def spool_left(self) -> int:
        """Bytes of bodies that may still come."""
        return SPOOLED - sum(channel.spooled for channel in self.active_channels.values())

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
        if self._may_come(limits.network(address[0])):
            self.channel_class(self, connection, address, self.adj, map=self._map)
        else:
            connection.close()
        return True

    def _may_come(self, network: str) -> bool:
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
