"""The id of the request that work comes from: from the answer to the last mail that it leads to."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from kbsearch import randomness

HEADER = "X-Request-Id"
_USABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """The id of the request that this thread works for; empty where there is none."""
    return _current.get()


def begin(proposed: str = "") -> str:
    """Work for a request from now on, by the id that a proxy gave it or by one of its own."""
    request_id = proposed if _USABLE.fullmatch(proposed) else randomness.token(12)
    _current.set(request_id)
    return request_id


def end() -> None:
    """Work for no request from now on."""
    _current.set("")


@contextmanager
def under(request_id: str) -> Iterator[None]:
    """Work for the request of this id, or for none, until the end of the context."""
    before = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(before)
