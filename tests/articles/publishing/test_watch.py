"""The watcher: it notices every way content changes, and costs next to nothing when none did."""

import os
import subprocess

import pytest

from kbsearch.articles.publishing.watch import Watcher
from tests.kit.writers import article, commit, git, repository, write

PAGE = "articles/en/guide/page.md"


@pytest.fixture
def content(settings):
    content = repository(settings)
    write(content, PAGE, article())
    commit(content)
    return content


def watcher(settings) -> Watcher:
    found = Watcher(settings)
    assert found.changed(), "the first look is always news"
    assert not found.changed()
    return found


def test_a_commit_is_noticed_and_an_edit_is_not(settings, content):
    watching = watcher(settings)
    write(content, PAGE, article("Edited"))
    assert not watching.changed()
    commit(content)
    assert watching.changed() and not watching.changed()


def test_a_checkout_a_reset_and_packed_references_are_noticed(settings, content):
    commit(content)
    watching = watcher(settings)
    git(content, "reset", "--quiet", "--hard", "HEAD~1")
    assert watching.changed()
    git(content, "checkout", "--quiet", "-b", "other")
    assert watching.changed()
    git(content, "pack-refs", "--all")
    assert watching.changed()
    write(content, PAGE, article("After packing"))
    commit(content)
    assert watching.changed()


def test_a_push_to_a_bare_repository_is_noticed(settings, content, tmp_path):
    bare = tmp_path / "bare.git"
    git(content, "clone", "--quiet", "--bare", str(content), str(bare))
    settings = type(settings)(site=tmp_path, content=bare)
    watching = watcher(settings)
    write(content, PAGE, article("Pushed"))
    commit(content)
    git(content, "push", "--quiet", str(bare), "main")
    assert watching.changed()


def test_in_a_folder_every_edit_is_noticed(settings):
    file = write(settings.content_path, PAGE, article())
    watching = watcher(settings)
    write(settings.content_path, PAGE, article("Edited"))
    assert watching.changed()
    os.utime(file, (1, 1))
    assert watching.changed()
    write(settings.content_path, "synonyms.txt", "a, b\n")
    assert watching.changed()
    file.unlink()
    assert watching.changed() and not watching.changed()


def test_git_is_not_run_while_nothing_moves(settings, content, monkeypatch):
    watching = watcher(settings)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("git was run"))
    assert not watching.changed()


def test_what_could_not_be_published_is_news_again(settings, content):
    watching = watcher(settings)
    watching.forget()
    assert watching.changed()


def test_a_folder_that_is_not_there_yet_is_no_failure(settings):
    watching = watcher(settings)
    write(settings.content_path, PAGE, article())
    assert watching.changed()
