"""The content's branch moved on by a proposal, on top of whatever came meanwhile.

A file that both changed is nobody's to merge here: it is a conflict. Where the content's branch is
checked out, its files follow, unless that would lose what somebody has not committed yet.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from subprocess import CalledProcessError

from kbsearch.articles.publishing import commits, git
from kbsearch.articles.publishing.commits import OWN_ADDRESS, Author, FileChange
from kbsearch.articles.publishing.git import Repository, repository_of
from kbsearch.articles.publishing.git_tree import GitTree
from kbsearch.config import Settings
from kbsearch.errors import Conflict, Invalid

_HEADS = "refs/heads/"
_FIELDS = "%an%x00%ae%x00%aI%x00%B"


@dataclass(frozen=True)
class Edit:
    """What a commit does to one file: how it stood, how it stands."""

    before: FileChange
    after: FileChange


def content_branch(settings: Settings, live: GitTree) -> str:
    """The whole name of the branch that is published; raises Invalid where it is none."""
    names = ("rev-parse", "--symbolic-full-name", "--end-of-options", settings.branch)
    name = git.run(live.repository, *names).decode().strip().splitlines()[-1:]
    if not name or not name[0].startswith(_HEADS):
        raise Invalid("branch.content_is_none", branch=settings.branch)
    return name[0]


def rebased(live: GitTree, commit: str, *, by: str, since: str = "") -> str:
    """The commit, or what it brings as commits on top of what is live; their authors stay.

    What came before the commit `since`, where one is given, is not brought. Raises Conflict for a
    file that was changed on both sides.
    """
    top = live.commit
    if not since and is_ancestor(live.repository, top, commit):
        return commit
    brought = [commit, f"^{top}", *([f"^{since}"] if since else [])]
    arguments = ("rev-list", "--reverse", "--topo-order", "--no-merges", *brought, "--")
    for own in git.run(live.repository, *arguments).decode().split():
        top = _replayed(live.repository, own, top, by)
    return top


def advance(settings: Settings, live: GitTree, commit: str) -> bool:
    """Move the content's branch to a descendant of what is live; no where it moved meanwhile.

    Raises Invalid where the files of a work tree are in the way.
    """
    branch = content_branch(settings, live)
    work_tree = _work_tree(live.repository, branch)
    try:
        if work_tree is None:
            git.run(live.repository, "update-ref", branch, commit, live.commit)
        else:
            _fast_forward(work_tree, commit)
    except CalledProcessError:
        if git.resolve(live.repository, branch) != live.commit:
            return False
        raise Invalid("branch.work_tree_in_the_way", path=work_tree or branch) from None
    return True


def replace(settings: Settings, live: GitTree, commit: str) -> None:
    """Put the content's branch elsewhere, though it leads to what is live no more.

    Raises Invalid where the files of a work tree are in the way, Conflict where it moved.
    """
    branch = content_branch(settings, live)
    work_tree = _work_tree(live.repository, branch)
    try:
        if work_tree is None:
            git.run(live.repository, "update-ref", branch, commit, live.commit)
        else:
            own = repository_of(work_tree)
            assert own is not None, "git said that it is one of its work trees"
            git.run(own, f"--work-tree={work_tree}", "reset", "--quiet", "--keep", commit)
    except CalledProcessError:
        if git.resolve(live.repository, branch) != live.commit:
            raise Conflict("branch.moved", {}) from None
        raise Invalid("branch.work_tree_in_the_way", path=work_tree or branch) from None


def merged_text(live: GitTree, mine: str, base: str, theirs: str) -> str:
    """A text with what both sides changed since `base`; mine where they changed the same lines."""
    with tempfile.TemporaryDirectory(prefix="kbsearch-") as folder:
        places = []
        for name, text in (("mine", mine), ("base", base), ("theirs", theirs)):
            places.append(Path(folder) / name)
            places[-1].write_bytes(f"{text}\n".encode())
        arguments = ("merge-file", "--stdout", "--quiet", "--ours", *map(str, places))
        return git.run(live.repository, *arguments).decode().removesuffix("\n")


def _replayed(repository: Repository, commit: str, onto: str, by: str) -> str:
    """A commit that does on another what one did on its parent; that other if nothing is left."""
    own_edits = edits(repository, commit)
    there = _files(repository, onto, [edit.after.path for edit in own_edits])
    changes = []
    for edit in own_edits:
        now = there.get(edit.after.path, FileChange(edit.after.path, ""))
        if (now.blob, now.mode) == (edit.before.blob, edit.before.mode):
            changes.append(edit.after)
        elif now.blob != edit.after.blob:
            raise Conflict("branch.file_changed", {}, file=edit.after.path)
    if not changes:
        return onto
    fields = git.run(repository, "show", "--no-patch", f"--format={_FIELDS}", commit)
    name, email, at, message = fields.decode(errors="replace").split("\0")
    return commits.make(repository, onto, changes, message, Author(name, email, at), by=by)


def edits(repository: Repository, commit: str) -> list[Edit]:
    """What a commit does to each of its files."""
    arguments = ("diff-tree", "-r", "-z", "--root", "--no-commit-id", "--no-renames", commit)
    records = git.run(repository, *arguments).decode(errors="surrogateescape").split("\0")
    edits = []
    for about, path in zip(records[::2], records[1::2], strict=False):
        old_mode, mode, old_blob, blob, _ = about.removeprefix(":").split()
        before = FileChange(path, old_blob, old_mode) if old_blob.strip("0") else _gone(path)
        edits.append(Edit(before, FileChange(path, blob, mode) if blob.strip("0") else _gone(path)))
    return edits


def _gone(path: str) -> FileChange:
    return FileChange(path, "")


def _files(repository: Repository, commit: str, paths: list[str]) -> dict[str, FileChange]:
    output = git.run(repository, "ls-tree", "-r", "-z", "--full-tree", commit, "--", *paths)
    files = {}
    for record in output.decode(errors="surrogateescape").split("\0")[:-1]:
        about, _, path = record.partition("\t")
        mode, _, blob = about.split()
        files[path] = FileChange(path, blob, mode)
    return files


def is_ancestor(repository: Repository, older: str, newer: str) -> bool:
    """Whether one commit is in the history of another."""
    try:
        git.run(repository, "merge-base", "--is-ancestor", older, newer)
    except CalledProcessError:
        return False
    return True


def _work_tree(repository: Repository, branch: str) -> Path | None:
    """Where somebody has the branch checked out."""
    answer = git.run(repository, "for-each-ref", "--format=%(worktreepath)", "--", branch)
    place = answer.decode(errors="surrogateescape").strip("\n")
    return Path(place) if place and Path(place).is_dir() else None


def _fast_forward(work_tree: Path, commit: str) -> None:
    """The branch and its files together, or neither: git refuses to overwrite what is not kept."""
    repository = repository_of(work_tree)
    assert repository is not None, "git said that it is one of its work trees"
    name = {"GIT_COMMITTER_NAME": "kbsearch", "GIT_COMMITTER_EMAIL": OWN_ADDRESS}
    arguments = (f"--work-tree={work_tree}", "merge", "--quiet", "--ff-only", "--no-autostash")
    git.run(repository, *arguments, commit, environment=name)
