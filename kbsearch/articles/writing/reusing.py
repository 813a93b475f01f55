"""What uses what: the pieces articles have in common, each with those that take it in."""

import json
from dataclasses import dataclass

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.articles import Card
from kbsearch.articles import find_path as find_article
from kbsearch.articles.publishing import pieces
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
