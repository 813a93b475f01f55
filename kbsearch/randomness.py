"""Chance, from one place: nobody can guess it, and a test can play it again from a seed."""

import random
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import SystemRandom

_source: random.Random = SystemRandom()


def token(count: int = 32) -> str:
    """So many random bytes as text that is safe in a URL: four characters for three bytes."""
    return urlsafe_b64encode(token_bytes(count)).rstrip(b"=").decode()


def token_bytes(count: int) -> bytes:
    return _source.randbytes(count)


def below(end: int) -> int:
    """A number from 0 to before the end."""
    return _source.randrange(end)


def fraction() -> float:
    """A number from 0 to before 1."""
    return _source.random()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let this process draw from a seed: so a test can play the same once more."""
    global _source
    before, _source = _source, random.Random(seed)
    try:
        yield
    finally:
        _source = before
