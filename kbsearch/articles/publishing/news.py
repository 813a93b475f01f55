"""What a publication brings to those who follow articles: worked out once, kept as it goes live.

A first publication brings nothing, for it is a whole site; neither does going back to an earlier
commit, an article that only moved, a typo that was corrected, or a commit that says `Quiet: yes`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from subprocess import CalledProcessError, TimeoutExpired

from kbsearch import outbox
from kbsearch.access import is_narrower
from kbsearch.articles import follows, news
from kbsearch.articles.follows import Topic
from kbsearch.articles.news import ArticleNews
from kbsearch.articles.publishing import file_history, git
from kbsearch.articles.publishing.file_history import HistoryChange
from kbsearch.articles.publishing.git_tree import GitTree
from kbsearch.articles.publishing.publications import Publication
from kbsearch.articles.publishing.rebasing import is_ancestor
from kbsearch.articles.publishing.tree import Tree
from kbsearch.database import Database, Row, new_id

PUBLISHED = outbox.declare("news.published", "inside")  # there is news in a publication
MAX_NOTE = 400  # characters
MOST_SECTIONS = 20


@dataclass(frozen=True)
class _Changed:
    """An article as it goes live, and the row that it had until then, if there was one."""

    row: Row
    before: Row | None

    @property
    def file(self) -> str:
        return str(json.loads(self.row["rendering"])["file"])

    @property
    def is_new(self) -> bool:
        """Whether it was not there, or is for more people than it was."""
        before = self.before
        return before is None or is_narrower(before["audience"], than=self.row["audience"])

    @property
    def is_other(self) -> bool:
        """Whether a reader finds anything in it that is other than it was."""
        names = ("title", "sections")
        before = self.before
        return self.is_new or any(before[name] != self.row[name] for name in names if before)


def of(
    db: Database,
    tree: Tree,
    live: Publication | None,
    publication: Publication,
    moved: Mapping[str, str],
) -> list[ArticleNews]:
    """What is new in a publication that is to follow the live one; `moved` leads to new paths."""
    if live is None:
        return []
    changed = _changed(db, live.id, publication.id, moved)
    changes: Mapping[str, Sequence[HistoryChange]] = {}
    if changed and isinstance(tree, GitTree):
        since = git.resolve(tree.repository, live.commit) or ""
        if since and since != tree.commit and is_ancestor(tree.repository, tree.commit, since):
            return []  # it was live before
        history = file_history.read_since(tree, since) if since else None
        changes = history.changes if history else {}
    by_file = [(one, changes.get(one.file, ())) for one in changed]
    authors = _authors_of(tree, [one.row["changed_commit"] for one, its in by_file if not its])
    accounts = _Accounts(db)
    return [
        _news(publication, one, its, accounts.of(_author(one, its, authors)))
        for one, its in by_file
        if not _is_silent(one, its)
    ]


def keep(db: Database, brought: Sequence[ArticleNews], moved: Mapping[str, str]) -> None:
    """Keep it in the transaction that puts the publication live, and have followers told."""
    news.move(db, moved)
    follows.move(db, _moved_topics(db, moved))
    if news.keep(db, brought):
        outbox.add(db, PUBLISHED, brought[0].publication_id)


def _changed(
    db: Database, live_id: str, publication_id: str, moved: Mapping[str, str]
) -> list[_Changed]:
    """The articles whose text is not what it was, wherever they lay."""
    came_from = {new: old for old, new in moved.items()}
    rows = db.query(
        """
        SELECT n.path, n.language, n.sections, n.title, n.audience, n.content_hash,
               n.changed_commit, n.rendering
        FROM articles n
        LEFT JOIN articles o ON o.publication_id = :live AND o.path = n.path
        WHERE n.publication_id = :new AND (o.id IS NULL OR o.content_hash <> n.content_hash)
        ORDER BY n.path
        """,
        {"live": live_id, "new": publication_id},
    )
    changed = []
    for row in rows:
        before = db.query(
            """
            SELECT sections, title, audience, content_hash FROM articles
            WHERE publication_id = :live AND path = :path
            """,
            {"live": live_id, "path": came_from.get(row["path"], row["path"])},
        )
        one = _Changed(row, before[0] if before else None)
        if not before or (before[0]["content_hash"] != row["content_hash"] and one.is_other):
            changed.append(one)
    return changed


def _is_silent(one: _Changed, changes: Sequence[HistoryChange]) -> bool:
    """Whether the commits that changed it say that it is nothing to tell."""
    if one.before is None and changes and (changes[0].is_typo or changes[0].is_quiet):
        return True  # an import, perhaps mended since
    return bool(changes) and not _spoken(changes)


def _spoken(changes: Sequence[HistoryChange]) -> list[HistoryChange]:
    return [change for change in changes if not (change.is_typo or change.is_quiet)]


def _news(
    publication: Publication,
    one: _Changed,
    changes: Sequence[HistoryChange],
    author_id: str | None,
) -> ArticleNews:
    notes = dict.fromkeys(change.notes.get(one.row["language"], "") for change in _spoken(changes))
    return ArticleNews(
        id=new_id(),
        publication_id=publication.id,
        path=one.row["path"],
        content_hash=one.row["content_hash"],
        audience=one.row["audience"],
        at=publication.published_at,
        is_new=one.is_new,
        sections=() if one.before is None else _sections(one.before, one.row),
        note=" ".join(filter(None, notes))[:MAX_NOTE],
        author_id=author_id,
    )


def _sections(before: Row, after: Row) -> tuple[str, ...]:
    """The headings under which there is something that was not there; the article's own first."""
    known = {(title, text) for _, title, _, text in json.loads(before["sections"])}
    titles = [
        title or after["title"]
        for _, title, _, text in json.loads(after["sections"])
        if (title, text) not in known and (title or text)
    ]
    return tuple(dict.fromkeys(titles))[:MOST_SECTIONS]


def _author(one: _Changed, changes: Sequence[HistoryChange], authors: Mapping[str, str]) -> str:
    """The address of whoever wrote all of a change; empty where they are several, or unknown."""
    addresses = {change.author for change in _spoken(changes)}
    if not addresses:
        return authors.get(one.row["changed_commit"] or "", "")
    return addresses.pop() if len(addresses) == 1 else ""


@dataclass(frozen=True)
class _Accounts:
    """The accounts of those who write, by their addresses."""

    db: Database
    ids: dict[str, str | None] = field(default_factory=dict)

    def of(self, address: str) -> str | None:
        if address not in self.ids:
            rows = self.db.query("SELECT id FROM people WHERE email = :email", {"email": address})
            self.ids[address] = rows[0]["id"] if rows else None
        return self.ids[address]


def _authors_of(tree: Tree, commits: Iterable[str | None]) -> dict[str, str]:
    """The addresses of who wrote some commits, as far as git knows them."""
    known = sorted({commit for commit in commits if commit})
    if not known or not isinstance(tree, GitTree):
        return {}
    arguments = ("log", "--no-walk=unsorted", "--format=%H %ae", *known, "--")
    try:
        lines = git.run(tree.repository, *arguments).decode(errors="replace").splitlines()
    except (CalledProcessError, TimeoutExpired):
        return {}
    pairs = (line.partition(" ") for line in lines)
    return {commit: address.strip().lower() for commit, _, address in pairs}


def _moved_topics(db: Database, moved: Mapping[str, str]) -> dict[Topic, str]:
    """What those follow, from now on, who followed an article or a folder that moved.

    A folder moved where all that was in it went to the same other one.
    """
    topics: dict[Topic, str] = {("article", old): new for old, new in moved.items()}
    folders: dict[str, set[str]] = {}
    for old, new in moved.items():
        for left, came in _folders(old, new):
            folders.setdefault(left, set()).add(came)
    for old, places in folders.items():
        if len(places) == 1 and old not in places and not _is_folder(db, old):
            topics["category", old] = places.pop()
    return topics


def _folders(old: str, new: str) -> Iterator[tuple[str, str]]:
    """The folders that an article left, from the inner ones out, and where each is now."""
    left, came = old.split("/")[:-1], new.split("/")[:-1]
    while len(left) > 1 and len(came) > 1:  # they begin with the language
        yield "/".join(left), "/".join(came)
        if left.pop() != came.pop():
            return


def _is_folder(db: Database, folder: str) -> bool:
    """Whether a live article lies in it, or further inside."""
    language, _, category = folder.partition("/")
    rows = db.query(
        """
        SELECT 1 FROM articles a JOIN state s ON s.value = a.publication_id
        WHERE s.name = 'live_publication' AND a.language = :language
          AND (a.category = :category OR SUBSTR(a.category, 1, :length) = :inside) LIMIT 1
        """,
        {
            "language": language,
            "category": category,
            "inside": f"{category}/",
            "length": len(category) + 1,
        },
    )
    return bool(rows)
