"""Pieces that articles have in common: put in, checked, and published again when they change."""

from dataclasses import replace
from pathlib import Path

import pytest

from kbsearch.articles.publishing import edition, publications
from kbsearch.articles.publishing.publish import Publication, Refusal, publish, tree_of
from kbsearch.articles.publishing.tree import FolderTree
from kbsearch.config import Settings
from tests.kit.writers import article, write

GUIDE = "articles/en/guide"
VARIABLES = """
phone: "01 23"
hotline:
  fr: "Le 3900"
  default: "Dial 3900"
latest:
  icownect: "4.0"
  "icownect 5": "5.9"
  default: "1.0"
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, default_audience="everyone")


@pytest.fixture
def content(settings: Settings) -> Path:
    content = settings.content_path
    write(content, "variables.yml", VARIABLES)
    write(content, "snippets/en/contact.md", "Call **{{ phone }}**.\n\n- By night: {{ hotline }}\n")
    write(content, "snippets/legal.md", "No warranty.\n")
    return content


def made(settings: Settings) -> edition.Edition:
    return edition.make(tree_of(settings), settings)


def html_of(settings: Settings, path: str = "en/guide/page") -> str:
    (page,) = (each for each in made(settings).articles if each.source.path == path)
    return page.html


def findings(settings: Settings) -> list[tuple[str, int, str, str]]:
    rules = ("broken-reuse", "variables")
    return [
        (each.path.rpartition("/")[2], each.line, each.values.get("name", ""), each.severity)
        for each in made(settings).findings
        if each.rule in rules
    ]


def test_snippets_and_variables_are_put_in(settings, content):
    body = "Call {{phone}} or \\{{ phone }}.\n\n{{ snippet: contact }}\n\n    tel {{ phone }}\n"
    write(content, f"{GUIDE}/page.md", article(body=f"{body}\n- {{{{ latest }}}}\n- 2"))
    html = html_of(settings)
    assert "<p>Call 01 23 or {{ phone }}.</p>" in html
    assert "<p>Call <strong>01 23</strong>.</p>" in html and "<li>By night: Dial 3900</li>" in html
    assert "tel 01 23" in html and "<li>1.0</li>" in html
    assert findings(settings) == []


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ("", "1.0"),
        ("product: icownect\n", "4.0"),
        ("product: icownect\nversion: '5'\n", "5.9"),
        ("product: icownect\nversion: '4'\n", "4.0"),
        ("product: other\n", "1.0"),
    ],
)
def test_a_variable_has_the_value_of_the_product_and_version(settings, content, more, shown):
    write(content, f"{GUIDE}/page.md", article(body="Get {{ latest }}.", more=more))
    write(content, "articles/fr/guide/page.md", article(body="{{ hotline }}"))
    assert f"Get {shown}." in html_of(settings)
    assert "Le 3900" in html_of(settings, "fr/guide/page")


def test_a_section_of_another_article_is_put_in(settings, content):
    other = "Before.\n\n## Reset it\n\nPress [the knob](page.md).\n\n### By hand\n\nTurn.\n\n"
    other += "## After\n\nEnd."
    write(content, f"{GUIDE}/other.md", article("Other", other))
    write(content, f"{GUIDE}/secret.md", article("Secret", "## Key\n\nHidden.", "agents"))
    body = "## How\n\n{{ section: other.md#reset-it }}\n\n{{ section: secret.md#key }}"
    write(content, f"{GUIDE}/page.md", article(body=body))
    html = html_of(settings)
    assert 'href="/en/articles/page">the knob</a>' in html and "Turn." in html
    assert "Before." not in html and "End." not in html and "Hidden." not in html
    assert findings(settings) == [("page.md", 10, "secret.md#key", "error")]


def test_what_is_not_there_is_said_on_its_line(settings, content):
    body = "One {{ phnoe }}.\n\n{{ snippet: gone }}\n\n`{{ yours }}` \\{{ mine }}"
    body += "\n\n{{ snippet: legal }}"
    write(content, f"{GUIDE}/page.md", article(body=body))
    assert findings(settings) == [
        ("page.md", 6, "phnoe", "warning"),
        ("page.md", 8, "gone", "error"),
        ("page.md", 10, "yours", "warning"),
    ]
    write(content, "variables.yml", "- a list\n")
    assert findings(settings)[-1][0] == "variables.yml"
    for file in ("variables.yml", "snippets/legal.md", "snippets/en/contact.md"):
        (content / file).unlink()
    assert findings(settings) == [], "where nobody uses it, braces are somebody else's"


def test_a_snippet_that_asks_for_itself_ends(settings, content):
    write(content, "snippets/en/loop.md", "Again.\n\n{{ snippet: loop }}\n\n{{ snippet: loop }}\n")
    write(content, f"{GUIDE}/page.md", article(body="{{ snippet: loop }}"))
    assert html_of(settings).count("Again.") == 15


def test_a_change_renders_what_uses_it_and_nothing_else(db, settings, content):
    write(content, f"{GUIDE}/page.md", article(body="{{ snippet: contact }}"))
    write(content, f"{GUIDE}/late.md", article("Late", "{{ snippet: later }} then `{{ later }}`"))
    write(content, f"{GUIDE}/plain.md", article("Plain", "Words."))
    assert isinstance(publish(db, settings), Publication)
    live = publications.reusable(db, publications.find_live(db))

    def rendered_again() -> set[str]:
        result = edition.make(FolderTree(content), settings, live)
        return {
            page.source.path
            for page in result.articles
            if page.html != live.articles[page.source.path].html
        }

    assert rendered_again() == set()
    write(content, "variables.yml", VARIABLES.replace("01 23", "04 56").replace("1.0", "1.1"))
    assert rendered_again() == {"en/guide/page"}
    write(content, "variables.yml", f'{VARIABLES}later: "now"\n')
    assert rendered_again() == {"en/guide/late"}
    assert not isinstance(publish(db, settings), Refusal)
