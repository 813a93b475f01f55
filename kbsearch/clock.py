"""Time as it is stored: UTC, ISO 8601, to the second, sortable as text."""

from datetime import UTC, datetime


def now() -> str:
    """The present moment, as it is stored."""
    return stored(datetime.now(UTC))


def stored(moment: datetime) -> str:
    """An aware moment as it is stored."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def parsed(text: str) -> datetime:
    """The aware moment of any ISO 8601 text; a text without zone is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
