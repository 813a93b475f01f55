"""The kinds of tasks: each is declared once, beside its noun, with the channel it leaves by."""

from dataclasses import dataclass
from typing import Literal

# inside: what is done here before anything can leave; index: work on the search, which never does
Channel = Literal["mail", "sms", "webhook", "inside", "index"]


@dataclass(frozen=True)
class Kind:
    """What the tasks of one name have in common."""

    name: str
    channel: Channel


KINDS: dict[str, Kind] = {}  # by name: those of the modules that are imported


def declare(name: str, channel: Channel) -> str:
    """Add a kind, before any task of it; its name."""
    assert name not in KINDS, name
    KINDS[name] = Kind(name, channel)
    return name
