"""Where files of the content went, as git knows it: renamed, moved or removed."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from subprocess import CalledProcessError, TimeoutExpired

from kbsearch.articles.publishing import git
from kbsearch.articles.publishing.git_tree import GitTree
from kbsearch.articles.publishing.rebasing import is_ancestor
from kbsearch.articles.publishing.tree import ARTICLES, Tree

MOST_COMMITS = 20_000  # that are looked at: what left its place earlier is not known
_RAW = ("-r", "-z", "--raw", "--no-abbrev", "-M", "-l2000", "--diff-filter=DR")


@dataclass(frozen=True)
class MovedFile:
    """A file that left its place: its bytes as they were last, and where it went, if anywhere."""

    path: str
    blob: str
    to: str  # empty where it was removed


def since(tree: Tree, commit: str) -> list[MovedFile]:
    """What left its place between a commit and a tree, the last first; nothing without git."""
    if not isinstance(tree, GitTree) or git.resolve(tree.repository, commit) is None:
        return []
    if is_ancestor(tree.repository, commit, tree.commit):
        return _of_commits(tree, f"^{commit}", tree.commit)
    places = _places(tree)
    output = _answer(tree, "diff-tree", *_RAW, commit, tree.commit, *places)
    return list(_moved_files(tree, output))


def of_history(tree: Tree) -> list[MovedFile]:
    """What left its place in the last commits that count, the last first."""
    return _of_commits(tree, tree.commit) if isinstance(tree, GitTree) else []


def destinations(moved_files: Iterable[MovedFile], files: Collection[str]) -> dict[str, str]:
    """Where each of these files is now, through all its moves; empty where it is nowhere."""
    now = {file: file for file in files}
    for moved in moved_files:
        now.setdefault(moved.path, now.get(moved.to, ""))
    return now


def _of_commits(tree: GitTree, *revisions: str) -> list[MovedFile]:
    order = ("--topo-order", f"--max-count={MOST_COMMITS}", "--format=")
    return list(_moved_files(tree, _answer(tree, "log", *order, *_RAW, *revisions, *_places(tree))))


def _places(tree: GitTree) -> tuple[str, ...]:
    return "--", f":(literal){tree.repository.prefix}{ARTICLES}"


def _answer(tree: GitTree, *arguments: str) -> str:
    """What git says; nothing where parts of the history are not there, or it takes too long."""
    try:
        return git.run(tree.repository, *arguments).decode(errors="replace")
    except (CalledProcessError, TimeoutExpired):
        return ""


def _moved_files(tree: GitTree, output: str) -> Iterator[MovedFile]:
    prefix = tree.repository.prefix
    records = iter(output.split("\0"))
    for record in records:
        about = record.strip("\n").split(" ")
        if len(about) != 5 or not about[0].startswith(":"):
            continue
        path = next(records, "").removeprefix(prefix)
        to = next(records, "").removeprefix(prefix) if about[4].startswith("R") else ""
        yield MovedFile(path, about[2], to)
