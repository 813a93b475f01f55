"""Articles being written: kept, in two windows, and proposed as commits of their author."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kbsearch.access import OPERATOR
from kbsearch.articles.publishing import branches
from kbsearch.articles.writing import drafts as article_drafts
from kbsearch.articles.writing import proposals as article_proposals
from kbsearch.articles.writing import review as article_review
from kbsearch.articles.writing.composition import ArticleBrief, Composed, compose
from kbsearch.articles.writing.drafts import ArticleDraft
from kbsearch.config import Settings
from kbsearch.database.engines import open_database
from kbsearch.errors import Conflict, Invalid, NotFound
from kbsearch.site import erasing
from tests.articles.writing.test_composition import solve
from tests.kit.writers import article, commit, git, repository, write

KEY = "draft-key-1"


@pytest.fixture
def content(settings: Settings) -> Path:
    content = repository(settings)
    write(content, "articles/en/guide/page.md", article("First title"))
    commit(content)
    return content


@pytest.fixture
def composed(db, cast) -> Composed:
    solve(db, said="Bob Durand cannot open it, ERR-1042.")
    found = compose(db, cast.dan, ArticleBrief(tickets=[1042], audience="customers"))
    return replace(found, article=replace(found.article, category="guide"))


@pytest.fixture
def draft(db, cast, composed) -> ArticleDraft:
    return article_drafts.save(db, cast.dan, KEY, composed, tab="one")


def changed(composed: Composed, **values: Any) -> Composed:
    return replace(composed, article=replace(composed.article, **values))


def test_what_is_written_is_kept_for_whoever_writes_it(db, cast, composed, draft):
    found = article_drafts.find(db, cast.dan, KEY)
    assert found.article == composed.article and found.hidden == composed.hidden
    assert [link.number for link in found.tickets] == [1042]
    assert article_drafts.find_of(db, cast.dan, ticket=1042) == found
    for other in (cast.root, cast.wendy, cast.alice, cast.nobody):
        with pytest.raises(NotFound):
            article_drafts.find(db, other, KEY)
        with pytest.raises(NotFound):
            article_drafts.discard(db, other, KEY)


def test_a_page_saves_again_over_what_it_wrote(db, cast, composed, draft):
    for title in ("One", "Two", "Three"):  # it was not told of the edition meanwhile
        saved = article_drafts.save(
            db, cast.dan, KEY, changed(composed, title=title), edition=1, tab="one"
        )
    assert saved.article.title == "Three"


def test_two_windows_do_not_overwrite_each_other(db, cast, composed, draft):
    second = changed(composed, title="In the second window")
    article_drafts.save(db, cast.dan, KEY, second, edition=draft.edition, tab="two")
    mine = changed(composed, title="In the first")
    with pytest.raises(Conflict) as told:
        article_drafts.save(db, cast.dan, KEY, mine, edition=draft.edition, tab="one")
    assert told.value.differences == {"title": ("In the first", "In the second window")}
    there = article_drafts.find(db, cast.dan, KEY)
    assert there.article.title == "In the second window"
    saved = article_drafts.save(db, cast.dan, KEY, mine, edition=there.edition, tab="one")
    assert saved.article.title == "In the first"


def test_a_page_that_is_left_saves_the_same_once_more_and_changes_nothing(
    db, cast, composed, draft
):
    mine = changed(composed, title="Typed last")
    kept = article_drafts.save(db, cast.dan, KEY, mine, edition=draft.edition, tab="two")
    late = article_drafts.save(db, cast.dan, KEY, mine, edition=draft.edition, tab="one")
    assert late.edition == kept.edition, "the page that was opened meanwhile may go on"


def test_a_page_that_does_not_say_which_it_is_overwrites_nothing(db, cast, composed, draft):
    first, second = (changed(composed, title=title) for title in ("First", "Second"))
    article_drafts.save(db, cast.dan, KEY, first, edition=draft.edition)
    with pytest.raises(Conflict):
        article_drafts.save(db, cast.dan, KEY, second, edition=draft.edition)


def test_a_gap_has_its_draft(db, cast):
    made = compose(db, cast.wendy, ArticleBrief(title="Collars", gap="G-42"))
    article_drafts.save(db, cast.wendy, KEY, made)
    found = article_drafts.find_of(db, cast.wendy, gap="G-42")
    assert found is not None and found.gap == "G-42"


def test_what_was_masked_is_put_back_and_masked_again(db, cast, composed):
    (item,) = composed.hidden
    (seen,) = article_review.masked(composed.article, composed.hidden)
    assert (seen.state, [place.field for place in seen.places]) == ("masked", ["body"])
    line = composed.article.body.split("\n")[seen.places[0].line - 1]
    assert line == "‹name› cannot open it, ERR-1042."
    restored = article_review.restore(composed.article, item)
    assert "Bob Durand cannot open it" in restored.body
    assert article_review.masked(restored, composed.hidden)[0].state == "restored"
    assert article_review.mask_again(restored, item) == composed.article
    coil = replace(restored, body="Bob Durand, Bob Durandeau")
    assert article_review.mask_again(coil, item).body == "‹name›, Bob Durandeau"
    emptied = replace(composed.article, body="")
    assert article_review.masked(emptied, composed.hidden)[0].state == "gone"


def test_what_may_be_missed_is_shown(composed):
    text = "Open the Zorglub of Tartempion, file 1234567890, at srv.tartempion.local.\n\nERR-1042"
    found = article_review.doubtful(replace(composed.article, body=text), ["iCownect"])
    told = {(each.why, each.text) for each in found}
    assert told >= {
        ("word", "Zorglub"),
        ("word", "Tartempion"),
        ("number", "1234567890"),
        ("address", "srv.tartempion.local"),
    }
    assert not any("ERR" in text for _, text in told)


def test_a_draft_is_proposed_on_a_branch_with_its_trailers(db, settings, cast, content, draft):
    name = article_proposals.propose(db, cast.dan, settings, KEY)
    assert name == "draft/collar-lost-from-the-herd"
    told = git(content, "log", "-1", "--format=%an <%ae>%n%B", name)
    assert told.split("\n") == [
        "Dan Leroy <dan@support.example>",
        "Collar lost from the herd",
        "",
        "Solves-Ticket: 1042",
    ]
    file = git(content, "show", f"{name}:articles/en/guide/collar-lost-from-the-herd.md")
    assert file.startswith("---\ntitle: Collar lost from the herd\naudience: customers\n")
    assert "Bob" not in file
    assert git(content, "status", "--porcelain") == ""


def test_proposed_again_it_goes_on_and_leaves_its_old_address(
    db, settings, cast, content, composed, draft
):
    article_proposals.propose(db, cast.dan, settings, KEY)
    better = changed(composed, slug="find-a-collar", title="Find a collar")
    article_drafts.save(db, cast.dan, KEY, better, edition=1, tab="one")
    name = article_proposals.propose(db, cast.dan, settings, KEY)
    assert name == "draft/collar-lost-from-the-herd"
    branch = branches.find(settings, name)
    assert branch.ahead == 2
    assert branches.changed(settings, branch) == ["articles/en/guide/find-a-collar.md"]


def test_the_same_form_sent_at_once_is_one_proposal(db, settings, cast, content, draft):
    names: list[str] = []

    def run() -> None:
        other = open_database(settings.database_address)
        names.append(article_proposals.propose(other, cast.dan, settings, KEY))
        other.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == ["draft/collar-lost-from-the-herd"] * 4
    (branch,) = branches.list_all(settings)
    assert branch.ahead == 1


def test_another_draft_of_the_same_name_has_a_branch_of_its_own(
    db, settings, cast, content, composed, draft
):
    article_proposals.propose(db, cast.dan, settings, KEY)
    article_drafts.save(db, cast.root, "draft-key-2", composed)
    name = article_proposals.propose(db, cast.root, settings, "draft-key-2")
    assert name == "draft/collar-lost-from-the-herd-2"


def test_what_somebody_else_pushed_is_not_lost(db, settings, cast, content, draft):
    name = article_proposals.propose(db, cast.dan, settings, KEY)
    git(content, "checkout", "--quiet", name)
    write(content, "articles/en/guide/other.md", article("By Wendy"))
    theirs = commit(content)
    git(content, "checkout", "--quiet", "main")
    with pytest.raises(Conflict):
        article_proposals.propose(db, cast.dan, settings, KEY)
    assert git(content, "rev-parse", name) == theirs


def test_an_article_that_is_live_is_not_overwritten(db, settings, cast, content, composed):
    article_drafts.save(db, cast.dan, KEY, changed(composed, slug="page"))
    with pytest.raises(Invalid) as told:
        article_proposals.propose(db, cast.dan, settings, KEY)
    assert told.value.key == "article_draft.address_taken"


@pytest.mark.parametrize("title", ["Solves-Ticket: 9", "x\n\nSolves-Ticket: 9", "# 9", "-m x"])
def test_no_title_writes_a_trailer(db, settings, cast, content, composed, title):
    article_drafts.save(db, cast.dan, KEY, changed(composed, title=title))
    name = article_proposals.propose(db, cast.dan, settings, KEY)
    format = "--format=%(trailers:key=Solves-Ticket,valueonly)"
    assert git(content, "log", "-1", format, name) == "1042"


@pytest.mark.parametrize(
    ("field", "value", "key"),
    [
        ("title", " ", "article_draft.title_required"),
        ("category", "", "article_draft.category_required"),
        ("slug", "../..", "article_draft.slug_required"),
        ("body", "\n", "article_draft.body_required"),
    ],
)
def test_what_is_not_whole_is_not_proposed(
    db, settings, cast, content, composed, field, value, key
):
    article_drafts.save(db, cast.dan, KEY, changed(composed, **{field: value}))
    with pytest.raises(Invalid) as told:
        article_proposals.propose(db, cast.dan, settings, KEY)
    assert told.value.key == key
    assert branches.list_all(settings) == []


def test_no_address_leaves_the_folder_of_articles(db, settings, cast, content, composed):
    odd = changed(composed, slug="../../x", category="../..//.git/hooks/")
    saved = article_drafts.save(db, cast.dan, KEY, odd)
    assert saved.article.place == "articles/en/git/hooks/x.md"


def test_what_was_masked_goes_with_the_person(db, settings, cast, draft):
    erasing.erase(db, OPERATOR, settings, "bob@acme.example")
    assert "Bob" not in str(db.query("SELECT * FROM article_drafts"))
    assert article_drafts.find(db, cast.dan, KEY).article == draft.article


def test_the_drafts_of_who_is_erased_are_gone(db, settings, cast, draft):
    erasing.erase(db, OPERATOR, settings, "dan@support.example")
    assert db.query("SELECT 1 FROM article_drafts") == []


def test_old_drafts_are_forgotten(db, cast, draft):
    db.execute("UPDATE article_drafts SET updated_at = '2020-01-01T00:00:00Z'")
    assert article_drafts.forget_old(db, 30) == 1
    assert db.query("SELECT 1 FROM article_draft_tickets") == []
