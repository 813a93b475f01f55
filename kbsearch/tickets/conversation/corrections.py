"""Correcting a request: its fields, its organisation, whether it is confidential; never blindly."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Row
from kbsearch.errors import Conflict, Forbidden, Invalid, NotFound
from kbsearch.form_fields import FormField
from kbsearch.tickets import Ticket, events
from kbsearch.tickets import fields as vendor_fields
from kbsearch.tickets import readers as ticket_readers
from kbsearch.tickets.codes import SEVERITIES
from kbsearch.tickets.events import PresentTicket, present
from kbsearch.tickets.fields import OWN
from kbsearch.tickets.filing import form

COLUMNS = {
    "subject": "subject",
    "software": "product_id",
    "version": "version",
    "severity": "severity",
    "organisation": "organisation_id",
    "confidential": "confidential",
}


@dataclass(frozen=True)
class FieldEdits:
    """What a form sends: texts by the name of their field, and the edition that it showed."""

    texts: Mapping[str, str]
    edition: int


def edit_fields(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    edits: FieldEdits,
    *,
    fields: Sequence[FormField],
    at: datetime | None = None,
) -> None:
    """Change the fields that are named, as a form of that edition of the ticket showed them.

    Raises Conflict when one of them was changed by somebody else since, and changes none then;
    InvalidForm with what is wrong in each. One that the vendor added is named `fields.<name>`, and
    is left alone unless it is among `fields`: those that the viewer may fill in.
    """
    moment = stored(at or utc_now())
    theirs = {f"{OWN}{field.name}" for field in fields}
    texts = {
        name: text
        for name, text in edits.texts.items()
        if name in theirs or not name.startswith(OWN)
    }
    with db.atomic():
        there = present(db, viewer, ticket.id)
        _check_may(viewer, there, texts)
        before = _read(db, there.id)
        news = {name: text for name, text in texts.items() if text != before[name]}
        if "confidential" in news and bool(news["confidential"]) == bool(before["confidential"]):
            del news["confidential"]
        _check_news(db, there, news, before, edits.edition)
        values, answers = _checked(db, viewer, there, news, before, fields)
        if "organisation" in news:
            _drop_strangers(db, viewer, there.id, values["organisation_id"], moment)
        for column, value in values.items():
            db.execute(
                f"UPDATE tickets SET {column} = :value WHERE id = :id",  # noqa: S608 (constants)
                {"value": value, "id": there.id},
            )
        if answers is not None:
            vendor_fields.put(db, there.id, answers)
        if {"organisation", "confidential"} & set(news):
            ticket_readers.rewrite(db, there.id)
        after = _read(db, there.id)
        hidden = {f"{OWN}{field.name}" for field in fields if not field.in_form}
        for name in {**before, **after}:
            if before[name] != after[name]:
                events.record(
                    db,
                    viewer,
                    there.id,
                    events.NewEvent(
                        "ticket.changed",
                        moment,
                        field=name,
                        before=before[name],
                        after=after[name],
                        is_internal=name in hidden,
                    ),
                )


class FieldTexts(dict[str, str]):
    """The fields of a ticket as a form shows them; a question never answered is empty."""

    def __missing__(self, name: str) -> str:
        if not name.startswith(OWN):
            raise NotFound("ticket.field_unknown")
        return ""


def _read(db: Database, ticket_id: str) -> FieldTexts:
    row: Row = db.query(
        """
        SELECT t.subject, COALESCE(p.slug, '') AS software, COALESCE(t.version, '') AS version,
               t.severity, COALESCE(o.slug, '') AS organisation, t.confidential, t.fields
        FROM tickets t LEFT JOIN products p ON p.id = t.product_id
        LEFT JOIN organisations o ON o.id = t.organisation_id WHERE t.id = :id
        """,
        {"id": ticket_id},
    )[0]
    answers = json.loads(row.pop("fields"))
    row["confidential"] = "1" if row["confidential"] else ""
    return FieldTexts(row | {f"{OWN}{name}": answer for name, answer in answers.items()})


def _check_may(viewer: Viewer, there: PresentTicket, changes: Mapping[str, str]) -> None:
    if not there.is_of(viewer):
        raise Forbidden("ticket.not_yours")
    if "organisation" in changes and not viewer.is_agent:
        raise Forbidden("ticket.agents_only")
    if there.status == "closed":
        raise Invalid("ticket.is_closed", number=there.number)


def _check_news(
    db: Database, there: PresentTicket, edits: Mapping[str, str], before: FieldTexts, edition: int
) -> None:
    if there.edition <= edition:
        return
    news = events.list_edited_since(db, there.id, edition)
    differences = {name: (edits[name], before[name]) for name in edits if name in news}
    if differences:
        raise Conflict("ticket.edited_meanwhile", differences)


def _checked(
    db: Database,
    viewer: Viewer,
    there: PresentTicket,
    edits: Mapping[str, str],
    before: FieldTexts,
    fields: Sequence[FormField],
) -> tuple[Row, dict[str, str] | None]:
    """The columns to write, and the answers if they change; raises InvalidForm."""
    mistakes, values = form.Mistakes(), Row()
    today = utc_now().date().isoformat()
    organisation_id = there.organisation_id
    if "organisation" in edits:
        with mistakes.of("organisation"):
            organisation_id = _organisation(db, edits["organisation"])
            values["organisation_id"] = organisation_id
    readers: dict[str, Callable[[str], object]] = {
        "subject": form.subject,
        "version": form.version,
        "severity": _severity,
        "confidential": _flag,
        "software": lambda text: form.product(db, viewer, organisation_id, text, today),
    }
    for name, read in readers.items():
        if name in edits:
            with mistakes.of(name):
                values[COLUMNS[name]] = read(edits[name])
    answers = None
    software = edits.get("software", before["software"])
    is_moved = software != before["software"]
    if is_moved or any(name.startswith(OWN) for name in edits):
        there_already = _answers(before)
        answers, problems = form.check_answers(
            fields,
            software or None,
            _answers({**before, **edits}),
            None if is_moved else there_already,
        )
        mistakes.problems.update(problems)
        names = {field.name for field in fields}
        answers |= {name: text for name, text in there_already.items() if name not in names}
    mistakes.check()
    return values, answers


def _answers(texts: Mapping[str, str]) -> dict[str, str]:
    """What is said in the fields that the vendor added, by their names."""
    return {name.removeprefix(OWN): text for name, text in texts.items() if name.startswith(OWN)}


def _organisation(db: Database, slug: str) -> str | None:
    rows = db.query("SELECT id FROM organisations WHERE slug = :slug", {"slug": slug})
    if slug and not rows:
        raise Invalid("request.organisation_unknown")
    return rows[0]["id"] if rows else None


def _severity(text: str) -> str:
    if text not in SEVERITIES:
        raise Invalid("request.severity_unknown")
    return text


def _flag(text: str) -> int:
    return int(text not in ("", "0"))


def _drop_strangers(
    db: Database, viewer: Viewer, ticket_id: str, organisation_id: str | None, moment: str
) -> None:
    """Colleagues of the organisation it leaves are not left in copy."""
    rows = db.query(
        """
        SELECT c.email FROM ticket_copies c WHERE c.ticket_id = :ticket AND NOT EXISTS (
          SELECT 1 FROM memberships m
          WHERE m.person_id = c.person_id AND m.organisation_id = :organisation)
        """,
        {"ticket": ticket_id, "organisation": organisation_id},
    )
    for row in rows:
        ticket_readers.remove_copy(db, viewer, ticket_id, row["email"], moment)
