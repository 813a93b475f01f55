"""The changes of the articles in the commits git remembers, through renames and moves."""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from subprocess import CalledProcessError, TimeoutExpired

from kbsearch.articles.publishing import git
from kbsearch.articles.publishing.git import common_folder
from kbsearch.articles.publishing.git_tree import GitTree
from kbsearch.articles.publishing.moves import MOST_COMMITS
from kbsearch.articles.publishing.tree import ARTICLES

log = logging.getLogger(__name__)

TYPO = "Typo"
NOTE_KEYS = {"en": "For-Readers", "fr": "Pour-Lecteurs"}  # trailers for the readers of a language
_TRAILERS = (
    *(f"key={TYPO},key=Coquille", "key=Quiet,key=Discret"),
    *(f"key={key},unfold" for key in NOTE_KEYS.values()),
)
_FORMAT = "%x01%H %P%x02%ae%x02"
_FORMAT += "".join(f"%(trailers:{each},valueonly,separator=%x20)%x02" for each in _TRAILERS)
_FORMAT += "%s"
_RAW = ("-r", "-z", "--raw", "--no-abbrev", "-M", "-l2000", f"--max-count={MOST_COMMITS}")
_TYPO = re.compile(r"(?:typo|coquille)[ \u00a0]?:", re.IGNORECASE)
_YES = frozenset({"1", "oui", "true", "yes"})


@dataclass(frozen=True)
class HistoryChange:
    """A file as one commit left it; `path` is where it lay then."""

    position: int  # of the commit, from the oldest
    commit: str
    is_typo: bool  # a corrected typo: its meaning is what it was
    path: str
    blob: str
    author: str = ""  # an address
    is_quiet: bool = False  # nobody is to be told of it
    notes: Mapping[str, str] = field(default_factory=dict)  # to readers, by their language


@dataclass
class FileHistory:
    """The changes of each file that is there now, the oldest first."""

    changes: dict[str, list[HistoryChange]] = field(default_factory=dict)
    has_merges: bool = False


@dataclass(frozen=True)
class _Commit:
    id: str
    parents: int
    is_typo: bool
    author: str
    is_quiet: bool
    notes: Mapping[str, str]


def is_shallow(tree: GitTree) -> bool:
    """Whether the repository begins in the middle of its history."""
    return (common_folder(tree.repository.git_folder) / "shallow").exists()


def read(tree: GitTree) -> FileHistory | None:
    """The history of a tree's articles; None where git fails or takes too long."""
    return _read(tree, tree.commit)


def read_since(tree: GitTree, commit: str) -> FileHistory | None:
    """The same, of what was committed after that."""
    return _read(tree, tree.commit, f"^{commit}")


def _read(tree: GitTree, *revisions: str) -> FileHistory | None:
    order = ("log", "--topo-order", f"--format={_FORMAT}", *_RAW, *revisions)
    place = f":(literal){tree.repository.prefix}{ARTICLES}"
    try:
        output = git.run(tree.repository, *order, "--full-history", "--", place)
    except (CalledProcessError, TimeoutExpired) as problem:
        log.warning("the history of %s cannot be read: %s", tree.repository.git_folder, problem)
        return None
    return _history(tree, output.decode(errors="replace"))


def _history(tree: GitTree, output: str) -> FileHistory:
    """From the newest commit down: a file is found under the names it had."""
    history = FileHistory({path: [] for path in tree.entries if path.startswith(ARTICLES)})
    names = {path: path for path in history.changes}  # then -> now
    position = 0
    for commit, records in _commits(output):
        position -= 1
        history.has_merges |= commit.parents > 1
        for status, blob, path, to in records:
            path, to = (name.removeprefix(tree.repository.prefix) for name in (path, to))
            now = names.pop(to) if to in names else ""
            if not now or status == "D":
                continue
            change = HistoryChange(
                position,
                commit.id,
                commit.is_typo,
                to,
                blob,
                commit.author,
                commit.is_quiet,
                commit.notes,
            )
            history.changes[now].append(change)
            if status != "A":
                names[path] = now
    for changes in history.changes.values():
        changes.reverse()
    return history


def _commits(output: str) -> Iterator[tuple[_Commit, list[tuple[str, str, str, str]]]]:
    """Each commit with what it did: status, blob, from where, to where."""
    commit: _Commit | None = None
    records: list[tuple[str, str, str, str]] = []
    pieces = iter(output.split("\0"))
    for piece in pieces:
        if piece.startswith("\x01"):
            if commit is not None:
                yield commit, records
            head, _, piece = piece[1:].partition("\n")
            commit, records = _commit(head), []
        about = piece.strip("\n").split(" ")
        if len(about) == 5 and about[0].startswith(":"):
            status, path = about[4][:1], next(pieces, "")
            to = next(pieces, "") if status in "RC" else path
            records.append((status, about[3], path, to))
    if commit is not None:
        yield commit, records


def _commit(head: str) -> _Commit:
    ids, author, typo, quiet, *notes, subject = head.split("\x02", 4 + len(NOTE_KEYS))
    is_typo = typo.strip().lower() in _YES or bool(_TYPO.match(subject))
    is_quiet = quiet.strip().lower() in _YES
    by_language = dict(zip(NOTE_KEYS, (note.strip() for note in notes), strict=True))
    commit, *parents = ids.split()
    return _Commit(commit, len(parents), is_typo, author.strip().lower(), is_quiet, by_language)
