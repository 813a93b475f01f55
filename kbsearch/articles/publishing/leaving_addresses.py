"""Addresses that a publication would leave without an article, and what becomes of each.

A rename or a move that git knows, or that the same bytes or title show, leads on by itself; what
was removed is said to be gone.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kbsearch.articles.publishing import front_matter, git, moves, sources
from kbsearch.articles.publishing.addresses import Addresses
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.front_matter import FrontMatterError
from kbsearch.articles.publishing.git_tree import GitTree
from kbsearch.articles.publishing.moves import MovedFile
from kbsearch.articles.publishing.sources import ARTICLE_SUFFIXES, Source
from kbsearch.articles.publishing.tree import ARTICLES, Entry, Tree
from kbsearch.config import Settings
from kbsearch.database import Database, site_state

READ = "former_addresses_read"  # in the state of the site, once the whole history was looked at


@dataclass(frozen=True)
class LiveArticle:
    """An article that is live, as far as its addresses need it."""

    file: str
    path: str
    language: str
    title: str
    audience: str
    blob: str
    slugs: tuple[str, ...]  # its address, and those it had


@dataclass(frozen=True)
class FormerAddress:
    """An address that no article has any more, and the article it leads to, or led to last."""

    language: str
    slug: str
    path: str
    audience: str


@dataclass(frozen=True)
class LeavingAddresses:
    """The addresses that go, and the articles that moved: from their old path to their new one."""

    addresses: tuple[FormerAddress, ...] = ()
    paths: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def of(
    tree: Tree,
    articles: Sequence[Source],
    places: Addresses,
    before: Sequence[LiveArticle],
    moved_files: Sequence[MovedFile],
) -> LeavingAddresses:
    """What becomes of the addresses that were live `before`."""
    live = {source.entry.path: source for source in articles if source.is_live}
    now = moves.destinations(moved_files, live)
    there = {old.file for old in before}
    withdrawn = {source.entry.path for source in articles if not source.is_in_time}  # as they said
    arrived = [source for file, source in live.items() if file not in there]
    addresses: list[FormerAddress] = []
    paths: dict[str, str] = {}
    findings: list[Finding] = []
    for old in before:
        source = live.get(now.get(old.file, "")) or _twin(old, arrived)
        path = source.path if source else old.path
        if source and path != old.path:
            paths[old.path] = path
        lost = [slug for slug in old.slugs if not _is_taken(places, old.language, slug)]
        addresses += [FormerAddress(old.language, slug, path, old.audience) for slug in lost]
        if not source and old.file not in withdrawn:
            findings += [_finding(tree, old, slug) for slug in lost]
    return LeavingAddresses(tuple(addresses), paths, tuple(findings))


def unread_history(
    db: Database, tree: Tree, places: Addresses, settings: Settings
) -> list[FormerAddress]:
    """The addresses that the history of the content knows, until it was read once as a whole."""
    if not isinstance(tree, GitTree) or site_state.read(db, READ):
        return []
    return list(_of_history(tree, places, settings))


def _of_history(tree: GitTree, places: Addresses, settings: Settings) -> Iterator[FormerAddress]:
    moved_files = moves.of_history(tree)
    now = moves.destinations(moved_files, places.slugs)
    last = {moved.path: moved.blob for moved in reversed(moved_files)}
    bodies = dict(git.blobs(tree.repository, sorted(set(last.values()))))
    for file, blob in last.items():
        source = _source(file, blob, bodies[blob] or b"", settings)
        if source is not None and not _is_taken(places, source.language, source.own_slug):
            there = sources.located(Entry(now[file] or file, "", 0), ARTICLES, settings.languages)
            path = there.path if there else source.path
            audience = source.audience or settings.default_audience
            yield FormerAddress(source.language, source.own_slug, path, audience)


def keep(
    db: Database, tree: Tree, addresses: Collection[FormerAddress], paths: Mapping[str, str]
) -> None:
    """Remember addresses, and lead those of articles that moved after them."""
    if tree.is_committed:
        site_state.write_first(db, READ, tree.commit)
    led = [  # read before any is changed: articles may have changed places
        {**row, "new": new}
        for old, new in paths.items()
        for row in db.query(
            "SELECT language, slug FROM former_addresses WHERE path = :old", {"old": old}
        )
    ]
    for row in led:
        db.execute(
            """
            UPDATE former_addresses SET path = :new WHERE language = :language AND slug = :slug
            """,
            row,
        )
    for address in addresses:
        db.execute(
            """
            INSERT INTO former_addresses (language, slug, path, audience)
            VALUES (:language, :slug, :path, :audience) ON CONFLICT (language, slug)
            DO UPDATE SET path = excluded.path, audience = excluded.audience
            """,
            vars(address),
        )


def _twin(old: LiveArticle, arrived: Sequence[Source]) -> Source | None:
    """An article that came as this one went: with the same bytes, or under the same title."""
    for source in arrived:
        is_same_title = bool(old.title) and source.title == old.title
        if source.language == old.language and (source.entry.blob == old.blob or is_same_title):
            return source
    return None


def _is_taken(places: Addresses, language: str, slug: str) -> bool:
    return (language, slug) in places.files or (language, slug) in places.aliases


def _finding(tree: Tree, old: LiveArticle, slug: str) -> Finding:
    values = {"address": f"/{old.language}/articles/{slug}", "title": old.title}
    return Finding(tree.shown + old.file, 1, 1, "address-gone", values)


def _source(file: str, blob: str, body: bytes, settings: Settings) -> Source | None:
    """A file of the past as an article; None for what was none that everybody could open."""
    source = sources.located(Entry(file, blob, len(body)), ARTICLES, settings.languages)
    if source is None or not file.lower().endswith(ARTICLE_SUFFIXES):
        return None
    text = body.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    try:
        source = replace(source, front=front_matter.read(front_matter.split(text)[0]))
    except FrontMatterError:
        return None
    return source if source.is_live else None
