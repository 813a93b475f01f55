"""Trying a rule on the newest requests: what it would have done with each, had it been on.

A trial decides as the rules at work do, and changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from kbsearch import access, rules
from kbsearch.access import Viewer
from kbsearch.clock import utc_now
from kbsearch.database import Database
from kbsearch.rules import OF_TIME, Rule, occasions, runs
from kbsearch.rules.facts import Facts
from kbsearch.rules.plans import Planner
from kbsearch.rules.work import ASKING
from kbsearch.tickets.desk.actions import Action

NEWEST = 100  # requests that a rule is tried on


@dataclass(frozen=True)
class TrialCase:
    """A request that a rule would have changed, and how."""

    ticket_id: str
    number: int
    subject: str
    at: datetime  # when
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class RuleTrial:
    """On how many requests a rule was tried, and those that it would have changed."""

    tried: int
    cases: tuple[TrialCase, ...]


def run(db: Database, viewer: Viewer, rule: Rule, *, at: datetime | None = None) -> RuleTrial:
    """Try a rule on the newest requests, after the rules that are asked before it."""
    access.only_administrators(viewer)
    planner, now = Planner.of(db, ASKING), at or utc_now()
    others = OF_TIME if rule.moment in OF_TIME else (rule.moment,)
    before = [each for each in rules.list_on(db, others) if each.position < rule.position]
    if rule.moment in OF_TIME:
        tried, ready = _of_time(db, planner, rule, before, now)
    else:
        newest = occasions.newest(db, rule.moment, NEWEST)
        tried, ready = _count(db), [planner.after_all(before, facts) for facts in newest]
    cases = (
        TrialCase(facts.ticket_id, facts.number, facts.subject, facts.at, planned)
        for facts in ready
        if (planned := planner.plan(rule, facts))
    )
    return RuleTrial(tried, tuple(cases))


def _count(db: Database) -> int:
    return min(NEWEST, int(db.query("SELECT COUNT(*) AS n FROM tickets")[0]["n"]))


def _of_time(
    db: Database, planner: Planner, rule: Rule, before: list[Rule], now: datetime
) -> tuple[int, list[Facts]]:
    """The newest requests under way, and those whose time is up, as the rules before leave them."""
    ids = [id for batch in islice(occasions.under_way(db), 1) for id in batch][:NEWEST]
    ready, done = [], runs.list_done(db, ids)
    for ticket_id, times in occasions.times(db, ids).items():
        if not occasions.is_up(rule, times, now):
            continue
        occasion = occasions.of_time(db, rule, ticket_id, times)
        if occasion is None:
            continue
        earlier = [
            each
            for each in before
            if occasions.is_up(each, times, now)
            and (ticket_id, times[each.moment], each.id) not in done
        ]
        ready.append(planner.after_all(earlier, occasion.facts))
    return len(ids), ready
