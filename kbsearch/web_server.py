"""One web process: waitress on a listening socket, drained when it is told to stop.

Waitress reads a request to its end before a thread is taken, so that slow or silent clients
cost a connection and nothing else.
"""

import contextlib
import gc
import logging
import resource
import signal
import socket
import sys
import time
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from kbsearch import attachments
from kbsearch.leash import DRAIN_SECONDS, Leash

log = logging.getLogger(__name__)

CONNECTIONS = 1000
OPEN_FILES = 4096  # Debian's usual 1024 would be used up by the connections
# A query of 100 kB in emoji, as a browser encodes it in an address, is 300 kB.
LONGEST_HEADER = 512 * 1024
# A form with all its files; what says that it is longer is refused before it is read.
LONGEST_BODY = attachments.MAX_FILES * attachments.MAX_BYTES + 2_000_000
# The engine releases and takes back the interpreter lock many times in a search, and each time
# may wait this long for a busy thread: the default of 5 ms turned 0.5 ms into 40.
SWITCH_SECONDS = 0.0002

COLLECT_AFTER = (20_000, 20, 20)  # objects; a page makes some thousands, none of them a cycle

OPTIONS: dict[str, Any] = {
    "threads": 1,  # two share one interpreter lock: eight typing clients had 362 answers, not 418
    "connection_limit": CONNECTIONS,
    "channel_timeout": 60,
    "cleanup_interval": 10,
    "max_request_header_size": LONGEST_HEADER,
    "max_request_body_size": LONGEST_BODY,
    "asyncore_use_poll": True,
    "expose_tracebacks": False,
    "ident": None,
}


def run(app: Any, listener: socket.socket, leash: Leash, *, behind_proxy: bool = False) -> None:
    """Answer until TERM or INT, then finish what runs; returns when all is finished.

    Behind a proxy the application reads X-Forwarded-* itself; otherwise nobody sees them.
    """
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopping.append(number))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _allow_open_files()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()  # what is loaded by now stays: no use in looking through it again and again
    gc.set_threshold(*COLLECT_AFTER)
    sockets: dict[int, Any] = {}
    server = create_server(
        app,
        map=sockets,
        sockets=[listener],
        clear_untrusted_proxy_headers=not behind_proxy,
        **OPTIONS,
    )
    leash.ready()
    while not stopping:
        wasyncore.loop(timeout=0.5, use_poll=True, map=sockets, count=1)
    _drain(server, sockets)


def _drain(server: Any, sockets: dict[int, Any]) -> None:
    wasyncore.dispatcher.close(server)  # the listening socket alone: running tasks need the rest
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline:
        for channel in list(server.active_channels.values()):
            if not (channel.requests or channel.request or channel.total_outbufs_len):
                channel.handle_close()
        if not server.active_channels:
            break
        wasyncore.loop(timeout=0.1, use_poll=True, map=sockets, count=1)
    else:
        log.warning("%d connections were cut", len(server.active_channels))
    server.task_dispatcher.shutdown(timeout=1)


def _allow_open_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
