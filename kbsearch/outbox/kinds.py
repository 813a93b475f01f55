"""The kinds of tasks: each is declared once, beside its noun, with its channel and its schedule."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

# inside: what is done here before anything can leave; index: work on the search, which never does
Channel = Literal["mail", "sms", "webhook", "inside", "index"]


@dataclass(frozen=True)
class Schedule:
    """When what failed is tried again: after each of these waits in turn, and then no more."""

    waits: tuple[timedelta, ...]
    jitter: float = 0.0  # up to this part longer, so that what failed together comes back apart
    lifetime: timedelta | None = None  # of all tries, however long something holds them up

    def wait(self, attempts: int, chance: float) -> timedelta | None:
        """How long it waits after so many attempts; None after the last."""
        if attempts > len(self.waits):
            return None
        return self.waits[attempts - 1] * (1 + self.jitter * chance)

    def end(self, began_at: datetime) -> datetime:
        """Until when something that began then may be tried."""
        return began_at + self.lifetime if self.lifetime else datetime.max.replace(tzinfo=UTC)


# 5 s, 25 s, 2 min, 10 min, then hourly: about half a day in all before somebody must look.
USUAL = Schedule(tuple(timedelta(seconds=seconds) for seconds in (5, 25, 120, 600, *[3600] * 12)))


@dataclass(frozen=True)
class Kind:
    """What the tasks of one name have in common."""

    name: str
    channel: Channel
    schedule: Schedule


KINDS: dict[str, Kind] = {}  # by name: those of the modules that are imported


def declare(name: str, channel: Channel, schedule: Schedule = USUAL) -> str:
    """Add a kind, before any task of it; its name."""
    assert name not in KINDS, name
    KINDS[name] = Kind(name, channel, schedule)
    return name
