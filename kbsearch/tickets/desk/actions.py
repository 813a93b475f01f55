"""What is prepared to be done with requests, by a macro or a rule: of which kind, with what.

Values are codes, slugs, ids and tags. Each is done through the same door as by hand.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from kbsearch import people, tickets
from kbsearch.access import Viewer
from kbsearch.database import Database
from kbsearch.errors import Invalid
from kbsearch.form_fields import FormField
from kbsearch.tickets import Ticket, codes, tags, teams
from kbsearch.tickets.codes import SEVERITIES, Status
from kbsearch.tickets.conversation import corrections, lifecycle, ownership
from kbsearch.tickets.conversation.corrections import FieldEdits
from kbsearch.tickets.desk import field_values
from kbsearch.tickets.fields import OWN
from kbsearch.tickets.filing.form import Mistakes

THEN = "then_"  # before a kind, in the name of a form's field
OFFERED_STATUSES: tuple[Status, ...] = ("open", "pending", "solved")
MOST_TAGS = 20

Values = tuple[str, ...]
Checks = Mapping[str, Callable[[Database, Viewer, Sequence[str]], Values]]


@dataclass(frozen=True)
class Action:
    """Something to be done: its kind, and what it is done with."""

    kind: str
    values: Values


@dataclass(frozen=True)
class ActionTerms:
    """What doing it goes by: the questions of the products, and the moment."""

    fields: Sequence[FormField] = ()
    at: datetime | None = None


Doors = Mapping[str, Callable[[Database, Viewer, Ticket, Values, ActionTerms], object]]


def checked(
    db: Database,
    viewer: Viewer,
    typed: Mapping[str, Sequence[str]],
    checks: Checks,
    prefix: str = THEN,
) -> dict[str, Values]:
    """What was typed by kind, as it is kept; raises InvalidForm with what is wrong, by field."""
    mistakes, kept = Mistakes(), dict[str, Values]()
    for kind, check in checks.items():
        given = [value for value in typed.get(kind, ()) if value.strip()]
        with mistakes.of(prefix + kind):
            values = check(db, viewer, given) if given else ()
            if values:
                kept[kind] = values
    mistakes.check()
    return kept


def parse(text: str) -> tuple[Action, ...]:
    """Actions as a table has them."""
    return tuple(Action(kind, tuple(values)) for kind, values in json.loads(text).items())


def dumped(actions: Iterable[Action]) -> str:
    """Actions as a table has them."""
    by_kind = {action.kind: action.values for action in actions}
    return json.dumps(by_kind, ensure_ascii=False)


def carry_out(
    db: Database, viewer: Viewer, ticket: Ticket, actions: Iterable[Action], terms: ActionTerms
) -> None:
    """Do them in their order, all or nothing; raises what their doors raise."""
    with db.atomic():
        for action in actions:
            DOORS[action.kind](db, viewer, ticket, action.values, terms)


def find_status(name: str) -> Status:
    """A status that something prepared may give; raises Invalid."""
    return codes.status_of(name, OFFERED_STATUSES)


def _one_of(
    names: Sequence[str], key: str, db: Database, viewer: Viewer, values: Sequence[str]
) -> Values:
    if len(values) > 1 or values[0] not in names:
        raise Invalid(key)
    return tuple(values)


def _status(db: Database, viewer: Viewer, values: Sequence[str]) -> Values:
    return (find_status(values[-1]),)


def _product(db: Database, viewer: Viewer, values: Sequence[str]) -> Values:
    if not db.query("SELECT 1 FROM products WHERE slug = :slug", {"slug": values[-1]}):
        raise Invalid("request.software_unknown")
    return (values[-1],)


def _team(db: Database, viewer: Viewer, values: Sequence[str]) -> Values:
    return _one_of(
        [team.id for team in teams.list_active(db, viewer)], "team.not_found", db, viewer, values
    )


def _assignee(db: Database, viewer: Viewer, values: Sequence[str]) -> Values:
    names = [ownership.NEXT, *dict(people.list_answering(db))]
    return _one_of(names, "ticket.assignee_unknown", db, viewer, values)


def check_tags(db: Database, viewer: Viewer, values: Sequence[str]) -> Values:
    """Tags as they are kept; raises Invalid."""
    names = tags.parse(" ".join(values)[: tags.MAX_TYPED])
    if len(names) > MOST_TAGS:
        raise Invalid("tags.too_many", limit=MOST_TAGS)
    return names


CHECKS: Checks = {
    "product": _product,
    "severity": partial(_one_of, SEVERITIES, "request.severity_unknown"),
    "team": _team,
    "assignee": _assignee,
    "add_tags": check_tags,
    "remove_tags": check_tags,
    "fields": field_values.check,
    "status": _status,
}


def _correct(
    name: str, db: Database, viewer: Viewer, ticket: Ticket, values: Values, terms: ActionTerms
) -> None:
    edits = FieldEdits({name: values[0]}, tickets.find(db, viewer, ticket.id).edition)
    corrections.edit_fields(db, viewer, ticket, edits, fields=terms.fields, at=terms.at)


def _give(db: Database, viewer: Viewer, ticket: Ticket, values: Values, terms: ActionTerms) -> None:
    ownership.give(db, viewer, ticket, values[0], at=terms.at)


def _assign(
    db: Database, viewer: Viewer, ticket: Ticket, values: Values, terms: ActionTerms
) -> None:
    ownership.assign(db, viewer, ticket, values[0], at=terms.at)


def _add_tags(
    db: Database, viewer: Viewer, ticket: Ticket, values: Values, terms: ActionTerms
) -> None:
    tags.change(db, viewer, ticket.id, add=values, at=terms.at)


def _remove_tags(
    db: Database, viewer: Viewer, ticket: Ticket, values: Values, terms: ActionTerms
) -> None:
    tags.change(db, viewer, ticket.id, remove=values, at=terms.at)


def _set_fields(
    db: Database, viewer: Viewer, ticket: Ticket, values: Values, terms: ActionTerms
) -> None:
    texts = {f"{OWN}{name}": text for name, text in field_values.answered({}, values).items()}
    edits = FieldEdits(texts, tickets.find(db, viewer, ticket.id).edition)
    corrections.edit_fields(db, viewer, ticket, edits, fields=terms.fields, at=terms.at)


def _move(db: Database, viewer: Viewer, ticket: Ticket, values: Values, terms: ActionTerms) -> None:
    status = codes.status_of(values[0])
    there = tickets.find(db, viewer, ticket.id)
    if there.status != status:
        lifecycle.change_status(db, viewer, there, status, at=terms.at)


DOORS: Doors = {
    "product": partial(_correct, "software"),
    "severity": partial(_correct, "severity"),
    "team": _give,
    "assignee": _assign,
    "add_tags": _add_tags,
    "remove_tags": _remove_tags,
    "fields": _set_fields,
    "status": _move,
}
