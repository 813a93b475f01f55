"""git as kbsearch runs it: no checkout, no hooks, no shell, nobody's settings, no prompt."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SETTINGS: tuple[str, ...] = (
    "safe.directory=*",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
)
_SETTINGS += ("protocol.allow=never", "core.fsmonitor=false", "log.showSignature=false")
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


def damaged(content: Path) -> Path | None:
    """What was the repository of a content folder, and is none any more."""
    content = content.resolve()
    if _is_git_folder(content):
        return None
    if sum((content / name).exists() for name in ("HEAD", "objects", "refs")) > 1:  # a bare one
        return content
    places = (folder / ".git" for folder in (content, *content.parents))
    nearest = next((place for place in places if os.path.lexists(place)), None)
    return nearest if nearest and _git_folder(nearest) is None else None


def is_new(repository: Repository) -> bool:
    """Whether nothing was ever committed; a repository that lost its commits is not new."""
    try:
        run(repository, "fsck", "--connectivity-only", "--no-dangling", "--no-progress")
        return not run(repository, "for-each-ref", "--count=1")
    except subprocess.CalledProcessError:
        return False


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


def resolve(repository: Repository, revision: str) -> str | None:
    """The commit that a revision names, if it names one."""
    try:
        name = f"{revision}^{{commit}}"
        answer = run(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", name)
    except subprocess.CalledProcessError:
        return None
    return answer.decode().strip().splitlines()[-1]


def head_of(repository: Repository) -> str:
    """The branch that is checked out; the commit where it is none."""
    head = (repository.git_folder / "HEAD").read_text(encoding="utf-8", errors="replace").strip()
    return head.removeprefix("ref: refs/heads/")


def branches_of(repository: Repository) -> list[str]:
    """The names of the branches, the one committed to last first."""
    arguments = ("--sort=-committerdate", "--format=%(refname:lstrip=2)", "refs/heads/")
    return run(repository, "for-each-ref", *arguments).decode(errors="replace").splitlines()


def is_bare(repository: Repository) -> bool:
    """Whether nobody writes in files of its own: it is pushed to."""
    return run(repository, "rev-parse", "--is-bare-repository").strip() == b"true"


def _command(
    repository: Repository | None, *arguments: str, settings: Sequence[str] = ()
) -> list[str]:
    options = [part for setting in (*_SETTINGS, *settings) for part in ("-c", setting)]
    options += [f"--git-dir={repository.git_folder}"] if repository else []
    return ["git", *options, *arguments]


def _environment() -> dict[str, str]:
    """Without what a hook says about the repository it runs in, nor prompts and translations."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**inherited, "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1", "LC_ALL": "C"}


def run(
    repository: Repository | None,
    *arguments: str,
    data: bytes = b"",
    environment: Mapping[str, str] | None = None,
    settings: Sequence[str] = (),
    timeout: float = TIMEOUT,
) -> bytes:
    """What a command answers; `data` is what it reads. Raises CalledProcessError."""
    return subprocess.run(
        _command(repository, *arguments, settings=settings),
        capture_output=True,
        input=data,
        env={**_environment(), **(environment or {})},
        cwd=repository.git_folder if repository else None,
        check=True,
        timeout=timeout,
    ).stdout


@contextmanager
def conversation(repository: Repository, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that is spoken with, or read as it goes; it ends with the context."""
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


def blobs(repository: Repository, ids: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
    """The bytes of each blob, read one at a time; None for one that is not there."""
    with conversation(repository, "cat-file", "--batch") as process:
        assert process.stdin is not None and process.stdout is not None
        for id in ids:
            process.stdin.write(f"{id}\n".encode())
            process.stdin.flush()
            head = process.stdout.readline().split()
            if len(head) < 3:  # "missing", or nothing from a git that gave up
                yield id, None
                continue
            body = process.stdout.read(int(head[2]))
            process.stdout.read(1)
            yield id, body
