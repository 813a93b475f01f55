"""Gateways of text messages that the library Apprise knows, held to the guard of outgoing HTTP.

Apprise speaks by the library `requests`; a few of its services open connections of their own, and
those are not spoken to.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from apprise import Apprise, NotifyBase
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as NoConnection
from requests.structures import CaseInsensitiveDict

from kbsearch.messages.delivery.guarded_http import Guard, NoAnswer

logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would write addresses, with keys

_guard: ContextVar[Guard | None] = ContextVar("guard", default=None)


def send(guard: Guard, url: str, text: str) -> bool:
    """Whether a gateway took a text; raises ValueError for an address of none."""
    gateway = check(url)
    with _through(guard):
        return bool(gateway.notify(body=text))


def check(url: str) -> Apprise:
    """The gateway of an address, not asked yet; raises ValueError for an address of none."""
    gateway = Apprise()
    if not gateway.add(url):
        raise ValueError("Apprise does not know this address")
    if not all(_speaks_by_requests(service) for service in gateway):
        raise ValueError("this service of Apprise does not speak HTTP")
    return gateway


def _speaks_by_requests(service: NotifyBase) -> bool:
    """Services that are packages of several modules may speak by other ways too; none is SMS."""
    module = type(service).__module__
    return module.count(".") == 2 and hasattr(sys.modules[module], "requests")


@contextmanager
def _through(guard: Guard) -> Iterator[None]:
    """What is asked of `requests` within goes through a guard; outside of it, nowhere.

    Replaced for the whole process and for good, as libraries keep sessions and threads of their
    own: what the guard does not send is not sent. A session that finds its adapter itself, as the
    one of traces does, is not Apprise's and stays as it is.
    """
    setattr(Session, "get_adapter", _find_adapter)  # noqa: B010  (mypy: a method)
    token = _guard.set(guard)
    try:
        yield
    finally:
        _guard.reset(token)


def _find_adapter(_session: Session, url: str) -> HTTPAdapter:
    return _GuardedAdapter()


class _GuardedAdapter(HTTPAdapter):
    """What sends through the guard that is held, or not at all."""

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        """As HTTPAdapter.send; of its options, as `verify`, the guard takes none."""
        guard = _guard.get()
        if guard is None:
            raise NoConnection("nobody holds the guard", request=request)
        headers = {name: str(value) for name, value in request.headers.items()}
        headers["Accept-Encoding"] = "identity"
        try:
            answer = guard.send(
                str(request.url),
                _bytes(request.body),
                headers,
                method=str(request.method),
            )
        except NoAnswer as problem:
            raise NoConnection(f"{problem.reason}, {problem}", request=request) from problem
        response = Response()
        response.status_code = answer.status
        response.headers = CaseInsensitiveDict(answer.headers)
        response.headers.pop("location", None)  # no redirect is followed
        response.url, response.request = str(request.url), request
        response._content = answer.body
        return response


def _bytes(body: Any) -> bytes:
    """A body that `requests` has prepared; what would be streamed, as a file, is not sent."""
    if isinstance(body, (str, bytes, bytearray)):
        return body.encode() if isinstance(body, str) else bytes(body)
    if body is None:
        return b""
    raise NoConnection("the body is a stream")
