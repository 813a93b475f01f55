"""Time as it is stored: UTC, ISO 8601, to the second, sortable as text."""

from datetime import UTC, datetime

FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def now() -> str:
    """The present moment, as it is stored."""
    return datetime.now(UTC).strftime(FORMAT)


def stored(moment: datetime) -> str:
    """An aware moment as it is stored."""
    return moment.astimezone(UTC).strftime(FORMAT)


def parsed(text: str) -> datetime:
    """The aware moment of any ISO 8601 text; a text without zone is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
