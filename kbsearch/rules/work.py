"""Rules at work: asked at the moments of requests, and what they say is done.

All that they do at a moment stands in one transaction with the lines that say so: ended anywhere,
it is done anew from its beginning or is done. What they change is theirs, and starts none of them.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from kbsearch import access, rules, tickets
from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.errors import Problem
from kbsearch.outbox import Handlers, Task
from kbsearch.rules import OF_TIME, Rule, effects, occasions, runs
from kbsearch.rules.effects import RuleAtWork
from kbsearch.rules.facts import Facts
from kbsearch.rules.occasions import Occasion, Times
from kbsearch.rules.plans import Planner, after
from kbsearch.rules.runs import RuleRun
from kbsearch.tickets.desk.actions import Action, ActionTerms

log = logging.getLogger(__name__)
ASKING = access.of_rule("")  # looks, and does nothing


def handlers(settings: Settings, db: Database) -> Handlers:
    """What the outbox asks for: rules see a change before anybody is told of it."""
    return {kind: lambda task: follow(db, settings, task) for kind in occasions.KINDS}


def follow(db: Database, settings: Settings, task: Task, *, at: datetime | None = None) -> None:
    """Ask the rules about something that people did; the same task again does nothing more."""
    if not db.query("SELECT 1 FROM rules WHERE is_on = 1 LIMIT 1"):
        return
    with db.atomic():
        event = occasions.of_event(db, task.subject)
        if event is None:
            return
        moment, occasion = event
        if not runs.is_done(db, occasion.facts.ticket_id, occasion.cause):
            _ask(db, settings, rules.list_on(db, [moment]), occasion, at or utc_now())


def watch(db: Database, settings: Settings, *, at: datetime | None = None) -> bool:
    """Ask the rules of time about all requests whose time is up; whether one did anything."""
    of_time = rules.list_on(db, OF_TIME)
    if not of_time:
        return False
    now, has_acted = at or utc_now(), False
    for ticket_ids in occasions.under_way(db):
        done = runs.list_done(db, ticket_ids)
        for ticket_id, times in occasions.times(db, ticket_ids).items():
            up = [
                rule
                for rule in of_time
                if occasions.is_up(rule, times, now)
                and (ticket_id, times[rule.moment], rule.id) not in done
            ]
            if up:
                has_acted |= _watch_one(db, settings, up, ticket_id, times, now)
    return has_acted


def _watch_one(
    db: Database,
    settings: Settings,
    up: Sequence[Rule],
    ticket_id: str,
    times: Times,
    now: datetime,
) -> bool:
    """Each that was not asked yet; that it was is written down, also where it does nothing."""
    has_acted = False
    for rule in up:
        with db.atomic():
            occasion = occasions.of_time(db, rule, ticket_id, times)
            is_still_on = any(each.id == rule.id for each in rules.list_on(db, OF_TIME))
            if occasion is None or not is_still_on:
                continue
            if not _ask(db, settings, [rule], occasion, now):
                idle = RuleRun(new_id(), rule.id, rule.name, ticket_id, stored(now), (), "")
                runs.keep(db, ASKING, idle, occasion.cause)
            else:
                has_acted = True
    return has_acted


def _ask(
    db: Database, settings: Settings, asked: Sequence[Rule], occasion: Occasion, now: datetime
) -> bool:
    """Ask these rules in their order, each about what those before it left; whether one acted."""
    if not asked:
        return False
    planner, facts, has_acted = Planner.of(db, ASKING), occasion.facts, False
    for rule in asked:
        planned = planner.plan(rule, facts)
        if planned:
            has_acted = True
            terms = ActionTerms(planner.fields, now)
            run = RuleAtWork(new_id(), access.of_rule(rule.id), settings, terms)
            facts, done, problem = _do(db, run, facts, planned)
            line = RuleRun(run.id, rule.id, rule.name, facts.ticket_id, stored(now), done, problem)
            runs.keep(db, run.viewer, line, occasion.cause)
    return has_acted


def _do(
    db: Database, run: RuleAtWork, facts: Facts, planned: tuple[Action, ...]
) -> tuple[Facts, tuple[Action, ...], str]:
    """Do what was planned, all or nothing.

    The request as it stands then, what was done, and the key of what kept the rule from it.
    """
    try:
        with db.atomic():
            ticket = tickets.find(db, run.viewer, facts.ticket_id)
            for action in planned:
                effects.carry_out(db, run, ticket, action)
    except Problem as problem:
        log.warning("rule %s on request %d: %s", run.viewer.rule_id, facts.number, problem)
        return facts, (), problem.key
    return after(facts, planned), planned, ""
