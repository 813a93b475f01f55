"""The git address that the content is shared through: cloned, fetched from and pushed to.

Nothing waits for a prompt, and what is told of a failure has no password in it.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kbsearch.articles.publishing import git
from kbsearch.articles.publishing.git import Repository
from kbsearch.config import without_user

HEADS = "refs/heads/"
FETCHED = "refs/kbsearch/fetched/"  # what the remote had when it was last asked
PATIENCE = 120.0  # seconds, where nobody waits for it
CLONING = 600.0
LONGEST_REASON = 300
# Which address may be asked is for the setting to say; what it may call is not.
_SETTINGS = tuple(f"protocol.{name}.allow=always" for name in ("ssh", "https", "http", "file"))
_SSH = "GIT_SSH_COMMAND"
_NO_QUESTIONS = "ssh -oBatchMode=yes -oConnectTimeout=10"


class RemoteAway(Exception):
    """It does not answer, or does not take what it is sent; the text is git's own, in a line."""


@dataclass(frozen=True)
class Push:
    """A branch of the remote and its next commit, empty where it is to go.

    `expected` is its commit before, empty where it is new; None: whatever the next one has.
    """

    branch: str
    commit: str
    expected: str | None = None


def clone(url: str, folder: Path) -> None:
    """Make a clone where there is nothing yet, whole or not at all; raises RemoteAway."""
    incoming = folder.with_name(f"{folder.name}.incoming")
    incoming.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(incoming, ignore_errors=True)  # of one that was killed
    try:
        _run(CLONING, None, "clone", "--quiet", "--", url, str(incoming))
    except subprocess.CalledProcessError as problem:
        raise _away(url, problem) from None
    os.replace(incoming, folder)


def fetch(repository: Repository, url: str, patience: float = PATIENCE) -> dict[str, str]:
    """The commit of each branch of the remote, with its history here; raises RemoteAway."""
    options = ("--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--force")
    try:
        _run(patience, repository, "fetch", *options, "--", url, f"+{HEADS}*:{FETCHED}*")
    except subprocess.CalledProcessError as problem:
        raise _away(url, problem) from None
    return commits(repository, FETCHED)


def push(
    repository: Repository, url: str, pushes: Sequence[Push], patience: float = PATIENCE
) -> set[str]:
    """The branches that the remote took, without those where others were quicker.

    Raises RemoteAway, also where it takes nothing from us.
    """
    leases = [
        f"--force-with-lease={HEADS}{each.branch}:{each.expected}"
        for each in pushes
        if each.expected is not None
    ]
    references = [f"{each.commit}:{HEADS}{each.branch}" for each in pushes]
    try:
        arguments = ("--porcelain", *leases, "--", url, *references)
        output = _run(patience, repository, "push", *arguments)
    except subprocess.CalledProcessError as problem:
        output = problem.stdout or b""
        if b"[remote rejected]" in output or f":{HEADS}".encode() not in output:
            raise _away(url, problem) from None
    lines = [line.split("\t") for line in output.decode(errors="replace").splitlines()]
    return {line[1].partition(f":{HEADS}")[2] for line in lines if len(line) > 1 and line[0] != "!"}


def commits(repository: Repository, prefix: str) -> dict[str, str]:
    """The commit of each reference below a prefix, by the rest of its name."""
    output = git.run(repository, "for-each-ref", "--format=%(objectname) %(refname)", prefix)
    pairs = (line.split(" ", 1) for line in output.decode(errors="replace").splitlines())
    return {name.removeprefix(prefix): commit for commit, name in pairs}


def update(repository: Repository, steps: Iterable[str]) -> None:
    """Change references, in the words of `git update-ref --stdin`: all of them, or none."""
    data = "".join(f"{step}\n" for step in steps).encode()
    git.run(repository, "update-ref", "--no-deref", "--stdin", data=data)


def _run(patience: float, repository: Repository | None, *arguments: str) -> bytes:
    try:
        return git.run(
            repository,
            *arguments,
            settings=_SETTINGS,
            environment={_SSH: os.environ.get(_SSH, _NO_QUESTIONS)},
            timeout=patience,
        )
    except subprocess.TimeoutExpired:
        raise RemoteAway(f"no answer within {patience:.0f} s") from None


def _away(url: str, problem: subprocess.CalledProcessError) -> RemoteAway:
    """What git says of a failure, in a line, with the address as it may be shown."""
    text = (problem.stderr or problem.stdout or b"").decode(errors="replace")
    reason = " ".join(text.replace(url, without_user(url)).split())
    return RemoteAway(reason[:LONGEST_REASON] or f"git ended with {problem.returncode}")
