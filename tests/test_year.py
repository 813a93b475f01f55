"""A year of a help centre, played from a seed: whatever happens in it, what must hold holds."""

import os
from pathlib import Path

import pytest

from tests.kit.year import calendar
from tests.kit.year.play import Year

MONTH = 30  # days


def seeds() -> list[int]:
    """Those of KBSEARCH_YEARS: a number of years, or from one seed to another (17-17 is one)."""
    first, dash, last = os.environ.get("KBSEARCH_YEARS", "2").partition("-")
    return list(range(int(first), int(last) + 1) if dash else range(1, int(first) + 1))


@pytest.mark.parametrize("seed", seeds())
def test_a_year_in_which_all_holds(seed: int, tmp_path: Path, empty_database: Path):
    calendar.play(Year(seed, tmp_path / "site", empty_database.read_bytes()))


def test_a_seed_plays_the_same_again(tmp_path: Path, empty_database: Path):
    years = [
        Year(3, tmp_path / name, empty_database.read_bytes(), days=MONTH)
        for name in ("once", "again")
    ]
    for year in years:
        calendar.play(year)
    assert len(years[0].log) > MONTH / 2
    assert years[0].log == years[1].log
    assert years[0].records.letters == years[1].records.letters
