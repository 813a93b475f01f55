"""Calendars: when a team works, as administrators keep it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from zoneinfo import available_timezones

from kbsearch import audit, revisions
from kbsearch.access import Viewer, only_administrators
from kbsearch.clock import now
from kbsearch.database import Database, Row, new_id
from kbsearch.errors import Invalid, NotFound
from kbsearch.promises import clocks_changed, hours
from kbsearch.promises.holidays import HOLIDAYS
from kbsearch.promises.hours import OpeningHours

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAX_NAME = 100
MAX_CLOSING_DAYS = 500


@dataclass(frozen=True)
class CalendarFields:
    """A calendar as it is typed: the hours of each weekday, Monday first; closing days by line."""

    name: str
    zone: str
    week: tuple[str, ...]
    holidays: str = ""
    closing_days: str = ""


@dataclass(frozen=True)
class Calendar:
    """When a team works, under a name."""

    id: str
    fields: CalendarFields
    is_archived: bool

    @property
    def name(self) -> str:
        return self.fields.name

    @property
    def hours(self) -> OpeningHours:
        return _hours(self.fields)

    @property
    def closing_days(self) -> Mapping[date, str]:
        return hours.parse_closing_days(self.fields.closing_days)


def add(db: Database, viewer: Viewer, fields: CalendarFields) -> Calendar:
    """Keep one more calendar; raises Invalid for what cannot be one."""
    only_administrators(viewer)
    checked, calendar_id = _checked(fields), new_id()
    with db.atomic():
        _check_free(db, checked.name)
        db.insert("calendars", {"id": calendar_id, **_columns(checked), "created_at": now()})
        audit.change(db, viewer, "calendar.added", checked.name, {}, texts(checked))
        return find(db, calendar_id)


def edit(
    db: Database,
    viewer: Viewer,
    calendar: Calendar,
    fields: CalendarFields,
    *,
    revision: str | None = None,
) -> Calendar:
    """Change a calendar; what is due by it is due anew from then on, whatever ran before.

    Raises Outdated when it is not as a page showed it at that revision.
    """
    only_administrators(viewer)
    checked = _checked(fields)
    with db.atomic():
        old = find(db, calendar.id)
        revisions.check(revision, texts(old.fields), texts(checked))
        if checked.name != old.name:
            _check_free(db, checked.name)
        db.execute(
            """
            UPDATE calendars SET name = :name, zone = :zone, hours = :hours, holidays = :holidays,
              closing_days = :closing_days WHERE id = :id
            """,
            {"id": old.id, **_columns(checked)},
        )
        if checked != old.fields:
            clocks_changed(db)
        audit.change(db, viewer, "calendar.changed", old.name, texts(old.fields), texts(checked))
        return find(db, old.id)


def archive(db: Database, viewer: Viewer, calendar: Calendar) -> None:
    """Offer it no more; raises Invalid while a target goes by it."""
    only_administrators(viewer)
    with db.atomic():
        in_use = db.query(
            "SELECT 1 FROM targets WHERE calendar_id = :id AND archived_at IS NULL LIMIT 1",
            {"id": calendar.id},
        )
        if in_use:
            raise Invalid("calendar.in_use")
        _changed(db, viewer, "calendar.archived", find(db, calendar.id), now())


def restore(db: Database, viewer: Viewer, calendar: Calendar) -> None:
    """Offer it again; raises Invalid where another one has taken its name."""
    only_administrators(viewer)
    with db.atomic():
        archived = find(db, calendar.id)
        _check_free(db, archived.name)
        _changed(db, viewer, "calendar.restored", archived, None)


def find(db: Database, calendar_id: str) -> Calendar:
    """The calendar with that id, archived or not; raises NotFound."""
    rows = db.query("SELECT * FROM calendars WHERE id = :id", {"id": calendar_id})
    if not rows:
        raise NotFound("calendar.not_found")
    return _calendar(rows[0])


def list_all(db: Database) -> list[Calendar]:
    """Every calendar by name, the archived ones last."""
    calendars = [_calendar(row) for row in db.query("SELECT * FROM calendars")]
    return sorted(calendars, key=lambda one: (one.is_archived, one.name.casefold(), one.id))


def texts(fields: CalendarFields) -> dict[str, str]:
    """What can be edited of a calendar, as its form shows it."""
    return {
        "name": fields.name,
        "zone": fields.zone,
        **dict(zip(WEEKDAYS, fields.week, strict=True)),
        "holidays": fields.holidays,
        "closing_days": fields.closing_days,
    }


def _checked(fields: CalendarFields) -> CalendarFields:
    """The same as it is kept; raises Invalid for the first thing that is wrong."""
    name = " ".join(fields.name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid("calendar.name_invalid", limit=MAX_NAME)
    if fields.zone not in _zones():
        raise Invalid("calendar.zone_unknown", zone=fields.zone[:100])
    if fields.holidays not in HOLIDAYS:
        raise Invalid("calendar.holidays_unknown")
    week = tuple(hours.parse_intervals(day) for day in fields.week)
    if hours.minutes_of(week) < hours.LEAST_MINUTES:
        raise Invalid("calendar.never_open")
    days = hours.parse_closing_days(fields.closing_days)
    if len(days) > MAX_CLOSING_DAYS:
        raise Invalid("calendar.too_many_closing_days", limit=MAX_CLOSING_DAYS)
    lines = (f"{day.isoformat()} {reason}".strip() for day, reason in days.items())
    return CalendarFields(
        name,
        fields.zone,
        tuple(map(hours.format_intervals, week)),
        fields.holidays,
        "\n".join(lines),
    )


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(maxsize=64)  # what it has worked out of its days serves every request
def _hours(fields: CalendarFields) -> OpeningHours:
    return OpeningHours(
        fields.zone,
        tuple(map(hours.parse_intervals, fields.week)),
        next(holidays for holidays in HOLIDAYS if holidays == fields.holidays),
        frozenset(hours.parse_closing_days(fields.closing_days)),
    )


def _calendar(row: Row) -> Calendar:
    week = tuple(row["hours"].split("\n"))
    fields = CalendarFields(row["name"], row["zone"], week, row["holidays"], row["closing_days"])
    return Calendar(row["id"], fields, row["archived_at"] is not None)


def _columns(fields: CalendarFields) -> Row:
    return {
        "name": fields.name,
        "zone": fields.zone,
        "hours": "\n".join(fields.week),
        "holidays": fields.holidays,
        "closing_days": fields.closing_days,
    }


def _check_free(db: Database, name: str) -> None:
    taken = (calendar.name.casefold() for calendar in list_all(db) if not calendar.is_archived)
    if name.casefold() in taken:
        raise Invalid("calendar.name_taken", name=name)


def _changed(
    db: Database, viewer: Viewer, kind: str, calendar: Calendar, archived_at: str | None
) -> None:
    db.execute(
        "UPDATE calendars SET archived_at = :at WHERE id = :id",
        {"id": calendar.id, "at": archived_at},
    )
    audit.act(db, viewer, kind, subject=calendar.name)
