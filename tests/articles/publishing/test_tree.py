"""Trees: a commit read by git, a folder read as it is, and what hostile ones try."""

import os
from pathlib import Path

import pytest

from kbsearch.articles.publishing import tree as trees
from kbsearch.articles.publishing.git_tree import GitTree, committed_tree
from kbsearch.articles.publishing.tree import FolderTree, blob_id
from kbsearch.config import Settings
from kbsearch.errors import Invalid
from tests.kit.writers import article, commit, git, repository, write

PAGE = "articles/en/guide/page.md"


@pytest.fixture
def content(settings: Settings) -> Path:
    """A repository with one committed article."""
    content = repository(settings)
    write(content, PAGE, article())
    commit(content)
    return content


def tree(content: Path, revision: str = "HEAD") -> GitTree:
    found = committed_tree(content, revision)
    assert found is not None
    return found


def refused(found: GitTree | FolderTree) -> list[tuple[str, str]]:
    return [(finding.path, finding.rule) for finding in found.findings]


def plant(content: Path, mode: str, path: bytes, body: bytes = b"x") -> None:
    """Put an entry in the next commit that no checkout could have made."""
    blob = git(content, "hash-object", "-w", "--stdin", data=body)
    line = f"{mode} {blob}\t".encode() + path + b"\0"
    git(content, "update-index", "-z", "--index-info", data=line)
    git(content, "commit", "--quiet", "--message", "Plant")


def test_only_what_is_committed_counts(content):
    write(content, PAGE, article("Edited, not committed"))
    write(content, "articles/en/guide/new.md", article())
    found = tree(content)
    assert list(found.entries) == [PAGE]
    assert dict(found.read([PAGE]))[PAGE].decode() == article()


def test_the_content_may_be_a_part_of_a_repository(content):
    write(content, "docs/site/articles/en/a/b.md", article())
    commit(content)
    found = tree(content / "docs/site")
    assert list(found.entries) == ["articles/en/a/b.md"] and found.shown == "docs/site/"


def test_or_lie_in_its_content_folder_when_the_repository_is_named(content, tmp_path):
    git(content, "mv", "articles", "moved")
    (content / "content").mkdir()
    git(content, "mv", "moved", "content/articles")
    commit(content)
    bare = tmp_path / "bare.git"
    git(content, "clone", "--quiet", "--bare", str(content), str(bare))
    for place in (content, bare):
        assert list(tree(place).entries) == [PAGE] and tree(place).shown == "content/"


def test_a_linked_work_tree_is_followed_to_its_repository(content, tmp_path):
    git(content, "worktree", "add", "--quiet", str(tmp_path / "linked"), "-b", "other")
    assert list(tree(tmp_path / "linked").entries) == [PAGE]


def test_a_folder_that_its_repository_ignores_is_a_plain_folder(content):
    write(content, "site/articles/en/a/b.md", article())
    assert committed_tree(content / "site", "HEAD") is None


def test_a_folder_outside_any_repository_is_a_plain_folder(tmp_path):
    assert committed_tree(tmp_path, "HEAD") is None


def test_a_revision_that_does_not_exist_is_said(content):
    for revision in ("gone", "--upload-pack=x", "HEAD; touch x"):
        with pytest.raises(Invalid, match="unknown_revision"):
            committed_tree(content, revision)


def test_each_file_has_the_date_and_commit_of_its_last_change(content):
    first = commit(content)
    write(content, "articles/en/guide/second.md", article())
    second = commit(content)
    found = tree(content)
    changes = found.changes(found.entries)
    assert changes[PAGE].commit != changes["articles/en/guide/second.md"].commit == second
    assert first != second and changes[PAGE].at.endswith("Z")


def test_a_shallow_clone_has_dates_too(content, tmp_path):
    write(content, "articles/en/guide/second.md", article())
    commit(content)
    shallow = tmp_path / "shallow"
    git(content, "clone", "--quiet", "--depth=1", f"file://{content}", str(shallow))
    found = tree(shallow)
    assert set(found.changes(found.entries)) == set(found.entries)


def test_a_change_made_by_a_merge_alone_has_a_date(content):
    git(content, "checkout", "--quiet", "-b", "side")
    write(content, "articles/en/guide/side.md", article())
    commit(content)
    git(content, "checkout", "--quiet", "main")
    git(content, "merge", "--quiet", "--no-ff", "--no-commit", "side")
    write(content, "articles/en/guide/evil.md", article())
    merged = commit(content)
    found = tree(content)
    assert (
        found.changes(["articles/en/guide/evil.md"])["articles/en/guide/evil.md"].commit == merged
    )


def test_what_a_translation_was_made_from_is_looked_up(content):
    first = commit(content)
    write(content, PAGE, article("New title"))
    commit(content)
    found = tree(content)
    asked = [(first, PAGE), (first[:10], PAGE), ("0" * 40, PAGE), (first, "gone.md"), ("--x", PAGE)]
    assert set(found.blobs_at(asked)) == {(first, PAGE), (first[:10], PAGE)}
    assert found.blobs_at(asked)[first, PAGE] != found.entries[PAGE].blob


def test_a_symbolic_link_is_refused(content):
    (content / "articles/en/guide/secret.md").symlink_to("/etc/passwd")
    commit(content)
    expected = [("articles/en/guide/secret.md", "symlink")]
    assert refused(tree(content)) == expected
    assert refused(FolderTree(content, "")) == expected
    assert list(FolderTree(content).entries) == [PAGE]


def test_a_folder_behind_a_link_is_not_entered(tmp_path):
    write(tmp_path / "elsewhere", "x.md", article())
    write(tmp_path / "content", PAGE, article())
    (tmp_path / "content/articles/en/linked").symlink_to(tmp_path / "elsewhere")
    assert refused(FolderTree(tmp_path / "content", "")) == [("articles/en/linked", "symlink")]


def test_a_submodule_is_refused(content):
    line = f"160000 {'1' * 40}\tarticles/en/module\0"
    git(content, "update-index", "-z", "--add", "--index-info", data=line.encode())
    git(content, "commit", "--quiet", "--message", "Plant")
    assert refused(tree(content)) == [("articles/en/module", "submodule")]


def test_a_20_mb_file_is_refused_unread(content):
    write(content, "articles/en/guide/huge.md", b"x" * 20_000_000)
    commit(content)
    for found in (tree(content), FolderTree(content, "")):
        assert refused(found) == [("articles/en/guide/huge.md", "file-size")]
        assert "articles/en/guide/huge.md" not in found.entries


def test_a_name_that_is_not_utf_8_is_refused(content):
    plant(content, "100644", b"articles/en/guide/caf\xe9.md")
    assert refused(tree(content)) == [("articles/en/guide/caf\ufffd.md", "file-name")]


def test_a_folder_with_such_a_name_is_refused_alone(tmp_path):
    write(tmp_path, PAGE, article())
    with open(os.fsencode(tmp_path) + b"/articles/en/guide/caf\xe9.md", "wb") as file:
        file.write(article().encode())
    found = FolderTree(tmp_path, "")
    assert refused(found) == [("articles/en/guide/caf\ufffd.md", "file-name")]
    assert list(found.entries) == [PAGE]


@pytest.mark.parametrize("name", ["a\\b.md", "a\nb.md", "a\x1b[2J.md"])
def test_a_name_that_could_mislead_is_refused(content, name):
    plant(content, "100644", f"articles/en/guide/{name}".encode())
    ((shown, rule),) = refused(tree(content))
    assert rule == "file-name" and shown.isprintable()


@pytest.mark.parametrize(
    "path", ["../x.md", "a/../../x.md", "/etc/passwd", "a//b", "./a", ".git/config", "a/.GIT/x"]
)
def test_a_path_that_leaves_the_content_is_not_safe(path):
    assert not trees.is_safe(path)


def test_a_name_that_looks_like_an_option_is_only_a_name(content):
    write(content, "articles/en/guide/--upload-pack=x.md", article())
    commit(content)
    found = tree(content)
    bodies = dict(found.read(found.entries))
    assert bodies["articles/en/guide/--upload-pack=x.md"].decode() == article()
    assert len(found.changes(found.entries)) == 2


def test_hooks_and_settings_of_the_repository_do_not_run(content, tmp_path):
    trap = tmp_path / "ran"
    git(content, "config", "core.fsmonitor", f"touch {trap}")
    hook = write(content, ".git/hooks/post-index-change", f"#!/bin/sh\ntouch {trap}\n")
    hook.chmod(0o755)
    found = tree(content)
    list(found.read(found.entries))
    found.changes(found.entries)
    assert not trap.exists()


def test_what_a_hook_says_of_its_own_repository_is_not_listened_to(content, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "x"))
    assert list(tree(content).entries) == [PAGE]


def test_a_file_has_the_same_id_in_a_folder_and_in_git(content):
    assert FolderTree(content).entries == tree(content).entries
    assert blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


@pytest.mark.parametrize("lost", ["HEAD", "objects"])
def test_a_damaged_bare_repository_is_no_folder_without_articles(content, tmp_path, lost):
    bare = tmp_path / "bare.git"
    git(content, "clone", "--quiet", "--bare", str(content), str(bare))
    (bare / lost).rename(tmp_path / "lost")
    with pytest.raises(Invalid, match="damaged_repository"):
        committed_tree(bare, "main")
