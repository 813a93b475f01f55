"""Texts that make a pattern work hardest: made of what the pattern itself looks for."""

import re
from collections.abc import Iterator
from itertools import groupby
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

_OF_CATEGORY = {"DIGIT": "1", "SPACE": " ", "WORD": "a", "NOT_DIGIT": "b", "NOT_SPACE": "c"}
_TRIED = " \n\ta1A-.:/@<>[]()\"'«‹é!,;=_*#`{}|\0\u0301"  # for classes that say what is not wanted


def seeds(pattern: "re.Pattern[str] | re.Pattern[bytes]") -> list[str]:
    """What to repeat: the pattern's pieces, its beginnings, and what nearly matches."""
    source = pattern.pattern
    text = source if isinstance(source, str) else source.decode("latin-1")
    flags = pattern.flags & ~re.DEBUG
    if isinstance(source, bytes):
        flags = (flags & ~re.ASCII) | re.UNICODE
    found: dict[str, None] = {}
    for sequence in [*_sequences(list(_parser.parse(text, flags)))]:
        told = list(_told(sequence))
        beginnings = ["".join(told[:end]) for end in range(1, len(told) + 1)]
        found |= dict.fromkeys(told + beginnings)
        found |= dict.fromkeys(piece + end for piece in beginnings[-2:] for end in ("\n", " ", "a"))
    return [seed for seed in found if seed]


def _told(sequence: list[Any]) -> Iterator[str]:
    """A sample of each element; letters in a row are one."""
    for is_word, items in groupby(sequence, key=lambda item: item[0] is sre.LITERAL):
        samples = map(_sample, items)
        yield from ["".join(samples)] if is_word else samples


def _sequences(items: list[Any]) -> Iterator[list[Any]]:
    """The pattern, and each of its groups, branches and repetitions alone."""
    if not all(operation is sre.LITERAL for operation, _ in items):
        yield items
    for operation, argument in items:
        for inner in _inside(operation, argument):
            yield from _sequences(inner)


def _inside(operation: Any, argument: Any) -> list[list[Any]]:
    if operation is sre.BRANCH:
        return [list(branch) for branch in argument[1]]
    if operation is sre.SUBPATTERN:
        return [list(argument[3])]
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return [list(argument[2])]
    if operation in (sre.ASSERT, sre.ASSERT_NOT):
        return [list(argument[1])]
    return [list(argument)] if operation is sre.ATOMIC_GROUP else []


def _sample(item: tuple[Any, Any]) -> str:
    """A short text that one element of a pattern takes."""
    operation, argument = item
    if operation is sre.LITERAL:
        return chr(int(argument))
    if operation is sre.NOT_LITERAL:
        return next(sign for sign in _TRIED[3:] if sign != chr(argument))
    if operation is sre.ANY:
        return "a"
    if operation is sre.IN:
        return _of_class(argument)
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        least: int = max(1, min(argument[0], 40))
        return "".join(map(_sample, argument[2])) * least
    if operation is sre.ASSERT:
        return "".join(map(_sample, argument[1])) if argument[0] > 0 else ""
    inner = _inside(operation, argument) if operation is not sre.ASSERT_NOT else []
    return "".join(map(_sample, inner[0])) if inner else ""


def _of_class(argument: list[Any]) -> str:
    if argument[0][0] is sre.NEGATE:
        refused = "".join(map(_of_part, argument[1:]))
        return next(sign for sign in "a1 ,\n\u0301" if sign not in refused)
    return _of_part(argument[0])


def _of_part(part: tuple[Any, Any]) -> str:
    kind, value = part
    if kind is sre.LITERAL:
        return chr(value)
    if kind is sre.RANGE:
        return chr(value[0])
    return _OF_CATEGORY.get(f"{value}".removeprefix("CATEGORY_").removeprefix("UNI_"), "a")
