"""Commits made of objects alone: no file of a work tree and no index of anybody is touched."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kbsearch.articles.publishing import git
from kbsearch.articles.publishing.git import Repository

FILE = "100644"  # the mode of a plain file
OWN_ADDRESS = "kbsearch@localhost"  # of who commits where no person does
_NO_MODE, _NOTHING = "0", "0" * 40


@dataclass(frozen=True)
class Author:
    """Whoever wrote what a commit brings; `at` is empty for now."""

    name: str
    email: str
    at: str = ""


@dataclass(frozen=True)
class FileChange:
    """A file as a commit has it: its path from the repository's root; no blob where it is gone."""

    path: str
    blob: str
    mode: str = FILE


def write_blobs(repository: Repository, bodies: Sequence[bytes]) -> Iterator[str]:
    """Keep some files; their ids, in their order: one process for thousands of them."""
    with tempfile.TemporaryDirectory(prefix="kbsearch-") as folder:
        paths = [Path(folder) / str(number) for number in range(len(bodies))]
        for path, body in zip(paths, bodies, strict=True):
            path.write_bytes(body)
        listing = "".join(f"{path}\n" for path in paths).encode()
        arguments = ("hash-object", "-w", "--no-filters", "--stdin-paths")
        return iter(git.run(repository, *arguments, data=listing).decode().split())


def make(
    repository: Repository,
    parent: str,
    changes: Iterable[FileChange],
    message: str,
    author: Author,
    *,
    by: str = "",
) -> str:
    """A commit that changes those files of its parent; `by` is the address of who makes it."""
    lines = [
        f"{change.mode if change.blob else _NO_MODE} {change.blob or _NOTHING}\t{change.path}\0"
        for change in changes
    ]
    with tempfile.TemporaryDirectory(prefix="kbsearch-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git.run(repository, "read-tree", parent, environment=index)
        entries = ("update-index", "-z", "--index-info")
        git.run(repository, *entries, data="".join(lines).encode(), environment=index)
        tree = _answer(git.run(repository, "write-tree", environment=index))
    own = {
        "GIT_AUTHOR_NAME": _plain(author.name) or "kbsearch",
        "GIT_AUTHOR_EMAIL": _plain(author.email),
        "GIT_COMMITTER_NAME": "kbsearch",
        "GIT_COMMITTER_EMAIL": _plain(by or author.email),
    }
    own |= {"GIT_AUTHOR_DATE": author.at} if author.at else {}
    encoding = ("-c", "i18n.commitEncoding=UTF-8")
    arguments = (*encoding, "commit-tree", "--no-gpg-sign", tree, "-p", parent)
    return _answer(git.run(repository, *arguments, data=message.encode(), environment=own))


def _plain(text: str) -> str:
    """A name as git writes one: no line break, no bracket of an address."""
    return " ".join("".join(" " if c in "<>\0\n\r" else c for c in text).split())


def _answer(output: bytes) -> str:
    return output.decode().strip()
