"""Trailers of published commits: read once, with the articles that each commit wrote."""

from pathlib import Path

import pytest

from kbsearch.articles.publishing import trailers
from kbsearch.articles.publishing.publish import Publication, publish
from kbsearch.config import Settings
from tests.kit.writers import PAGE, article, commit, git, with_page, write


@pytest.fixture
def content(settings: Settings) -> Path:
    return with_page(settings)


def said(db, key: str = trailers.SOLVES_TICKET) -> list[tuple[str, str]]:
    return [(each.value, each.path) for each in trailers.list_all(db, key)]


def published(db, settings: Settings) -> Publication:
    outcome = publish(db, settings)
    assert isinstance(outcome, Publication), outcome
    return outcome


def test_a_published_commit_says_what_it_solves(db, settings, content):
    published(db, settings)
    write(content, "articles/en/guide/lost.md", article("Lost"))
    made = commit(content, "Lost collars\n\nSolves-Ticket: 1042\nCloses-Gap: G-42\n")
    assert said(db) == []
    published(db, settings)
    (solved,) = trailers.list_all(db, trailers.SOLVES_TICKET)
    assert (solved.commit, solved.value, solved.path) == (made, "1042", "en/guide/lost")
    assert said(db, trailers.CLOSES_GAP) == [("G-42", "en/guide/lost")]


def test_the_history_before_the_first_publication_is_read_too(db, settings, content):
    commit(content, "Nothing written\n\nsolves-ticket: #7, 8")
    commit(content, "Unrelated\n\nSigned-off-by: Wendy <wendy@support.example>")
    published(db, settings)
    assert said(db) == [("7", ""), ("8", "")]


def test_what_was_read_is_not_read_again(db, settings, content):
    commit(content, "Say\n\nSolves-Ticket: 7")
    published(db, settings)
    first = trailers.list_all(db, trailers.SOLVES_TICKET)
    db.execute("DELETE FROM state WHERE name = :name", {"name": trailers.READ})
    published(db, settings)  # as after a crash between the two
    assert trailers.list_all(db, trailers.SOLVES_TICKET) == first
    write(content, PAGE, article("Second title"))
    commit(content, "Correct the page")
    published(db, settings)
    assert trailers.list_all(db, trailers.SOLVES_TICKET) == first


def test_a_publication_whose_trailers_were_not_read_is_made_up_for(db, settings, content):
    commit(content, "Say\n\nSolves-Ticket: 7")
    published(db, settings)
    db.execute("DELETE FROM published_trailers")
    db.execute("DELETE FROM state WHERE name = :name", {"name": trailers.READ})
    published(db, settings)
    assert said(db) == [("7", "")]


def test_a_refused_commit_says_nothing(db, settings, content):
    published(db, settings)
    write(content, PAGE, "---\ntitle: [\n---\n")
    commit(content, "Break\n\nSolves-Ticket: 7")
    publish(db, settings)
    assert said(db) == []


def test_a_merged_branch_keeps_what_its_commits_say(db, settings, content):
    published(db, settings)
    git(content, "checkout", "--quiet", "-b", "draft/lost")
    write(content, "articles/en/guide/lost.md", article("Lost"))
    commit(content, "Lost\n\nSolves-Ticket: 1042")
    git(content, "checkout", "--quiet", "main")
    write(content, PAGE, article("Other title"))
    commit(content, "Meanwhile")
    git(content, "merge", "--quiet", "--no-edit", "draft/lost")
    published(db, settings)
    assert said(db) == [("1042", "en/guide/lost")]


def test_a_merge_that_speaks_for_its_branch_wrote_what_it_brought(db, settings, content):
    published(db, settings)
    git(content, "checkout", "--quiet", "-b", "draft/lost")
    write(content, "articles/en/guide/lost.md", article("Lost"))
    commit(content, "Lost")
    git(content, "checkout", "--quiet", "main")
    message = "Merge\n\nCloses-Gap: G-1"
    git(content, "merge", "--quiet", "--no-ff", "--message", message, "draft/lost")
    published(db, settings)
    assert said(db, trailers.CLOSES_GAP) == [("G-1", "en/guide/lost")]


def test_a_renamed_article_is_still_the_one_that_solved_it(db, settings, content):
    commit(content)
    write(content, "articles/en/guide/lost.md", article("Lost", "How to find a lost collar. " * 9))
    commit(content, "Lost\n\nSolves-Ticket: 1042")
    published(db, settings)
    git(content, "mv", "articles/en/guide/lost.md", "articles/en/guide/found.md")
    commit(content, "Rename")
    published(db, settings)
    assert ("1042", "en/guide/found") in said(db)


def test_a_history_that_was_rewritten_is_read_from_where_it_parted(db, settings, content):
    commit(content, "One\n\nSolves-Ticket: 1")
    published(db, settings)
    git(content, "commit", "--quiet", "--amend", "--allow-empty", "-m", "Two\n\nSolves-Ticket: 2")
    published(db, settings)
    assert {value for value, _ in said(db)} == {"1", "2"}


def test_a_plain_folder_says_nothing(db, settings):
    write(settings.content_path, PAGE, article())
    published(db, settings)
    assert said(db) == []
