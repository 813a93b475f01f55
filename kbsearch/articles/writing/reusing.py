"""What uses what: the pieces articles have in common, each with those that take it in."""

import json
from dataclasses import dataclass

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.articles import Card
from kbsearch.articles import find_path as find_article
from kbsearch.articles.publishing import external_links, pieces
from kbsearch.articles.publishing.external_links import LinkState
from kbsearch.articles.publishing.publish import tree_of
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.text.markup.reuse import USE_KINDS, UseKind

IN_CODE: UseKind = "variable-in-code"  # the same variable, for those who ask


@dataclass(frozen=True)
class SharedPiece:
    """A piece, and what takes it in."""

    kind: UseKind
    name: str
    articles: tuple[Card, ...]
    is_there: bool = True


def list_all(db: Database, viewer: Viewer, settings: Settings) -> list[SharedPiece]:
    """Every piece that the content has, or that a live article asks for."""
    access.only_staff(viewer)
    uses = _uses(db)
    shared = pieces.read(tree_of(settings))
    there: set[tuple[UseKind, str]] = {("variable", name) for name in shared.variables}
    there |= {("snippet", name.partition("/")[2] or name) for name in shared.snippets}
    asked = {use for use in uses if use in there or use[0] != "variable"}
    found = []
    for kind, name in sorted(there | asked):
        cards = (find_article(db, viewer, path) for path in sorted(uses.get((kind, name), ())))
        is_there = kind == "section" or (kind, name) in there
        found.append(SharedPiece(kind, name, tuple(card for card in cards if card), is_there))
    return found


@dataclass(frozen=True)
class BrokenLink:
    """An address of another site that is no more, and the articles that lead there."""

    state: LinkState
    articles: tuple[Card, ...]


def list_broken_links(db: Database, viewer: Viewer, settings: Settings) -> list[BrokenLink]:
    """What the last round found gone, as far as live articles still lead there."""
    access.only_staff(viewer)
    uses = external_links.live_uses(db, settings)
    broken = []
    for url, state in sorted(external_links.states(db).items()):
        if state.outcome == "broken" and url in uses:
            cards = (find_article(db, viewer, path) for path in dict.fromkeys(uses[url]))
            broken.append(BrokenLink(state, tuple(card for card in cards if card)))
    return broken


def _uses(db: Database) -> dict[tuple[UseKind, str], set[str]]:
    """The paths of the live articles that ask for each piece."""
    rows = db.query(
        """
        SELECT a.path, a.rendering FROM articles a JOIN state s ON s.value = a.publication_id
        WHERE s.name = 'live_publication' AND (a.rendering LIKE '%"snippet"%'
          OR a.rendering LIKE '%"section"%' OR a.rendering LIKE '%"variable%')
        """
    )
    uses: dict[tuple[UseKind, str], set[str]] = {}
    for row in rows:
        for kind, name, *_ in json.loads(row["rendering"])["references"]:
            if kind in USE_KINDS:
                own: UseKind = "variable" if kind == IN_CODE else kind
                uses.setdefault((own, name), set()).add(row["path"])
    return uses
