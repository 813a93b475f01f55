"""The catalogues: complete, with the same blanks, typed as French is."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest
from babel.dates import format_date
from babel.messages import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from kbsearch import i18n, resources
from kbsearch.config import LANGUAGES
from kbsearch.errors import NotFound

CODE = Path(i18n.__file__).parent
BLANK = re.compile(r"%\((\w+)\)")
KEY = re.compile(r"[a-z_-]+\.[a-z_.-]+")
PROBLEMS = {"Gone", "Invalid", "NotFound", "Forbidden", "TooMany", "Problem"}
PROBLEMS |= {"InvalidForm", "Conflict", "AlreadySent", "Outdated", "Full", "Unavailable"}
PROBLEMS |= {"SignInNeeded", "Unreadable", "Unsupported", "PreconditionFailed"}
PROBLEMS |= {"Overtaken", "GateClosed", "NotServed", "PlaceLost", "Declined"}
# Which argument of a check is the key of the failure.
CHECKS = {"only_administrators": 1, "only_agents": 1, "only_staff": 1, "only_unlimited": 1}
CHECKS |= {"line_within": 2, "block_within": 2}
# Words that people who met them on a page did not understand, or took for something else.
UNCLEAR = {
    "fr": (
        r"\ben partance",
        r"\b(?:les?|un|du|des) manques?\b|^manques?$",
        r"\bce qu’il y a\b",
        r"\béquipe (?:de )?support\b|\b(?:le|au|du) support\b",
        r"\belle part dans",
        r"\bplus averti de\b",
        r"\b(?:suivie par|même encore une fois|partir pour de bon)\b",
        r"\blettres? (?:pour|sont|restent)\b",
    ),
    "en": (
        r"\blook(?:s|ed)? after\b",
        r"\bin copy\b|\bcopied on\b|\bout of copy\b",
        r"\bon (?:its|their) way\b",
        r"\bgaps?\b(?!:)",
        r"\bsearches became\b|\bwhat there is\b",
        r"\bgood for\b|\bgood no more\b|\bno longer good\b",
        r"\bthe same once more\b|\bpresent (?:password|logo)\b",
        r"\bis told (?:of|nothing)\b|\bi am told\b",
        r"\bcomes? in (?:as|with)\b",
        r"\b(?:a|the|such|test) letters?\b|\bletters (?:are|stay)\b",
    ),
}
BARE = re.compile(r" [:;!?»](?!\w)|«(?!\u00a0)|(?<=[^\W\d])[;!?»](?!\w)")


@cache
def messages(language: str) -> dict[str, Message]:
    path = resources.folder("locale") / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as source:
        catalogue = read_po(source, locale=language, abort_invalid=True)
    return {key_of(message.id): message for message in catalogue if message.id}


def key_of(said: str | tuple[str, ...] | list[str]) -> str:
    return said if isinstance(said, str) else said[0]


def texts(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


@cache
def said() -> dict[str, str]:
    """Every message that templates and code say, and where."""
    found: dict[str, str] = {}
    methods = [
        ("**.html", "jinja2"),
        ("**.xml", "jinja2"),
        ("**.txt", "jinja2"),
        ("**.py", "python"),
    ]
    words = {"_": None, "gettext": (2,), "ngettext": (1, 2)}
    for folder in (resources.folder("templates"), CODE):
        for name, line, message, _, _ in extract_from_dir(folder, methods, keywords=words):
            found[key_of(message)] = f"{name}:{line}"
    return found


def keys_of_problems() -> Iterator[tuple[str, str]]:
    """Every key of a failure that the code raises, and where."""
    for path in sorted(CODE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in PROBLEMS and isinstance(node.func, ast.Name):
                place = 0
            elif name in CHECKS:
                place = CHECKS[name]
            else:
                continue
            for key in node.args[place : place + 1]:
                if isinstance(key, ast.Constant):
                    yield str(key.value), f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_is_said_is_in_the_catalogue(language: str):
    known = messages(language)
    wanted = said() | dict(keys_of_problems())
    assert len(wanted) > 150
    assert {key: place for key, place in wanted.items() if key not in known} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_empty_or_uncertain(language: str):
    found = messages(language)
    assert [key for key, message in found.items() if message.fuzzy or not all(texts(message))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_translated_twice(language: str):
    path = resources.folder("locale") / language / "LC_MESSAGES" / "messages.po"
    ids = re.findall(r'^msgid ((?:"[^\n]*"\n)+)', path.read_text("utf-8"), re.MULTILINE)
    assert [said for said, count in Counter(ids).items() if count > 1] == []


def test_the_catalogues_hold_the_same_messages():
    french, english = messages("fr"), messages("en")
    assert set(french) ^ set(english) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_fill_in_the_same_blanks(language: str):
    english = messages("en")
    for key, message in messages(language).items():
        source = key if not KEY.fullmatch(key) else texts(english[key])[0]
        for text in texts(message):
            assert set(BLANK.findall(text)) == set(BLANK.findall(source)), key


def test_a_key_has_words_in_english_too():
    for key, message in messages("en").items():
        if KEY.fullmatch(key):
            assert texts(message)[0] != key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_is_one_that_only_its_author_understands(language: str):
    unclear = re.compile("|".join(UNCLEAR[language]), re.IGNORECASE)
    heard = {
        key: text
        for key, message in messages(language).items()
        for text in texts(message)
        if unclear.search(text)
    }
    assert heard == {}


def test_french_punctuation_has_its_unbreakable_space():
    for message in messages("fr").values():
        for text in texts(message):
            assert not BARE.search(text), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_for_templates_are_fit_for_an_attribute(language: str):
    """Templates trust the catalogue: a straight double quote would end an attribute."""
    templates = {
        key for key, place in said().items() if not place.partition(":")[0].endswith(".py")
    }
    found = messages(language)
    for key in templates & set(found):
        assert '"' not in "".join(texts(found[key])), key


def test_counting_follows_each_language():
    french, english = i18n.catalogue("fr"), i18n.catalogue("en")
    one, many = "%(number)s result", "%(number)s results"
    assert [french.ngettext(one, many, n) for n in (0, 1, 2)] == [
        "%(number)s résultat",
        "%(number)s résultat",
        "%(number)s résultats",
    ]
    assert [english.ngettext(one, many, n) for n in (0, 1, 2)] == [many, one, many]


def test_a_problem_is_told_in_the_language_of_the_reader():
    problem = NotFound("web.not_found")
    assert i18n.explain(problem, "fr") == "Cette page n’existe pas, ou ne vous est pas ouverte."
    assert i18n.explain(problem, "en") == "This page does not exist, or is not open to you."


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_date_is_spelt_as_babel_spells_it(language: str):
    """But for the first of a month, which is `1er` in French whatever CLDR says."""
    for number in range(366):
        day = date(2024, 1, 1) + timedelta(days=number)
        spelt = format_date(day, "long", locale=language)
        if language == "fr" and day.day == 1:
            spelt = spelt.replace("1 ", "1er ", 1)
        assert i18n.date(language, day.isoformat()) == spelt


def test_dates_and_numbers_follow_each_language():
    assert i18n.date("fr", "2026-11-22T23:30:00Z") == "22 novembre 2026"
    assert i18n.date("en", "2026-11-22T23:30:00Z") == "November 22, 2026"
    assert i18n.number("fr", 1240) == "1\u202f240"
