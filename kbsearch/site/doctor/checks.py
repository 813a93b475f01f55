"""What the doctor looks at, and what a look finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from kbsearch.config import Settings
from kbsearch.config_sources import Configuration
from kbsearch.database import Database

Verdict = Literal["ok", "warn", "fail"]
MOST_NAMED = 5  # things of a kind that a line names


@dataclass(frozen=True)
class Check:
    """One thing looked at; `told` and `remedy` are gettext messages, filled in with `values`."""

    name: str
    state: Verdict
    told: str
    remedy: str = ""
    values: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class Patient:
    """The site as it is looked at; a deep look reads contents too, and takes its time."""

    configuration: Configuration
    is_deep: bool = False

    @property
    def settings(self) -> Settings:
        return self.configuration.settings


Look = Callable[[Patient], Iterator[Check]]
LookInside = Callable[[Patient, Database], Iterator[Check]]  # of a database of this release


def ok(name: str, message: str, /, **values: object) -> Check:
    return Check(name, "ok", message, "", tuple(values.items()))


def warn(name: str, message: str, remedy: str, /, **values: object) -> Check:
    """It works, and somebody should look at it."""
    return Check(name, "warn", message, remedy, tuple(values.items()))


def fail(name: str, message: str, remedy: str, /, **values: object) -> Check:
    """Something is lost, does not work, or can be read by those it is not for."""
    return Check(name, "fail", message, remedy, tuple(values.items()))


def listed(names: list[str]) -> str:
    """The first of them in a line, and that there are more."""
    return ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")
