"""France's public holidays, as they are in years that anybody can look up."""

from datetime import date

import pytest

from kbsearch.promises import holidays


@pytest.mark.parametrize(
    ("year", "sunday"),
    [
        (1961, date(1961, 4, 2)),
        (2008, date(2008, 3, 23)),
        (2011, date(2011, 4, 24)),
        (2024, date(2024, 3, 31)),
        (2026, date(2026, 4, 5)),
        (2038, date(2038, 4, 25)),
        (2285, date(2285, 3, 22)),
    ],
)
def test_easter(year: int, sunday: date):
    assert holidays.easter(year) == sunday


def test_the_eleven_days_of_2026():
    days = sorted(holidays.of_year("france", 2026))
    assert " ".join(f"{day:%m-%d}" for day in days) == (
        "01-01 04-06 05-01 05-08 05-14 05-25 07-14 08-15 11-01 11-11 12-25"
    )


def test_two_more_in_alsace_and_moselle():
    added = holidays.of_year("alsace-moselle", 2026) - holidays.of_year("france", 2026)
    assert added == {date(2026, 4, 3), date(2026, 12, 26)}


def test_two_holidays_on_one_day():
    may_first = date(2008, 5, 1)  # Ascension too
    assert may_first in holidays.of_year("france", 2008)
    assert len(holidays.of_year("france", 2008)) == 10


def test_none_where_none_are_chosen():
    assert holidays.of_year("", 2026) == frozenset()
