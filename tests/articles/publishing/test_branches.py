"""Branches of the content: made beside what is live and what anybody has open, never over it."""

import threading
from pathlib import Path

import pytest

from kbsearch.articles.publishing import branches
from kbsearch.articles.publishing.commits import Author
from kbsearch.config import Settings
from kbsearch.errors import Conflict, Invalid, NotFound
from tests.kit.writers import PAGE, article, commit, git, repository, with_page, write

NEW = "articles/en/guide/lost.md"
DAN = Author("Dan Leroy", "dan@support.example")
MESSAGE = "Lost collars\n\nSolves-Ticket: 1042\n"


@pytest.fixture
def content(settings: Settings) -> Path:
    return with_page(settings)


def propose(
    settings: Settings, name: str = "draft/lost", body: str = "Lost", after: str = ""
) -> str:
    return branches.propose(settings, name, {NEW: body.encode()}, MESSAGE, DAN, after=after)


def test_a_proposal_is_a_commit_of_its_author_and_touches_nothing_else(settings, content):
    write(content, PAGE, "half a sentence")  # somebody is writing
    write(content, "articles/en/guide/staged.md", "staged")
    git(content, "add", "articles/en/guide/staged.md")
    before = git(content, "status", "--porcelain"), git(content, "rev-parse", "HEAD")
    made = propose(settings)
    assert (git(content, "status", "--porcelain"), git(content, "rev-parse", "HEAD")) == before
    assert git(content, "rev-parse", "draft/lost") == made
    assert git(content, "show", "--format=%an <%ae>", "--name-status", made).split("\n") == [
        "Dan Leroy <dan@support.example>", "", f"A\t{NEW}",
    ]  # fmt: skip
    assert git(content, "show", f"{made}:{NEW}") == "Lost"
    assert (
        git(content, "log", "-1", "--format=%(trailers:key=Solves-Ticket,valueonly)", made)
        == "1042"
    )


def test_the_hooks_of_the_repository_are_not_run(settings, content):
    canary = content / "ran"
    for name in ("reference-transaction", "post-commit", "pre-commit", "commit-msg"):
        hook = content / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\necho ran >> {canary}\n")
        hook.chmod(0o755)
    propose(settings)
    assert not canary.exists()


def test_content_below_a_repository_and_a_bare_repository_take_proposals(settings, tmp_path):
    content = repository(settings)
    git(content, "init", "--quiet", "--bare", str(tmp_path / "bare.git"))
    write(content, f"docs/{PAGE}", article())
    commit(content)
    below = Settings(site=tmp_path, content=content / "docs")
    made = propose(below)
    assert git(content, "show", f"{made}:docs/{NEW}") == "Lost"
    git(content, "push", "--quiet", str(tmp_path / "bare.git"), "main")
    bare = Settings(site=tmp_path, content=tmp_path / "bare.git", branch="main")
    (tmp_path / "bare.git" / "HEAD").write_text("ref: refs/heads/main\n")
    write(content, PAGE, article())
    propose(bare, "draft/other")
    assert [each.name for each in branches.list_all(bare)] == ["draft/other"]


def test_a_proposal_goes_on_where_it_stood(settings, content):
    first = propose(settings)
    second = propose(settings, body="Better", after=first)
    assert git(content, "rev-parse", f"{second}^") == first
    (branch,) = branches.list_all(settings)
    assert (branch.name, branch.commit, branch.ahead, branch.behind) == ("draft/lost", second, 2, 0)
    assert (branch.author, branch.email) == ("Dan Leroy", "dan@support.example")
    assert branches.changed(settings, branch) == [NEW]


def test_what_somebody_else_did_to_the_branch_is_not_overwritten(settings, content):
    first = propose(settings)
    git(content, "checkout", "--quiet", "draft/lost")
    write(content, NEW, "Wendy’s words")
    theirs = commit(content)
    git(content, "checkout", "--quiet", "main")
    for after in (first, ""):
        with pytest.raises(Conflict):
            propose(settings, body="Mine", after=after)
    assert git(content, "rev-parse", "draft/lost") == theirs


def test_a_branch_in_somebody_s_work_tree_is_left_alone(settings, content, tmp_path):
    first = propose(settings)
    git(content, "worktree", "add", "--quiet", str(tmp_path / "theirs"), "draft/lost")
    with pytest.raises(Conflict):
        propose(settings, after=first)
    with pytest.raises(Conflict):
        branches.discard(settings, branches.find(settings, "draft/lost"))


def test_of_two_who_propose_at_once_one_is_told(settings, content):
    outcomes: list[str] = []
    barrier = threading.Barrier(4)

    def run(number: int) -> None:
        barrier.wait()
        try:
            outcomes.append(propose(settings, body=f"Words of {number}"))
        except Conflict:
            outcomes.append("")

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 4 and len([each for each in outcomes if each]) == 1
    assert git(content, "rev-parse", "draft/lost") in outcomes


def test_a_proposal_whose_branch_was_merged_begins_anew(settings, content):
    first = propose(settings)
    git(content, "merge", "--quiet", "draft/lost")
    git(content, "branch", "--quiet", "-d", "draft/lost")
    second = propose(settings, body="Better", after=first)
    assert git(content, "rev-parse", f"{second}^") == git(content, "rev-parse", "main")


def test_a_name_is_taken_as_long_as_its_branch_is_there(settings, content):
    propose(settings)
    git(content, "merge", "--quiet", "draft/lost")
    assert branches.list_all(settings) == []
    assert branches.is_taken(settings, "draft/lost")
    assert not branches.is_taken(settings, "draft/other")


def test_a_draft_is_thrown_away_and_brought_back(settings, content):
    made = propose(settings)
    branches.discard(settings, branches.find(settings, "draft/lost"))
    assert branches.list_all(settings) == []
    with pytest.raises(NotFound):
        branches.restore(settings, "draft/lost", "0" * 40)
    branches.restore(settings, "draft/lost", made)
    assert [each.commit for each in branches.list_all(settings)] == [made]
    assert git(content, "for-each-ref", "refs/kbsearch") == ""


def test_a_draft_that_moved_is_not_thrown_away(settings, content):
    first = propose(settings)
    seen = branches.find(settings, "draft/lost")
    propose(settings, body="Better", after=first)
    with pytest.raises(Conflict):
        branches.discard(settings, seen)
    assert branches.find(settings, "draft/lost").ahead == 2


def test_writers_own_branches_are_listed_and_not_thrown_away(settings, content):
    git(content, "branch", "same-as-live")
    git(content, "checkout", "--quiet", "-b", "reword")
    write(content, PAGE, article("Better title"))
    commit(content)
    git(content, "checkout", "--quiet", "main")
    commit(content, "Meanwhile")
    (branch,) = branches.list_all(settings)
    assert (branch.name, branch.ahead, branch.behind) == ("reword", 1, 1)
    assert branches.changed(settings, branch) == [PAGE]
    with pytest.raises(Invalid):
        branches.discard(settings, branch)


def test_an_address_is_a_branch_and_a_page(settings, content):
    propose(settings)
    branch, rest = branches.split(settings, "draft/lost/en/guide/lost")
    assert (branch.name, rest) == ("draft/lost", "en/guide/lost")
    for address in ("", "draft", "draft/other/x", "../draft/lost", "main/en", "x" * 9000):
        with pytest.raises(NotFound):
            branches.split(settings, address)


@pytest.mark.parametrize(
    "name",
    ["", "-x", "--upload-pack=x", "a/-b", "..", "a..b", "a/../b", "/a", "a/", "a//b", "a.lock"]
    + ["draft/x.lock", "a b", "a~1", "a^", "a:b", "a@{1}", "a\\b", "a\nb", "é", ".a", "a/.b", "a?"]
    + ["a.", "HEAD^{tree}", "x" * 201, "a\0b", "*", "[a]"],
)
def test_no_name_is_an_option_a_path_or_an_expression(settings, content, name):
    assert not branches.is_name(name)
    with pytest.raises(NotFound):
        branches.find(settings, name)
    with pytest.raises(Invalid):
        propose(settings, name)


@pytest.mark.parametrize("name", ["refs/heads/main", "main", "HEAD", "0" * 40])
def test_nothing_but_a_draft_is_written(settings, content, name):
    before = git(content, "for-each-ref")
    with pytest.raises(Invalid):
        propose(settings, name)
    assert git(content, "for-each-ref") == before


def test_the_names_of_people_cannot_write_headers(settings, content):
    evil = Author("Eve <root@x>\nparent 123", "e\n@x>")
    made = branches.propose(settings, "draft/eve", {NEW: b"x"}, MESSAGE, evil)
    assert git(content, "log", "-1", "--format=%an|%ae", made) == "Eve root@x parent 123|e @x"


def test_a_plain_folder_has_no_branches(settings):
    write(settings.content_path, PAGE, article())
    assert branches.list_all(settings) == []
    with pytest.raises(Invalid):
        propose(settings)
