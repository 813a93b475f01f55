"""Statements that take long are named in the log: by their text, which holds no value."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kbsearch import measures, tracing

log = logging.getLogger(__name__)

LONGEST_TEXT = 1000
_limit = float("inf")  # seconds


def name_from(milliseconds: int) -> None:
    """Name what takes so long from now on; 0: nothing."""
    global _limit
    _limit = milliseconds / 1000 if milliseconds else float("inf")


@contextmanager
def timed(sql: str) -> Iterator[None]:
    """Around one statement and the reading of its rows."""
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds = time.perf_counter() - began
        tracing.note("sql", seconds, {"db.query.text": sql})
        if seconds >= _limit:
            measures.note_slow_statement()
            text = " ".join(sql.split())[:LONGEST_TEXT]
            log.warning("slow statement, %d ms: %s", round(seconds * 1000), text)
