"""Files written for other tools: what they hold back is not shown, whatever they call it."""

import pytest

from kbsearch.articles.publishing import edition, foreign_keys
from kbsearch.articles.publishing.publish import Publication, publish
from kbsearch.articles.publishing.tree import FolderTree
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from tests.kit.writers import article, write

PAGE = "articles/en/guide/page.md"


@pytest.fixture
def live(db: SqliteDatabase, settings: Settings):
    """Publish one file from a folder without git, beside a good one; whether it is live."""

    def is_live(text: str, path: str = PAGE) -> bool:
        write(settings.content_path, "articles/en/guide/other.md", article("Other"))
        write(settings.content_path, path, text)
        assert isinstance(publish(db, settings), Publication)
        rows = db.query("SELECT path FROM articles WHERE path <> 'en/guide/other'")
        return bool(rows)

    return is_live


@pytest.mark.parametrize(
    "line",
    [
        *(
            "draft: true",
            "draft: yes",
            "Draft: TRUE",
            "draft: maybe",
            "draft: [a]",
            "draft: {a: b}",
        ),
        *("isDraft: true", "brouillon: oui", "published: false", "published: no", "publish: false"),
        *("published:", "unlisted: true", "hidden: true", "private: true", "archived: true"),
        *("visibility: private", "visibility: internal", "state: review", "wip: 1"),
        *("status: brouillon", "status: Draft", "status: pending", "status: [published]"),
        *("date: 2199-01-01", "publishDate: 2199-01-01T10:00:00Z", "publish_date: soon"),
        *("date: 01/02/2199", "date: 5 mai 2199", "expiryDate: 2020-01-01", "expires: 2199-01-01"),
        *("published: 2199-01-01", "audiance: agents", "statut: publié"),
    ],
)
def test_a_state_that_is_not_plainly_shown_is_not_published(live, line: str):
    assert not live(f"---\ntitle: Page\naudience: everyone\n{line}\n---\nText.\n")


@pytest.mark.parametrize(
    "text",
    [
        '+++\ntitle = "Hugo"\ndraft = true\n+++\n\nText.\n',
        '+++\ntitle = "Hugo"\n+++\n\nText.\n',
        '{\n  "title": "Hugo",\n  "draft": true\n}\n\nText.\n',
        ";;;\n{}\n;;;\n\nText.\n",
        "\n---\ntitle: Page\ndraft: true\n---\nText.\n",
        "---\ntitle: Page\ndraft: true\n",
        "---\ntitle: Page: draft\n---\nText.\n",
        "\ufeff\n+++\n+++\nText.\n",
    ],
)
def test_front_matter_that_cannot_be_read_is_not_published(live, text: str):
    assert not live(text)


@pytest.mark.parametrize(
    "path",
    [
        *("articles/en/_drafts/page.md", "articles/en/guide/_drafts/page.md"),
        *("articles/en/drafts/page.md", "articles/en/Brouillons/page.md"),
        *("articles/en/_includes/page.md", "articles/en/guide/_page.md"),
    ],
)
def test_what_lies_among_drafts_is_not_published(live, path: str):
    assert not live(article(), path)


@pytest.mark.parametrize(
    "line",
    [
        *("draft: false", "published: true", "hidden: no", "visibility: public", "unlisted: false"),
        *("date: 2020-01-31", "date: 2020-01-31 10:00:00 +0100", "date: 31/01/2020"),
        *("date: January 5, 2020", "published: 2020-01-01", "layout: page", "weight: 3"),
        *("sidebar_position: 2", "ms.date: 01/31/2020", "ms.topic: how-to", "toc: {a: b}"),
    ],
)
def test_a_page_that_is_shown_elsewhere_is_published(live, line: str):
    assert live(f"---\ntitle: Page\naudience: everyone\n{line}\n---\nText.\n")


def test_keys_known_from_other_tools_are_one_warning_a_file(tmp_path):
    more = "layout: page\nweight: 3\nms.date: 01/31/2020\ndescription: What it says\n"
    more += "keywords: [one, two]\nredirect_from: [/old/place/]\n"
    write(tmp_path, PAGE, article(more=more))
    made = edition.make(FolderTree(tmp_path, ""), Settings())
    (page,) = made.articles
    told = [(each.rule, each.severity, dict(each.values)) for each in made.findings]
    assert told == [("foreign-keys", "warning", {"keys": "layout, weight, ms.date"})]
    assert page.summary == "What it says" and page.source.front.list("tags") == ("one", "two")
    assert made.addresses.aliases == {("en", "/old/place"): PAGE, ("en", "place"): PAGE}


def test_our_own_keys_win_over_those_of_other_tools(tmp_path):
    write(tmp_path, PAGE, article(more="summary: Ours\ndescription: Theirs\n"))
    (page,) = edition.make(FolderTree(tmp_path, ""), Settings()).articles
    assert page.summary == "Ours"


def test_an_index_of_hugo_is_no_draft():
    assert not foreign_keys.is_held_folder("articles/en/guide/_index.md")
    assert not foreign_keys.is_held_folder("articles/en/_posts/page.md")
