"""The golden set: what people type over the handbook, and the article that must answer."""

import shutil
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from kbsearch import resources
from kbsearch.access import OPERATOR
from kbsearch.articles.publishing.publications import Publication
from kbsearch.articles.publishing.publish import publish
from kbsearch.config import Settings
from kbsearch.database.migrations import migrate
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search import Question
from kbsearch.search.ranking import Search

QUESTIONS = tomllib.loads((Path(__file__).parent / "relevance.toml").read_text("utf-8"))["question"]
WITHIN = 3
AT_LEAST = 0.95


@pytest.fixture(scope="module")
def handbook_search(tmp_path_factory):
    """The handbook as its files are now, published from a copy that is not in git."""
    site = tmp_path_factory.mktemp("handbook")
    shutil.copytree(resources.folder("content"), site / "content")
    settings = Settings(site=site)
    db = SqliteDatabase(settings.database_path)
    migrate(db)
    assert isinstance(publish(db, settings), Publication)
    yield Search(settings, db)
    db.close()


@pytest.mark.parametrize("language, fewest", [("fr", 150), ("en", 60)])
def test_the_right_article_is_among_the_first_three(handbook_search, language, fewest):
    asked = [question for question in QUESTIONS if question["lang"] == language]
    missed = []
    for question in asked:
        results = handbook_search.ask(OPERATOR, Question(question["text"], language=language))
        first = [hit.id for hit in results.hits[:WITHIN]]
        if not set(question["expects"]) & set(first):
            missed.append(f"{question['kind']}: {question['text']!r} gave {first}")
    assert len(asked) >= fewest
    assert 1 - len(missed) / len(asked) >= AT_LEAST, "\n".join(missed)


def test_every_way_of_typing_is_asked_for():
    kinds = Counter(question["kind"] for question in QUESTIONS if question["lang"] == "fr")
    assert {"noaccent", "plural", "elision", "typo", "glued", "nfd", "error", "version"} < set(
        kinds
    )
    assert min(kinds.values()) >= 10, kinds
