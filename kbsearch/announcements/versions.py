"""Versions of products: their order, and which one an organisation has, as its requests say."""

from collections.abc import Iterable, Mapping

from kbsearch.database import Database, one_of
from kbsearch.text.version_numbers import Numbers, numbers, padded

Newest = Mapping[tuple[str, str | None], str]  # by the slugs of organisation and product


def is_within(version: str, first: str, last: str) -> bool:
    """Whether a version is in a range, both ends included; an end is open where it is empty.

    `4.3` takes in all that begin so. Of a name without a number nobody knows: it may be.
    """
    own = numbers(version)
    if not own or version in (first, last):
        return True
    low, high = numbers(first), numbers(last)
    return (not low or low <= _cut(own, low)) and (not high or _cut(own, high) <= high)


def is_turned(first: str, last: str) -> bool:
    """Whether a range ends before it begins."""
    low, high = numbers(first), numbers(last)
    return bool(low and high) and high < _cut(low, high)


def of_organisations(
    db: Database, organisations: Iterable[str], products: Iterable[str | None]
) -> Newest:
    """The version that the last request of each organisation names of each product, by slugs.

    Confidential requests say nothing to colleagues, not even that.
    """
    theirs, values = one_of("organisation", list(organisations))
    places, names = one_of("product", [slug for slug in products if slug])
    rows = db.query(
        f"""
        SELECT o.slug AS organisation, p.slug AS product, t.version
        FROM tickets t JOIN organisations o ON o.id = t.organisation_id
        JOIN products p ON p.id = t.product_id
        WHERE t.number IN (
          SELECT MAX(n.number) FROM tickets n JOIN organisations m ON m.id = n.organisation_id
          JOIN products q ON q.id = n.product_id
          WHERE m.slug IN ({theirs}) AND q.slug IN ({places})
            AND n.version <> '' AND n.confidential = 0
          GROUP BY n.organisation_id, n.product_id)
        """,  # noqa: S608 (names of parameters)
        {**values, **names},
    )
    return {(row["organisation"], row["product"]): row["version"] for row in rows}


def _cut(version: Numbers, end: Numbers) -> Numbers:
    """A version as exact as the end of a range."""
    return padded(version, len(end))[: len(end)]
