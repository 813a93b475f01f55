"""The content's branch moved on: over whatever came meanwhile, and over nobody's open files."""

from pathlib import Path

import pytest

from kbsearch.articles.publishing import branches, rebasing
from kbsearch.articles.publishing.commits import Author
from kbsearch.articles.publishing.git_tree import GitTree
from kbsearch.config import Settings
from kbsearch.errors import Conflict, Invalid
from tests.kit.writers import PAGE, article, commit, git, with_page, write

NEW = "articles/en/guide/lost.md"
DAN = Author("Dan Leroy", "dan@support.example")


@pytest.fixture
def content(settings: Settings) -> Path:
    return with_page(settings)


def propose(settings: Settings, path: str = NEW, body: str = "Lost", after: str = "") -> str:
    return branches.propose(settings, "draft/lost", {path: body.encode()}, "Lost", DAN, after=after)


def live(settings: Settings) -> GitTree:
    tree = branches.live_tree(settings)
    assert tree is not None
    return tree


def put(settings: Settings, proposed: str) -> str:
    made = rebasing.rebased(live(settings), proposed, by="wendy@support.example")
    assert rebasing.advance(settings, live(settings), made)
    return made


def test_what_is_on_top_already_is_taken_as_it_is(settings, content):
    proposed = propose(settings)
    assert put(settings, proposed) == proposed == git(content, "rev-parse", "main")
    assert (content / NEW).read_text() == "Lost"
    assert git(content, "status", "--porcelain") == ""


def test_commits_elsewhere_come_below_and_the_author_stays(settings, content):
    first = propose(settings)
    proposed = propose(settings, body="Better", after=first)
    write(content, PAGE, article("Second title"))
    other = commit(content)
    made = put(settings, proposed)
    assert git(content, "log", "--format=%an <%ae> %ce %s", f"{other}..main").split("\n") == [
        "Dan Leroy <dan@support.example> wendy@support.example Lost",
    ] * 2  # fmt: skip
    assert git(content, "show", f"{made}:{NEW}") == "Better"
    assert "Second title" in git(content, "show", f"main:{PAGE}")
    assert git(content, "status", "--porcelain") == ""


@pytest.mark.parametrize("theirs", ["Theirs", None])
def test_a_file_that_both_changed_is_a_conflict_and_nothing_moves(settings, content, theirs):
    proposed = propose(settings, PAGE, "Mine")
    if theirs:
        write(content, PAGE, theirs)
    else:
        (content / PAGE).unlink()
    other = commit(content)
    with pytest.raises(Conflict, match="file_changed"):
        rebasing.rebased(live(settings), proposed, by="")
    assert git(content, "rev-parse", "main") == other


def test_the_same_change_on_both_sides_is_none(settings, content):
    proposed = propose(settings)
    write(content, NEW, "Lost")
    other = commit(content)
    assert rebasing.rebased(live(settings), proposed, by="") == other


def test_files_that_somebody_has_open_stay(settings, content):
    write(content, PAGE, "half a sentence")
    put(settings, propose(settings))
    assert (content / PAGE).read_text() == "half a sentence"
    assert git(content, "status", "--porcelain") == f"M {PAGE}"


@pytest.mark.parametrize("path", [PAGE, NEW])  # changed by somebody, and not added yet
def test_files_in_the_way_are_not_overwritten(settings, content, path):
    before = git(content, "rev-parse", "main")
    proposed = propose(settings, path, "Mine")
    write(content, path, "half a sentence")
    with pytest.raises(Invalid, match="work_tree_in_the_way"):
        rebasing.advance(settings, live(settings), proposed)
    assert (content / path).read_text() == "half a sentence"
    assert git(content, "rev-parse", "main") == before


def test_another_branch_that_is_checked_out_is_left_alone(settings, content):
    git(content, "switch", "--quiet", "-c", "mine")
    write(content, PAGE, "half a sentence")
    named = Settings(site=settings.site, branch="main")
    proposed = branches.propose(named, "draft/lost", {NEW: b"Lost"}, "Lost", DAN)
    assert rebasing.advance(named, live(named), proposed)
    assert git(content, "rev-parse", "main") == proposed
    assert (content / PAGE).read_text() == "half a sentence" and not (content / NEW).exists()


def test_who_was_quicker_is_not_overwritten(settings, content):
    seen, proposed = live(settings), propose(settings)
    write(content, PAGE, article("Second title"))
    other = commit(content)
    assert not rebasing.advance(settings, seen, proposed)
    assert git(content, "rev-parse", "main") == other


def test_a_bare_repository_and_a_work_tree_elsewhere_move_on(settings, content, tmp_path):
    git(content, "clone", "--quiet", "--bare", str(content), str(tmp_path / "bare.git"))
    bare = Settings(site=tmp_path, content=tmp_path / "bare.git", branch="main")
    proposed = branches.propose(bare, "draft/lost", {NEW: b"Lost"}, "Lost", DAN)
    assert rebasing.advance(bare, live(bare), proposed)
    git(tmp_path / "bare.git", "worktree", "add", "--quiet", str(tmp_path / "linked"), "main")
    again = branches.propose(bare, "draft/more", {NEW: b"More"}, "More", DAN)
    assert rebasing.advance(bare, live(bare), again)
    assert (tmp_path / "linked" / NEW).read_text() == "More"
    assert git(tmp_path / "linked", "status", "--porcelain") == ""


@pytest.mark.parametrize("revision", ["HEAD", "v1"])
def test_what_is_no_branch_cannot_move_on(settings, content, revision):
    git(content, "tag", "v1")
    git(content, "checkout", "--quiet", "--detach")
    fixed = Settings(site=settings.site, branch=revision)
    with pytest.raises(Invalid, match="content_is_none"):
        rebasing.content_branch(fixed, live(fixed))


def test_two_texts_are_put_together_and_mine_wins_where_both_changed(settings, content):
    base = "one\ntwo\nthree\nfour\nfive"
    mine, theirs = base.replace("two", "TWO"), base.replace("two", "2").replace("five", "5")
    merged = rebasing.merged_text(live(settings), mine, base, theirs)
    assert merged == "one\nTWO\nthree\nfour\n5"
