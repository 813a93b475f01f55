"""What tests of rules share: a rule in a line, and the worker's part of what follows."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from kbsearch import outbox, rules
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.outbox import Handlers, Share
from kbsearch.rules import Rule, RuleFields, occasions, runs, work
from kbsearch.tickets.desk.actions import Action

KINDS = occasions.KINDS
MANY = 200  # tasks that no test comes near


def rule(
    db: Database,
    moment: str = "opened",
    *,
    name: str = "Rule",
    hours: str = "",
    when: Mapping[str, Sequence[str]] | None = None,
    then: Mapping[str, Sequence[str]] | None = None,
    is_on: bool = True,
) -> Rule:
    """A rule that tags what it is meant for, but for what is given."""
    actions_typed = {"add_tags": ["ruled"]} if then is None else then
    fields = RuleFields(name, moment, hours, when or {}, actions_typed)
    added = rules.add(db, OPERATOR, fields)
    return rules.switch(db, OPERATOR, added, is_on=True) if is_on else added


def follow(db: Database, settings: Settings, *, at: datetime | None = None) -> int:
    """Do what the outbox asks of rules until nothing is left; how many tasks that were."""
    handlers: Handlers = {
        kind: lambda task: work.follow(db, settings, task, at=at) for kind in KINDS
    }
    count = 0
    while outbox.run_one(db, handlers, Share(only=handlers.keys())):
        count += 1
        assert count < MANY, "rules go on and on"
    return count


def done(db: Database, ticket_id: str) -> list[tuple[str, dict[str, tuple[str, ...]]]]:
    """What rules did with a request, as its log says: names, and values by kind."""
    return [
        (run.rule_name, {action.kind: action.values for action in run.actions})
        for run in runs.of_ticket(db, OPERATOR, ticket_id)
    ]


def by_kind(planned: Sequence[Action]) -> dict[str, tuple[str, ...]]:
    """Actions as their values by kind."""
    return {action.kind: action.values for action in planned}
