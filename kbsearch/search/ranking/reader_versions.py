"""The version of a product that a reader has, as far as their requests say, and what is for it."""

from collections.abc import Mapping, Sequence

from kbsearch.access import Viewer
from kbsearch.articles import list_paths, versions
from kbsearch.database import Database
from kbsearch.search import Hit

LOOKED_AT = 50  # requests of a reader


def preferred(db: Database, viewer: Viewer, hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
    """The hits, where the same article for several versions is among them with the reader's first.

    What else was found keeps its place.
    """
    places = [place for place, hit in enumerate(hits) if hit.kind == "article" and hit.version]
    known = _of_reader(db, viewer) if len(places) > 1 else {}
    if not known:
        return hits
    groups: dict[tuple[str, str], list[int]] = {}
    cards = list_paths(db, viewer, [hits[place].id for place in places])
    for place in places:
        card = cards.get(hits[place].id)
        if card is not None:
            groups.setdefault((card.language, card.translation_key), []).append(place)
    ordered = list(hits)
    for group in groups.values():
        theirs = sorted((hits[place] for place in group), key=lambda hit: not _fits(hit, known))
        for place, hit in zip(group, theirs, strict=True):
            ordered[place] = hit
    return tuple(ordered)


def _fits(hit: Hit, known: Mapping[str, str]) -> bool:
    theirs: Sequence[str] = [known[slug] for slug in hit.products if slug in known]
    return any(versions.covers(hit.version, version) for version in theirs)


def _of_reader(db: Database, viewer: Viewer) -> dict[str, str]:
    """By product, the version that their last request names."""
    if not viewer.is_signed_in:
        return {}
    rows = db.query(
        """
        SELECT p.slug, t.version FROM tickets t JOIN products p ON p.id = t.product_id
        WHERE t.requester_id = :person AND t.version <> '' ORDER BY t.number DESC LIMIT :limit
        """,
        {"person": viewer.person_id, "limit": LOOKED_AT},
    )
    return {row["slug"]: row["version"] for row in reversed(rows)}
