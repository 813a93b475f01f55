"""Asking another server for JSON, within a time and a size that are set beforehand.

The visitor waits meanwhile, and so does the process that answers them.
"""

import json
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead
from typing import Any
from urllib.parse import urlencode, urlsplit

STEP_SECONDS = 3.0  # to connect, and for each piece of the answer
WHOLE_SECONDS = 5.0  # for the answer, however it drips
LARGEST = 256 * 1024  # bytes


class AddressUnreachable(Exception):
    """No usable answer came; the text says why, for the log."""


class Unusable(AddressUnreachable):
    """An answer came, and is none to go by."""


@dataclass(frozen=True)
class JsonAnswer:
    """What was answered: a status that is no redirect, and a JSON object."""

    status: int
    content: dict[str, Any]


def ask(
    url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> JsonAnswer:
    """GET, or POST a form; raises Unreachable. Redirects are not followed."""
    try:
        status, body = _exchange(url, form, {"Accept": "application/json", **(headers or {})})
        if len(body) > LARGEST:
            raise ValueError(f"more than {LARGEST} bytes")
        content = json.loads(body)
        if not isinstance(content, dict) or 300 <= status < 400 or status >= 500:
            raise ValueError(f"status {status}, {type(content).__name__}")
    except (OSError, IncompleteRead) as problem:
        raise AddressUnreachable(f"{url}: {type(problem).__name__}: {problem}") from problem
    except (HTTPException, ValueError, RecursionError) as problem:
        raise Unusable(f"{url}: {type(problem).__name__}: {problem}") from problem
    return JsonAnswer(status, content)


def _exchange(
    url: str, form: Mapping[str, str] | None, headers: dict[str, str]
) -> tuple[int, bytes]:
    parts = urlsplit(url)
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    body = urlencode(form) if form is not None else None
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    with closing(_connection(parts.scheme, parts.hostname or "", parts.port)) as connection:
        connection.connect()
        watchdog = threading.Timer(WHOLE_SECONDS, _cut, [connection.sock])
        watchdog.daemon = True
        watchdog.start()
        try:
            connection.request("GET" if body is None else "POST", target, body, headers)
            with closing(connection.getresponse()) as response:
                return response.status, response.read(LARGEST + 1)
        finally:
            watchdog.cancel()


def _connection(scheme: str, host: str, port: int | None) -> HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context()
        return HTTPSConnection(host, port, timeout=STEP_SECONDS, context=context)
    return HTTPConnection(host, port, timeout=STEP_SECONDS)


def _cut(connected: socket.socket) -> None:
    """End the exchange under whoever waits for it: their next read finds nothing more."""
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
