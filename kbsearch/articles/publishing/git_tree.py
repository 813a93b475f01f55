"""A committed tree, read by git itself: no checkout, no hooks, no shell, no link followed."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from subprocess import CalledProcessError

from kbsearch.articles.publishing import git
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.git import Repository, repository_of
from kbsearch.articles.publishing.tree import ARTICLES, MAX_FILE, Entry, LastChange, is_safe
from kbsearch.clock import parsed, stored
from kbsearch.errors import Invalid

SYMLINK, SUBMODULE = "120000", "160000"
MISSING = "BAD"  # the size that git gives to what is not there


def committed_tree(content: Path, revision: str) -> "GitTree | None":
    """The tree of a revision; None when this content is not kept in git.

    Raises Invalid where it was: the files of a damaged repository are no plain folder, since what
    nobody has committed lies among them.
    """
    if damage := git.damaged(content):
        raise Invalid("publish.damaged_repository", path=damage)
    repository = repository_of(content)
    if repository is None:
        return None
    commit = git.resolve(repository, revision)
    if commit is None:
        if revision == "HEAD" and repository.prefix and git.is_new(repository):
            return None  # nothing committed yet around a folder that may not be meant to be
        raise Invalid("publish.unknown_revision", revision=revision)
    with _whole(repository):
        return _tree(repository, commit)


def _tree(repository: Repository, commit: str) -> "GitTree | None":
    places = [repository.prefix] if repository.prefix else ["", "content/"]
    for prefix in places:
        if git.run(repository, "ls-tree", "--name-only", commit, "--", f"{prefix}{ARTICLES}"):
            return GitTree(Repository(repository.git_folder, prefix), commit)
    if repository.prefix and not git.run(
        repository, "ls-tree", "--name-only", commit, "--", repository.prefix
    ):
        return None  # ignored by that repository: a plain folder that happens to lie in it
    return GitTree(repository, commit)


@contextmanager
def _whole(repository: Repository) -> Iterator[None]:
    """Raise Invalid where git cannot read what a commit leads to."""
    try:
        yield
    except CalledProcessError as problem:
        raise _damaged(repository) from problem


def _damaged(repository: Repository) -> Invalid:
    return Invalid("publish.damaged_repository", path=repository.git_folder)


class GitTree:
    """The files of a commit under the content's folder."""

    is_committed = True

    def __init__(self, repository: Repository, commit: str) -> None:
        self.repository, self.commit = repository, commit
        self.shown = repository.prefix
        self._refused: list[Finding] = []

    @property
    def entries(self) -> Mapping[str, Entry]:
        return self._listed[0]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self._listed[1]

    @cached_property
    def _listed(self) -> tuple[Mapping[str, Entry], tuple[Finding, ...]]:
        """Listed when it is first asked for: many ask for the commit alone."""
        with _whole(self.repository):
            entries = {entry.path: entry for entry in self._list()}
        return entries, tuple(sorted(self._refused))

    def _list(self) -> Iterator[Entry]:
        arguments = ["ls-tree", "-r", "-z", "-l", "--full-tree", self.commit]
        if self.repository.prefix:
            arguments += ["--", self.repository.prefix]
        for record in git.run(self.repository, *arguments).split(b"\0"):
            if not record:
                continue
            about, _, name = record.partition(b"\t")
            mode, _, blob, size = about.decode().split()
            if size == MISSING:
                raise _damaged(self.repository)
            try:
                path = name.decode().removeprefix(self.repository.prefix)
            except UnicodeDecodeError:
                self._refuse(name.decode(errors="replace"), "file-name")
                continue
            if any(part.startswith(".") and len(part) > 2 for part in path.split("/")):
                continue
            if mode == SYMLINK:
                self._refuse(self.shown + path, "symlink")
            elif mode == SUBMODULE:
                self._refuse(self.shown + path, "submodule")
            elif not is_safe(path):
                self._refuse(self.shown + path, "file-name")
            elif int(size) > MAX_FILE:
                sizes = {"size": str(int(size) // 1024), "limit": str(MAX_FILE // 1024)}
                self._refuse(self.shown + path, "file-size", **sizes)
            else:
                yield Entry(path, blob, int(size))

    def _refuse(self, path: str, rule: str, /, **values: str) -> None:
        path = "".join(character if character.isprintable() else "�" for character in path)
        self._refused.append(Finding(path, 1, 1, rule, values))

    def read(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        paths = list(paths)
        blobs = git.blobs(self.repository, (self.entries[path].blob for path in paths))
        for path, (_, body) in zip(paths, blobs, strict=True):
            if body is None:
                raise _damaged(self.repository)
            yield path, body

    def changes(self, paths: Iterable[str]) -> Mapping[str, LastChange]:
        pending = set(paths)
        changes: dict[str, LastChange] = {}
        if pending:
            self._walk_history(pending, changes)
        if pending:  # changed by a merge alone
            at = git.run(self.repository, "log", "-1", "--format=%cI", self.commit).decode().strip()
            change = LastChange(stored(parsed(at)), self.commit)
            changes |= dict.fromkeys(pending, change)
        return changes

    def _walk_history(self, pending: set[str], changes: dict[str, LastChange]) -> None:
        """From the newest commit down, only as far as needed."""
        arguments = ["log", "-z", "--format=%x01%H %cI", "--name-only", "--no-renames"]
        arguments += [self.commit, "--", self.repository.prefix or "."]
        commit = at = ""
        with git.conversation(self.repository, *arguments) as process:
            assert process.stdout is not None
            for record in _records(process.stdout):
                if record.startswith(b"\x01"):
                    head, _, record = record[1:].partition(b"\n")
                    commit, _, at = head.decode().partition(" ")
                path = record.decode(errors="replace").strip("\n")
                path = path.removeprefix(self.repository.prefix)
                if path in pending:
                    pending.discard(path)
                    changes[path] = LastChange(stored(parsed(at)), commit)
                    if not pending:
                        return

    def blobs_at(self, places: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        blobs: dict[tuple[str, str], str] = {}
        with git.conversation(
            self.repository, "cat-file", "--batch-check=%(objectname)"
        ) as process:
            assert process.stdin is not None and process.stdout is not None
            for commit, path in places:
                if not commit.isalnum():
                    continue
                process.stdin.write(f"{commit}:{self.repository.prefix}{path}\n".encode())
                process.stdin.flush()
                answer = process.stdout.readline().decode(errors="replace").strip()
                if not answer.endswith((" missing", " ambiguous")):
                    blobs[commit, path] = answer
        return blobs


def _records(stream: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for line in stream:
        *records, rest = (rest + line).split(b"\0")
        yield from records
    if rest:
        yield rest
