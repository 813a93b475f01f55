"""What a webhook is told: of one organisation, product or tag only; and with which fields.

The fields are what the customer of a request reads of it, never a note; of an article its title
and summary. Long texts are cut: whoever needs the rest asks the API.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from kbsearch.database import Database, Row
from kbsearch.errors import Invalid
from kbsearch.messages.webhooks.events import Facts
from kbsearch.tickets import tags

LONGEST = 3_000  # characters of a text that is sent


@dataclass(frozen=True)
class WebhookScope:
    """Narrowed to an organisation and a product, by slug, and a tag; empty: to none."""

    organisation: str = ""
    product: str = ""
    tag: str = ""
    with_fields: bool = False

    @property
    def texts(self) -> Mapping[str, str]:
        """As a form shows it."""
        return {
            "organisation": self.organisation,
            "product": self.product,
            "tag": self.tag,
            "with_fields": "yes" if self.with_fields else "",
        }


EVERYTHING = WebhookScope()


@dataclass(frozen=True)
class Belongings:
    """What an event is about, as far as a scope asks."""

    organisation: str | None = None
    products: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()


def row_of(db: Database, scope: WebhookScope) -> Row:
    """The columns that keep it; raises Invalid for what is not there."""
    return {
        "organisation_id": _id(db, "organisations", scope.organisation, "organisation.not_found"),
        "product_id": _id(db, "products", scope.product, "product.not_found"),
        "tag": tags.normal(scope.tag) if scope.tag.strip() else "",
        "with_fields": int(scope.with_fields),
    }


def covers(scope: WebhookScope, belongings: Belongings) -> bool:
    """Whether a webhook of this scope is told of it."""
    return (
        scope.organisation in ("", belongings.organisation)
        and (not scope.product or scope.product in belongings.products)
        and (not scope.tag or scope.tag in belongings.tags)
    )


def belongings(db: Database, kind: str, facts: Facts) -> Belongings:
    """What an event is about."""
    if "number" in facts:  # a request, whatever happened to it
        rows = db.query("SELECT tag FROM ticket_tags WHERE ticket_id = :id", {"id": facts["id"]})
        organisation, product = facts["organisation"], facts["product"]
        return Belongings(
            str(organisation) if organisation else None,
            frozenset([str(product)] if product else []),
            frozenset(row["tag"] for row in rows),
        )
    if kind.startswith("article.") and (article := _article(db, facts)):
        return Belongings(
            None, frozenset(json.loads(article["products"])), frozenset(json.loads(article["tags"]))
        )
    product = facts.get("product")
    return Belongings(products=frozenset([str(product)] if product else []))


def fields_of(db: Database, kind: str, facts: Facts) -> Facts:
    """What is told besides to whoever asked for it."""
    if "number" in facts:  # a request, whatever happened to it
        return _ticket_fields(db, facts)
    if kind.startswith("article.") and (article := _article(db, facts)):
        return {"title": article["title"], "summary": _cut(article["summary"])}
    return {}


def _ticket_fields(db: Database, facts: Facts) -> Facts:
    rows = db.query(
        """
        SELECT t.subject, t.description, q.name AS requester FROM tickets t
        LEFT JOIN people q ON q.id = t.requester_id AND q.erased_at IS NULL WHERE t.id = :id
        """,
        {"id": facts["id"]},
    )
    said = db.query(
        """
        SELECT m.body, a.name AS author FROM messages m
        LEFT JOIN people a ON a.id = m.author_id AND a.erased_at IS NULL
        WHERE m.id = :message AND m.internal = 0
        """,
        {"message": facts.get("message")},
    )
    told = {**rows[0], "description": _cut(rows[0]["description"])}
    if said:
        del told["description"]
        told |= {"author": said[0]["author"], "body": _cut(said[0]["body"])}
    return told


def _article(db: Database, facts: Facts) -> Row | None:
    rows = db.query(
        """
        SELECT a.title, a.summary, a.products, a.tags FROM articles a
        JOIN state s ON s.value = a.publication_id AND s.name = 'live_publication'
        WHERE a.path = :path
        """,
        {"path": facts["id"]},
    )
    return rows[0] if rows else None


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _id(db: Database, table: str, slug: str, missing: str) -> str | None:
    rows = db.query(f"SELECT id FROM {table} WHERE slug = :slug", {"slug": slug})  # noqa: S608
    if slug and not rows:
        raise Invalid(missing, slug=slug)
    return rows[0]["id"] if rows else None
