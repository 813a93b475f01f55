"""What an agent changes of a request in one form: its fields, its status, who looks after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kbsearch import access, people, tickets
from kbsearch.access import Viewer
from kbsearch.database import Database
from kbsearch.errors import Conflict
from kbsearch.form_fields import FormField
from kbsearch.tickets import Ticket, codes, tags, teams
from kbsearch.tickets.conversation import corrections, lifecycle, ownership
from kbsearch.tickets.conversation.corrections import FieldEdits
from kbsearch.tickets.fields import OWN
from kbsearch.tickets.filing import form


@dataclass(frozen=True)
class PropertyEdits:
    """What a form sends: fields, and of the rest what it showed and what was chosen then."""

    fields: FieldEdits
    shown: Mapping[str, str] = field(default_factory=dict)  # `status`; ids of `assignee`, `team`
    chosen: Mapping[str, str] = field(default_factory=dict)
    new_tags: str = ""  # as they were typed
    removed_tags: tuple[str, ...] = ()
    shown_answers: Mapping[str, str] = field(default_factory=dict)  # by names of vendor's fields

    @property
    def news(self) -> dict[str, str]:
        return {name: text for name, text in self.chosen.items() if text != self.shown.get(name)}


def edit(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    edits: PropertyEdits,
    *,
    fields: Sequence[FormField],
    at: datetime | None = None,
) -> None:
    """All of it or nothing; raises what `corrections.edit_fields` does, for the rest too."""
    access.only_agents(viewer, "ticket.not_found")
    with db.atomic():
        there = tickets.find(db, viewer, ticket.id)
        viewer = access.holding(viewer, there.id)
        _check_nobody_else_did(db, viewer, there, edits)
        corrections.edit_fields(db, viewer, there, edits.fields, fields=fields, at=at)
        mistakes = form.Mistakes()
        with mistakes.of("new_tags"):
            new = tags.parse(edits.new_tags)
            tags.change(db, viewer, there.id, add=new, remove=edits.removed_tags, at=at)
        mistakes.check()
        if "team" in edits.news:
            ownership.give(db, viewer, there, edits.news["team"] or None, at=at)
        if "assignee" in edits.news:
            ownership.assign(db, viewer, there, edits.news["assignee"], at=at)
        if "status" in edits.news:
            status = codes.status_of(edits.news["status"])
            lifecycle.change_status(db, viewer, there, status, at=at)


def _check_nobody_else_did(
    db: Database, viewer: Viewer, there: Ticket, edits: PropertyEdits
) -> None:
    present = {
        "status": str(there.status),
        "assignee": there.assignee_id or "",
        "team": there.team_id or "",
    }
    answers = {
        name: (edits.fields.texts.get(f"{OWN}{name}", text), there.fields.get(name, ""))
        for name, text in edits.shown_answers.items()
    }
    overwritten = {
        f"{OWN}{name}": (mine, theirs)
        for name, (mine, theirs) in answers.items()
        if theirs not in (mine, edits.shown_answers[name]) and mine != edits.shown_answers[name]
    } | {
        name: (text, present[name])
        for name, text in edits.news.items()
        if present[name] not in (text, edits.shown.get(name))
    }
    if overwritten:
        names = dict(people.list_answering(db))
        names |= {team.id: team.name for team in teams.list_all(db, viewer)}
        differences = {
            name: (names.get(mine, mine), names.get(theirs, theirs))
            for name, (mine, theirs) in overwritten.items()
        }
        raise Conflict("ticket.edited_meanwhile", differences)
