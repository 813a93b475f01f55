"""Versions of a product that articles are for: `>=4.2 <5`, `4.x`, `4.2`; the same for others."""

import operator
import re
from collections.abc import Callable

from kbsearch.access import Viewer
from kbsearch.articles import Article, Card, list_twins
from kbsearch.database import Database

_BOUND = re.compile(r"(>=|<=|>|<|=)? ?v?(\d{1,9}(?:\.\d{1,9}){0,5})(?:\.[x*])?", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,9}")
_COMPARISONS: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def covers(text: str, version: str) -> bool:
    """Whether an article for the versions that a text names is for this one.

    `4.2` and `4.2.x` take in all that begin so; of words without a number nobody knows.
    """
    numbers = _numbers(version)
    bounds = _BOUND.findall(text)
    if not numbers or not bounds:
        return text == version
    return all(_is_within(numbers, sign, _numbers(bound)) for sign, bound in bounds)


def list_others(db: Database, viewer: Viewer, article: Article) -> tuple[Card, ...]:
    """The article of the same key for other versions, in its language, the newest first."""
    twins = [
        twin
        for twin in list_twins(db, viewer, article.translation_key)
        if twin.language == article.language and twin.id != article.id and twin.version
    ]
    return tuple(sorted(twins, key=lambda twin: _numbers(twin.version), reverse=True))


def _is_within(numbers: tuple[int, ...], sign: str, bound: tuple[int, ...]) -> bool:
    if sign not in _COMPARISONS:
        return numbers[: len(bound)] == bound
    length = max(len(numbers), len(bound))
    return _COMPARISONS[sign](_padded(numbers, length), _padded(bound, length))


def _padded(numbers: tuple[int, ...], length: int) -> tuple[int, ...]:
    return (*numbers, *[0] * (length - len(numbers)))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, _NUMBER.findall(text)))
