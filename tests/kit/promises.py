"""What tests of promises share: calendars and targets in a line."""

from typing import Any

from kbsearch.access import OPERATOR
from kbsearch.database import Database
from kbsearch.promises import calendars, targets
from kbsearch.promises.calendars import Calendar, CalendarFields
from kbsearch.promises.targets import Target, TargetFields


def keep(db: Database, name: str = "Office", **fields: Any) -> Calendar:
    """A calendar from nine to six on five days, in Paris, but for what is given."""
    usual = {"zone": "Europe/Paris", "week": ("9:00-18:00",) * 5 + ("", ""), "holidays": "france"}
    return calendars.add(db, OPERATOR, CalendarFields(name, **{**usual, **fields}))


def promise(db: Database, calendar: Calendar | None = None, /, **fields: str) -> Target:
    """A target, around the clock without a calendar."""
    calendar_id = calendar.id if calendar else ""
    return targets.add(db, OPERATOR, TargetFields(calendar=calendar_id, **fields))
