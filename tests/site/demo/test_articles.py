"""The articles of the demo: a vendor's help centre, and none of our own handbook."""

import json
import re
from pathlib import Path

from click.testing import CliRunner

from kbsearch import resources
from kbsearch.cli import cli
from kbsearch.config import LANGUAGES
from kbsearch.site import new

SENTENCE_END = re.compile(r"(?<=[.!?:])\s+|\n+")
SHORTEST = 30  # characters; shorter ones are everybody's
ARTICLES = new.demo_content() / "articles"


def pages(folder: Path, language: str) -> dict[str, str]:
    root = folder / "articles" / language
    paths = root.rglob("*.md")
    return {str(path.relative_to(root)): path.read_text("utf-8") for path in paths}


def sentences(folder: Path) -> set[str]:
    texts = (text for language in LANGUAGES for text in pages(folder, language).values())
    bodies = (text.split("---\n", 2)[2] for text in texts)
    return {line for body in bodies for line in SENTENCE_END.split(body) if len(line) >= SHORTEST}


def test_only_its_age_may_be_said_of_a_page():
    result = CliRunner().invoke(cli, ["check", str(new.demo_content()), "--json"])
    assert {finding["rule"] for finding in json.loads(result.stdout)} <= {"stale"}


def test_every_page_is_there_in_both_languages():
    french, english = (pages(new.demo_content(), language) for language in ("fr", "en"))
    assert french.keys() == english.keys()
    assert len(french) >= 40


def test_pages_have_pictures():
    for language in LANGUAGES:
        assert len(list((ARTICLES / language).rglob("*.png"))) >= 12


def test_no_sentence_is_of_the_handbook():
    assert not sentences(new.demo_content()) & sentences(resources.folder("content"))
