"""What became of an article: every commit that changed its file, and what each changed in words."""

from dataclasses import dataclass
from subprocess import CalledProcessError
from typing import Literal, NamedTuple

from kbsearch.articles.publishing import branches, git
from kbsearch.clock import parsed, stored
from kbsearch.config import Settings
from kbsearch.errors import NotFound

MOST = 200  # commits that are listed
MOST_LINES = 4_000  # of a difference that is shown
_FORMAT = "%x01%H%x00%an%x00%aI%x00%s%x00"
_KINDS: dict[str, Literal["same", "added", "removed"]] = {
    " ": "same", "+": "added", "-": "removed",
}  # fmt: skip


@dataclass(frozen=True)
class Version:
    """A file as one commit left it: who did it, when, why, and where it lay then."""

    commit: str
    author: str
    at: str
    subject: str
    place: str  # from the repository's root


class Words(NamedTuple):
    """Some words of a line that stayed, came or went."""

    kind: Literal["same", "added", "removed"]
    text: str


WordLine = tuple[Words, ...]


def list_all(settings: Settings, place: str) -> list[Version]:
    """The versions of a file of the content, the newest first, through its renames."""
    live = branches.live_tree(settings)
    if live is None:
        return []
    path = f"{live.repository.prefix}{place}"
    arguments = ("log", f"-n{MOST}", "--follow", "--name-only", f"--format={_FORMAT}", live.commit)
    output = git.run(live.repository, *arguments, "--", path).decode(errors="replace")
    versions = []
    for record in output.split("\x01")[1:]:
        commit, author, at, subject, names = record.split("\0")
        path = names.strip() or path
        versions.append(Version(commit, author, stored(parsed(at)), subject, path))
    return versions


def find(versions: list[Version], commit: str) -> Version:
    """The version that a commit left; raises NotFound."""
    for version in versions:
        if version.commit == commit:
            return version
    raise NotFound("article.version_not_found")


def text_of(settings: Settings, version: Version) -> str:
    """The file as a version had it; raises NotFound where that version removed it."""
    live = branches.live_tree(settings)
    assert live is not None, "it has versions"
    name = f"{version.commit}:{version.place}"
    try:
        return git.run(live.repository, "cat-file", "blob", name).decode(errors="replace")
    except CalledProcessError:
        raise NotFound("article.version_not_found") from None


def difference(settings: Settings, older: Version | None, newer: Version) -> list[WordLine]:
    """What is other in the newer of two versions, word for word, a few lines around each change."""
    if older is None:
        lines = text_of(settings, newer).split("\n")
        return [(Words("added", line),) for line in lines[:MOST_LINES]]
    live = branches.live_tree(settings)
    assert live is not None, "it has versions"
    arguments = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "-U2")
    names = (f"{version.commit}:{version.place}" for version in (older, newer))
    try:
        output = git.run(live.repository, *arguments, "--word-diff=porcelain", *names)
    except CalledProcessError:  # one of them removed it
        return []
    return _lines(output.decode(errors="replace"))[:MOST_LINES]


def _lines(porcelain: str) -> list[WordLine]:
    """git says `~` where a line ends; a block of changes begins with `@@`."""
    lines: list[WordLine] = []
    words: list[Words] = []
    is_inside = False
    for record in porcelain.split("\n"):
        if record.startswith("@@"):
            lines += [()] if is_inside else []
            is_inside = True
        elif is_inside and record.startswith("~"):
            lines.append(tuple(words) or (Words("same", ""),))
            words = []
        elif is_inside and record[:1] in _KINDS:
            words.append(Words(_KINDS[record[:1]], record[1:]))
    return lines
