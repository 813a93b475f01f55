"""When things happen: a few a day, more on working days, and something every night of a change."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial

from tests.kit.year import agents, circumstances, customers
from tests.kit.year import invariants as _invariants  # noqa: F401 (registers what must hold)
from tests.kit.year import views as _views  # noqa: F401 (and this)
from tests.kit.year.inspection import Inspection
from tests.kit.year.play import FIRST_DAY, PARIS, Year, is_working_day, local

Act = Callable[[Year], str]
LOOKED_AT, INSPECTED_AT = 4.75, 4.9  # hours of the day
ROUND = 8.02  # after the hour of digests
HOUSEKEEPING = (0, 3)  # days of the week
QUIET_DAYS = 3  # at the end, when nobody does anything any more

CUSTOMERS: Mapping[Act, float] = {  # how often on a working day, at the pace of 1
    customers.file_on_the_web: 0.09,
    customers.file_by_mail: 0.038,
    customers.answer_on_the_web: 0.075,
    customers.answer_by_mail: 0.06,
    customers.move: 0.038,
    customers.change_copies: 0.038,
    customers.rate: 0.045,
    customers.search_and_read: 0.038,
}
AGENTS: Mapping[Act, float] = {
    agents.answer: 0.15,
    agents.note: 0.045,
    agents.assign: 0.045,
    agents.move: 0.045,
    agents.correct: 0.038,
    agents.merge: 0.03,
    agents.split: 0.022,
    agents.group: 0.015,
}
CIRCUMSTANCES: Mapping[Act, float] = {
    circumstances.somebody_joins: 0.015,
    circumstances.somebody_leaves: 0.02,
    circumstances.somebody_is_disabled: 0.03,
    circumstances.contract_ends: 0.01,
    circumstances.sharing_changes: 0.015,
    circumstances.clock_jumps: 0.03,
    circumstances.disk_fills: 0.03,
    circumstances.web_dies: 0.06,
    circumstances.worker_dies: 0.06,
    circumstances.content_changes: 0.01,
}


def play(year: Year) -> None:
    """All of the year, with everything that must hold looked at as it goes on."""
    with year.opened():
        inspection = Inspection(year)
        for number in range(year.days):
            day = FIRST_DAY + timedelta(days=number)
            year.at(local(day, LOOKED_AT), "morning", partial(_begin, year, inspection, day))
            if number % year.inspected_every == 0:
                year.at(local(day, INSPECTED_AT), "inspection", lambda: _inspect(year, inspection))
        last = FIRST_DAY + timedelta(days=year.days + QUIET_DAYS)
        for number in range(QUIET_DAYS + 1):
            day = FIRST_DAY + timedelta(days=year.days + number)
            year.at(local(day, 9), "the worker", lambda: "")
        year.at(local(last, 10), "the end", lambda: _end(year, inspection))
        year.play()


def _plan(year: Year, day: date) -> None:
    """Draw what happens on a day."""
    is_working = is_working_day(day)
    for acts, share, first, last in (
        (CUSTOMERS, year.pace * (1.0 if is_working else 0.3), 7, 22),
        (AGENTS, year.pace * (1.0 if is_working else 0.0), 9, 18),
        (CIRCUMSTANCES, max(1.0, year.pace), 6, 23),
    ):
        for act, often in acts.items():
            if year.chance.random() < often * share:
                _at(year, day, year.chance.uniform(first, last), act)
    year.at(local(day, ROUND), "the worker", lambda: "")
    if _changes_hour(day + timedelta(days=1)):
        tomorrow = day + timedelta(days=1)
        for hour in (0.5, 1.5, 1.9, 2.5, 3.1, 3.5):
            _at(year, tomorrow, hour, year.chance.choice(list(CUSTOMERS)))


def _at(year: Year, day: date, hour: float, act: Act) -> None:
    moment = local(day, hour) + timedelta(seconds=year.chance.randrange(60))
    year.at(moment, act.__name__, lambda: act(year))


def _changes_hour(day: date) -> bool:
    """Whether the day has 23 hours, or 25."""
    return local(day, 0).astimezone(PARIS).dst() != local(day, 12).astimezone(PARIS).dst()


def _begin(year: Year, inspection: Inspection, day: date) -> str:
    """Look whether all holds that was done until then, and draw what is done today."""
    if day.weekday() in HOUSEKEEPING:
        year.machine.keep_house()
        year.work()
    inspection.look(year, "daily")
    _plan(year, day)
    return ""


def _inspect(year: Year, inspection: Inspection) -> str:
    if year.machine.is_full:
        year.after(timedelta(hours=2), "inspection", lambda: _inspect(year, inspection))
        return "the disk is full"
    year.spare()
    year.work(follows=True)
    inspection.look(year, "now and then")
    return ""


def _end(year: Year, inspection: Inspection) -> str:
    year.spare()
    year.machine.keep_house()
    year.work(follows=True)
    for often in ("daily", "now and then", "at the end"):
        inspection.look(year, often)
    return "all holds"
