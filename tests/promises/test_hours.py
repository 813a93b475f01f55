"""Time in opening hours: held against a clock that is looked at minute by minute."""

import os
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsearch.errors import Invalid
from kbsearch.promises import holidays, hours
from kbsearch.promises.hours import AROUND_THE_CLOCK, DAY, Interval, OpeningHours

PARIS = ZoneInfo("Europe/Paris")
NINE_TO_SIX = OpeningHours(
    "Europe/Paris", (((9 * 60, 18 * 60),),) * 5 + ((), ()), holidays="france"
)
LUNCH = OpeningHours(
    "Europe/Paris", (((9 * 60, 12 * 60), (14 * 60, 18 * 60)),) * 5 + ((), ()), holidays="france"
)
MINUTE = timedelta(minutes=1)
TRIES = int(os.environ.get("KBSEARCH_EXAMPLES", "25"))  # thousands at night
TURNS = (  # when clocks of some zone were changed, or a day was left out
    ("Europe/Paris", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Paris", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("America/St_Johns", datetime(2026, 3, 8, 5, 30, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 4, 23, 22, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2026, 5, 1, tzinfo=UTC)),
)


def paris(*of: int) -> datetime:
    return datetime(*of, tzinfo=PARIS)  # type: ignore[misc, arg-type]


def is_open(calendar: OpeningHours, moment: datetime) -> bool:
    """Whether the clock on the wall shows an hour when it is open."""
    there = moment.astimezone(ZoneInfo(calendar.zone))
    if there.date() in calendar.closing_days:
        return False
    if there.date() in holidays.of_year(calendar.holidays, there.year):
        return False
    minute = there.hour * 60 + there.minute
    return any(start <= minute < end for start, end in calendar.week[there.weekday()])


def counted(calendar: OpeningHours, start: datetime, end: datetime) -> int:
    """Minutes that were open, looked at one by one."""
    minutes = range(int((end - start) / MINUTE))
    return sum(is_open(calendar, start + minute * MINUTE) for minute in minutes)


@st.composite
def days(draw: st.DrawFn) -> tuple[Interval, ...]:
    marks = sorted(draw(st.sets(st.integers(0, DAY // 15), min_size=0, max_size=4)))
    quarters = [mark * 15 for mark in marks[: len(marks) // 2 * 2]]
    return tuple(zip(quarters[::2], quarters[1::2], strict=True))


@st.composite
def moments(draw: st.DrawFn) -> tuple[OpeningHours, datetime]:
    """Some hours, and a moment near one when the clocks of their zone were changed."""
    zone, turn = draw(st.sampled_from(TURNS))
    weekday, weekend = draw(days()), draw(days())
    week = [weekday or ((9 * 60, 18 * 60),)] * 5 + [weekend] * 2
    closing = draw(st.sets(st.integers(-2, 2), max_size=2))
    calendar = OpeningHours(
        zone,
        tuple(week),
        draw(st.sampled_from(holidays.HOLIDAYS)),
        frozenset(turn.date() + timedelta(days=day) for day in closing),
    )
    return calendar, turn + draw(st.integers(-2 * DAY, DAY)) * MINUTE


@settings(max_examples=TRIES, deadline=None, derandomize=True, database=None)
@given(moments(), st.integers(0, 2 * DAY))
def test_time_between_is_what_the_clock_on_the_wall_shows(
    near: tuple[OpeningHours, datetime], minutes: int
):
    calendar, start = near
    end = start + minutes * MINUTE
    assert calendar.spent(start, end) == counted(calendar, start, end) * MINUTE
    assert calendar.is_open(start) == is_open(calendar, start)


@settings(max_examples=TRIES, deadline=None, derandomize=True, database=None)
@given(moments(), st.integers(1, 3 * DAY))
def test_the_moment_after_so_much_time_is_the_first_with_it(
    near: tuple[OpeningHours, datetime], minutes: int
):
    calendar, start = near
    end = calendar.after(start, minutes * MINUTE)
    assert calendar.spent(start, end) == minutes * MINUTE
    assert calendar.spent(start, end - MINUTE) == (minutes - 1) * MINUTE
    assert is_open(calendar, end - MINUTE)


@settings(max_examples=TRIES, deadline=None, derandomize=True, database=None)
@given(moments(), st.integers(0, 3 * DAY), st.integers(0, 3 * DAY))
def test_time_adds_up(near: tuple[OpeningHours, datetime], first: int, second: int):
    calendar, start = near
    middle = start + first * MINUTE
    end = middle + second * MINUTE
    parts = calendar.spent(start, middle) + calendar.spent(middle, end)
    assert calendar.spent(start, end) == parts
    assert calendar.spent(end, start) == timedelta(0) or start == end


def test_four_hours_of_friday_at_five_are_monday_at_noon():
    due = NINE_TO_SIX.after(paris(2026, 11, 27, 17), timedelta(hours=4))
    assert due == paris(2026, 11, 30, 12)


def test_a_holiday_in_the_middle():
    assert NINE_TO_SIX.after(paris(2026, 7, 13, 17), timedelta(hours=4)) == paris(2026, 7, 15, 12)
    assert LUNCH.spent(paris(2026, 7, 13, 9), paris(2026, 7, 15, 9)) == timedelta(hours=7)


def test_lunch_counts_for_nothing():
    assert LUNCH.after(paris(2026, 6, 2, 11), timedelta(hours=2)) == paris(2026, 6, 2, 15)


def test_what_ends_when_the_day_ends_is_due_that_day():
    assert NINE_TO_SIX.after(paris(2026, 6, 2, 14), timedelta(hours=4)) == paris(2026, 6, 2, 18)


def test_the_next_opening():
    friday_evening, monday = paris(2026, 11, 27, 18), paris(2026, 11, 30, 9)
    assert not NINE_TO_SIX.is_open(friday_evening)
    assert NINE_TO_SIX.opening(friday_evening) == monday
    assert NINE_TO_SIX.opening(monday) == monday


def test_around_the_clock_is_the_time_of_everybody():
    start = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert AROUND_THE_CLOCK.spent(start, start + timedelta(hours=50)) == timedelta(hours=50)


@pytest.mark.parametrize(
    ("text", "intervals"),
    [
        ("", ()),
        ("9-18", ((540, 1080),)),
        ("9:00-12:30, 14h – 18h", ((540, 750), (840, 1080))),
        ("08.15—12H00;13:00-24:00", ((495, 720), (780, DAY))),
    ],
)
def test_hours_are_read_as_people_type_them(text: str, intervals: tuple[Interval, ...]):
    assert hours.parse_intervals(text) == intervals
    assert hours.parse_intervals(hours.format_intervals(intervals)) == intervals


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("22:00-6:00", "calendar.over_midnight"),
        ("9:00-9:00", "calendar.over_midnight"),
        ("9:00-12:00, 12:00-18:00", "calendar.intervals_meet"),
        ("14:00-18:00, 9:00-12:00", "calendar.intervals_meet"),
        ("8-9, 10-11, 12-13", "calendar.too_many_intervals"),
        ("morning", "calendar.hours_invalid"),
        ("9:75-12:00", "calendar.hours_invalid"),
        ("9:00-25:00", "calendar.hours_invalid"),
        ("9:00", "calendar.hours_invalid"),
    ],
)
def test_what_cannot_be_hours_is_refused(text: str, key: str):
    with pytest.raises(Invalid) as refusal:
        hours.parse_intervals(text)
    assert refusal.value.key == key


def test_closing_days_are_dates_with_or_without_a_name():
    days = hours.parse_closing_days("2026-12-31  Stock-taking \n\n2026-12-24\n")
    assert days == {date(2026, 12, 24): "", date(2026, 12, 31): "Stock-taking"}
    with pytest.raises(Invalid, match="closing_day"):
        hours.parse_closing_days("24 December")
