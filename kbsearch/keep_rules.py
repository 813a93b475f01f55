"""How many backups are kept: the newest of each day, week and month, so far back."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

PERIODS: Mapping[str, Callable[[datetime], tuple[int, ...]]] = {
    "daily": lambda moment: (moment.year, moment.month, moment.day),
    "weekly": lambda moment: tuple(moment.isocalendar()[:2]),
    "monthly": lambda moment: (moment.year, moment.month),
}
MOST = 1000


def parse(words: Iterable[str]) -> dict[str, int]:
    """The numbers by period, each written `daily=7`; raises ValueError with the word."""
    rule: dict[str, int] = {}
    for word in words:
        period, _, number = (part.strip() for part in word.partition("="))
        if period not in PERIODS or not number.isascii() or not number.isdecimal():
            raise ValueError(f"{word!r} is not daily=7, weekly=4 or monthly=12")
        if not 1 <= len(number) <= 4 or int(number) > MOST:
            raise ValueError(f"{word!r}: {MOST} at most")
        rule[period] = int(number)
    return rule


def spared(moments: Iterable[datetime], rule: Mapping[str, int]) -> set[datetime]:
    """Those that a rule keeps; the newest of all is always one."""
    newest_first = sorted(moments, reverse=True)
    kept = set(newest_first[:1])
    for period, number in rule.items():
        newest: dict[tuple[int, ...], datetime] = {}
        for moment in newest_first:
            newest.setdefault(PERIODS[period](moment), moment)
        kept.update(list(newest.values())[:number])
    return kept
