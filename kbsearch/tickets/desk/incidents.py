"""Requests that look like one incident: several customers, the same code or words, one time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.clock import parsed, stored
from kbsearch.config import Settings
from kbsearch.database import Database, one_of
from kbsearch.search.fulltext.clicks import NEARLY_THE_SAME
from kbsearch.search.fulltext.highlight import as_written
from kbsearch.search.fulltext.similar_index import Alike
from kbsearch.tickets import Ticket, visibility

PROBLEMS = """
    SELECT own.problem_id
    FROM problem_tickets own JOIN tickets reported ON reported.id = own.ticket_id
    WHERE reported.number IN ({})
"""


@dataclass(frozen=True)
class IncidentReport:
    """One of the requests."""

    ticket_id: str
    number: int
    subject: str
    language: str
    organisation: str
    problem_id: str | None  # the problem it is grouped under


@dataclass(frozen=True)
class Incident:
    """What several people report, the request that was looked at among it."""

    reports: tuple[IncidentReport, ...]
    people: int
    codes: tuple[str, ...]  # that they have in common with it

    @property
    def problem_id(self) -> str | None:
        """The problem that some of them are grouped under: the others may join it."""
        return next((report.problem_id for report in self.reports if report.problem_id), None)


def began(ticket: Ticket, settings: Settings) -> str:
    """From when on requests may belong to the same incident."""
    return stored(parsed(ticket.created_at) - timedelta(hours=settings.incident_hours))


def around(
    db: Database, viewer: Viewer, ticket: Ticket, alike: Iterable[Alike], settings: Settings
) -> Incident | None:
    """The incident that an unsolved request looks like, given the requests like it.

    Where agents grouped one of these, its problem is the incident: one request like it is enough,
    and those of the group belong to it in whatever words.
    """
    access.only_agents(viewer, "ticket.not_found")
    if ticket.is_resolved:
        return None
    same = {hit.number: hit for hit in alike if hit.codes or hit.nearness >= NEARLY_THE_SAME}
    places, values = one_of("number", [*same, ticket.number])
    condition, principals = visibility.condition(viewer)
    end = stored(parsed(ticket.created_at) + timedelta(hours=settings.incident_hours))
    rows = db.query(
        f"""
        SELECT t.id AS ticket_id, t.number, t.subject, t.language,
               COALESCE(o.name, '') AS organisation, p.problem_id,
               COALESCE(t.requester_id, t.requester_email) AS person
        FROM tickets t LEFT JOIN organisations o ON o.id = t.organisation_id
        LEFT JOIN problem_tickets p ON p.ticket_id = t.id
        WHERE (t.number IN ({places}) OR p.problem_id IN ({PROBLEMS.format(places)}))
          AND t.created_at BETWEEN :began AND :end AND {condition}
        ORDER BY t.number
        """,  # noqa: S608 (names of parameters)
        {**values, **principals, "began": began(ticket, settings), "end": end},
    )
    people = {row.pop("person") for row in rows} - {None}
    is_grouped = any(row["problem_id"] and row["number"] in same for row in rows)
    are_many = len(rows) >= settings.incident_requests and len(people) >= settings.incident_people
    if not (is_grouped or are_many):
        return None
    reports = tuple(IncidentReport(**row) for row in rows)
    counted = [same[report.number].codes for report in reports if report.number in same]
    text = f"{ticket.subject}\n{ticket.description}"
    codes = dict.fromkeys(as_written(code, text) for codes in counted for code in codes)
    return Incident(reports, len(people), tuple(codes))
