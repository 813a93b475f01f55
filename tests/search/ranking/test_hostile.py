"""Texts that people paste and attackers type: none fails, none takes long."""

import itertools
import os
import random
import re
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

import pytest

from kbsearch.access import ANONYMOUS, Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search import Question, Results
from kbsearch.search.ranking import Search
from tests.conftest import Cast, copied, introduce, take_over
from tests.kit import growth
from tests.kit.search import ask, follow, ids, put_live, write

QUERIES = int(os.environ.get("KBSEARCH_QUERIES", "1500"))  # 20,000 at night

WORDS = [
    "imprimante",
    "collier",
    "mot",
    "de",
    "passe",
    "réseau",
    "l'étable",
    "ERR-1042",
    "zanzibar",
]
PREFIXES = ["acl:", "readers:agents", "readers:", "title:", "-", "+", "NOT ", "AND ", "*:", "org:"]
SIGNS = ['"', "'", "(", ")", "[", "{", "^", "~", "*", "?", "\\", "/", ":", "!", "&&", "||", "TO"]
STRANGE = [
    "\x00",
    "%00",
    "\ud800",
    "\udfff",
    "\u202e",
    "\u200f",
    "שלום עולם",
    "مرحبا بالعالم",
    "😀",
    "👩‍👩‍👧‍👦",
    "z" + "\u0301\u0300\u0316" * 40,
    "İstanbul",
    "ﬁ",
    "\u2028",
    "\ufeff",
    "𝒵𝒶𝓃",
    "한국어",
    "日本語",
    "\u0345",
    "ẞ",
]
ATTACKS = [
    "' OR 1=1 --",
    "'; DROP TABLE tickets; --",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "(a+)+$",
    "(a{1,1000}){1,100}",
    ".*.*.*.*.*=.*",
    "zanzibar~10000000",
    '"a b"~4000000000',
    "[a TO z]",
    "a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a!",
    "1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1-",
    "Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\nKeyError: 'a'",
    "java.lang.NullPointerException\n\tat a.b.C.d(C.java:12)\n\tat a.b.C.e(C.java:13)",
    "SELECT * FROM people WHERE email LIKE '%@%' UNION SELECT NULL",
]
DEAREST = 20  # times the CPU time of a text as long that is nothing but words
USUAL = "imprimante " * 9_000
HUGE = [
    "(" * 20_000,
    ")" * 20_000,
    '"' * 20_000,
    "NOT " * 1_000,
    "NOT (" * 5_000,
    "readers:agents OR " * 3_000,
    "a" * 100_000,
    "a " * 50_000,
    "é" * 100_000,
    USUAL,
    "a_" * 50_000,
    "a-1." * 25_000,
    "_" * 100_000,
    "1" * 100_000,
    "\x00" * 100_000,
    "\ud800" * 100_000,
    "😀" * 50_000,
    "z\u0301" * 50_000,
    "\n" * 100_000,
    "C:\\temp\\" * 12_000,
    "http://x.example/" * 6_000,
    "\tat a.b.C.d(C.java:12)\n" * 4_000,
    "xyzzyx qwrtplk " * 6_000,
]


def unknown_words(dice: random.Random, count: int) -> str:
    """Words nobody wrote: each of them is a candidate for correction."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return " ".join("".join(dice.choices(letters, k=dice.randrange(4, 14))) for _ in range(count))


def hostile_texts() -> Iterator[str]:
    dice = random.Random(1042)
    yield from HUGE
    yield from (unknown_words(dice, count) for count in (10, 100, 400, 10_000))
    yield from ("".join(dice.choices(WORDS + SIGNS, k=5_000)) for _ in range(20))
    yield from (attack * times for attack in ATTACKS for times in (1, 2, 50, 1_000))
    yield from (prefix + word for prefix, word in itertools.product(PREFIXES, WORDS))
    yield from (word[:cut] for word in WORDS for cut in range(1, len(word) + 1))
    pieces = [*WORDS, *PREFIXES, *SIGNS, *STRANGE, *ATTACKS, " ", " ", " "]
    while True:
        text = "".join(dice.choices(pieces, k=dice.randrange(1, 12)))
        yield text
        at = dice.randrange(len(text) + 1)
        yield text[:at] + chr(dice.randrange(0x110000)) + text[at:]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(site=tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def db(settings: Settings, empty_database: Path) -> Iterator[SqliteDatabase]:
    with copied(empty_database, settings) as database:
        yield database


@pytest.fixture(scope="module")
def cast(db: SqliteDatabase) -> Cast:
    return introduce(db)


@pytest.fixture(scope="module")
def search(db: SqliteDatabase, settings: Settings, cast: Cast) -> Search:
    dice = random.Random(7)
    filler = unknown_words(dice, 400) * 2
    for number in range(40):
        text = f"Imprimante {number}. {unknown_words(dice, 200)}\n\n## ERR-{number}\n\nRéseau."
        title = f"Collier numéro {number}"
        write(settings.content_path, f"fr/serie/page-{number}", text, title=title)
    write(settings.content_path, "fr/secret/agents", "Tombouctou.", title="S", audience="agents")
    put_live(db, settings)
    for number in range(1, 40):
        take_over(db, number=number, subject=f"Zanzibar {number}", description=filler[:3_000])
    follow(settings, db)
    return Search(settings, db)


def open_pages(search: Search, viewer: Viewer, text: str) -> None:
    for kind in (None, "article", "ticket"):
        ask(search, text, viewer, kind=kind, page=3)
    assert search.similar(viewer, subject=text[:500], description=text) is not None


@pytest.fixture(scope="module")
def usual(search: Search, cast: Cast) -> float:
    """What a huge text costs that is nothing but words; asked again, it costs next to nothing."""
    return growth.cost(lambda: open_pages(search, cast.root, USUAL))


def test_no_hostile_text_fails_or_takes_long(search: Search, cast: Cast):
    viewers = (ANONYMOUS, cast.dan, cast.alice)
    usual = growth.cost(lambda: search.ask(cast.dan, Question(USUAL)))
    slowest = (0.0, cast.dan, USUAL)
    for turn, text in enumerate(itertools.islice(hostile_texts(), QUERIES)):
        viewer = viewers[turn % 2] if turn > 2_000 else viewers[turn % 3]
        results: list[Results] = []
        cost = growth.cost(lambda: results.append(search.ask(viewer, Question(text))))  # noqa: B023
        slowest = max(slowest, (cost, viewer, text), key=itemgetter(0))
        assert results[0].fallback in (None, "corrected"), text[:200]
    cost, _, text = slowest
    assert cost < DEAREST * usual, text[:200]


@pytest.mark.parametrize("text", HUGE, ids=lambda text: ascii(text[:8]))
def test_no_huge_text_is_slow_for_whoever_sees_most(
    search: Search, cast: Cast, usual: float, text: str
):
    assert growth.cost(lambda: open_pages(search, cast.root, text)) < DEAREST * usual


@pytest.mark.parametrize("prefix", ["readers:", "acl:", "notes_fr:", "code:", "language:"])
def test_names_of_fields_are_plain_words(search: Search, cast: Cast, prefix: str):
    for viewer in (ANONYMOUS, cast.alice):
        found = ask(search, f"{prefix}agents OR {prefix}everyone", viewer, literal=True, limit=100)
        assert "fr/secret/agents" not in ids(found.hits)
        assert ask(search, f"{prefix}zanzibar", cast.nobody, literal=True).total == 0
    assert ask(search, f"{prefix}zanzibar", cast.alice, kind="ticket").total == 39


@pytest.mark.parametrize("text", ["(imprimante", '"imprimante', "imprimante^9 ~", "NOT imprimante"])
def test_operators_do_nothing_but_part_words(search: Search, text: str):
    words = " ".join(re.findall(r"\w+", text))
    parted = [ask(search, asked, literal=True, limit=100) for asked in (text, words)]
    assert ids(parted[0].hits) == ids(parted[1].hits)
    assert parted[0].total == parted[1].total
    assert ask(search, "imprimante", literal=True, limit=100).total == 40


def test_two_readers_of_one_text_are_told_apart(search: Search, cast: Cast):
    seen: dict[Viewer, int] = {}
    for viewer in (ANONYMOUS, cast.chloe, cast.alice, cast.dan):
        seen[viewer] = ask(search, "zanzibar tombouctou", viewer).total
    assert list(seen.values()) == [0, 0, 39, 40]
