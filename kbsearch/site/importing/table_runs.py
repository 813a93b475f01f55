"""The worker's part of an uploaded table: it is rehearsed or taken in, and what came is told."""

import fcntl
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

from kbsearch import audit
from kbsearch.clock import now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Invalid, Problem
from kbsearch.files import places
from kbsearch.site.importing import table_imports
from kbsearch.site.importing.report import Remark
from kbsearch.site.importing.systems import CompanyRecord, GroupRecord, NewcomerRecord, moving_in
from kbsearch.site.importing.systems import table as any_table
from kbsearch.site.importing.systems.desk import Desk
from kbsearch.site.importing.systems.moving_in import ArrivalCounts, Move
from kbsearch.site.importing.table_imports import TableImport

log = logging.getLogger(__name__)

Item = TypeVar("Item")
REST_SECONDS = 1.0
SHOWN_REMARKS = 20
TELL_EVERY = 250  # people and requests


class Stopped(Exception):
    """Somebody stopped it, or mapped the table otherwise."""


def step(db: Database, settings: Settings) -> float:
    """Do what was asked for first of the files on this host; for how many seconds to rest then."""
    rows = db.query(
        "SELECT * FROM table_imports WHERE state IN ('checking', 'importing')"
        " ORDER BY changed_at, id"
    )
    for row in rows:
        with _held(table_imports.path_of(settings, row["id"])) as is_ours:
            if is_ours:
                run(db, settings, table_imports.as_table(row))
                return 0.0
    return REST_SECONDS


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Whether a file is on this host, and no other worker that sees it is at it."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def run(db: Database, settings: Settings, table: TableImport) -> None:
    """Rehearse a table or take it in, and note what came of it."""
    is_rehearsal = table.state == "checking"
    try:
        outcome = _take(db, settings, table, is_rehearsal=is_rehearsal)
        state = "checked" if is_rehearsal else "imported"
    except Stopped:
        return
    except Problem as problem:
        outcome, state = {"problem": _problem(problem)}, "failed"
    except Exception:
        log.exception("the table %s was not taken in", table.id)
        outcome, state = {"problem": _problem(Invalid("import.table_failed"))}, "failed"
    with db.atomic():
        if _note(db, table, {"state": state, "outcome": json.dumps(outcome)}) and not is_rehearsal:
            counts = outcome.get("counts", {})
            done = {noun: counts[noun]["created"] + counts[noun]["updated"] for noun in counts}
            by, name = table.person_id, table.name
            if state == "imported":
                audit.record(db, "table.imported", actor_id=by, subject=name, **done)
            else:
                audit.record(db, "table.failed", actor_id=by, subject=name)


def _take(
    db: Database, settings: Settings, table: TableImport, *, is_rehearsal: bool
) -> dict[str, Any]:
    source = table_imports.path_of(settings, table.id)
    target = table_imports.report_path(settings, table.id)
    incoming = target.with_suffix(".incoming")
    try:
        with (
            incoming.open("w", encoding="utf-8") as file,
            any_table.opened(source, table_imports.map_of(table)) as desk,
        ):
            told = RowReports(file)
            total = desk.count()
            system = CountedDesk(desk, lambda done: _tell(db, table, done, total))
            move = Move(places.attached(settings), is_rehearsal, told.tell)
            arrival = moving_in.run(db, system, move)
            outcome = _outcome(arrival, desk, told)
        incoming.replace(target)
    finally:
        incoming.unlink(missing_ok=True)
    return outcome


class RowReports:
    """What is told of rows, kept in a file: the first of them, and how many there are."""

    def __init__(self, file: IO[str]) -> None:
        self.file = file
        self.refused = 0
        self.altered = 0
        self._first: dict[bool, list[dict[str, Any]]] = {True: [], False: []}

    def tell(self, remark: Remark) -> None:
        self.refused += remark.refused
        self.altered += not remark.refused
        values = {
            "line": remark.line,
            "subject": remark.subject,
            "refused": remark.refused,
            **_problem(remark.problem),
        }
        self.file.write(json.dumps(values) + "\n")
        first = self._first[remark.refused]
        if len(first) < SHOWN_REMARKS:
            first.append(values)

    @property
    def first(self) -> list[dict[str, Any]]:
        """The first rows, those that were refused before the others."""
        return [*self._first[True], *self._first[False]][:SHOWN_REMARKS]


class CountedDesk:
    """A desk that tells how many people and requests were taken from it."""

    def __init__(self, desk: Desk, tell: Callable[[int], None]) -> None:
        self.folder = desk.folder
        self.left_out = desk.left_out
        self._desk = desk
        self._tell = tell
        self._done = 0

    def companies(self) -> Iterator[CompanyRecord]:
        self._tell(0)
        return self._desk.companies()

    def newcomers(self) -> Iterator[NewcomerRecord]:
        return self._counted(self._desk.newcomers())

    def groups(self) -> Iterator[GroupRecord]:
        return self._desk.groups()

    def requests(self) -> Iterator[dict[str, Any]]:
        return self._counted(self._desk.requests())

    def count_requests(self) -> int:
        return self._desk.count_requests()

    def _counted(self, items: Iterator[Item]) -> Iterator[Item]:
        for item in items:
            self._done += 1
            if self._done % TELL_EVERY == 0:
                self._tell(self._done)
            yield item


def _tell(db: Database, table: TableImport, done: int, total: int) -> None:
    if not _note(db, table, {"done": done, "total": total}):
        raise Stopped


def _note(db: Database, table: TableImport, values: dict[str, object]) -> bool:
    """Write something of a table down, if it is still what was asked for."""
    settings = ", ".join(f"{name} = :{name}" for name in values)
    changed = db.execute(
        f"""
        UPDATE table_imports SET {settings}, changed_at = :now
        WHERE id = :id AND state = :before AND map = :map
        """,  # noqa: S608 (names of this module)
        {**values, "id": table.id, "before": table.state, "map": table.map_text, "now": now()},
    )
    return changed == 1


def _outcome(arrival: ArrivalCounts, desk: Desk, told: RowReports) -> dict[str, Any]:
    """What the page shows of a run."""
    names = ("created", "updated", "unchanged", "refused")
    counts = {
        noun: {name: getattr(report, name) for name in names}
        for noun, report in vars(arrival).items()
        if report.read
    }
    reasons = [
        {"count": count, **_problem(desk.left_out.problems[key])}
        for key, count in sorted(desk.left_out.counts.items())
    ]
    rows = {"refused": told.refused, "altered": told.altered, "first": told.first}
    return {"counts": counts, "reasons": reasons, "rows": rows}


def _problem(problem: Problem) -> dict[str, Any]:
    """A problem as it is kept, to be said in the language of whoever looks."""
    values = {
        name: value if isinstance(value, (int, str)) else str(value)
        for name, value in problem.values.items()
    }
    return {"key": problem.key, "values": values}
