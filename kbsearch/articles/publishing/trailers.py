"""What published commits say of themselves: `Solves-Ticket: 1042`, `Closes-Gap: G-42`.

They are read once, when their commits go live, and kept with the articles that each commit wrote.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from kbsearch import outbox
from kbsearch.articles.publishing import git
from kbsearch.articles.publishing.git import Repository
from kbsearch.articles.publishing.git_tree import GitTree
from kbsearch.articles.publishing.tree import ARTICLES, Tree
from kbsearch.clock import now
from kbsearch.database import Database, site_state

SOLVES_TICKET, CLOSES_GAP = "Solves-Ticket", "Closes-Gap"
KEYS = (SOLVES_TICKET, CLOSES_GAP)
PUBLISHED = outbox.declare("trailers.published", "inside")  # a commit said something new
MAX_VALUE = 100  # characters
READ = "trailers_read"  # the commit up to which they have been read


@dataclass(frozen=True)
class Trailer:
    """One value of one key in a published commit, and one article that the commit wrote."""

    commit: str
    key: str
    value: str
    path: str  # `fr/account/sign-in`; empty when the commit wrote no article
    published_at: str


def take(db: Database, tree: Tree) -> list[Trailer]:
    """Read the commits that a tree put live; what was not known before, the oldest first."""
    if not isinstance(tree, GitTree):
        return []
    before = site_state.read(db, READ)
    if before == tree.commit:
        return []
    repository = tree.repository
    start = git.resolve(repository, before) if before else None
    moment = now()
    trailers = [
        Trailer(commit, key, value, path, moment)
        for commit, pairs in _commits(repository, start, tree.commit)
        for path in _articles(repository, commit) or [""]
        for key, value in pairs
    ]
    renamed = _renamed(repository, start, tree.commit) if start else []
    with db.atomic():
        new = [trailer for trailer in trailers if _keep(db, trailer)]
        for old, path in renamed:
            _follow(db, old, path)
        for commit in dict.fromkeys(trailer.commit for trailer in new):
            outbox.add(db, PUBLISHED, commit)
        site_state.write(db, READ, tree.commit)
    return new


def list_all(
    db: Database, key: str, *, value: str = "", path: str = "", commit: str = ""
) -> list[Trailer]:
    """What was published under a key, the oldest first: all, or that value, article or commit."""
    filters = {"value": value, "path": path, "commit_id": commit}
    conditions = [f"AND {column} = :{column}" for column, text in filters.items() if text]
    rows = db.query(
        f"""
        SELECT commit_id AS "commit", key, value, path, published_at FROM published_trailers
        WHERE key = :key {" ".join(conditions)} ORDER BY published_at, commit_id, value, path
        """,  # noqa: S608 (columns named here)
        {"key": key, **{column: text for column, text in filters.items() if text}},
    )
    return [Trailer(**row) for row in rows]


def _commits(
    repository: Repository, before: str | None, after: str
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The commits from one to another that have trailers of ours, the oldest first."""
    pattern = "|".join(KEYS)
    arguments = ["log", "-z", "--reverse", "--format=%H%n%(trailers:only=true,unfold=true)"]
    arguments += ["-i", "--extended-regexp", f"--grep=^({pattern}):", after]
    arguments += [f"^{before}"] if before else []
    for record in git.run(repository, *arguments, "--").decode(errors="replace").split("\0"):
        commit, _, block = record.strip().partition("\n")
        pairs = list(dict.fromkeys(_values(block)))
        if pairs:
            yield commit, pairs


def _values(block: str) -> Iterator[tuple[str, str]]:
    """`Solves-Ticket: 1042, #1043` says two values."""
    keys = {key.lower(): key for key in KEYS}
    for line in block.splitlines():
        name, _, values = line.partition(":")
        key = keys.get(name.strip().lower())
        for value in values.replace(",", " ").split() if key else ():
            if key and value.strip("#"):
                yield key, value.lstrip("#")[:MAX_VALUE]


def _articles(repository: Repository, commit: str) -> list[str]:
    """The articles that a commit wrote; a merge wrote what it brought in."""
    arguments = ["show", "-z", "--format=", "--name-only", "--no-renames", "--diff-filter=AM"]
    arguments += ["--diff-merges=first-parent", commit, "--", repository.prefix or "."]
    named = git.run(repository, *arguments).decode(errors="replace").split("\0")
    return [path for path in (_article(repository, name.strip("\n")) for name in named) if path]


def _renamed(repository: Repository, before: str, after: str) -> list[tuple[str, str]]:
    arguments = ["diff", "-z", "--name-status", "-M", "--diff-filter=R", before, after]
    output = git.run(repository, *arguments, "--", repository.prefix or ".")
    parts = output.decode(errors="replace").split("\0")
    pairs = zip(parts[1::3], parts[2::3], strict=False)
    renames = [(_article(repository, old), _article(repository, new)) for old, new in pairs]
    return [(old, new) for old, new in renames if old and new]


def _article(repository: Repository, name: str) -> str:
    """`content/articles/fr/account/sign-in.md` -> `fr/account/sign-in`; else nothing."""
    folder = repository.prefix + ARTICLES
    if not name.startswith(folder) or not name.lower().endswith(".md"):
        return ""
    return name.removeprefix(folder)[: -len(".md")]


def _keep(db: Database, trailer: Trailer) -> bool:
    changed = db.execute(
        """
        INSERT INTO published_trailers (commit_id, key, value, path, published_at)
        VALUES (:commit, :key, :value, :path, :published_at)
        ON CONFLICT (commit_id, key, value, path) DO NOTHING
        """,
        vars(trailer),
    )
    return changed == 1


def _follow(db: Database, old: str, new: str) -> None:
    """An article was renamed: what was said with it is said of its new name."""
    values = {"old": old, "new": new}
    db.execute(
        """
        INSERT INTO published_trailers (commit_id, key, value, path, published_at)
        SELECT commit_id, key, value, :new, published_at FROM published_trailers
        WHERE path = :old
        ON CONFLICT (commit_id, key, value, path) DO NOTHING
        """,
        values,
    )
