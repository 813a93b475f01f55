"""What a rule would do with a request: one decision, that a trial shows and that is then done.

Nothing is planned that changes nothing, or that cannot be done any more: whoever was named has
left, a team is archived, a saved reply is gone, a request is closed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kbsearch import people
from kbsearch.access import Viewer
from kbsearch.database import Database
from kbsearch.form_fields import FormField
from kbsearch.rules import Rule, conditions, effects
from kbsearch.rules.conditions import Hours
from kbsearch.rules.facts import Facts
from kbsearch.tickets import fields as vendor_fields
from kbsearch.tickets import tags, teams
from kbsearch.tickets.conversation import ownership
from kbsearch.tickets.desk import field_values
from kbsearch.tickets.desk.actions import Action, Values
from kbsearch.tickets.filing import form

# What a closed request still takes.
AFTER_THE_END = ("add_tags", "remove_tags", "note", "tell_people", "tell_teams", "webhook")


@dataclass(frozen=True)
class Planner:
    """Where it is decided, with what there is to decide by; read once for many requests."""

    db: Database
    viewer: Viewer
    hours: Hours
    fields: Sequence[FormField]

    @classmethod
    def of(cls, db: Database, viewer: Viewer) -> "Planner":
        hours, fields = conditions.opening_hours(db), vendor_fields.definitions(db, viewer)
        return cls(db, viewer, hours, fields)

    def plan(self, rule: Rule, facts: Facts) -> tuple[Action, ...]:
        """What a rule would change of a request, in that order; nothing where it is not meant."""
        if not conditions.hold(rule.conditions, facts, self.hours):
            return ()
        planned = []
        for action in rule.actions:
            if facts.status == "closed" and action.kind not in AFTER_THE_END:
                continue
            values = PLANS[action.kind](self, facts, action.values)
            if values:
                planned.append(Action(action.kind, values))
                facts = after(facts, planned[-1:])
        return tuple(planned)

    def after_all(self, rules: Iterable[Rule], facts: Facts) -> Facts:
        """The request once these rules have been at it, in their order."""
        for rule in rules:
            facts = after(facts, self.plan(rule, facts))
        return facts


def after(facts: Facts, actions: Iterable[Action]) -> Facts:
    """The request as it stands once they are done.

    Who the next of a team is shows as it is done; a rule after it sees that somebody has it.
    """
    for action in actions:
        if action.kind == "add_tags":
            facts = replace(facts, tags=facts.tags.union(action.values))
        elif action.kind == "remove_tags":
            facts = replace(facts, tags=facts.tags.difference(action.values))
        elif action.kind == "fields":
            facts = replace(facts, answers=field_values.answered(facts.answers, action.values))
        elif action.kind in ("product", "severity", "team", "assignee", "status"):
            changed: dict[str, Any] = {action.kind: action.values[0]}
            facts = replace(facts, **changed)
    return facts


def _same(name: str) -> Callable[[Planner, Facts, Values], Values]:
    def plan(planner: Planner, facts: Facts, values: Values) -> Values:
        return () if getattr(facts, name) == values[0] else values

    return plan


def _always(planner: Planner, facts: Facts, values: Values) -> Values:
    return values


def _product(planner: Planner, facts: Facts, values: Values) -> Values:
    """Not one whose questions have no answer."""
    known = planner.db.query("SELECT 1 FROM products WHERE slug = :slug", {"slug": values[0]})
    _, problems = form.check_answers(planner.fields, values[0], facts.answers)
    return () if facts.product == values[0] or problems or not known else values


def _team(planner: Planner, facts: Facts, values: Values) -> Values:
    active = {team.id for team in teams.list_active(planner.db, planner.viewer)}
    return values if facts.team != values[0] and values[0] in active else ()


def _assignee(planner: Planner, facts: Facts, values: Values) -> Values:
    db, viewer = planner.db, planner.viewer
    if values[0] != ownership.NEXT:
        answering = dict(people.list_answering(db))
        return values if facts.assignee != values[0] and values[0] in answering else ()
    if not facts.team:
        return ()
    team = teams.find(db, viewer, facts.team)
    return values if teams.next_one(db, viewer, team, but=facts.assignee) else ()


def _fields(planner: Planner, facts: Facts, values: Values) -> Values:
    return field_values.changes(planner.fields, facts.product, facts.answers, values)


def _add_tags(planner: Planner, facts: Facts, values: Values) -> Values:
    missing = tuple(tag for tag in values if tag not in facts.tags)
    return missing if len(facts.tags) + len(missing) <= tags.MOST else ()


def _remove_tags(planner: Planner, facts: Facts, values: Values) -> Values:
    return tuple(tag for tag in values if tag in facts.tags)


def _reply(planner: Planner, facts: Facts, values: Values) -> Values:
    reply = effects.answer_for(planner.db, planner.viewer, values, facts.language)
    return (reply.id,) if reply else ()


def _told(kind: str) -> Callable[[Planner, Facts, Values], Values]:
    def plan(planner: Planner, facts: Facts, values: Values) -> Values:
        there = effects.told(planner.db, planner.viewer, Action(kind, values))
        return values if there else ()

    return plan


PLANS: Mapping[str, Callable[[Planner, Facts, Values], Values]] = {
    "product": _product,
    "severity": _same("severity"),
    "team": _team,
    "assignee": _assignee,
    "add_tags": _add_tags,
    "remove_tags": _remove_tags,
    "fields": _fields,
    "note": _always,
    "reply": _reply,
    "status": _same("status"),
    "tell_people": _told("tell_people"),
    "tell_teams": _told("tell_teams"),
    "webhook": _always,
}
