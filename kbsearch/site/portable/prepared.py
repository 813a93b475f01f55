"""Rules and what saved replies do besides, as lines: people by address, teams by their names."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kbsearch import rules
from kbsearch.access import OPERATOR
from kbsearch.database import Database
from kbsearch.errors import Invalid, InvalidForm
from kbsearch.rules import RuleFields
from kbsearch.rules.conditions import Condition
from kbsearch.site.importing import fields
from kbsearch.site.importing.report import Report
from kbsearch.tickets.desk import saved_replies
from kbsearch.tickets.desk.actions import Action

Values = Mapping[str, Any]
NAMED = {"team": "team", "tell_teams": "team", "assignee": "person", "tell_people": "person"}
TYPED_BY_LINE = "words"  # the condition whose values are the lines of one text


def rule_lines(db: Database) -> Iterator[dict[str, Any]]:
    """Every rule in its order."""
    names = _names(db)
    for rule in rules.list_all(db, OPERATOR):
        yield {
            "name": rule.name,
            "moment": rule.moment,
            **({"hours": rule.hours} if rule.hours else {}),
            "conditions": _said(rule.conditions, names),
            "actions": _said(rule.actions, names),
            "on": rule.is_on,
        }


def macro_lines(db: Database) -> Iterator[dict[str, Any]]:
    """What saved replies do, by their ids, which they keep."""
    names = _names(db)
    for reply in saved_replies.list_all(db, OPERATOR):
        if reply.actions:
            yield {"reply": reply.id, "actions": _said(reply.actions, names)}


def keep_rule(db: Database, values: Values, report: Report) -> None:
    """Add a rule at the end; one of its name stays as it is. Raises Problem."""
    name = fields.required(fields.name(values, "name", rules.MAX_NAME), "name")
    if any(rule.name.casefold() == name.casefold() for rule in rules.list_all(db, OPERATOR)):
        report.unchanged += 1
        return
    typed = RuleFields(
        name,
        fields.text(values, "moment"),
        str(values.get("hours") or ""),
        _typed(db, values, "conditions"),
        _typed(db, values, "actions"),
    )
    try:
        added = rules.add(db, OPERATOR, typed)
    except InvalidForm as refusal:
        raise next(iter(refusal.problems.values())) from None
    rules.switch(db, OPERATOR, added, is_on=fields.flag(values, "on"))
    report.created += 1


def keep_macro(db: Database, values: Values, report: Report) -> None:
    """Have a saved reply do something; one that does anything stays as it is. Raises Problem."""
    reply = saved_replies.find(db, OPERATOR, fields.text(values, "reply"))
    if reply.actions:
        report.unchanged += 1
        return
    try:
        saved_replies.prepare(db, OPERATOR, reply, _typed(db, values, "actions"))
    except InvalidForm as refusal:
        raise next(iter(refusal.problems.values())) from None
    report.created += 1


def _said(
    said: Sequence[Condition] | Sequence[Action], names: Mapping[str, str]
) -> dict[str, list[str]]:
    return {each.kind: [names.get(value, value) for value in each.values] for each in said}


def _names(db: Database) -> dict[str, str]:
    """What stands for people and teams elsewhere, by their ids."""
    rows = db.query(
        """
        SELECT id, email AS name FROM people WHERE erased_at IS NULL
        UNION ALL SELECT id, name FROM teams
        """
    )
    return {row["id"]: row["name"] for row in rows}


def _typed(db: Database, values: Values, field: str) -> dict[str, list[str]]:
    """Conditions or actions as a form sends them; raises Invalid for anything else."""
    said = values.get(field, {})
    if not isinstance(said, dict):
        raise Invalid("import.wrong_type", field=field, expected="{…}")
    typed = {}
    for kind in said:
        named = fields.names(said, kind)
        if kind in NAMED:
            named = [_id(db, NAMED[kind], name) for name in named]
        typed[kind] = ["\n".join(named)] if kind == TYPED_BY_LINE else named
    return typed


def _id(db: Database, noun: str, name: str) -> str:
    """The id of what a name stands for; what stands for none is a word of its own, or unknown."""
    table, column = ("teams", "name") if noun == "team" else ("people", "email")
    rows = db.query(f"SELECT id FROM {table} WHERE {column} = :name", {"name": name})  # noqa: S608
    return str(rows[0]["id"]) if rows else name
