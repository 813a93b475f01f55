"""Versions of a product that articles are for: `>=4.2 <5`, `4.x`, `4.2`; the same for others."""

import operator
import re
from collections.abc import Callable

from kbsearch.access import Viewer
from kbsearch.articles import Article, Card, list_twins
from kbsearch.database import Database
from kbsearch.text.version_numbers import Numbers, numbers, padded

_BOUND = re.compile(r"(>=|<=|>|<|=)? ?v?(\d{1,9}(?:\.\d{1,9}){0,5})(?:\.[x*])?", re.IGNORECASE)
_COMPARISONS: dict[str, Callable[[Numbers, Numbers], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def covers(text: str, version: str) -> bool:
    """Whether an article for the versions that a text names is for this one.

    `4.2` and `4.2.x` take in all that begin so; of words without a number nobody knows.
    """
    own, bounds = numbers(version), _BOUND.findall(text)
    if not own or not bounds:
        return text == version
    return all(_is_within(own, sign, numbers(bound)) for sign, bound in bounds)


def list_others(db: Database, viewer: Viewer, article: Article) -> tuple[Card, ...]:
    """The article of the same key for other versions, in its language, the newest first."""
    twins = [
        twin
        for twin in list_twins(db, viewer, article.translation_key)
        if twin.language == article.language and twin.id != article.id and twin.version
    ]
    return tuple(sorted(twins, key=lambda twin: numbers(twin.version), reverse=True))


def _is_within(version: Numbers, sign: str, bound: Numbers) -> bool:
    if sign not in _COMPARISONS:
        return version[: len(bound)] == bound
    length = max(len(version), len(bound))
    return _COMPARISONS[sign](padded(version, length), padded(bound, length))
