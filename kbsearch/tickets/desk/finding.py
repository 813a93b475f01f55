"""What agents find by its name: customers, organisations, products, and a request by its number.

A name is found without its accents and from any part of its words; somebody also by their address,
their organisation and their mobile number.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kbsearch import access, tickets
from kbsearch.access import Viewer
from kbsearch.database import Database, Row, Values
from kbsearch.errors import NotFound
from kbsearch.text.name_search import folded, like_pattern
from kbsearch.tickets import Ticket
from kbsearch.tickets.listing import LONGEST_WORD, MOST_WORDS

MOST_LOOKED_AT = 500  # customers whose name has the longest of the words
SHORTEST_PHONE = 6  # digits
_NO_DIGIT = re.compile(r"\D")
_NO_PHONE = re.compile(r"[^\d\s().+-]")


@dataclass(frozen=True)
class NamedThing:
    """An organisation or a product."""

    id: str
    slug: str
    name: str


@dataclass(frozen=True)
class Customer:
    """Somebody whom a request may be of; the names of their organisations."""

    id: str
    email: str
    name: str
    organisations: str


@dataclass(frozen=True)
class Matches:
    """What has every word of a text in its name."""

    organisations: tuple[NamedThing, ...] = ()
    customers: tuple[Customer, ...] = ()
    products: tuple[NamedThing, ...] = ()


def by_name(db: Database, viewer: Viewer, text: str, limit: int) -> Matches:
    """So many of each, by name; nothing for a text without words."""
    access.only_agents(viewer)
    words = folded(text).split()[:MOST_WORDS]
    if not words:
        return Matches()
    longest = max(words, key=len)[:LONGEST_WORD]
    values = {"part": like_pattern(longest)}
    return Matches(
        tuple(_things(db, "organisations", words, values))[:limit],
        tuple(_customers(db, words, values, text))[:limit],
        tuple(_things(db, "products", words, values))[:limit],
    )


def by_number(db: Database, viewer: Viewer, text: str) -> Ticket | None:
    """The request whose number is typed, `1118` or `#1118`; None for any other text."""
    access.only_agents(viewer)
    number = text.strip().removeprefix("#")
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        return None
    try:
        return tickets.find_number(db, viewer, int(number))
    except NotFound:
        return None


def _things(db: Database, table: str, words: list[str], values: Values) -> Iterator[NamedThing]:
    rows = db.query(
        f"SELECT id, slug, name FROM {table} WHERE LOWER(name) LIKE :part ORDER BY name",  # noqa: S608
        values,
    )
    for row in rows:
        if _has(words, row["name"]):
            yield NamedThing(**row)


def _customers(db: Database, words: list[str], values: Values, text: str) -> Iterator[Customer]:
    """By name, and those whose mobile number is typed."""
    digits = _NO_DIGIT.sub("", text).removeprefix("00").lstrip("0")
    is_phone = len(digits) >= SHORTEST_PHONE and not _NO_PHONE.search(text)
    rows: list[Row] = db.query(
        """
        SELECT p.id, p.email, p.name, p.mobile, COALESCE((
                 SELECT string_agg(o.name, ', ') FROM memberships m
                 JOIN organisations o ON o.id = m.organisation_id WHERE m.person_id = p.id), '')
                 AS organisations
        FROM people p
        WHERE p.role = 'customer' AND p.erased_at IS NULL AND p.disabled_at IS NULL
          AND (LOWER(p.name) LIKE :part OR p.email LIKE :part OR p.mobile LIKE :phone
               OR EXISTS (SELECT 1 FROM memberships m
                          JOIN organisations o ON o.id = m.organisation_id
                          WHERE m.person_id = p.id AND LOWER(o.name) LIKE :part))
        ORDER BY p.name, p.id LIMIT :limit
        """,
        {**values, "phone": f"%{digits}" if is_phone else "", "limit": MOST_LOOKED_AT},
    )
    for row in rows:
        mobile = row.pop("mobile") or ""
        is_theirs = is_phone and mobile.endswith(digits)
        if is_theirs or _has(words, f"{row['name']} {row['email']} {row['organisations']}"):
            yield Customer(**row)


def _has(words: list[str], name: str) -> bool:
    plain = folded(name)
    return all(word in plain for word in words)
