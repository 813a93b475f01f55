"""Pages that are too long for an article arrive as several: nothing of them is lost."""

import random
import re
from pathlib import Path

import pytest

from kbsearch import articles
from kbsearch.access import OPERATOR
from kbsearch.articles.importing import run
from kbsearch.articles.importing.pages import ForeignPage
from kbsearch.articles.importing.splitting import split
from kbsearch.articles.publishing.publish import publish
from kbsearch.text.markup import parse
from tests.kit.writers import git, png, with_page, write

LARGEST = 900
WORDS = ("install", "server", "print", "open", "close", "window", "label", "paper")


def page(language: str, *titles: str) -> str:
    """Three sections, the second with two of its own, an example and a table."""
    one, two, inner, table, three = titles
    words = "Some words that say it. " * 25
    return (
        f"---\ntitle: Reference {language}\n---\n\nIntro, see [last](#{three.lower()}).\n\n"
        f"## {one}\n\n{words}\n\n![A screen](a.png)\n\n"
        f"## {two}\n\n{words}\n\n```md\n## Not a heading\n```\n\n### {inner}\n\n{words}\n\n"
        f"### {table}\n\n| Code | Means |\n|---|---|\n"
        + "".join(f"| E{number} | Error number {number} |\n" for number in range(60))
        + f"\n## {three}\n\nThe end, [back](#{one.lower()}), [note][n].\n\n"
        "[n]: https://example.org/n\n"
    )


def test_long_page_becomes_a_chain_of_articles(settings, db, tmp_path: Path):
    with_page(settings)
    root = tmp_path / "docs"
    write(root, "en/ref.md", page("en", "First", "Second", "Inner", "Table", "Third"))
    write(root, "fr/ref.md", page("fr", "Premier", "Second", "Dedans", "Tableau", "Dernier"))
    write(root, "en/other.md", "# Other\n\nSee [the end](ref.md#third), [all](ref.md).\n")
    for language in ("en", "fr"):
        write(root, f"{language}/a.png", png())
    outcome = run.run(settings, root, "markdown", largest=LARGEST)
    assert outcome.errors == ()
    assert outcome.report.counts["page-split"] == 2
    publish(db, settings, outcome.branch)
    first = articles.find(db, OPERATOR, "en", "ref")
    assert first.title == "Reference en" and "Intro" in first.html
    titles = [
        f"Reference en – {name}" for name in ("First", "Second", "Inner", "Table", "Table (2)")
    ]
    listed = re.findall(r'href="/en/articles/([^"#]+)"', first.html)
    parts = [articles.find(db, OPERATOR, "en", slug) for slug in listed]
    assert [part.title for part in parts][:5] == titles
    assert 'href="/en/articles/ref-table-2#third"' in first.html
    other = articles.find(db, OPERATOR, "en", "other")
    assert 'href="/en/articles/ref-table-2#third"' in other.html
    assert 'href="/en/articles/ref"' in other.html
    assert "<img" in articles.find(db, OPERATOR, "en", "ref-first").html
    last = articles.find(db, OPERATOR, "en", "ref-table-2")
    assert 'href="/en/articles/ref-first#first"' in last.html
    assert 'href="https://example.org/n"' in last.html
    order = git(settings.content_path, "ls-tree", "-r", "--name-only", outcome.branch)
    assert order.count("articles/en/ref-") == order.count("articles/fr/ref-") == 5
    again = run.run(settings, root, "markdown", largest=LARGEST)
    assert (again.created, again.updated, again.commit) == (0, 0, "")


def random_body(chance: random.Random) -> str:
    """Headings of any level, words, lists, examples and tables in any order."""
    blocks: list[str] = []
    for number in range(chance.randint(3, 40)):
        words = " ".join(f"{chance.choice(WORDS)}{number}" for _ in range(chance.randint(1, 60)))
        blocks.append(
            chance.choice(
                (
                    f"{'#' * chance.randint(1, 4)} {words[:40]}",
                    words,
                    words,
                    f"- {words}\n- {words}",
                    f"```\n## {words}\n```",
                    f"| A{number} | B |\n|---|---|\n| {words} | {words} |",
                )
            )
        )
    return "\n\n".join(blocks)


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@pytest.mark.parametrize("seed", range(40))
def test_no_word_is_lost_and_their_order_stays(seed: int):
    body = random_body(random.Random(seed))
    whole = ForeignPage("p", "en", "Page", body, "/p.md")
    (made,) = split([(whole, body)], 600)
    assert len(made.parts) > 1 or len(body) < 1_200
    texts = [text for _, text in made.parts]
    assert [word for text in texts for word in words_of(text)] == words_of(body)
    assert all(text.count("```") % 2 == 0 for text in texts)
    for name in parse(body).anchors & made.moved.keys():
        number, anchor = made.moved[name]
        assert anchor in parse(texts[number]).anchors
