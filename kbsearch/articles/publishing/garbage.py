"""Looking for garbage seldom while a whole site is in memory, nearly all of which stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

MANY_OBJECTS = 50_000  # that come before Python looks for those that nobody needs

_lock = Lock()
_usual: list[tuple[int, int, int]] = []  # the thresholds to go back to, once for each that waits


@contextmanager
def rarely_collected() -> Iterator[None]:
    """A sixth of a small publication went into walking through all the others, again and again."""
    with _lock:
        _usual.append(_usual[0] if _usual else gc.get_threshold())
        gc.set_threshold(MANY_OBJECTS, *_usual[0][1:])
    try:
        yield
    finally:
        with _lock:
            usual = _usual.pop()
            if not _usual:
                gc.set_threshold(*usual)
