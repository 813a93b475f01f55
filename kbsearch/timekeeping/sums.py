"""Sums of time by organisation and month, and the entries that make them: for the accounts."""

from dataclasses import dataclass

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.database import Database

MONTH = 7  # characters of a day


@dataclass(frozen=True)
class MonthSum:
    """What was spent for an organisation in a month, and how many hours it has, where it has."""

    month: str
    organisation: str  # empty: of none
    contract: str
    minutes: int
    requests: int
    budget_minutes: int | None
    budget_span: str


@dataclass(frozen=True)
class SpentLine:
    """An entry as the accounts take it."""

    day: str
    organisation: str
    contract: str
    number: int
    subject: str
    person: str
    minutes: int
    note: str


def by_month(db: Database, viewer: Viewer, first: str, last: str) -> list[MonthSum]:
    """The sums of the days from one to the other, the newest month first."""
    access.only_unlimited(viewer)
    rows = db.query(
        f"""
        SELECT SUBSTR(e.day, 1, {MONTH}) AS month, COALESCE(o.name, '') AS organisation,
               COALESCE(o.contract, '') AS contract, SUM(e.minutes) AS minutes,
               COUNT(DISTINCT t.id) AS requests, b.minutes AS budget_minutes,
               COALESCE(b.span, '') AS budget_span
        FROM ticket_times e JOIN tickets t ON t.id = e.ticket_id
        LEFT JOIN organisations o ON o.id = t.organisation_id
        LEFT JOIN time_budgets b ON b.organisation_id = o.id
        WHERE e.day BETWEEN :first AND :last
        GROUP BY SUBSTR(e.day, 1, {MONTH}), o.id, o.name, o.contract, b.minutes, b.span
        ORDER BY 1 DESC, 2
        """,  # noqa: S608 (a constant)
        {"first": first, "last": last},
    )
    return [MonthSum(**{**row, "minutes": int(row["minutes"])}) for row in rows]


def lines(db: Database, viewer: Viewer, first: str, last: str) -> list[SpentLine]:
    """Every entry of those days, by day."""
    access.only_unlimited(viewer)
    rows = db.query(
        """
        SELECT e.day, COALESCE(o.name, '') AS organisation, COALESCE(o.contract, '') AS contract,
               t.number, t.subject, COALESCE(p.name, '') AS person, e.minutes, e.note
        FROM ticket_times e JOIN tickets t ON t.id = e.ticket_id
        LEFT JOIN organisations o ON o.id = t.organisation_id
        LEFT JOIN people p ON p.id = e.person_id
        WHERE e.day BETWEEN :first AND :last ORDER BY e.day, t.number, e.created_at, e.id
        """,
        {"first": first, "last": last},
    )
    return [SpentLine(**row) for row in rows]
