"""A megabyte of what is dear to read costs no more than it takes to turn it away."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from werkzeug.test import create_environ, run_wsgi_app

from kbsearch.articles.publishing import front_matter
from kbsearch.errors import Problem
from kbsearch.site.importing import lines
from kbsearch.site.importing import people as importing_people
from kbsearch.site.importing import tickets as importing_tickets
from kbsearch.web import bodies
from kbsearch.web.server import LONGEST_HEADER
from tests.kit import growth
from tests.kit.forms import Form, endpoint, forms_of, send
from tests.kit.incoming import letter, receiving, take
from tests.kit.matrix_world import World, made

VISITORS = ("nobody", "alice", "dan", "wendy", "root")
SEEDS = {"marks": "\u0300", "brackets": "["}
MEGABYTE = 1_000_000
WRAPPING = 25_000  # bytes of the other fields of a form, and of the header beside an address
DEAR = 0.25  # seconds of the process; below, no text is compared with another
TIMES = 5  # what a dear one may cost, in texts of the same size without anything in them


@pytest.fixture(scope="module")
def world(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with made(tmp_path_factory.mktemp("large"), empty_database) as built:
        yield built


@pytest.fixture(scope="module")
def fields(world: World) -> list[tuple[str, Form, str]]:
    """Each text field of each form, with the first visitor who finds it."""
    found: dict[tuple[str, str], tuple[str, Form, str]] = {}
    for who in VISITORS:
        for form in forms_of(world, who):
            for name in sorted(form.texts):
                found.setdefault((endpoint(world, form), name), (who, form, name))
    return list(found.values())


def excess(work: Callable[[str], object], seed: str, size: int = MEGABYTE) -> str | None:
    """What so many bytes of a seed cost more than as many of `a`; None where it is as usual."""
    text = repeated(seed, size)
    spent = growth.cost(lambda: work(text))
    if spent < DEAR:
        return None
    plain = growth.cost(lambda: work(repeated("a", size)))
    spent = min(spent, growth.cost(lambda: work(text)))  # whatever else runs can only add
    return f"{spent:.3f} s, {plain:.3f} s for {size} a" if spent > DEAR + TIMES * plain else None


def repeated(seed: str, size: int) -> str:
    return seed * (size // len(seed.encode()))


def room(world: World, form: Form) -> int:
    """The bytes that a field of a form may have, up to a megabyte: more is not even read."""
    if form.method == "GET":
        return LONGEST_HEADER - WRAPPING
    environment = {"PATH_INFO": form.action.partition("#")[0], "REQUEST_METHOD": form.method}
    return min(MEGABYTE, bodies.longest(world.app, environment) - WRAPPING)


def filled(form: Form, name: str, text: str) -> str:
    """The body of a form with a text in one of its fields, short on its way where it can be."""
    pairs = [(other, quote_plus(value)) for other, value in form.fields if other != name]
    return "&".join(f"{quote_plus(key)}={value}" for key, value in [*pairs, (name, text)])


def look(world: World, who: str, path: str, query: str = "") -> int:
    """The status of the answer for an address as the server gives it, whatever it is.

    A client of werkzeug is left out: it takes longer to spell such an address than to answer it.
    """
    cookies = "; ".join(f"{name}={token}" for name, token in world.cookies[who].items())
    environment = create_environ("/", base_url="http://127.0.0.1/", headers={"Cookie": cookies})
    path = path.encode().decode("latin-1")
    environment |= {"PATH_INFO": path, "QUERY_STRING": query}
    with world.undone():
        _, status, _ = run_wsgi_app(world.app.wsgi_app, environment, buffered=True)
    return int(status.split()[0])


@pytest.mark.parametrize("kind", SEEDS)
def test_no_field_of_a_form_works_on_a_text_before_its_length_is_looked_at(
    world: World, fields: list[tuple[str, Form, str]], kind: str
):
    seed, failed = SEEDS[kind], []
    for who, form, name in fields:

        def submit(text: str, who: str = who, form: Form = form, name: str = name) -> None:
            if form.method == "GET":
                spelt = f"{quote_plus(name)}={quote(text, safe='[')}"
                status = look(world, who, form.action, spelt)
            else:
                status = send(world, who, form, filled(form, name, text)).status_code
            assert status < 500, f"{form.action}: {status}"

        is_spelt_out = form.method == "GET" and not seed.isascii()
        told = excess(submit, seed, room(world, form) // (3 if is_spelt_out else 1))
        if told:
            failed.append(f"{form.method} {form.action} {name}: {told}")
    assert len(fields) > 50
    assert failed == [], "\n".join(failed)


def test_a_body_that_is_too_long_is_not_read(world: World, fields: list[tuple[str, Form, str]]):
    forms = {endpoint(world, form): (who, form, name) for who, form, name in fields}
    refused = 0
    for who, form, name in forms.values():
        if form.method == "GET":
            continue
        answer = send(world, who, form, filled(form, name, repeated("\u0300", 4 * MEGABYTE)))
        assert answer.status_code < 500
        refused += answer.status_code == 413
    assert refused > 20


@pytest.mark.parametrize("kind", SEEDS)
@pytest.mark.parametrize("path", ["/", "/fr/articles/", "/fr/requests/", "/fr/desk/articles/fr/"])
def test_no_address_is_worked_on_because_it_is_long(world: World, path: str, kind: str):
    def follow(text: str) -> None:
        assert look(world, "dan", f"{path}{text}") < 500

    assert excess(follow, SEEDS[kind], (LONGEST_HEADER - WRAPPING) // 3) is None


def from_outside(world: World, folder: Path) -> dict[str, Callable[[str], object]]:
    """What comes in by no page."""
    settings = receiving(world.app.extensions["kbsearch"].settings)

    def mail(raw: bytes) -> None:
        with world.undone():
            take(settings, world.db, raw)

    def with_file(name: str) -> bytes:
        part = f'--b\nContent-Disposition: attachment; filename="{name}"\n\na\n--b--'
        return letter(
            "alice@acme.example", "s@x.example", part, "Content-Type: multipart/mixed; boundary=b"
        )

    def importing(module: object, record: dict[str, object]) -> None:
        path = folder / "lines.jsonl"
        path.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
        with world.undone():
            module.run(world.db, path)  # type: ignore[attr-defined]

    def front(text: str) -> None:
        try:
            front_matter.read(front_matter.split(f"---\ntitle: {text}\n---\na")[0])
        except (front_matter.FrontMatterError, Problem):
            return

    ticket = {"number": 900, "subject": "a", "status": "solved", "created_at": "2026-01-01"}
    return {
        "mail, body": lambda text: mail(letter(body=text)),
        "mail, subject": lambda text: mail(letter(subject=text)),
        "mail, sender": lambda text: mail(letter(f"{text} <alice@acme.example>", proved=None)),
        "mail, name of a file": lambda text: mail(with_file(text)),
        "front matter": front,
        "import, subject": lambda text: importing(importing_tickets, {**ticket, "subject": text}),
        "import, body": lambda text: importing(importing_tickets, {**ticket, "description": text}),
        "import, name": lambda text: importing(
            importing_people, {"email": "zoe@acme.example", "name": text}
        ),
        "import, organisation": lambda text: importing(
            importing_tickets, {**ticket, "organisation": text}
        ),
        "import, line": lambda text: list(lines._read_json(io.BytesIO(text.encode()))),
    }


@pytest.mark.parametrize("kind", SEEDS)
def test_nothing_that_comes_in_otherwise_is_worked_on_because_it_is_long(
    world: World, tmp_path: Path, kind: str
):
    ways = from_outside(world, tmp_path)
    told = {way: excess(ways[way], SEEDS[kind]) for way in ways}
    assert {way: words for way, words in told.items() if words} == {}
