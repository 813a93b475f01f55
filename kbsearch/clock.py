"""Time as it is stored: UTC, ISO 8601, to the second, sortable as text; and where it comes from."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def _of_this_machine() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _of_this_machine


def utc_now() -> datetime:
    """The present moment, aware."""
    return _source()


def now() -> str:
    """The present moment, as it is stored."""
    return stored(utc_now())


@contextmanager
def running_on(source: Callable[[], datetime]) -> Iterator[None]:
    """Let this process take its moments from elsewhere: so a test can play a year."""
    global _source
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before


def stored(moment: datetime) -> str:
    """An aware moment as it is stored."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def parsed(text: str) -> datetime:
    """The aware moment of any ISO 8601 text; a text without zone is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
