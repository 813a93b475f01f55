"""Versions of products: their order, and which one an organisation has, as its requests say."""

from collections.abc import Iterable, Mapping

from kbsearch.clock import utc_now
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
    """Of organisations and products under contract, the version that the last request names.

    Empty where none does. Confidential requests say nothing to colleagues, not even that.
    """
    theirs, values = one_of("organisation", list(organisations))
    places, names = one_of("product", [slug for slug in products if slug])
    rows = db.query(
        f"""
        SELECT o.slug AS organisation, p.slug AS product, COALESCE(t.version, '') AS version
        FROM organisation_products c JOIN organisations o ON o.id = c.organisation_id
        JOIN products p ON p.id = c.product_id
        LEFT JOIN tickets t ON t.number = (
          SELECT MAX(n.number) FROM tickets n
          WHERE n.organisation_id = o.id AND n.product_id = p.id
            AND n.version <> '' AND n.confidential = 0)
        WHERE o.slug IN ({theirs}) AND p.slug IN ({places})
          AND COALESCE(o.contract_starts, :today) <= :today
          AND COALESCE(o.contract_ends, :today) >= :today
        """,  # noqa: S608 (names of parameters)
        {**values, **names, "today": utc_now().date().isoformat()},
    )
    return {(row["organisation"], row["product"]): row["version"] for row in rows}


def _cut(version: Numbers, end: Numbers) -> Numbers:
    """A version as exact as the end of a range."""
    return padded(version, len(end))[: len(end)]
