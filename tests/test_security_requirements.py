"""Every requirement of ours, and of ASVS 5.0 up to level 2, has a test, a page or a reason.

`security_requirements.tsv` has a line for each: `tested` names tests, `written` pages of the
handbook; `absent`, `operator` and `open` say why there is neither. Numbers are those of the
OWASP Application Security Verification Standard 5.0.0; the words beside them are ours.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from kbsearch import randomness, resources
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people.accounts import passwords
from tests.conftest import Cast
from tests.kit.imports import modules
from tests.kit.places import TESTS, TOP

FILE = TESTS / "security_requirements.tsv"
STATES = ("tested", "written", "absent", "operator", "open")
OURS = {"A": 13, "B": 7, "C": 7, "D": 10, "E": 11, "F": 7, "G": 15}
# The last number up to level 2 of each section of ASVS: what lies above it is of level 3.
SECTIONS = """
1.1.2 1.2.9 1.3.11 1.4.3 1.5.2 2.1.3 2.2.3 2.3.4 2.4.1 3.2.2 3.3.4 3.4.6 3.5.5 3.7.2 4.1.3
4.2.1 4.3.2 4.4.4 5.1.1 5.2.3 5.3.2 5.4.3 6.1.3 6.2.12 6.3.4 6.4.4 6.5.5 6.6.3 6.8.4 7.1.3
7.2.4 7.3.2 7.4.5 7.5.2 7.6.2 8.1.2 8.2.3 8.3.1 8.4.1 9.1.3 9.2.4 10.1.2 10.2.2 10.3.4
10.4.11 10.5.5 10.6.2 10.7.3 11.1.2 11.2.3 11.3.3 11.4.4 11.5.1 11.6.1 12.1.3 12.2.2 12.3.4
13.1.1 13.2.5 13.3.2 13.4.5 14.1.2 14.2.4 14.3.3 15.1.3 15.2.3 15.3.7 16.1.1 16.2.5 16.3.4
16.4.3 16.5.3 17.1.1 17.2.4 17.3.2
"""
LEVELS = {"1": 70, "2": 183}
TABLE_ROW = re.compile(r"^\| [^|]*\((\d+)\) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.M)
OPEN_ROW = re.compile(r"^\| ((?:R-[A-G]|\d+\.\d+\.)\d+(?:, [^|]+)?) \|", re.M)
# What runs a text, or reads one in a way that does.
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "render_template_string", "from_string"}
FORBIDDEN_CALLS |= {"os.system", "os.popen", "yaml.full_load", "yaml.unsafe_load"}
FORBIDDEN_CALLS |= {"tempfile.mktemp", "hashlib.md5", "hashlib.new"}
LOADERS = {"yaml.BaseLoader", "LOADER", "front_matter.LOADER"}  # of texts, without classes
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "xml", "lxml", "defusedxml", "random"}
RISKY = re.compile(
    r"\b(?:eval|exec|__import__|system|popen|mktemp|md5|from_string|render_template_string)\("
    r"|(?<![.\w])compile\(|shell=|hashlib\.new|yaml\."
)
IMPORTS = re.compile(r"^\s*(?:import|from) (\w+)", re.M)
CHANCE = {"randomness", "search.ranking.evaluation"}  # and judging draws the same each time
SAML = {"saml_metadata", "people.accounts.single_sign_on.saml"}  # which refuse entities
CIPHERS = {"cryptography.fernet", "pyrage", "argon2", "joserfc", "webauthn", "dkim"}
CIPHERS |= {"pyotp", "ssl", "cryptography.exceptions", "cryptography.x509"}
CRYPTOGRAPHY = re.compile(
    r"^\s*(?:import|from) ((?:cryptography|pyrage|argon2|joserfc|webauthn|dkim|pyotp|ssl|nacl"
    r"|Crypto|Cryptodome|OpenSSL|jwt|jose|rsa|bcrypt|scrypt|passlib)\b[\w.]*)",
    re.M,
)


@cache
def rows() -> list[list[str]]:
    """Id, level, words, state and evidence of each."""
    first, *lines = FILE.read_text(encoding="utf-8").splitlines()
    assert first.split("\t") == ["requirement", "level", "what it asks for", "state", "shown by"]
    return [line.split("\t") for line in lines]


@cache
def sources() -> dict[str, str]:
    """The text of every module."""
    return {name: path.read_text(encoding="utf-8") for name, path in modules().items()}


def counts(*, ours: bool) -> list[int]:
    """How many there are, and how many of each state."""
    states = Counter(row[3] for row in rows() if row[0].startswith("R-") == ours)
    return [states.total(), *(states[state] for state in STATES)]


def test_every_requirement_is_there_once():
    expected = [f"R-{group}{n}" for group, last in OURS.items() for n in range(1, last + 1)]
    for section in SECTIONS.split():
        group, _, last = section.rpartition(".")
        expected += [f"{group}.{n}" for n in range(1, int(last) + 1)]
    assert [row[0] for row in rows()] == expected
    levels = Counter(row[1] for row in rows())
    assert levels == {"-": sum(OURS.values()), **LEVELS}


def test_each_has_a_test_a_page_or_a_reason():
    named: dict[str, set[str]] = {}
    for number, _, words, state, evidence in rows():
        assert state in STATES and words and evidence, number
        if state == "tested":
            for test in evidence.split():
                path, _, name = test.partition("::")
                if path not in named:
                    text = (TOP / path).read_text(encoding="utf-8")
                    named[path] = set(re.findall(r"^def (test_\w+)\(", text, re.M))
                assert name in named[path], (number, test)
        elif state == "written":
            for place in evidence.split("; "):
                assert is_written(place), (number, place)
        else:
            assert len(evidence.split()) > 1, number


def is_written(place: str) -> bool:
    """Whether a page of the handbook, or of the checkout, is there with that heading."""
    name, _, heading = place.partition("#")
    articles = resources.folder("content") / "articles"
    pages = (
        [TOP / name] if "/" not in name else [articles / tongue / name for tongue in ("en", "fr")]
    )
    there = all(page.is_file() for page in pages)
    return there and (not heading or f"## {heading}\n" in pages[0].read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_handbook_says_how_many_and_what_is_open(language: str):
    page = resources.folder("content") / "articles" / language / "operators/figures.md"
    text = page.read_text(encoding="utf-8")
    said = [[int(number) for number in row] for row in TABLE_ROW.findall(text)]
    assert said == [counts(ours=True), counts(ours=False)]
    is_open = {row[0] for row in rows() if row[3] == "open"}
    assert {number for row in OPEN_ROW.findall(text) for number in row.split(", ")} == is_open


def test_no_program_text_is_run_and_no_parser_is_open():
    """No eval, no shell, no template of a person, no pickle, no XML but SAML's, no open YAML."""
    for name, text in sources().items():
        forbidden = set(IMPORTS.findall(text)) & FORBIDDEN_MODULES
        assert not forbidden or name in CHANCE | SAML, (name, forbidden)
        if RISKY.search(text):
            for call, keywords in calls(text):
                assert call not in FORBIDDEN_CALLS, (name, call)
                assert "shell" not in keywords, (name, call)
                assert call != "yaml.load" or keywords.get("Loader") in LOADERS, name


def test_cryptography_is_that_of_named_libraries():
    """Encryption is Fernet's and age's; nothing builds a cipher; SHA-1 guards nothing."""
    for name, text in sources().items():
        for library in CRYPTOGRAPHY.findall(text):
            assert library in CIPHERS or library.split(".")[0] in CIPHERS, (name, library)
        if "sha1" in text:
            weak = [keywords for call, keywords in calls(text) if call.endswith("sha1")]
            assert weak and all("usedforsecurity" in keywords for keywords in weak), name


def calls(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """What a module calls, by its written name, and the keywords that it gives with them."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            yield (
                ast.unparse(node.func),
                {word.arg or "": ast.unparse(word.value) for word in node.keywords},
            )


def test_chance_is_that_of_the_system():
    assert type(randomness._source).__name__ == "SystemRandom"
    assert len(randomness.token()) * 6 >= 256
    tokens = {randomness.token() for _ in range(1000)}
    assert len(tokens) == 1000


def test_no_password_grows_old(db: SqliteDatabase, cast: Cast):
    """Nothing keeps when a password was chosen, so nothing can ask for another one."""
    (person,) = db.query("SELECT * FROM people WHERE id = :id", {"id": cast.alice.person_id})
    assert [name for name in person if "password" in name] == ["password_hash"]
    assert not re.search(r"timedelta|utc_now", Path(passwords.__file__).read_text("utf-8"))


def test_query_and_form_are_read_apart():
    """What both may hold is only ever shown or searched; nothing is decided by it."""
    readers = {name for name, text in sources().items() if "request.values" in text}
    assert readers == {
        "web.account.handovers",  # where to go back to: a path of ours, or an address of settings
        "web.account.passwords",  # which of two fields is shown
        "web.account.signing_in",
        "web.desk.outgoing",  # filters, kept in the form of the page
        "web.help.pages",  # what to highlight
        "web.widget.requests",  # the page that it was opened on
    }


def test_scripts_keep_nothing_and_believe_known_pages_alone():
    """No script of ours stores anything, or makes objects by names that it is given."""
    scripts = [*resources.folder("static").glob("*.js")]
    assert len(scripts) > 5
    for path in scripts:
        text = path.read_text(encoding="utf-8")
        kept = re.findall(r"localStorage|indexedDB|document\.cookie|sessionStorage\.setItem", text)
        assert not kept, (path.name, kept)
        assert not re.search(r"__proto__|\.fromEntries\(|\beval\(|new Function\(", text), path.name
        for heard in re.finditer(r'addEventListener\("message"', text):
            assert "event.origin" in text[heard.end() : heard.end() + 200], path.name
