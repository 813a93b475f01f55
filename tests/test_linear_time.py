"""No pattern takes a time that grows faster than the text it looks through."""

import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from markupsafe import escape

import kbsearch
from kbsearch.articles.publishing import front_matter, rules, secrets
from kbsearch.articles.writing import composition
from kbsearch.files import types
from kbsearch.messages.incoming import flowed, from_html, parsing
from kbsearch.messages.notifications import ticket_texts
from kbsearch.people.organisations import slugs
from kbsearch.search.fulltext import essence, forms, highlight, query, text
from kbsearch.text import markup, masking, plain_text, typed
from kbsearch.text.markup import outline, quotation, retold
from kbsearch.text.masking import doubts
from kbsearch.web.help import highlight as marking
from tests.kit import adversarial, growth

ANCHORED = {"match", "fullmatch"}
# What is looked for in a piece of text that is cut to so many characters where it is used.
BOUNDED = {"text.markup.quotation._WROTE": 160}
AnyPattern = re.Pattern[str] | re.Pattern[bytes]


def modules() -> Iterator[str]:
    for found in pkgutil.walk_packages(kbsearch.__path__, "kbsearch."):
        if "shipped" not in found.name and not found.name.endswith("__main__"):
            yield found.name


@cache
def patterns() -> dict[str, AnyPattern]:
    """Every compiled pattern that is a global, or in one, by where it is."""
    found: dict[AnyPattern, str] = {}
    for module in modules():
        for name, value in vars(importlib.import_module(module)).items():
            for pattern in _held(value):
                found.setdefault(pattern, f"{module.removeprefix('kbsearch.')}.{name}")
    names: dict[str, AnyPattern] = {}
    for pattern, name in found.items():
        names[f"{name}{len(names)}" if name in names else name] = pattern
    return names


def _held(value: object) -> Iterator[AnyPattern]:
    """The patterns in a value, however deep in tuples, lists and the values of dictionaries."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, (tuple, list, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _held(each)


@cache
def uses() -> dict[str, set[str]]:
    """The methods that are called of each name, anywhere."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in Path(kbsearch.__file__).parent.rglob("*.py"):
        for name, method in re.findall(r"\b([A-Z_]{2,})\.([a-z]+)\(", path.read_text("utf-8")):
            found[name].add(method)
    return found


@pytest.mark.parametrize("name", sorted(patterns()))
def test_a_pattern_takes_a_time_that_grows_with_the_text_alone(name: str):
    pattern, methods = patterns()[name], uses()[name.rpartition(".")[2]]
    is_anchored = bool(methods) and methods <= ANCHORED
    is_text = isinstance(pattern.pattern, str)

    def work(text: str) -> None:
        given = text[: BOUNDED.get(name, len(text))]
        looked = given if is_text else given.encode("utf-8", "surrogatepass")
        if is_anchored:
            pattern.match(looked)  # type: ignore[arg-type]
            pattern.fullmatch(looked)  # type: ignore[arg-type]
        else:
            for _ in pattern.finditer(looked):  # type: ignore[arg-type]
                pass

    for seed in adversarial.seeds(pattern):
        told = growth.excess(work, seed)
        assert told is None, told


PLENTY = 10_000  # characters: of what is compared with a limit before anything else
# Not `»` nor a no-break space: nh3 is quadratic in them, a tenth of a second for what it is given.
SEEDS = [
    *(
        "a",
        "é",
        "\u0300",
        "\u0f73",
        "a\u0300\u0316",
        " ",
        "\n",
        "a ",
        "a\n",
        "1",
        "1 ",
        "A1.",
        "\0",
    ),
    *(
        "[",
        "]",
        "[a",
        "![",
        "[a](",
        "[a](b)",
        "[[",
        "[[a]]",
        "[^a]",
        "[a]: b\n",
        "(",
        "<",
        "<a",
        "<a ",
    ),
    *(
        "<b>",
        "<a href='",
        "<blockquote>",
        "<!--",
        "<![CDATA[",
        "&",
        "&amp;",
        "&#",
        "`",
        "` a",
        "``` ",
    ),
    *(
        "```\n",
        "*",
        "**a",
        "*a _b ",
        "_",
        "~~a",
        "> ",
        ">",
        "- ",
        "-\n",
        "  - a\n",
        "1. ",
        "# ",
        "#\n",
    ),
    *(
        "|",
        "|a|b|\n|-|-|\n",
        "|-",
        "::: a\n",
        ":\n",
        "a\n: b\n",
        "===",
        "- a\n  ",
        "\\",
        "\t",
        "\r",
        "\r\n",
    ),
    *(
        "http://",
        "https://a",
        "http://é",
        "www.a.",
        "a@",
        "a@b.",
        "a@b.c ",
        "@",
        ".",
        "..",
        "/",
        "://a:",
    ),
    *("Le 3 mai, ", "On a wrote:", "De : a\n", "-----Original Message-----\n", ">a\n", "> > "),
    *(
        "Bonjour ",
        "Merci ",
        "cordialement\n",
        "Madame Durand ",
        "M. A. B. ",
        "Jean-",
        "mot de passe ",
    ),
    *(
        "eyJ",
        "-----BEGIN ",
        "01 02 03 04 05 ",
        "FR76 ",
        "12 rue ",
        "75001 Paris, ",
        "‹nom 1›",
        "‹",
    ),
    *(
        "=?utf-8?q?a?= ",
        "=?",
        "<a@b> ",
        '"',
        '"a" <',
        "(a",
        ",",
        ";",
        "a=b; ",
        "{",
        "{{ ",
        "{a: ",
        "&a ",
        "*a ",
    ),
    *(
        "'",
        "!",
        "? ",
        "++a+",
        '=== "a"\n',
        "[!note] ",
        "> [!note]\n> ",
        "😀",
        "한",
        "\u200b",
        "ﷺ",
        "İ",
    ),
]


def text_functions() -> dict[str, Callable[[str], object]]:
    """What is done to texts that people send, by what it is called here."""
    synonyms = text.synonyms_of("a, b c, d\nmot de passe, sésame")
    marked = highlight.Highlighter(
        {"a": 1.0, "mot": 1.0},
        lambda word: word,
        spelt=highlight.spelt(query.understand("a1"), str),
    )

    def snippet(said: str) -> object:
        return marked.snippet(said, marked.matches(highlight.flat(said)))

    return {
        "attachment name": types.clean_name,
        "article file": lambda said: _read_article("---\ntitle: a\n---\n" + said),
        "article draft": lambda said: composition._plain(said, "fr"),
        "codes": text.codes_of,
        "doubts": doubts.find,
        "essence": essence.of_description,
        "essence of a subject": essence.of_subject,
        "forms": forms.written,
        "highlighted page": lambda said: marking.highlight(escape(said), "a mot"),
        "language": text.detect_language,
        "lines that repeat": essence.line_keys,
        "mail, body": lambda said: parsing.read(b"Subject: a\n\n" + _bytes(said)),
        "mail, field": lambda said: _fields_of(
            b"Subject: " + _bytes(said) + b"\nFrom: " + _bytes(said)
        ),
        "mail, flowed": flowed.unfold,
        "mail, header": lambda said: _fields_of(_bytes(said)),
        "mail, HTML": from_html.text_of,
        "mail, name of a file": lambda said: parsing.read(_with_file(said)),
        "mail, quotation": quotation.cut,
        "masking": lambda said: masking.mask(said),
        "message": lambda said: markup.message(said, "fr"),
        "message as typed": lambda said: markup.said(said, "fr", as_typed=True),
        "name": slugs.slug_of,
        "one line": plain_text.line,
        "placeholders": lambda said: list(masking.placeholders(said)),
        "plain": markup.plain,
        "typed, as Markdown": typed.as_markdown,
        "excerpt": markup.excerpt,
        "query": lambda said: query.understand(said, synonyms),
        "retold": lambda said: retold.retold(markup.message(said, "fr"), "https://a.example/"),
        "secrets": lambda said: list(secrets.check(said.split("\n"))),
        "several lines": plain_text.block,
        "slug of a heading": outline.slug_of,
        "snippet": snippet,
        "synonyms": text.synonyms_of,
        "text message": ticket_texts.plain,
        "words": text.words_of,
    }


@pytest.mark.parametrize("name", text_functions())
def test_what_is_done_to_a_text_takes_a_time_that_grows_with_it_alone(name: str):
    for seed in SEEDS:
        told = growth.excess(text_functions()[name], seed)
        assert told is None, told


def _bytes(said: str) -> bytes:
    return said.encode("utf-8", "surrogatepass")


def _fields_of(header: bytes) -> object:
    known = parsing.read(header + b"\n\na").fields
    return known.subject, known.sender, known.recipients, known.references


def _with_file(name: str) -> bytes:
    said = name.replace("\n", " ").replace("\r", " ")
    return b'Content-Disposition: attachment; filename="' + _bytes(said) + b'"\n\na'


def _read_article(said: str) -> object:
    _, body, before = front_matter.split(said)
    document = markup.parse(body, "a")
    found = rules.CheckedText(document, body, before)
    return rules.references(found), rules.check(found, "fr"), document.passages


def test_words_too_long_to_be_words_do_not_fill_the_memory():
    before = text._remembered.cache_info().currsize
    assert text.fold_word("É" * 100_000) == "e" * 100_000
    assert text._remembered.cache_info().currsize == before
    text.fold_word("Élévation")
    assert text._remembered("élévation") == text.fold_word("ÉLÉVATION") == "elevation"


def test_no_pattern_is_compiled_where_the_tests_of_all_patterns_do_not_see_it():
    written = re.compile(r"\bre\.(?:sub|split|search|match|fullmatch|findall|finditer)\(r?['\"]")
    root = Path(kbsearch.__file__).parent
    hidden = [
        f"{path.relative_to(root)}:{number}"
        for path in sorted(root.rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if written.search(line)
    ]
    assert hidden == []
