"""A committed tree, read by git itself: no checkout, no hooks, no shell, no link followed."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kbsearch.clock import parsed, stored
from kbsearch.errors import Invalid
from kbsearch.publishing.findings import Finding
from kbsearch.publishing.tree import ARTICLES, MAX_FILE, Change, Entry, is_safe

_SETTINGS: tuple[str, ...] = (
    "safe.directory=*",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
)
_SETTINGS += ("protocol.allow=never", "core.fsmonitor=false", "log.showSignature=false")
SYMLINK, SUBMODULE = "120000", "160000"
TIMEOUT = 120  # seconds


@dataclass(frozen=True)
class Repository:
    """A repository, its git folder, and where the content lies in its trees ("" or "a/b/")."""

    git_folder: Path
    prefix: str


def repository_of(content: Path) -> Repository | None:
    """The repository around a content folder, found without running git."""
    content = content.resolve()
    if _is_git_folder(content):  # a bare one
        return Repository(content, "")
    for folder in (content, *content.parents):
        git_folder = _git_folder(folder / ".git")
        if git_folder is not None:
            inside = content.relative_to(folder).as_posix()
            return Repository(git_folder, "" if inside == "." else f"{inside}/")
    return None


def _git_folder(place: Path) -> Path | None:
    """`.git`, or the folder that a `.git` file names in a linked work tree."""
    if place.is_file():
        name = place.read_text(encoding="utf-8", errors="replace").strip()
        place = (place.parent / name.removeprefix("gitdir: ")).resolve()
    return place if _is_git_folder(place) else None


def _is_git_folder(place: Path) -> bool:
    shared = common_folder(place)
    return (place / "HEAD").is_file() and (shared / "objects").is_dir()


def common_folder(git_folder: Path) -> Path:
    """Where the branches are: another folder than `git_folder` in a linked work tree."""
    try:
        name = (git_folder / "commondir").read_text(encoding="utf-8").strip()
    except OSError:
        return git_folder
    return (git_folder / name).resolve()


def committed_tree(content: Path, revision: str) -> "GitTree | None":
    """The tree of a revision; None when this content is not kept in git."""
    repository = repository_of(content)
    if repository is None:
        return None
    commit = _resolve(repository, revision)
    if commit is None:
        if revision == "HEAD" and repository.prefix:
            return None  # nothing committed yet around a folder that may not be meant to be
        raise Invalid("publish.unknown_revision", revision=revision)
    places = [repository.prefix] if repository.prefix else ["", "content/"]
    for prefix in places:
        if _run(repository, "ls-tree", "--name-only", commit, "--", f"{prefix}{ARTICLES}"):
            return GitTree(Repository(repository.git_folder, prefix), commit)
    if repository.prefix and not _run(
        repository, "ls-tree", "--name-only", commit, "--", repository.prefix
    ):
        return None  # ignored by that repository: a plain folder that happens to lie in it
    return GitTree(repository, commit)


class GitTree:
    """The files of a commit under the content's folder."""

    is_committed = True

    def __init__(self, repository: Repository, commit: str) -> None:
        self.repository, self.commit = repository, commit
        self.shown = repository.prefix
        self._refused: list[Finding] = []
        self.entries: Mapping[str, Entry] = {entry.path: entry for entry in self._list()}
        self.findings = tuple(sorted(self._refused))

    def _list(self) -> Iterator[Entry]:
        arguments = ["ls-tree", "-r", "-z", "-l", "--full-tree", self.commit]
        if self.repository.prefix:
            arguments += ["--", self.repository.prefix]
        for record in _run(self.repository, *arguments).split(b"\0"):
            if not record:
                continue
            about, _, name = record.partition(b"\t")
            mode, _, blob, size = about.decode().split()
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
                told = {"size": str(int(size) // 1024), "limit": str(MAX_FILE // 1024)}
                self._refuse(self.shown + path, "file-size", **told)
            else:
                yield Entry(path, blob, int(size))

    def _refuse(self, shown: str, rule: str, **values: str) -> None:
        shown = "".join(character if character.isprintable() else "�" for character in shown)
        self._refused.append(Finding(shown, 1, 1, rule, values))

    def read(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        with _conversation(self.repository, "cat-file", "--batch") as git:
            assert git.stdin is not None and git.stdout is not None
            for path in paths:
                git.stdin.write(f"{self.entries[path].blob}\n".encode())
                git.stdin.flush()
                size = int(git.stdout.readline().split()[2])
                body = git.stdout.read(size)
                git.stdout.read(1)
                yield path, body

    def changes(self, paths: Iterable[str]) -> Mapping[str, Change]:
        wanted = set(paths)
        found: dict[str, Change] = {}
        if wanted:
            self._walk_history(wanted, found)
        if wanted:  # changed by a merge alone
            at = _run(self.repository, "log", "-1", "--format=%cI", self.commit).decode().strip()
            change = Change(stored(parsed(at)), self.commit)
            found |= dict.fromkeys(wanted, change)
        return found

    def _walk_history(self, wanted: set[str], found: dict[str, Change]) -> None:
        """From the newest commit down, only as far as needed."""
        arguments = ["log", "-z", "--format=%x01%H %cI", "--name-only", "--no-renames"]
        arguments += [self.commit, "--", self.repository.prefix or "."]
        commit = at = ""
        with _conversation(self.repository, *arguments) as git:
            assert git.stdout is not None
            for record in _records(git.stdout):
                if record.startswith(b"\x01"):
                    head, _, record = record[1:].partition(b"\n")
                    commit, _, at = head.decode().partition(" ")
                path = record.decode(errors="replace").strip("\n")
                path = path.removeprefix(self.repository.prefix)
                if path in wanted:
                    wanted.discard(path)
                    found[path] = Change(stored(parsed(at)), commit)
                    if not wanted:
                        return

    def blobs_at(self, places: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        found: dict[tuple[str, str], str] = {}
        with _conversation(self.repository, "cat-file", "--batch-check=%(objectname)") as git:
            assert git.stdin is not None and git.stdout is not None
            for commit, path in places:
                if not commit.isalnum():
                    continue
                git.stdin.write(f"{commit}:{self.repository.prefix}{path}\n".encode())
                git.stdin.flush()
                answer = git.stdout.readline().decode(errors="replace").strip()
                if not answer.endswith((" missing", " ambiguous")):
                    found[commit, path] = answer
        return found


def _resolve(repository: Repository, revision: str) -> str | None:
    try:
        name = f"{revision}^{{commit}}"
        answer = _run(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", name)
    except subprocess.CalledProcessError:
        return None
    return answer.decode().strip().splitlines()[-1]


def _records(stream: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for line in stream:
        *records, rest = (rest + line).split(b"\0")
        yield from records
    if rest:
        yield rest


def _command(repository: Repository, *arguments: str) -> list[str]:
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    return ["git", *settings, f"--git-dir={repository.git_folder}", *arguments]


def _environment() -> dict[str, str]:
    """Without what a hook says about the repository it runs in, nor prompts and translations."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1", "LC_ALL": "C"}


def _run(repository: Repository, *arguments: str) -> bytes:
    return subprocess.run(
        _command(repository, *arguments),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env=_environment(),
        cwd=repository.git_folder,
        check=True,
        timeout=TIMEOUT,
    ).stdout


@contextmanager
def _conversation(repository: Repository, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    git = subprocess.Popen(
        _command(repository, *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        cwd=repository.git_folder,
    )
    try:
        with git:
            yield git
            git.kill()
    except BaseException:
        git.kill()
        raise
