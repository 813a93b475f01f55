"""Nonsense in every field of every form of the site, as each visitor meets it: never a defect."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from tests.kit.forms import Form, endpoint, forms_of, send
from tests.kit.matrix_world import World, made

VISITORS = ("nobody", "alice", "dan", "wendy", "root")
# As they travel, percent-encoded: some of it no text can hold.
NONSENSE = {
    "empty": "",
    "no option": "nonsense",
    "long": "x" * 40_000,
    "control characters": "%00%01%1B%7F%85a%0D%0Ab%00",
    "lone surrogate": "%ED%A0%80",
    "not UTF-8": "%FF%FEa",
    "blanks of messages": "%25(language)s%20%25s%20%25",
    "braces": "%7B%7B%7B0.x%7D%7B%25",
    "too big a number": "9" * 30,
    "digits of others": "%C2%B2%D9%A3",
    "below zero": "-1",
    "no date": "2026-13-45T99:99",
    "half an address": "http://[::",
    "separators": ":@:,;=%26?%23|/..//%5C",
    "JSON": "%5B%7B%22a%22:",
}
IN_TEXTS = ("lone surrogate", "blanks of messages", "half an address")
IN_CHOICES = (*IN_TEXTS, "no option", "control characters", "too big a number", "digits of others")
EXPECTED = (200, 201, 204, 303, 307, 400, 401, 403, 404, 409, 413, 422, 429, 503)
# What answers as one types, slowly, and reads the fields that another of the same form reads too.
SLOW = ("desk_articles.rank", "filing.fields", "suggestions.suggest", "suggestions.solved")
SECRETS = ("password", "again", "current")  # hashing takes long, on purpose


@pytest.fixture(scope="module")
def world(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with made(tmp_path_factory.mktemp("nonsense"), empty_database) as built:
        yield built


def bodies(form: Form) -> Iterator[tuple[str, str]]:
    """What is sent, and what is wrong with it; less of it where all its fields were tried."""
    said = [(name, quote_plus(text)) for name, text in form.fields]
    names = sorted(form.names | {name for name, _ in said})
    yield "nothing", ""
    yield "all twice", joined([*said, *((name, "nonsense") for name in names)])
    for kind in NONSENSE if form.news else IN_TEXTS[:1]:
        every = [(name, NONSENSE[kind]) for name in names if not hashed(name)]
        yield f"{kind} everywhere", joined(every)
    for name in sorted(form.news):
        others = [pair for pair in said if pair[0] != name]
        yield f"no {name}", joined(others)
        for kind in () if hashed(name) else IN_TEXTS if name in form.texts else IN_CHOICES:
            yield f"{kind} in {name}", joined([*others, (name, NONSENSE[kind])])


def hashed(name: str) -> bool:
    return name in SECRETS


def joined(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote_plus(name)}={text}" for name, text in pairs)


@pytest.fixture(scope="module")
def forms(world: World) -> list[tuple[str, Form]]:
    """Who finds which form, anywhere."""
    found, known = [], set[tuple[str, str]]()
    for who in VISITORS:
        for form in forms_of(world, who):
            name = endpoint(world, form)
            if name not in SLOW:
                form.news = {each for each in form.names if (name, each) not in known}
                known |= {(name, each) for each in form.names}
            found.append((who, form))
    return found


@pytest.mark.parametrize("who", VISITORS)
def test_nonsense_in_any_field_is_refused_in_words(
    world: World, forms: list[tuple[str, Form]], who: str
):
    failed = []
    for form in [form for finder, form in forms if finder == who]:
        for body, wrong in {body: wrong for wrong, body in bodies(form)}.items():
            answer = send(world, who, form, body)
            if answer.status_code not in EXPECTED:
                failed.append(f"{form.method} {form.action}: {wrong}: {answer.status}")
    assert failed == []
