"""What happens here, as programs outside are told of it: the kinds, and the facts each carries.

Facts are ids, codes and addresses of pages: no name, no mail address, nothing that a customer typed
but the words of a search that found nothing. Whoever needs more opens the page, where access is
checked; a webhook whose owner asks so is told more (`scopes`).
"""

import json
from collections.abc import Callable, Mapping

from kbsearch import outbox
from kbsearch.clock import now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.text import masking
from kbsearch.tickets import events

Facts = Mapping[str, object]
Reader = Callable[[Database, Settings, str], Facts | None]

TEST = "webhook.test"
MAX_BODY = 60_000
TOLD_FIELDS = ("status", "assignee", "severity", "team")  # codes and ids; the others were typed


def tell(db: Database, kind: str, subject: str) -> None:
    """Say, in the transaction in which it happens, that it did: the one door of events.

    It is written down for whoever asks later, and told to the webhooks that chose its kind; mail
    has kinds of its own in the outbox.
    """
    assert kind in READERS, kind
    place = db.query(
        """
        INSERT INTO counters (name, value) VALUES ('event', 1)
        ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value
        """
    )[0]["value"]
    db.insert("site_events", {"place": place, "kind": kind, "subject": subject, "at": now()})
    if db.query("SELECT 1 FROM webhook_choices WHERE kind = :kind LIMIT 1", {"kind": kind}):
        outbox.add(db, kind, subject)


def body(kind: str, at: str, facts: Facts) -> str:
    """The event as it is sent."""
    text = json.dumps({"type": kind, "timestamp": at, "data": facts}, separators=(",", ":"))
    assert len(text) < MAX_BODY, kind
    return text


def facts(db: Database, settings: Settings, kind: str, subject: str) -> Facts | None:
    """What is told of an event; None when its subject is gone by now."""
    return READERS[kind](db, settings, subject)


def _ticket(db: Database, settings: Settings, event_id: str) -> Facts | None:
    """A change of a request; the request is told as it stands when the event is taken up."""
    rows = db.query(
        """
        SELECT t.id, t.number, t.status, t.severity, t.language, p.slug AS product, t.version,
               o.slug AS organisation, e.id AS event, e.actor_id AS actor, e.message_id AS message,
               e.field, e.before, e.after
        FROM ticket_events e JOIN tickets t ON t.id = e.ticket_id
        LEFT JOIN products p ON p.id = t.product_id
        LEFT JOIN organisations o ON o.id = t.organisation_id WHERE e.id = :id
        """,
        {"id": event_id},
    )
    if not rows:
        return None
    facts = {name: value for name, value in rows[0].items() if name not in ("before", "after")}
    if facts["field"] in TOLD_FIELDS:
        facts |= {name: rows[0][name] for name in ("before", "after")}
    return {**facts, "url": settings.url(f"requests/{facts['id']}")}


def _article(db: Database, settings: Settings, path: str) -> Facts | None:
    """An article that came, or whose text changed; `path` is its id, `fr/account/sign-in`."""
    rows = db.query(
        """
        SELECT a.path AS id, a.language, a.category, a.slug, p.commit_id
        FROM articles a JOIN publications p ON p.id = a.publication_id
        JOIN state s ON s.value = p.id AND s.name = 'live_publication' WHERE a.path = :path
        """,
        {"path": path},
    )
    if not rows:
        return None
    language, slug = rows[0]["language"], rows[0]["slug"]
    return {**rows[0], "url": settings.url(f"articles/{slug}", language)}


def _withdrawn(db: Database, settings: Settings, path: str) -> Facts:
    language, _, rest = path.partition("/")
    return {"id": path, "language": language, "category": rest.rpartition("/")[0]}


def _feedback(db: Database, settings: Settings, vote_id: str) -> Facts | None:
    """What somebody said of an article, as it stands when the event is taken up."""
    rows = db.query(
        """
        SELECT v.path AS id, a.language, a.category, a.slug, v.edition, v.helped, v.reason
        FROM article_votes v JOIN articles a ON a.path = v.path
        JOIN state s ON s.value = a.publication_id AND s.name = 'live_publication'
        WHERE v.id = :id
        """,
        {"id": vote_id},
    )
    if not rows:
        return None
    language, slug = rows[0]["language"], rows[0]["slug"]
    url = settings.url(f"desk/articles/{language}/{slug}/feedback")
    return {**rows[0], "helped": bool(rows[0]["helped"]), "url": url}


def _failed_search(db: Database, settings: Settings, search_id: str) -> Facts | None:
    """What was searched for is the point of it: with personal data masked, as no other fact is."""
    rows = db.query(
        "SELECT id, text, product FROM visit_events WHERE id = :id AND text <> ''",
        {"id": search_id},
    )
    if not rows:
        return None
    query = masking.mask(rows[0]["text"], language=settings.languages[0]).text
    return {"id": rows[0]["id"], "query": query, "product": rows[0]["product"] or None}


def _person(db: Database, settings: Settings, person_id: str) -> Facts | None:
    rows = db.query("SELECT id, role FROM people WHERE id = :id", {"id": person_id})
    return rows[0] if rows else None


def _rule(db: Database, settings: Settings, run_id: str) -> Facts | None:
    """A request that a rule was meant for, as it stands when the event is taken up."""
    rows = db.query(
        """
        SELECT t.id, t.number, t.status, t.severity, t.language, p.slug AS product, t.version,
               o.slug AS organisation, r.rule_id AS rule
        FROM rule_runs r JOIN tickets t ON t.id = r.ticket_id
        LEFT JOIN products p ON p.id = t.product_id
        LEFT JOIN organisations o ON o.id = t.organisation_id WHERE r.id = :id
        """,
        {"id": run_id},
    )
    return {**rows[0], "url": settings.url(f"requests/{rows[0]['id']}")} if rows else None


def _announcement(db: Database, settings: Settings, announcement_id: str) -> Facts | None:
    """What was announced: of which product and versions, not to whom."""
    rows = db.query(
        """
        SELECT a.id, a.kind, p.slug AS product, a.version_from, a.version_to, a.fixed_in
        FROM announcements a LEFT JOIN products p ON p.id = a.product_id WHERE a.id = :id
        """,
        {"id": announcement_id},
    )
    return {**rows[0], "url": settings.url(f"announcements/{announcement_id}")} if rows else None


READERS: Mapping[str, Reader] = {
    **dict.fromkeys(events.KINDS, _ticket),
    outbox.declare("article.published", "inside"): _article,
    outbox.declare("article.withdrawn", "inside"): _withdrawn,
    outbox.declare("article.feedback", "inside"): _feedback,
    outbox.declare("search.failed", "inside"): _failed_search,
    outbox.declare("rule.applied", "inside"): _rule,
    outbox.declare("announcement.published", "inside"): _announcement,
    outbox.declare("announcement.ended", "inside"): _announcement,
    outbox.declare("user.invited", "inside"): _person,
    outbox.declare("user.signed_in", "inside"): _person,
}
KINDS = tuple(READERS)
