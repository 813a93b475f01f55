"""The conditions of rules: each kind may be said once, and all that are said must hold.

Of several values one is enough, but for tags, which a request must have all of, and fields that the
vendor added, of which each must have one. A new kind is a line of `CHECKS` (what may be said) and
one of `TESTS` (when it holds).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from kbsearch.access import Viewer
from kbsearch.database import Database
from kbsearch.errors import Invalid
from kbsearch.promises import calendars
from kbsearch.promises.hours import OpeningHours
from kbsearch.rules import facts as ticket_facts
from kbsearch.rules import field_conditions
from kbsearch.rules.facts import Facts
from kbsearch.tickets import teams
from kbsearch.tickets.codes import CHANNELS, SEVERITIES, STATUSES
from kbsearch.tickets.desk.actions import Checks, Values, check_tags

IF = "if_"  # before a kind, in the name of a form's field
NONE = "none"  # in the place of a team
YES, NO = "yes", "no"
MOST_WORDS = 50  # lines
MAX_WORDS = 100  # characters of one
MOST_CHOSEN = 100

Hours = Mapping[str, OpeningHours]  # by the ids of calendars


@dataclass(frozen=True)
class Condition:
    """What must hold of a request: its kind, and the values that it asks for."""

    kind: str
    values: Values


def hold(conditions: Iterable[Condition], facts: Facts, hours: Hours) -> bool:
    """Whether all of them hold of a request."""
    return all(TESTS[condition.kind](facts, condition.values, hours) for condition in conditions)


def opening_hours(db: Database) -> Hours:
    """The hours of every calendar, also of those that are archived."""
    return {calendar.id: calendar.hours for calendar in calendars.list_all(db)}


def choose(
    names: Callable[[Database, Viewer], Iterable[str]],
    most: int,
    db: Database,
    viewer: Viewer,
    values: Sequence[str],
) -> Values:
    """Names that there are, each once, so many at most; raises Invalid."""
    chosen = tuple(dict.fromkeys(values))
    if len(chosen) > most or not set(chosen).issubset(names(db, viewer)):
        raise Invalid("rule.choice_unknown")
    return chosen


def _among(names: Sequence[str]) -> Callable[[Database, Viewer, Sequence[str]], Values]:
    return partial(choose, lambda db, viewer: names, MOST_CHOSEN)


def _slugs(table: str) -> Callable[[Database, Viewer, Sequence[str]], Values]:
    def names(db: Database, viewer: Viewer) -> list[str]:
        return [row["slug"] for row in db.query(f"SELECT slug FROM {table}")]  # noqa: S608

    return partial(choose, names, MOST_CHOSEN)


def _teams(db: Database, viewer: Viewer) -> list[str]:
    return [NONE, *(team.id for team in teams.list_all(db, viewer))]


def _calendars(db: Database, viewer: Viewer) -> list[str]:
    return [calendar.id for calendar in calendars.list_all(db)]


def _words(db: Database, viewer: Viewer, values: Sequence[str]) -> Values:
    """A line for each phrase; what has no letter in it says nothing."""
    text = values[0][: 2 * MOST_WORDS * (MAX_WORDS + 1)]
    lines = [" ".join(line.split()) for line in text.splitlines()]
    phrases = tuple(dict.fromkeys(line for line in lines if ticket_facts.phrase(line)))
    if len(phrases) > MOST_WORDS or len(values[0]) > len(text):
        raise Invalid("rule.too_many_words", limit=MOST_WORDS)
    if any(len(line) > MAX_WORDS or not line.isprintable() for line in phrases):
        raise Invalid("rule.words_invalid", limit=MAX_WORDS)
    return phrases


CHECKS: Checks = {
    "words": _words,
    "tags": check_tags,
    "without_tags": check_tags,
    "status": _among(STATUSES),
    "severity": _among(SEVERITIES),
    "channel": _among(CHANNELS),
    "product": _slugs("products"),
    "organisation": _slugs("organisations"),
    "team": partial(choose, _teams, MOST_CHOSEN),
    "fields": field_conditions.check,
    "looked_after": _among((YES, NO)),
    "open": partial(choose, _calendars, MOST_CHOSEN),
    "closed": partial(choose, _calendars, MOST_CHOSEN),
}


def _has_words(facts: Facts, values: Values, hours: Hours) -> bool:
    return any(ticket_facts.phrase(value) in facts.words for value in values)


def _is_open(facts: Facts, values: Values, hours: Hours) -> bool:
    return any(hours[id].is_open(facts.at) for id in values if id in hours)


def _is_closed(facts: Facts, values: Values, hours: Hours) -> bool:
    return any(not hours[id].is_open(facts.at) for id in values if id in hours)


TESTS: Mapping[str, Callable[[Facts, Values, Hours], bool]] = {
    "words": _has_words,
    "tags": lambda facts, values, hours: facts.tags.issuperset(values),
    "without_tags": lambda facts, values, hours: facts.tags.isdisjoint(values),
    "status": lambda facts, values, hours: facts.status in values,
    "severity": lambda facts, values, hours: facts.severity in values,
    "channel": lambda facts, values, hours: facts.channel in values,
    "product": lambda facts, values, hours: facts.product in values,
    "organisation": lambda facts, values, hours: facts.organisation in values,
    "team": lambda facts, values, hours: (facts.team or NONE) in values,
    "fields": lambda facts, values, hours: field_conditions.hold(facts, values),
    "looked_after": lambda facts, values, hours: (YES if facts.assignee else NO) in values,
    "open": _is_open,
    "closed": _is_closed,
}
