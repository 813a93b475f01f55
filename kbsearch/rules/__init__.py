"""Rules: what happens by itself with requests, when and if what is said of them holds.

They are asked in their order, each once for each moment of a request; what they change is no
moment for any of them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from kbsearch import access, audit, revisions
from kbsearch.access import Viewer
from kbsearch.clock import now
from kbsearch.database import Database, Row, Values, new_id
from kbsearch.errors import Invalid, InvalidForm, NotFound
from kbsearch.rules import conditions, effects
from kbsearch.rules.conditions import IF, Condition
from kbsearch.text import plain_text
from kbsearch.tickets.desk import actions
from kbsearch.tickets.desk.actions import THEN, Action
from kbsearch.tickets.filing.form import Mistakes

Moment = Literal["opened", "customer_wrote", "answered", "changed", "unanswered", "unchanged"]
MOMENTS: tuple[Moment, ...] = get_args(Moment)
OF_TIME: tuple[Moment, ...] = ("unanswered", "unchanged")
Direction = Literal["up", "down"]
MAX_NAME = 80
MAX_HOURS = 8784  # a leap year
MOST = 100

Typed = Mapping[str, Sequence[str]]  # by kind


@dataclass(frozen=True)
class Rule:
    """When it is asked, what must hold then, and what it does; `hours` where time is the moment."""

    id: str
    position: int
    name: str
    moment: Moment
    hours: int
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]
    is_on: bool


@dataclass(frozen=True)
class RuleFields:
    """A rule as it is typed: values by kind."""

    name: str
    moment: str
    hours: str = ""
    conditions: Typed = field(default_factory=dict)
    actions: Typed = field(default_factory=dict)


def list_all(db: Database, viewer: Viewer) -> list[Rule]:
    """Every rule in its order; for administrators."""
    access.only_administrators(viewer)
    return _read(db, "1 = 1", {})


def list_on(db: Database, moments: Sequence[Moment]) -> list[Rule]:
    """Those that are asked at such moments, in their order: for whoever does what they say."""
    return [rule for rule in _read(db, "is_on = 1", {}) if rule.moment in moments]


def find(db: Database, viewer: Viewer, rule_id: str) -> Rule:
    """The rule with that id; for administrators."""
    access.only_administrators(viewer)
    rules = _read(db, "id = :id", {"id": rule_id})
    if not rules:
        raise NotFound("rule.not_found")
    return rules[0]


def add(db: Database, viewer: Viewer, fields: RuleFields) -> Rule:
    """Have one more rule, the last of all, switched off; raises InvalidForm, by field."""
    access.only_administrators(viewer)
    rule_id = new_id()
    with db.atomic():
        columns = _checked(db, viewer, fields)
        rules = _read(db, "1 = 1", {})
        if len(rules) >= MOST:
            raise InvalidForm("form.invalid", {"name": Invalid("rule.too_many", limit=MOST)})
        _check_free(rules, str(columns["name"]))
        position = max((rule.position for rule in rules), default=0) + 1
        row = {"id": rule_id, "position": position, "is_on": 0, "created_at": now()}
        db.insert("rules", {**row, **columns})
        added = find(db, viewer, rule_id)
        audit.change(db, viewer, "rule.added", added.name, {}, _facts(db, added))
    return added


def edit(
    db: Database, viewer: Viewer, rule: Rule, fields: RuleFields, *, revision: str | None = None
) -> Rule:
    """Change all of a rule, but whether it is on; Outdated when it is not as a page showed it."""
    access.only_administrators(viewer)
    with db.atomic():
        old = find(db, viewer, rule.id)
        columns = _checked(db, viewer, fields)
        _check_free([each for each in _read(db, "1 = 1", {}) if each.id != old.id], columns["name"])
        edited = _rule({"id": old.id, "position": old.position, "is_on": old.is_on, **columns})
        revisions.check(revision, texts(old), texts(edited))
        db.execute(
            """
            UPDATE rules SET name = :name, moment = :moment, hours = :hours,
              conditions = :conditions, actions = :actions WHERE id = :id
            """,
            {"id": old.id, **columns},
        )
        audit.change(db, viewer, "rule.changed", old.name, _facts(db, old), _facts(db, edited))
    return edited


def switch(db: Database, viewer: Viewer, rule: Rule, *, is_on: bool) -> Rule:
    """Have it at work, or not; twice is once."""
    access.only_administrators(viewer)
    with db.atomic():
        old = find(db, viewer, rule.id)
        if old.is_on != is_on:
            db.execute(
                "UPDATE rules SET is_on = :on WHERE id = :id", {"on": int(is_on), "id": old.id}
            )
            if is_on:
                audit.act(db, viewer, "rule.switched_on", subject=old.name)
            else:
                audit.act(db, viewer, "rule.switched_off", subject=old.name)
    return replace(old, is_on=is_on)


def move(db: Database, viewer: Viewer, rule: Rule, direction: Direction) -> None:
    """Ask it before the one that was before it, or after the one after it."""
    access.only_administrators(viewer)
    with db.atomic():
        rules = _read(db, "1 = 1", {})
        place = next((n for n, other in enumerate(rules) if other.id == rule.id), None)
        if place is None:
            raise NotFound("rule.not_found")
        other_place = place + (-1 if direction == "up" else 1)
        if not 0 <= other_place < len(rules):
            return
        moved, other = rules[place], rules[other_place]
        for id, position in ((moved.id, other.position), (other.id, moved.position)):
            db.execute(
                "UPDATE rules SET position = :position WHERE id = :id",
                {"id": id, "position": position},
            )
        before, after = {"position": str(place + 1)}, {"position": str(other_place + 1)}
        audit.change(db, viewer, "rule.moved", moved.name, before, after)


def remove(db: Database, viewer: Viewer, rule: Rule) -> None:
    """Have it no longer; what it did stays done, and known."""
    access.only_administrators(viewer)
    with db.atomic():
        old = find(db, viewer, rule.id)
        db.execute("DELETE FROM rules WHERE id = :id", {"id": old.id})
        facts = _facts(db, old)
        audit.change(db, viewer, "rule.removed", old.name, facts, dict.fromkeys(facts, ""))


def texts(rule: Rule) -> dict[str, str]:
    """What can be edited of a rule, by the names of its form's fields; values by line."""
    said = {IF + condition.kind: condition.values for condition in rule.conditions}
    said |= {THEN + action.kind: action.values for action in rule.actions}
    return {
        "name": rule.name,
        "moment": rule.moment,
        "hours": str(rule.hours) if rule.hours else "",
        **{name: "\n".join(said.get(name, ())) for name in field_names()},
    }


def field_names() -> tuple[str, ...]:
    """The names of a form's fields about conditions and actions."""
    return (
        *(IF + kind for kind in conditions.CHECKS),
        *(THEN + kind for kind in effects.CHECKS),
    )


def _facts(db: Database, rule: Rule) -> dict[str, str]:
    """What the security log keeps: teams, calendars and saved replies by their names."""
    rows = db.query(
        """
        SELECT id, name FROM teams UNION ALL SELECT id, name FROM calendars
        UNION ALL SELECT id, name FROM saved_replies
        """
    )
    names = {row["id"]: row["name"] for row in rows}
    return {
        name: "\n".join(names.get(line, line) for line in text.split("\n"))
        for name, text in texts(rule).items()
    }


def _checked(db: Database, viewer: Viewer, fields: RuleFields) -> Row:
    """The columns of what was typed; raises InvalidForm with all that is wrong."""
    mistakes = Mistakes()
    with mistakes.of("name"):
        name = _name(fields.name)
    with mistakes.of("moment"):
        moment = _moment(fields.moment)
    hours = 0
    if fields.moment in OF_TIME:
        with mistakes.of("hours"):
            hours = _hours(fields.hours)
    kept: dict[str, Mapping[str, tuple[str, ...]]] = {}
    for part, typed, checks, prefix in (
        ("conditions", fields.conditions, conditions.CHECKS, IF),
        ("actions", fields.actions, effects.CHECKS, THEN),
    ):
        try:
            kept[part] = actions.checked(db, viewer, typed, checks, prefix)
        except InvalidForm as refusal:
            mistakes.problems.update(refusal.problems)
    if kept.get("actions") == {}:
        mistakes.problems.setdefault(f"{THEN}product", Invalid("rule.does_nothing"))
    mistakes.check()
    return {
        "name": name,
        "moment": moment,
        "hours": hours,
        **{part: json.dumps(values, ensure_ascii=False) for part, values in kept.items()},
    }


def _name(text: str) -> str:
    name = plain_text.line(text[: 4 * MAX_NAME])
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid("rule.name_invalid", limit=MAX_NAME)
    return name


def _moment(text: str) -> Moment:
    moment = next((moment for moment in MOMENTS if moment == text), None)
    if moment is None:
        raise Invalid("rule.moment_unknown")
    return moment


def _hours(text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) < 6):
        raise Invalid("rule.hours_invalid", limit=MAX_HOURS)
    if not 1 <= int(digits) <= MAX_HOURS:
        raise Invalid("rule.hours_invalid", limit=MAX_HOURS)
    return int(digits)


def _check_free(rules: Sequence[Rule], name: str) -> None:
    if any(rule.name.casefold() == name.casefold() for rule in rules):
        raise InvalidForm("form.invalid", {"name": Invalid("rule.name_taken", name=name)})


def _read(db: Database, condition: str, values: Values) -> list[Rule]:
    rows = db.query(
        f"""
        SELECT id, position, name, moment, hours, conditions, actions, is_on FROM rules
        WHERE {condition} ORDER BY position, id
        """,  # noqa: S608 (constants)
        values,
    )
    return [_rule(row) for row in rows]


def _rule(row: Row) -> Rule:
    said = json.loads(row["conditions"])
    return Rule(
        **{
            **row,
            "conditions": tuple(Condition(kind, tuple(values)) for kind, values in said.items()),
            "actions": actions.parse(row["actions"]),
            "is_on": bool(row["is_on"]),
        }
    )
