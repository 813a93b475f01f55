"""Opening hours, and time counted in them: no clock is read here and no database.

A moment is open when a clock on the wall of that time zone shows an hour of the day's intervals:
an hour that daylight saving leaves out counts nothing, one that comes twice counts twice.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import count
from zoneinfo import ZoneInfo

from kbsearch.errors import Invalid
from kbsearch.promises import holidays
from kbsearch.promises.holidays import Holidays

Interval = tuple[int, int]  # minutes since midnight: from, up to but not including
Piece = tuple[int, int]  # the same in seconds since 1970
DAY = 24 * 60
MAX_INTERVALS = 2  # of a day
LEAST_MINUTES = 60  # of a week: so that whatever is promised has an end
EPOCH = date(1970, 1, 1).toordinal()
_SECONDS = 24 * 3600
_FARTHEST = 15 * 3600  # no zone is that far from UTC
_TIME = r"(\d{1,2})\s*(?:[:h.]\s*(\d{2})?)?"
_INTERVAL = re.compile(rf"\s*{_TIME}\s*[-–—]\s*{_TIME}\s*", re.IGNORECASE)
_BETWEEN = re.compile(r"[,;/\n]+")


@dataclass(frozen=True)
class OpeningHours:
    """The intervals of each weekday, Monday first, in a time zone; and the days without any."""

    zone: str
    week: tuple[tuple[Interval, ...], ...]
    holidays: Holidays = ""
    closing_days: frozenset[date] = frozenset()
    _days: dict[int, tuple[Piece, ...]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        assert len(self.week) == 7 and any(self.week), self.week

    def spent(self, start: datetime, end: datetime) -> timedelta:
        """The time that was open from one moment to another; none where that is earlier."""
        since, until = _seconds(start), _seconds(end)
        total = 0
        for day in range(self._day_of(since), self._day_of(until) + 1):
            for opens, closes in self._pieces(day):
                total += max(0, min(closes, until) - max(opens, since))
        return timedelta(seconds=total)

    def after(self, start: datetime, span: timedelta) -> datetime:
        """The first moment with so much open time from the start to it."""
        rest = int(span.total_seconds())
        for opens, closes in self._from(_seconds(start)):
            if rest <= closes - opens:
                return _moment(opens + rest)
            rest -= closes - opens
        raise AssertionError("hours have no end")

    def is_open(self, at: datetime) -> bool:
        return self.opening(at) <= at

    def opening(self, at: datetime) -> datetime:
        """The first moment from that one on when it is open."""
        return _moment(next(self._from(_seconds(at)))[0])

    def _from(self, since: int) -> Iterator[Piece]:
        """What is open from a moment on, without end."""
        for day in count(self._day_of(since)):
            for opens, closes in self._pieces(day):
                if closes > since:
                    yield max(opens, since), closes

    def _pieces(self, day: int) -> tuple[Piece, ...]:
        if day not in self._days:
            self._days[day] = tuple(sorted(self._opened(day)))
        return self._days[day]

    def _opened(self, day: int) -> Iterator[Piece]:
        """What is open on a day, counted from 1970, of the zone: whatever its clocks do then."""
        there = date.fromordinal(EPOCH + day)
        if there in self.closing_days or there in holidays.of_year(self.holidays, there.year):
            return
        midnight = day * _SECONDS
        first, last = midnight - _FARTHEST, midnight + _SECONDS + _FARTHEST
        before, after = self._offset(first), self._offset(last)
        turn = last if before == after else self._turn(first, last)
        for start, end in self.week[there.weekday()]:
            opens, closes = midnight + start * 60, midnight + end * 60
            if opens - before < min(closes - before, turn):
                yield opens - before, min(closes - before, turn)
            if max(opens - after, turn) < closes - after:
                yield max(opens - after, turn), closes - after

    def _turn(self, first: int, last: int) -> int:
        """When the clocks are changed between two moments."""
        before = self._offset(first)
        while last - first > 1:
            middle = (first + last) // 2
            if self._offset(middle) == before:
                first = middle
            else:
                last = middle
        return last

    def _day_of(self, moment: int) -> int:
        return (moment + self._offset(moment)) // _SECONDS

    def _offset(self, moment: int) -> int:
        offset = datetime.fromtimestamp(moment, self._zone).utcoffset()
        assert offset is not None
        return int(offset.total_seconds())

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


AROUND_THE_CLOCK = OpeningHours("UTC", (((0, DAY),),) * 7)


def parse_intervals(text: str) -> tuple[Interval, ...]:
    """The hours of a day as people type them: `9:00-12:30, 14h-18h`; nothing typed is closed.

    Raises Invalid for what is no interval, one over midnight, more than two, or two that meet.
    """
    intervals = tuple(_interval(part) for part in _BETWEEN.split(text) if part.strip())
    if len(intervals) > MAX_INTERVALS:
        raise Invalid("calendar.too_many_intervals", hours=text.strip())
    for (_, end), (start, _) in zip(intervals, intervals[1:], strict=False):
        if start <= end:
            raise Invalid("calendar.intervals_meet", hours=text.strip())
    return intervals


def format_intervals(intervals: Iterable[Interval]) -> str:
    """The same as a form shows it."""
    return ", ".join(f"{_clock(start)}-{_clock(end)}" for start, end in intervals)


def minutes_of(week: Iterable[Iterable[Interval]]) -> int:
    """How many minutes a week has."""
    return sum(end - start for day in week for start, end in day)


def parse_closing_days(text: str) -> Mapping[date, str]:
    """Closing days as people type them, one a line: a date, and what it is if one likes.

    Raises Invalid for a line that does not begin with a date.
    """
    days: dict[date, str] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        day, _, name = line.partition(" ")
        try:
            days[date.fromisoformat(day)] = " ".join(name.split())
        except ValueError:
            raise Invalid("calendar.closing_day_invalid", line=line[:80]) from None
    return dict(sorted(days.items()))


def _interval(text: str) -> Interval:
    match = _INTERVAL.fullmatch(text)
    if match is None:
        raise Invalid("calendar.hours_invalid", hours=text.strip()[:80])
    start, end = _minutes(match[1], match[2]), _minutes(match[3], match[4])
    if start >= DAY or end > DAY:
        raise Invalid("calendar.hours_invalid", hours=text.strip()[:80])
    if end <= start:
        raise Invalid("calendar.over_midnight", hours=text.strip()[:80])
    return start, end


def _minutes(hours: str, minutes: str | None) -> int:
    past = int(minutes or 0)
    return int(hours) * 60 + past if past < 60 else DAY + 1


def _clock(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}"


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
