"""What colleagues say of a branch: comments, changes asked for, approvals, and who is told."""

from dataclasses import replace

import pytest

from kbsearch import outbox
from kbsearch.articles.publishing import branches
from kbsearch.articles.writing import branch_comments, proposals
from kbsearch.errors import Forbidden, Invalid, NotFound
from kbsearch.messages.notifications import mailings
from tests.articles.writing.test_publishing import KEY, begin, content, settings
from tests.kit.mail import letters, text_of
from tests.kit.writers import PAGE, git

__all__ = ["content", "settings"]


def proposed(db, viewer, settings, **values: str):
    begin(db, viewer, settings, **values)
    return branches.find(settings, proposals.propose(db, viewer, settings, KEY))


def may_publish(db, viewer, settings, branch) -> bool:
    review = branch_comments.review_of(db, viewer, settings, branch)
    return proposals.may_publish_branch(viewer, settings, review)


def test_an_approved_branch_is_published_by_its_author(db, cast, settings, content):
    reviewed = replace(settings, article_review=True)
    branch = proposed(db, cast.wendy, reviewed, title="By Wendy")
    for own in (cast.wendy, cast.dan):  # its author; somebody who publishes nothing
        with pytest.raises(Forbidden):
            branch_comments.comment(db, own, reviewed, branch, "", "approved")
    assert not may_publish(db, cast.wendy, reviewed, branch)
    branch_comments.comment(db, cast.root, reviewed, branch, "", "approved")
    branch_comments.comment(db, cast.dan, reviewed, branch, "Not yet.", "changes")
    assert not may_publish(db, cast.wendy, reviewed, branch)
    db.execute("UPDATE people SET name = 'Jean Martin' WHERE role <> 'customer'")
    branch_comments.comment(db, cast.root, reviewed, branch, "", "approved")
    assert not may_publish(db, cast.wendy, reviewed, branch), "two of one name"
    branch_comments.comment(db, cast.dan, reviewed, branch, "No.", "comment")
    assert [each.verdict for each in branch_comments.list_all(db, cast.dan, branch)] == [
        "approved",
        "changes",
        "approved",
        "comment",
    ]
    begin(db, cast.wendy, reviewed, title="By Wendy again")
    later = branches.find(settings, proposals.propose(db, cast.wendy, reviewed, KEY))
    assert not may_publish(db, cast.wendy, reviewed, later), "of another commit"
    branch_comments.comment(db, cast.root, reviewed, later, "Now it can.", "approved")
    assert not may_publish(db, cast.dan, reviewed, later)
    proposals.publish_branch(db, cast.wendy, reviewed, later)
    assert "By Wendy again" in git(content, "show", f"main:{PAGE}")
    assert branch_comments.list_all(db, cast.root, later) == [], "it is live: the branch is no more"


def test_its_author_is_told_by_mail(db, cast, settings, content):
    branch = proposed(db, cast.dan, settings, title="By Dan")
    for empty in ("comment", "changes"):
        with pytest.raises(Invalid):
            branch_comments.comment(db, cast.wendy, settings, branch, " \n", empty)
    with pytest.raises(NotFound):
        branch_comments.comment(db, cast.alice, settings, branch, "Mine")
    branch_comments.comment(db, cast.dan, settings, branch, "My own remark.")
    branch_comments.comment(db, cast.wendy, settings, branch, "Say which collar.", "changes")
    while outbox.run_one(db, mailings.handlers(settings, db, mailings.ABOUT_ARTICLES)):
        pass
    (letter,) = letters(settings)
    assert letter["To"].addresses[0].addr_spec == "dan@support.example"
    assert "Say which collar." in text_of(letter) and "/preview/draft/page/" in text_of(letter)
    assert "Wendy Faure" in text_of(letter)
