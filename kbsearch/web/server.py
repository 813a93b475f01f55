"""One web process: waitress on a listening socket, drained when it is told to stop.

Waitress reads a request to its end before it is answered, so that slow or silent clients cost a
connection and nothing else. Requests are answered by the thread that reads them, one after the
other: a second one would only fight it for the interpreter lock, which the engine releases and
takes back many times in a search. Requests that hash a password have a thread of their own:
hashing is 46 ms without the lock, and whoever types does not wait for those who sign in. So have
requests for which another server is asked, who may take seconds: one of identities, mail or files.

Why waitress: measured beside gunicorn's gthread and granian on the same pages, in turns, an empty
page costs 1.15, 1.19 and 0.58 ms of processor time, a keystroke 4.6, 4.7 and 3.3; two processes
take 113, 134 and 144 MB. With 500 slow clients gunicorn answers nobody else; while eight bodies of
60 MB arrive, a page takes 48 ms, 3.9 s and 3.0 s. A stopped process is replaced after 31 s by
gunicorn and by our parent, by granian not within 45. Granian's half a millisecond would cost what
its core does not let us decide: who has which share of the connections, how long a body may be
before it is read, which thread answers what, and when the parent hears that all is well.
"""

import contextlib
import gc
import logging
import re
import resource
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from waitress import wasyncore

from kbsearch.processes.parent_pipe import DRAIN_SECONDS, PATIENCE, ParentPipe
from kbsearch.web.connections import SHORT_BODY, LongestBody, Server

log = logging.getLogger(__name__)

OPEN_FILES = 4096  # Debian's usual 1024 would be used up by the connections
# A query of 100 kB in emoji, as a browser encodes it in an address, is 300 kB.
LONGEST_HEADER = 512 * 1024
# Where a password is chosen, compared or, as for an unknown address, only seems to be.
HASHING = re.compile(
    r"/[a-z]{2}/(login|invitation/[^/]+|password/(forgot|new)|account/(password|confirm))"
)
# Where a provider of identities or of mail is asked, or a bucket for files.
ASKING = re.compile(
    r"\w+ /([a-z]{2}/(login/sso|admin/mail/callback|desk/mail/.+)|login/sso/callback|readyz"
    r"|attachments/.+|api/v1/attachments(/.+)?|api/v2/uploads\.json)"
    r"|POST /[a-z]{2}/(requests/(new|[^/]+/messages|drafts/[^/]+/files)|account/data)"
)
COLLECT_AFTER = (20_000, 20, 20)  # objects; a page makes some thousands, none of them a cycle

OPTIONS: dict[str, Any] = {
    "outbuf_high_watermark": sys.maxsize,  # nobody waits for a slow reader: the rest is on disk
    "connection_limit": sys.maxsize,  # who has to go is decided by us
    "channel_timeout": sys.maxsize,
    "max_request_header_size": LONGEST_HEADER,
    "max_request_body_size": sys.maxsize,  # decided by us, from the header
    "asyncore_use_poll": True,
    "expose_tracebacks": False,
    "ident": None,
}


@dataclass(frozen=True)
class ServerOptions:
    """How a web process serves; `announce` is called once it is told to stop."""

    behind_proxy: bool = False
    connections_per_address: int = 0
    longest_body: LongestBody = lambda _: SHORT_BODY
    leaving_seconds: float = 0.0  # of serving on, after that
    announce: Callable[[], None] = lambda: None


USUAL = ServerOptions()


def run(
    app: Any,
    listener: socket.socket,
    parent_pipe: ParentPipe,
    options: ServerOptions = USUAL,
) -> None:
    """Answer until TERM or INT, then finish what runs; returns when all is finished.

    An address has any number of connections where 0 is given, and behind a proxy, where all have
    the same. Behind a proxy the application reads X-Forwarded-* itself; otherwise nobody sees them.
    """
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopping.append(number))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _allow_open_files()
    gc.collect()
    gc.freeze()  # what is loaded by now stays: no use in looking through it again and again
    gc.set_threshold(*COLLECT_AFTER)
    sockets: dict[int, Any] = {}
    waiting = _Waiting()
    server = Server(
        app,
        listener,
        sockets,
        waiting,
        parent_pipe,
        longest_body=options.longest_body,
        share=0 if options.behind_proxy else options.connections_per_address,
        clear_untrusted_proxy_headers=not options.behind_proxy,
        **OPTIONS,
    )
    parent_pipe.ready()
    while not stopping:
        if not waiting.hangs:
            parent_pipe.beat()
        _work(server, sockets, waiting, 0.5)
    _leave(server, sockets, waiting, options)
    _drain(server, sockets, waiting)


class _Waiting:
    """Requests read to their end, answered in turn; waitress puts them in.

    Those that hash, and those that ask another server, wait in rows of their own.
    """

    def __init__(self) -> None:
        self._tasks: deque[Any] = deque()
        self._hashing = _Row("hashing")
        self._asking = _Row("asking")

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def add_task(self, task: Any) -> None:
        if _hashes(task.requests[0]):
            self._hashing.put(task)
        elif _asks(task.requests[0]):
            self._asking.put(task)
        else:
            self._tasks.append(task)

    def answer_one(self) -> None:
        _answer(self._tasks.popleft())

    @property
    def hangs(self) -> bool:
        """Whether a request in another row takes so long that its thread must be hanging."""
        return self._hashing.hangs or self._asking.hangs


class _Row:
    """Requests that a thread of their own answers in turn."""

    def __init__(self, name: str) -> None:
        self._tasks: SimpleQueue[Any] = SimpleQueue()
        self._since: float | None = None
        threading.Thread(target=self._answer_all, name=name, daemon=True).start()

    def put(self, task: Any) -> None:
        self._tasks.put(task)

    @property
    def hangs(self) -> bool:
        since = self._since
        return since is not None and time.monotonic() - since > PATIENCE

    def _answer_all(self) -> None:
        while True:
            task = self._tasks.get()
            self._since = time.monotonic()
            _answer(task)
            self._since = None


def _answer(task: Any) -> None:
    try:
        task.service()
    except BaseException:  # a panic of the engine is no Exception, and others wait
        log.exception("a request was not answered")
        task.cancel()


def _hashes(request: Any) -> bool:
    """Whether answering a request means hashing; one that could not be read has no path."""
    path = getattr(request, "path", "")
    return getattr(request, "command", "") == "POST" and HASHING.fullmatch(path) is not None


def _asks(request: Any) -> bool:
    """Whether answering a request means asking another server."""
    address = f"{getattr(request, 'command', '')} {getattr(request, 'path', '')}"
    return ASKING.fullmatch(address) is not None


def _work(server: Server, sockets: dict[int, Any], waiting: _Waiting, patience: float) -> None:
    """Read and write what can be, then answer one request."""
    timeout = 0.0 if waiting else patience
    wasyncore.loop(timeout=timeout, use_poll=True, map=sockets, count=1)
    server.look_after()
    if waiting:
        waiting.answer_one()


def _leave(
    server: Server, sockets: dict[int, Any], waiting: _Waiting, options: ServerOptions
) -> None:
    """Say that nobody is to come any more, and answer whoever does, for as long as is given."""
    options.announce()
    over = time.monotonic() + options.leaving_seconds
    while (left := over - time.monotonic()) > 0:
        _work(server, sockets, waiting, min(left, 0.5))


def _drain(server: Server, sockets: dict[int, Any], waiting: _Waiting) -> None:
    wasyncore.dispatcher.close(server)  # the listening socket alone: running tasks need the rest
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline:
        for channel in list(server.active_channels.values()):
            if not (channel.requests or channel.request or channel.total_outbufs_len):
                channel.handle_close()
        if not server.active_channels:
            break
        _work(server, sockets, waiting, 0.1)
    else:
        log.warning("%d connections were cut", len(server.active_channels))


def _allow_open_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
