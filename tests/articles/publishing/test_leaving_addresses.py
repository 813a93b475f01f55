"""Addresses that articles leave: renamed, moved, removed, in one commit or over many."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from kbsearch.articles import former_addresses
from kbsearch.articles.publishing import leaving_addresses
from kbsearch.articles.publishing.leaving_addresses import FormerAddress
from kbsearch.articles.publishing.publish import Publication, publish
from kbsearch.config import Settings
from kbsearch.errors import Gone
from tests.kit.writers import article, commit, git, repository, write

FOLDER = "articles/en/guide"
BODY = "How a credit note is made.\n\nFirst this.\n\nThen that.\n\nAnd then send it."


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, default_audience="everyone")


@pytest.fixture
def content(settings: Settings) -> Path:
    content = repository(settings)
    write(content, f"{FOLDER}/stays.md", article("It stays"))
    write(content, f"{FOLDER}/note.md", article("Credit note", BODY))
    write(content, f"{FOLDER}/secret.md", article("For Acme", "Theirs alone.", "org:acme"))
    commit(content)
    return content


def gone_rules(outcome) -> list[str]:
    assert isinstance(outcome, Publication)
    return [each.values["address"] for each in outcome.findings if each.rule == "address-gone"]


def leads_to(db, viewer, slug: str) -> str:
    card = former_addresses.find(db, viewer, "en", slug)
    return card.slug if card else ""


def test_renames_lead_on_by_themselves_and_chains_are_one_step(db, cast, settings, content):
    publish(db, settings)
    git(content, "mv", f"{FOLDER}/note.md", f"{FOLDER}/credit.md")
    write(content, f"{FOLDER}/credit.md", article("Credits", BODY.replace("First", "Firstly")))
    commit(content)
    assert gone_rules(publish(db, settings)) == []
    (content / "articles/en/money").mkdir()
    git(content, "mv", f"{FOLDER}/credit.md", "articles/en/money/refund.md")
    commit(content)
    assert gone_rules(publish(db, settings)) == []
    assert leads_to(db, cast.nobody, "note") == leads_to(db, cast.nobody, "credit") == "refund"
    assert {row["path"] for row in db.query("SELECT path FROM former_addresses")} == {
        "en/money/refund"
    }


def test_the_addresses_of_articles_that_change_places_follow_each_their_own(db):
    before = (FormerAddress("en", "old-a", "en/a", "everyone"),
              FormerAddress("en", "old-b", "en/b", "everyone"))  # fmt: skip
    tree = SimpleNamespace(is_committed=False)
    leaving_addresses.keep(db, tree, before, {})
    leaving_addresses.keep(db, tree, (), {"en/a": "en/b", "en/b": "en/a"})
    rows = db.query("SELECT slug, path FROM former_addresses ORDER BY slug")
    assert [(row["slug"], row["path"]) for row in rows] == [("old-a", "en/b"), ("old-b", "en/a")]


def test_what_is_removed_is_gone_to_its_readers_and_comes_back(db, cast, settings, content):
    publish(db, settings)
    git(content, "rm", f"{FOLDER}/note.md", f"{FOLDER}/secret.md")
    commit(content)
    outcome = publish(db, settings)
    assert gone_rules(outcome) == ["/en/articles/note", "/en/articles/secret"]
    for viewer, slug in ((cast.nobody, "note"), (cast.alice, "secret"), (cast.dan, "secret")):
        with pytest.raises(Gone):
            former_addresses.check_gone(db, viewer, "en", slug)
    for viewer, slug in ((cast.chloe, "secret"), (cast.nobody, "never")):
        former_addresses.check_gone(db, viewer, "en", slug)
    write(content, f"{FOLDER}/note.md", article("Credit note", BODY, more="slug: other\n"))
    commit(content)
    publish(db, settings)
    assert leads_to(db, cast.nobody, "note") == "other"


def test_another_slug_and_a_dropped_alias_lead_on(db, cast, settings, content):
    write(content, f"{FOLDER}/note.md", article("Credit note", BODY, more="alias: [old]\n"))
    commit(content)
    publish(db, settings)
    write(content, f"{FOLDER}/note.md", article("Credit note", BODY, more="slug: new\n"))
    commit(content)
    assert gone_rules(publish(db, settings)) == []
    assert leads_to(db, cast.nobody, "note") == leads_to(db, cast.nobody, "old") == "new"


def test_the_first_publication_reads_the_whole_history(db, cast, settings, content):
    git(content, "mv", f"{FOLDER}/note.md", f"{FOLDER}/credit.md")
    commit(content)
    git(content, "mv", f"{FOLDER}/credit.md", f"{FOLDER}/refund.md")
    git(content, "rm", f"{FOLDER}/secret.md")
    commit(content)
    publish(db, settings)
    assert leads_to(db, cast.nobody, "note") == leads_to(db, cast.nobody, "credit") == "refund"
    with pytest.raises(Gone):
        former_addresses.check_gone(db, cast.alice, "en", "secret")
    former_addresses.check_gone(db, cast.nobody, "en", "secret")


def test_a_plain_folder_knows_a_move_by_the_same_bytes_or_title(db, cast, settings):
    content = settings.content_path
    write(content, f"{FOLDER}/note.md", article("Credit note", BODY))
    write(content, f"{FOLDER}/other.md", article("Other", "Words."))
    publish(db, settings)
    (content / FOLDER / "note.md").rename(content / FOLDER / "credit.md")
    (content / FOLDER / "other.md").unlink()
    write(content, f"{FOLDER}/another.md", article("Other", "Better words."))
    publish(db, settings)
    assert (leads_to(db, cast.nobody, "note"), leads_to(db, cast.nobody, "other")) == (
        "credit",
        "another",
    )
    assert not former_addresses.may_hide(db)
