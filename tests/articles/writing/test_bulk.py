"""Many articles changed at once: one commit, the rules, and nobody's text lost."""

from dataclasses import replace

import pytest

from kbsearch import articles
from kbsearch.access import ANONYMOUS
from kbsearch.articles.publishing import branches
from kbsearch.articles.publishing.publish import publish
from kbsearch.articles.writing import bulk, listing
from kbsearch.articles.writing.listing import ArticleFilter
from kbsearch.articles.writing.proposals import GateClosed
from kbsearch.config import Settings
from kbsearch.errors import Conflict, Invalid, NotFound
from tests.kit.writers import article, commit, git, png, repository, write

A, B = "en/guide/a", "en/guide/b"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, default_audience="everyone")


@pytest.fixture
def content(settings, db):
    content = repository(settings)
    body = "See [the other](b.md#part), ![a box](a/box.png) and [home](../index.md)."
    write(content, f"articles/{A}.md", article("The first", body, more="tags: [old] # kept\n"))
    write(content, f"articles/{B}.md", article("The second", "## Part\n\n[Back](a.md)."))
    write(content, "articles/en/guide/a/box.png", png())
    write(content, "articles/en/index.md", article("Home", "[First](guide/a.md)."))
    write(content, "articles/fr/guide/a.md", article("Le premier", "Texte."))
    write(content, "articles/en/other/_category.yml", "name: Other\n")
    commit(content)
    publish(db, settings)
    return content


def text(content, path: str) -> str:
    return git(content, "show", f"main:articles/{path}")


def test_articles_move_with_their_translations_and_links(db, settings, content, cast):
    done = bulk.move(db, cast.wendy, settings, [A], "other")
    assert git(content, "log", "-1", "--format=%an %ae %H") == (
        f"{cast.wendy.name} {cast.wendy.email} {done.commit}"
    )
    moved = articles.find(db, ANONYMOUS, "en", "a")
    assert (moved.category, [t.path for t in articles.translations(db, ANONYMOUS, moved)]) == (
        *("other", ["fr/other/a"]),
    )
    said = text(content, "en/other/a.md")
    for link in ("(../guide/b.md#part)", "(../guide/a/box.png)", "(../index.md)"):
        assert link in said, said
    assert "(other/a.md)" in text(content, "en/index.md")
    assert "[Back](../other/a.md)" in text(content, f"{B}.md")
    assert git(content, "branch", "--list", "draft/*") == ""


def test_articles_are_tagged_and_archived(db, settings, content, cast):
    bulk.tag(db, cast.wendy, settings, [A, B], "  new   one ")
    assert articles.find(db, ANONYMOUS, "en", "a").tags == ("old", "new one")
    assert "# kept" in text(content, f"{A}.md")
    bulk.archive(db, cast.wendy, settings, ["fr/guide/a"])
    with pytest.raises(NotFound):
        articles.find(db, ANONYMOUS, "fr", "a")
    assert "status: archived" in text(content, "fr/guide/a.md")


def test_what_a_rule_refuses_stays_as_it_was(db, settings, content, cast):
    before = git(content, "rev-parse", "main")
    with pytest.raises(GateClosed) as caught:
        bulk.archive(db, cast.wendy, settings, [A])
    assert {finding.rule for finding in caught.value.findings} == {"broken-link"}
    assert git(content, "rev-parse", "main") == before
    assert git(content, "branch", "--list", "draft/*") == ""


def test_a_change_is_undone_unless_somebody_went_on(db, settings, content, cast):
    before = text(content, f"{B}.md")
    first = bulk.tag(db, cast.wendy, settings, [A, B], "new")
    bulk.undo(db, cast.wendy, settings, first.commit)
    assert text(content, f"{B}.md") == before
    second = bulk.tag(db, cast.wendy, settings, [B], "new")
    write(content, f"articles/{B}.md", text(content, f"{B}.md") + "\nMore.\n")
    commit(content)
    with pytest.raises(Conflict, match=r"article_bulk\.changed_since"):
        bulk.undo(db, cast.wendy, settings, second.commit)
    for wrong in ("", "x", "0" * 40):
        with pytest.raises(NotFound):
            bulk.undo(db, cast.wendy, settings, wrong)


def test_nobody_else_changes_articles(db, settings, content, cast):
    for viewer in (ANONYMOUS, cast.alice):
        with pytest.raises(NotFound):
            bulk.tag(db, viewer, settings, [A], "new")
        with pytest.raises(NotFound):
            listing.list_page(db, viewer, ArticleFilter())
    done = bulk.tag(db, cast.dan, settings, [A], "new")  # an agent proposes
    assert not done.commit and branches.find(settings, done.branch).author == cast.dan.name


@pytest.mark.parametrize(
    ("act", "key"),
    [
        (lambda db, me, site: bulk.archive(db, me, site, []), "none_chosen"),
        (lambda db, me, site: bulk.tag(db, me, site, [A], " "), "tag_required"),
        (lambda db, me, site: bulk.move(db, me, site, [A], "../up"), "category_unknown"),
        (lambda db, me, site: bulk.archive(db, me, site, [A] * 501), "too_many"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(db, settings, content, cast, act, key):
    with pytest.raises(Invalid, match=key):
        act(db, cast.wendy, settings)


def test_the_list_is_filtered_and_sorted(db, settings, content, cast):
    def titles(**values) -> list[str]:
        page = listing.list_page(db, cast.wendy, ArticleFilter(**values))
        return [each.title for each in page.articles]

    assert titles() == ["Home", "Le premier", "The first", "The second"]
    assert titles(sort="title", is_descending=True)[0] == "The second"
    assert titles(language="fr") == ["Le premier"]
    assert titles(category="guide", text="SECOND") == ["The second"]
    assert titles(tag="old") == ["The first"]
    assert titles(state="behind") == titles(state="unhelpful") == titles(page=2) == []
    assert len(titles(state="unread")) == 4
