"""Branches of the content: proposals of articles, made and thrown away beside what is live.

A branch that moved meanwhile is never overwritten. Names are whole references and checked: none of
them can be an option or a path.
"""

import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from kbsearch.articles.publishing import commits, git
from kbsearch.articles.publishing.commits import Author, FileChange
from kbsearch.articles.publishing.git import Repository
from kbsearch.articles.publishing.git_tree import GitTree, committed_tree
from kbsearch.clock import parsed, stored
from kbsearch.config import Settings
from kbsearch.errors import Conflict, Invalid, NotFound

DRAFTS = "draft/"  # what is made here
KEPT = "refs/kbsearch/discarded/"  # a branch thrown away can be brought back
MOST = 100  # branches that are listed
MAX_NAME = 200
NONE = "0" * 40
_PART = r"[A-Za-z0-9_][A-Za-z0-9_+\-]*(?:\.[A-Za-z0-9_+\-]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_FIELDS = "%00".join(
    (
        *("%(refname)", "%(objectname)", "%(authorname)", "%(authoremail:trim)"),
        *("%(authordate:iso-strict)", "%(subject)", "%(worktreepath)"),
    )
)


@dataclass(frozen=True)
class Branch:
    """A line of work on the content that is not live."""

    name: str
    commit: str
    author: str
    email: str
    at: str
    subject: str
    is_checked_out: bool  # somebody works in its files
    ahead: int  # commits that are not live
    behind: int  # live commits that it does not have

    @property
    def is_draft(self) -> bool:
        return self.name.startswith(DRAFTS)


def is_name(text: str) -> bool:
    """Whether a text can name a branch here; git allows more, none of it needed."""
    is_safe = bool(_NAME.fullmatch(text)) and len(text) <= MAX_NAME
    return is_safe and not any(part.endswith(".lock") for part in text.split("/"))


def live_tree(settings: Settings) -> GitTree | None:
    """What is live as a commit; None where the content is a plain folder."""
    return committed_tree(settings.content_path, settings.branch)


def list_all(settings: Settings) -> list[Branch]:
    """The branches with something that is not live, the newest first."""
    live = live_tree(settings)
    return _read(live) if live else []


def find(settings: Settings, name: str) -> Branch:
    """A branch by its name; raises NotFound."""
    live = live_tree(settings) if is_name(name) else None
    matches = _read(live, name) if live else []
    if not matches:
        raise NotFound("branch.not_found")
    return matches[0]


def is_taken(settings: Settings, name: str) -> bool:
    """Whether there is such a branch, with something new or not."""
    live = live_tree(settings)
    return bool(live and _read(live, name, among_live=True))


def authors(settings: Settings, branch: Branch) -> set[str]:
    """The addresses of all who wrote what a branch brings."""
    live = live_tree(settings)
    assert live is not None
    arguments = ("log", "--format=%ae", branch.commit, f"^{live.commit}", "--")
    return set(git.run(live.repository, *arguments).decode(errors="replace").split("\n")[:-1])


def split(settings: Settings, address: str) -> tuple[Branch, str]:
    """The branch that an address begins with, and the rest of it."""
    parts = address.strip("/").split("/")
    live = live_tree(settings) if len(address) <= 2 * MAX_NAME else None
    names = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    for name in names if live else ():  # no branch's name begins with another's and a slash
        matches = _read(live, name) if live and is_name(name) else []
        if matches:
            return matches[0], "/".join(parts[name.count("/") + 1 :])
    raise NotFound("branch.not_found")


def tree_of(settings: Settings, branch: Branch) -> GitTree:
    tree = committed_tree(settings.content_path, branch.commit)
    assert tree is not None, "a branch is in a repository"
    return tree


def changed(settings: Settings, branch: Branch) -> list[str]:
    """The files of the content that a branch changes, since it left what is live."""
    tree, live = tree_of(settings, branch), live_tree(settings)
    assert live is not None
    arguments = ["diff", "-z", "--name-only", "--no-renames", f"{live.commit}...{branch.commit}"]
    prefix = tree.repository.prefix
    try:
        output = git.run(tree.repository, *arguments, "--", prefix or ".")
    except subprocess.CalledProcessError:  # no common ancestor
        arguments[-1:] = [live.commit, branch.commit]
        output = git.run(tree.repository, *arguments, "--", prefix or ".")
    names = output.decode(errors="replace").split("\0")
    return [name.removeprefix(prefix) for name in names if name]


def difference(settings: Settings, branch: Branch, file: str) -> str:
    """What a branch changes in a file of the content, as git tells it."""
    live = live_tree(settings)
    assert live is not None
    place = f"{live.repository.prefix}{file}"
    arguments = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "-U3"]
    base = base_of(settings, branch)
    arguments += [base.commit, branch.commit, "--", f":(literal){place}"]
    return git.run(live.repository, *arguments).decode(errors="replace")


def base_of(settings: Settings, branch: Branch) -> GitTree:
    """The tree that a branch began from; what is live where they have nothing in common."""
    live = live_tree(settings)
    assert live is not None
    try:
        answer = git.run(live.repository, "merge-base", live.commit, branch.commit)
    except subprocess.CalledProcessError:
        return live
    return GitTree(live.repository, answer.decode().strip())


def propose(
    settings: Settings,
    name: str,
    files: Mapping[str, bytes | None],
    message: str,
    author: Author,
    *,
    after: str = "",
    live: GitTree | None = None,
) -> str:
    """Commit files on a branch, without those that are None; the commit's id.

    The branch is new, and begins at what is live; or it still stands at the commit `after`, and
    goes on from there, or from what is live where that went on. Raises Conflict when it is
    anywhere else by now. `live` is what was live when the files were looked at.
    """
    live = live or live_tree(settings)
    if live is None:
        raise Invalid("branch.no_repository")
    if not is_name(name) or not name.startswith(DRAFTS):
        raise Invalid("branch.name_invalid")
    there = _read(live, name, among_live=True)
    if there and (there[0].commit != after or there[0].is_checked_out):
        raise Conflict("branch.moved", {})
    if not there:
        after = ""  # it was merged or thrown away: a new beginning
    parent = after if there and not there[0].behind else live.commit
    commit = _commit(live.repository, parent, files, message, author)
    _move(live.repository, name, commit, after or NONE)
    return commit


def base_for(settings: Settings, name: str) -> GitTree:
    """What a branch has that is to be gone on with: what is live, where it is new or merged.

    Raises Invalid for a branch that is published, or in whose files somebody works.
    """
    live = live_tree(settings)
    if live is None:
        raise Invalid("branch.no_repository")
    if not is_name(name):
        raise Invalid("branch.name_invalid")
    if name in (settings.branch, git.head_of(live.repository)):
        raise Invalid("branch.is_published", branch=name)
    there = _read(live, name, among_live=True)
    if not there:
        return live
    if there[0].is_checked_out:
        raise Invalid("branch.in_use", branch=name)
    return tree_of(settings, there[0]) if there[0].ahead else live


def extend(
    settings: Settings, name: str, files: Mapping[str, bytes], message: str, author: Author
) -> str:
    """Commit files on a branch that `base_for` gave, be it new; the commit's id."""
    base = base_for(settings, name)
    there = _read(base, name, among_live=True)
    commit = _commit(base.repository, base.commit, files, message, author)
    _move(base.repository, name, commit, there[0].commit if there else NONE)
    return commit


def move(settings: Settings, branch: Branch, commit: str) -> Branch:
    """Let a branch stand at another commit, if it is still as it was seen."""
    if branch.commit == commit:
        return branch
    if branch.is_checked_out:
        raise Conflict("branch.checked_out", {})
    _update(settings, f"update refs/heads/{branch.name} {commit} {branch.commit}")
    return replace(branch, commit=commit)


def forget(settings: Settings, branch: Branch) -> None:
    """Remove a draft that is live as a whole, if it is still as it was seen."""
    if not branch.is_checked_out:
        with suppress(Conflict):
            _update(settings, f"delete refs/heads/{branch.name} {branch.commit}")


def discard(settings: Settings, branch: Branch) -> None:
    """Throw a draft away, if it is still as it was seen; it is kept apart."""
    if not branch.is_draft:
        raise Invalid("branch.not_a_draft")
    if branch.is_checked_out:
        raise Conflict("branch.checked_out", {})
    reference = f"{KEPT}{branch.commit}/{branch.name}"
    _update(
        settings,
        f"update {reference} {branch.commit}",
        f"delete refs/heads/{branch.name} {branch.commit}",
    )


def restore(settings: Settings, name: str, commit: str) -> None:
    """Bring back a draft that was thrown away."""
    live = live_tree(settings)
    reference = f"{KEPT}{commit}/{name}"
    if not (live and is_name(name) and name.startswith(DRAFTS) and _COMMIT.fullmatch(commit)):
        raise NotFound("branch.not_found")
    if git.resolve(live.repository, reference) != commit:
        raise NotFound("branch.not_found")
    _update(settings, f"create refs/heads/{name} {commit}", f"delete {reference} {commit}")


def _move(repository: Repository, name: str, commit: str, before: str) -> None:
    """Let a branch name a commit, if it is where it was seen."""
    try:
        git.run(repository, "update-ref", f"refs/heads/{name}", commit, before)
    except subprocess.CalledProcessError:
        raise Conflict("branch.moved", {}) from None


def _update(settings: Settings, *steps: str) -> None:
    """All of some changes of references, or none."""
    live = live_tree(settings)
    assert live is not None
    try:
        data = "".join(f"{step}\n" for step in steps).encode()
        git.run(live.repository, "update-ref", "--no-deref", "--stdin", data=data)
    except subprocess.CalledProcessError:
        raise Conflict("branch.moved", {}) from None


def _read(live: GitTree, name: str = "", *, among_live: bool = False) -> list[Branch]:
    """Branches that are not live, or the one of that name."""
    pattern = f"refs/heads/{name}" if name else "refs/heads"
    arguments = ["for-each-ref", f"--format={_FIELDS}", "--sort=-committerdate"]
    arguments += [] if among_live else [f"--no-merged={live.commit}"]
    branches = []
    for line in (
        git.run(live.repository, *arguments, "--", pattern).decode(errors="replace").splitlines()
    ):
        reference, commit, author, email, at, subject, work_tree = line.split("\0")
        own = reference.removeprefix("refs/heads/")
        if not is_name(own) or (name and own != name):
            continue
        ahead, behind = _distance(live.repository, live.commit, commit)
        if ahead or among_live:
            branches.append(
                Branch(
                    own,
                    commit,
                    author,
                    email,
                    stored(parsed(at)),
                    subject,
                    bool(work_tree),
                    ahead,
                    behind,
                )  # fmt: skip
            )
        if len(branches) == MOST:
            break
    return branches


def _distance(repository: Repository, live: str, commit: str) -> tuple[int, int]:
    """How many commits are in the one and not in the other."""
    arguments = ["rev-list", "--left-right", "--count", f"{live}...{commit}", "--"]
    behind, ahead = git.run(repository, *arguments).split()
    return int(ahead), int(behind)


def _commit(
    repository: Repository,
    parent: str,
    files: Mapping[str, bytes | None],
    message: str,
    author: Author,
) -> str:
    """A commit that changes those files of the content, as its parent has it."""
    blobs = commits.write_blobs(repository, [body for body in files.values() if body is not None])
    changes = [
        FileChange(f"{repository.prefix}{path}", "" if body is None else next(blobs))
        for path, body in files.items()
    ]
    return commits.make(repository, parent, changes, message, author)
