"""What rules look at of a request: as it stands, or as it stood at a moment that is past."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from kbsearch.clock import stored
from kbsearch.database import Database, Row, one_of
from kbsearch.text.normal_form import without_marks
from kbsearch.tickets.fields import OWN

_WORD = re.compile(r"\w+")
# Fields of a request by what its events call them; what the others say, no rule looks at.
_BY_EVENT = {
    "subject": "subject",
    "status": "status",
    "severity": "severity",
    "software": "product",
    "organisation": "organisation",
    "team": "team",
    "assignee": "assignee",
    "tags": "tags",
}


@dataclass(frozen=True)
class Facts:
    """A request at a moment: codes and slugs, the ids of its team and of who looks after it."""

    ticket_id: str
    number: int
    at: datetime
    language: str
    subject: str
    description: str
    status: str
    severity: str
    channel: str
    product: str
    organisation: str
    team: str
    assignee: str
    tags: frozenset[str]
    answers: Mapping[str, str]  # to the questions of its product

    @cached_property
    def words(self) -> str:
        """Subject and description as `phrase` makes them."""
        return phrase(f"{self.subject}\n{self.description}")


def phrase(text: str) -> str:
    """The words of a text in their plainest form, each between two spaces."""
    words = _WORD.findall(without_marks(text).casefold())
    return f" {' '.join(words)} " if words else ""


def read(db: Database, ticket_ids: Sequence[str], *, at: datetime) -> dict[str, Facts]:
    """These requests by their ids, as they stand."""
    places, values = one_of("id", ticket_ids)
    rows = db.query(
        f"""
        SELECT t.id AS ticket_id, t.number, t.language, t.subject, t.description, t.status,
               t.severity, COALESCE(t.channel, '') AS channel, COALESCE(p.slug, '') AS product,
               COALESCE(o.slug, '') AS organisation, COALESCE(t.team_id, '') AS team,
               COALESCE(t.assignee_id, '') AS assignee, t.fields AS answers,
               (SELECT string_agg(g.tag, ' ') FROM ticket_tags g WHERE g.ticket_id = t.id) AS tags
        FROM tickets t LEFT JOIN products p ON p.id = t.product_id
        LEFT JOIN organisations o ON o.id = t.organisation_id WHERE t.id IN ({places})
        """,  # noqa: S608 (names of parameters)
        values,
    )
    facts = {}
    for row in rows:
        parts = {"tags": _tags(row["tags"]), "answers": json.loads(row["answers"] or "{}")}
        facts[row["ticket_id"]] = Facts(**{**row, **parts}, at=at)
    return facts


def rewound(db: Database, facts: Facts, at: datetime) -> Facts:
    """The request as it stood then: what was changed later is as it was before."""
    rows: list[Row] = db.query(
        """
        SELECT field, before FROM ticket_events
        WHERE ticket_id = :id AND at > :at AND field IS NOT NULL ORDER BY revision DESC
        """,
        {"id": facts.ticket_id, "at": stored(at)},
    )
    before: dict[str, Any] = {
        _BY_EVENT[row["field"]]: row["before"] or "" for row in rows if row["field"] in _BY_EVENT
    }
    if "tags" in before:
        before["tags"] = _tags(before["tags"])
    answers = {
        row["field"].removeprefix(OWN): row["before"] or ""
        for row in rows
        if row["field"].startswith(OWN)
    }
    before["answers"] = {**facts.answers, **answers}
    return replace(facts, **before, at=at)


def _tags(names: str | None) -> frozenset[str]:
    return frozenset((names or "").split())
