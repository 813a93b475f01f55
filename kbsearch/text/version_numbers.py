"""The numbers in a version, as `4.2.1` or `v4.x` names it."""

import re

_NUMBER = re.compile(r"\d{1,9}", re.ASCII)

Numbers = tuple[int, ...]


def numbers(version: str) -> Numbers:
    """Its numbers in order; none in a name such as `spring`."""
    return tuple(map(int, _NUMBER.findall(version)))


def padded(version: Numbers, length: int) -> Numbers:
    """As many numbers as that at least: 4 is 4.0."""
    return (*version, *[0] * (length - len(version)))
