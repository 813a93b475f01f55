"""When mail is gathered: one letter an hour, a day or a week in the place of many."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from kbsearch.people.notification_choices import Digest
from kbsearch.people.profiles import DEFAULT_TIME_ZONE

MORNING = time(8)


def next_one(digest: Digest, time_zone: str | None, moment: datetime) -> datetime | None:
    """When what happens at a moment is told: the full hour, or the morning, that comes next."""
    if digest == "none":
        return None
    if digest == "hourly":
        return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    zone = ZoneInfo(time_zone or DEFAULT_TIME_ZONE)
    there = moment.astimezone(zone)
    today = datetime.combine(there.date(), MORNING, zone)
    morning = (
        today if there < today else datetime.combine(today.date() + timedelta(1), MORNING, zone)
    )
    return morning.astimezone(UTC)


def next_week(time_zone: str | None, moment: datetime) -> datetime:
    """The Monday morning that comes next, where somebody is."""
    zone = ZoneInfo(time_zone or DEFAULT_TIME_ZONE)
    there = moment.astimezone(zone)
    monday = there.date() + timedelta(days=-there.weekday() % 7)
    morning = datetime.combine(monday, MORNING, zone)
    if morning <= there:
        morning = datetime.combine(monday + timedelta(days=7), MORNING, zone)
    return morning.astimezone(UTC)
