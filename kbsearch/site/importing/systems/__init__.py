"""Help desks that move in: a module each reads a source, and one way of taking in serves them all.

A module turns its SOURCE into plain records (organisations, newcomers, and requests in the shape of
our own JSON Lines) and says by reason and by name what of it does not come. `moving_in` does the
rest: it knows no source, and a source knows no table of ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from kbsearch.errors import Problem
from kbsearch.site.importing.report import Remark

MOST_NAMES = 500  # of a kind, that are listed
MOST_REMARKS = 100_000


@dataclass(frozen=True)
class CompanyRecord:
    """An organisation as its source has it; what a source does not say of it stays closed."""

    slug: str
    name: str
    is_shared: bool = False
    contract_ends: str = ""
    line: int = 0  # of its file, where it has one
    renews: tuple[str, ...] = ()  # what of one that is here it changes


@dataclass(frozen=True)
class NewcomerRecord:
    """Somebody who may have an account; whoever may not come in gets a closed one."""

    email: str
    name: str
    role: str
    language: str | None
    organisations: tuple[str, ...]  # slugs
    is_suspended: bool
    line: int = 0
    renews: tuple[str, ...] = ()


@dataclass(frozen=True)
class GroupRecord:
    """A team of those who answer, with the addresses of its members."""

    name: str
    members: tuple[str, ...]
    is_archived: bool


@dataclass
class LeftOut:
    """What does not come, or comes otherwise: how often by reason, and things by their names."""

    counts: dict[str, int] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)  # the first of each reason
    names: dict[str, list[str]] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)  # on lines of a file

    def add(self, problem: Problem) -> None:
        """Once more for this reason."""
        self.counts[problem.key] = self.counts.get(problem.key, 0) + 1
        self.problems.setdefault(problem.key, problem)

    def refuse(self, line: int, subject: str, problem: Problem) -> None:
        """A line of a file does not come."""
        self._remark(Remark(line, subject, True, problem))

    def alter(self, line: int, subject: str, problem: Problem) -> None:
        """A line of a file comes otherwise."""
        self._remark(Remark(line, subject, False, problem))

    def _remark(self, remark: Remark) -> None:
        self.add(remark.problem)
        if len(self.remarks) < MOST_REMARKS:
            self.remarks.append(remark)

    def name(self, kind: str, name: str) -> None:
        """A thing of a kind that does not come."""
        names = self.names.setdefault(kind, [])
        if name not in names and len(names) < MOST_NAMES:
            names.append(name)


class System(Protocol):
    """A source that was read: its records, as often as they are asked for, never all in memory."""

    folder: Path  # that the paths of attachments start from
    left_out: LeftOut

    def companies(self) -> Iterator[CompanyRecord]:
        """Its organisations; no two have one slug."""

    def newcomers(self) -> Iterator[NewcomerRecord]:
        """Its people that have an address."""

    def groups(self) -> Iterator[GroupRecord]:
        """Its teams; no two have one name."""

    def requests(self) -> Iterator[dict[str, Any]]:
        """Its requests, in the shape that `kbsearch import tickets` reads."""

    def count_requests(self) -> int:
        """How many requests there are, for whoever waits."""
