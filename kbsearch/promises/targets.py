"""Targets: within how long a request is answered and solved, and in whose hours.

The most specific target that says something of a promise decides it: an organisation's own before
one of its contract, before one of the product, before one of the severity, before everybody's.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal, get_args

from kbsearch import audit, revisions
from kbsearch.access import OPERATOR, Viewer, only_administrators
from kbsearch.clock import now
from kbsearch.database import Database, Row, new_id, site_state
from kbsearch.errors import Invalid, NotFound
from kbsearch.promises import calendars, clocks_changed
from kbsearch.promises.calendars import Calendar
from kbsearch.promises.hours import AROUND_THE_CLOCK, OpeningHours
from kbsearch.target_tables import MAX_HOURS, MAX_TARGETS, SEVERITIES, TargetTable, minutes_of

log = logging.getLogger(__name__)

Promise = Literal["first_answer", "next_answer", "solution"]
PROMISES: tuple[Promise, ...] = get_args(Promise)
MAX_CONTRACT = 60
TAKEN_OVER = "targets_taken_over"
_HOURS = re.compile(r"(\d{1,5}(?:[.,]\d{1,3})?) ?(?:h|heures?|hours?)?")
_HOURS_AND_MINUTES = re.compile(r"(\d{1,5}) ?h ?([0-5]\d)")
_MINUTES = re.compile(r"(\d{1,7}) ?(?:min|minutes?)")


@dataclass(frozen=True)
class Scope:
    """Which requests a target is for, or what a request is: ids of things, the contract's name."""

    severity: str = ""
    product: str = ""
    organisation: str = ""
    contract: str = ""

    @property
    def rank(self) -> tuple[bool, ...]:
        """The most specific first."""
        return (not self.organisation, not self.contract, not self.product, not self.severity)

    def takes_in(self, request: "Scope") -> bool:
        """Whether that request is of those meant."""
        return (
            self.severity in ("", request.severity)
            and self.product in ("", request.product)
            and self.organisation in ("", request.organisation)
            and self.contract.casefold() in ("", request.contract.casefold())
        )


@dataclass(frozen=True)
class TargetFields:
    """A target as it is typed: ids, the name of a contract, hours."""

    severity: str = ""
    product: str = ""
    organisation: str = ""
    contract: str = ""
    calendar: str = ""
    first_answer: str = ""
    next_answer: str = ""
    solution: str = ""


@dataclass(frozen=True)
class Target:
    """Minutes of a calendar, around the clock without one; None: it says nothing of that."""

    id: str
    scope: Scope
    calendar: Calendar | None
    minutes: Mapping[Promise, int | None]
    is_archived: bool = False

    @property
    def hours(self) -> OpeningHours:
        return self.calendar.hours if self.calendar else AROUND_THE_CLOCK


@dataclass(frozen=True)
class Term:
    """How long something may take, in which hours."""

    span: timedelta
    hours: OpeningHours


Terms = Mapping[Promise, Term]


def terms_of(targets: Sequence[Target], request: Scope) -> Terms:
    """What is promised for a request by live targets in their order: the first of each decides."""
    terms: dict[Promise, Term] = {}
    for target in targets:
        if target.scope.takes_in(request):
            for promise, minutes in target.minutes.items():
                if minutes is not None and promise not in terms:
                    terms[promise] = Term(timedelta(minutes=minutes), target.hours)
    return terms


def hours_of(targets: Sequence[Target], request: Scope) -> OpeningHours:
    """The hours that a request is counted in: those of its calendar."""
    calendar = calendar_of(targets, request)
    return calendar.hours if calendar else AROUND_THE_CLOCK


def calendar_of(targets: Sequence[Target], request: Scope) -> Calendar | None:
    """The calendar of a request: that of the first target that is meant for it."""
    fitting = (target.calendar for target in targets if target.scope.takes_in(request))
    return next(fitting, None)


def live(db: Database) -> list[Target]:
    """The targets that apply, the most specific first."""
    return [target for target in list_all(db) if not target.is_archived]


def list_all(db: Database) -> list[Target]:
    """Every target in the order they are asked, the archived ones last."""
    calendar_by_id = {calendar.id: calendar for calendar in calendars.list_all(db)}
    targets = [_target(row, calendar_by_id) for row in db.query("SELECT * FROM targets")]
    ranks: dict[str, int] = {severity: rank for rank, severity in enumerate(reversed(SEVERITIES))}
    return sorted(
        targets,
        key=lambda target: (
            target.is_archived,
            target.scope.rank,
            ranks.get(target.scope.severity, 0),
            target.scope.contract,
            target.id,
        ),
    )


def find(db: Database, target_id: str) -> Target:
    """The target with that id, archived or not; raises NotFound."""
    target = next((target for target in list_all(db) if target.id == target_id), None)
    if target is None:
        raise NotFound("target.not_found")
    return target


def add(db: Database, viewer: Viewer, fields: TargetFields) -> Target:
    """Promise one more thing; raises Invalid for what cannot be promised, or already is."""
    only_administrators(viewer)
    columns, target_id = _columns(fields), new_id()
    with db.atomic():
        targets = live(db)
        if len(targets) >= MAX_TARGETS:
            raise Invalid("target.too_many", limit=MAX_TARGETS)
        _check_named(db, fields)
        _check_free(targets, columns)
        db.insert("targets", {"id": target_id, **columns, "created_at": now()})
        clocks_changed(db)
        added = find(db, target_id)
        facts = _facts(db, added)
        audit.change(db, viewer, "target.added", _name(facts), {}, facts)
    return added


def edit(
    db: Database,
    viewer: Viewer,
    target: Target,
    fields: TargetFields,
    *,
    revision: str | None = None,
) -> Target:
    """Change a target; what is due by it is due anew from then on.

    Raises Outdated when it is not as a page showed it at that revision.
    """
    only_administrators(viewer)
    columns = _columns(fields)
    with db.atomic():
        old = find(db, target.id)
        revisions.check(revision, texts(old), vars(fields))
        _check_named(db, fields)
        _check_free([other for other in live(db) if other.id != old.id], columns)
        db.execute(
            """
            UPDATE targets SET severity = :severity, product_id = :product_id,
              organisation_id = :organisation_id, contract = :contract, calendar_id = :calendar_id,
              first_answer = :first_answer, next_answer = :next_answer, solution = :solution
            WHERE id = :id
            """,
            {"id": old.id, **columns},
        )
        clocks_changed(db)
        edited = find(db, old.id)
        before, after = _facts(db, old), _facts(db, edited)
        audit.change(db, viewer, "target.changed", _name(before), before, after)
    return edited


def archive(db: Database, viewer: Viewer, target: Target) -> None:
    """Promise it no more."""
    only_administrators(viewer)
    _changed(db, viewer, "target.archived", target, now())


def restore(db: Database, viewer: Viewer, target: Target) -> None:
    """Promise it again; raises Invalid where another one is for the same requests by now."""
    only_administrators(viewer)
    with db.atomic():
        archived = find(db, target.id)
        _check_free(live(db), _columns(TargetFields(**texts(archived))))
        if archived.calendar and archived.calendar.is_archived:
            raise Invalid("target.calendar_unknown")
        _changed(db, viewer, "target.restored", archived, None)


def take_over(db: Database, tables: Sequence[TargetTable]) -> None:
    """Make the targets of kbsearch.toml rows, once and where there is none; in one transaction.

    What is there from then on is changed in the administration alone.
    """
    if not tables:
        return
    with db.atomic():
        if were_taken_over(db) or db.query("SELECT 1 FROM targets LIMIT 1"):
            return
        ids = {row["slug"]: row["id"] for row in db.query("SELECT id, slug FROM organisations")}
        for table in _merged(tables):
            if table.organisation and table.organisation not in ids:
                log.warning("[[targets]]: there is no organisation '%s'", table.organisation)
                continue
            spans = {"first_answer": table.first_answer, "solution": table.solution}
            hours = {name: _typed(minutes) for name, minutes in spans.items()}
            organisation = ids.get(table.organisation, "")
            add(db, OPERATOR, TargetFields(table.severity, organisation=organisation, **hours))
        site_state.write(db, TAKEN_OVER, now())
    log.info("[[targets]] of kbsearch.toml are now kept at /admin/targets: remove them there")


def were_taken_over(db: Database) -> bool:
    """Whether what kbsearch.toml once said is kept here."""
    return site_state.read(db, TAKEN_OVER) is not None


def texts(target: Target) -> dict[str, str]:
    """What can be edited of a target, as its form shows it."""
    return {
        **vars(target.scope),
        "calendar": target.calendar.id if target.calendar else "",
        **{promise: _typed(target.minutes[promise]) for promise in PROMISES},
    }


def checked_contract(name: str) -> str:
    """The name of a contract as it is kept; raises Invalid."""
    contract = " ".join(name.split())
    if len(contract) > MAX_CONTRACT or not contract.isprintable():
        raise Invalid("target.contract_invalid", limit=MAX_CONTRACT)
    return contract


def _merged(tables: Sequence[TargetTable]) -> list[TargetTable]:
    """One table for each kind of request: of several the first that says something counts."""
    merged: dict[tuple[str, str], TargetTable] = {}
    for table in tables:
        first = merged.setdefault((table.organisation, table.severity), table)
        merged[table.organisation, table.severity] = replace(
            first,
            first_answer=first.first_answer or table.first_answer,
            solution=first.solution or table.solution,
        )
    return list(merged.values())


def _target(row: Row, calendar_by_id: Mapping[str, Calendar]) -> Target:
    scope = Scope(
        row["severity"], row["product_id"] or "", row["organisation_id"] or "", row["contract"]
    )
    return Target(
        row["id"],
        scope,
        calendar_by_id.get(row["calendar_id"]),
        {promise: row[promise] for promise in PROMISES},
        row["archived_at"] is not None,
    )


def _facts(db: Database, target: Target) -> dict[str, str]:
    """What the security log keeps of a target: things by their slugs, its calendar by its name."""
    facts = {**texts(target), "calendar": target.calendar.name if target.calendar else ""}
    for name, table in (("product", "products"), ("organisation", "organisations")):
        rows = db.query(f"SELECT slug FROM {table} WHERE id = :id", {"id": facts[name]})  # noqa: S608
        facts[name] = rows[0]["slug"] if rows else ""
    return facts


def _name(facts: Mapping[str, str]) -> str:
    """Which requests a target is for, in a few words."""
    scope = (facts[name] for name in ("organisation", "contract", "product", "severity"))
    return " ".join(filter(None, scope)) or "*"


def _columns(fields: TargetFields) -> Row:
    """What is kept of what was typed; raises Invalid for the first thing that is wrong."""
    if fields.severity not in ("", *SEVERITIES):
        raise Invalid("target.severity_unknown")
    minutes = {promise: _minutes(getattr(fields, promise), promise) for promise in PROMISES}
    if not any(minutes.values()):
        raise Invalid("target.nothing_promised")
    return {
        "severity": fields.severity,
        "product_id": fields.product or None,
        "organisation_id": fields.organisation or None,
        "contract": checked_contract(fields.contract),
        "calendar_id": fields.calendar or None,
        "first_answer": minutes["first_answer"],
        "next_answer": minutes["next_answer"],
        "solution": minutes["solution"],
    }


def _minutes(text: str, promise: Promise) -> int | None:
    if not text.strip():
        return None
    try:
        return minutes_of(_hours(" ".join(text.casefold().split())))
    except ValueError:
        raise Invalid(f"target.{promise}_invalid", limit=MAX_HOURS) from None


def _hours(text: str) -> float:
    """`4`, `4,5`, `4 h`, `4 heures`, `4h30`, `30 min`; raises ValueError for anything else."""
    if parted := _HOURS_AND_MINUTES.fullmatch(text):
        return int(parted[1]) + int(parted[2]) / 60
    if minutes := _MINUTES.fullmatch(text):
        return int(minutes[1]) / 60
    if hours := _HOURS.fullmatch(text):
        return float(hours[1].replace(",", "."))
    raise ValueError(text)


def _typed(minutes: int | None) -> str:
    """Minutes as hours, with as many decimals as it takes to have them back."""
    return "" if minutes is None else f"{round(minutes / 60, 3):g}"


def _check_named(db: Database, fields: TargetFields) -> None:
    """Raise Invalid for a thing that is not there, or a calendar that is no longer offered."""
    for name, table in (("product", "products"), ("organisation", "organisations")):
        value = getattr(fields, name)
        if value and not db.query(f"SELECT 1 FROM {table} WHERE id = :id", {"id": value}):  # noqa: S608
            raise Invalid(f"target.{name}_unknown")
    offered = [calendar.id for calendar in calendars.list_all(db) if not calendar.is_archived]
    if fields.calendar and fields.calendar not in offered:
        raise Invalid("target.calendar_unknown")


def _check_free(targets: Sequence[Target], columns: Row) -> None:
    """Raise Invalid where a target is for the same requests: neither would come first."""
    scope = _target({**columns, "id": "", "archived_at": None}, {}).scope
    if any(
        replace(target.scope, contract=target.scope.contract.casefold())
        == replace(scope, contract=scope.contract.casefold())
        for target in targets
    ):
        raise Invalid("target.scope_taken")


def _changed(
    db: Database, viewer: Viewer, kind: str, target: Target, archived_at: str | None
) -> None:
    with db.atomic():
        db.execute(
            "UPDATE targets SET archived_at = :at WHERE id = :id",
            {"id": target.id, "at": archived_at},
        )
        clocks_changed(db)
        audit.act(db, viewer, kind, subject=_name(_facts(db, target)))
