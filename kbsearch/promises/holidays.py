"""Public holidays of any year: France's, and those of Alsace and Moselle besides."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Literal, get_args

Holidays = Literal["", "france", "alsace-moselle"]
HOLIDAYS: tuple[Holidays, ...] = get_args(Holidays)
FIXED = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
AFTER_EASTER = (1, 39, 50)  # days from Easter Sunday: Easter Monday, Ascension, Whit Monday
GOOD_FRIDAY = -2
SAINT_STEPHEN = (12, 26)


def easter(year: int) -> date:
    """Easter Sunday of a year of the Gregorian calendar (Meeus, Jones, Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


@lru_cache(maxsize=256)
def of_year(holidays: Holidays, year: int) -> frozenset[date]:
    """The days of a year on which that part of the world does not work."""
    if not holidays:
        return frozenset()
    sunday = easter(year)
    fixed, movable = [*FIXED], [*AFTER_EASTER]
    if holidays == "alsace-moselle":
        fixed.append(SAINT_STEPHEN)
        movable.append(GOOD_FRIDAY)
    return frozenset(
        [
            *(date(year, month, day) for month, day in fixed),
            *(sunday + timedelta(days=days) for days in movable),
        ]
    )
