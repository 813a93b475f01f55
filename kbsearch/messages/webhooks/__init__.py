"""Webhooks: the addresses that are told of events, of which, and the secret that signs for each.

Only administrators see them. A secret is told when it is made and never again; it rests sealed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from kbsearch import audit, revisions, sealing
from kbsearch.access import Viewer
from kbsearch.clock import now, stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, Row, new_id
from kbsearch.errors import Invalid, NotFound
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard, NoAnswer
from kbsearch.messages.webhooks import deliveries, events, rooms, scopes, signing
from kbsearch.messages.webhooks.scopes import EVERYTHING, WebhookScope

OVERLAP = timedelta(hours=24)  # a new secret and the one before it both sign
RESOLVING_SECONDS = 2.0  # of somebody who waits for a page


@dataclass(frozen=True)
class Webhook:
    """An address that is told of events; `secret` only just after it was made."""

    id: str
    url: str
    owner_id: str
    owner: str  # their address
    kinds: tuple[str, ...]
    created_at: str
    old_secret_until: str | None
    disabled_at: str | None
    disabled_because: str | None  # a person, "gone" or "silent"
    failures: int  # in a row
    answered_at: str | None
    scope: WebhookScope = EVERYTHING
    secret: str = ""

    @property
    def host(self) -> str:
        """Where it is; the rest of its address may be a secret."""
        return urlsplit(self.url).scheme if self.is_room else urlsplit(self.url).hostname or ""

    @property
    def is_room(self) -> bool:
        """Whether it is a chat room, which reads sentences and has no secret."""
        return rooms.is_room(self.url)

    @property
    def shown(self) -> str:
        """Its address; of a room no more than what it is, for the rest opens it."""
        return f"{self.host}://…" if self.is_room else self.url


def add(
    db: Database,
    viewer: Viewer,
    settings: Settings,
    url: str,
    kinds: Iterable[str],
    *,
    scope: WebhookScope = EVERYTHING,
) -> Webhook:
    """Tell an address of some kinds of events from now on; its secret is in the answer."""
    _for_administrators(viewer)
    checked, names = _url(settings, url), _kinds(kinds)
    webhook_id, secret = new_id(), signing.new_secret()
    with db.atomic():
        if db.query("SELECT 1 FROM webhook_endpoints WHERE url = :url", {"url": checked}):
            raise Invalid("webhook.url_taken")
        db.insert(
            "webhook_endpoints",
            {
                "id": webhook_id,
                "url": checked,
                "owner_id": viewer.person_id,
                "secret": _seal(settings, webhook_id, secret),
                "created_at": now(),
                **scopes.row_of(db, scope),
            },
        )
        _choose(db, webhook_id, names)
        _note(db, viewer, "webhook.added", None, webhook_id)
    return replace(find(db, viewer, webhook_id), secret=secret)


def find(db: Database, viewer: Viewer, webhook_id: str) -> Webhook:
    """The webhook with that id; raises NotFound."""
    _for_administrators(viewer)
    webhook = look(db, webhook_id)
    if webhook is None:
        raise NotFound("webhook.not_found")
    return webhook


def list_all(db: Database, viewer: Viewer) -> list[Webhook]:
    """Every webhook, the oldest first."""
    _for_administrators(viewer)
    return _read(db, "1 = 1", {})


def list_disabled(db: Database) -> list[Webhook]:
    """Those that are told nothing any more, for whoever runs the site."""
    return _read(db, "e.disabled_at IS NOT NULL", {})


def choose(
    db: Database,
    viewer: Viewer,
    webhook: Webhook,
    kinds: Iterable[str],
    *,
    scope: WebhookScope | None = None,
    revision: str | None = None,
) -> None:
    """Say which kinds of events it is told of from now on; raises Outdated like all that edits.

    A scope is left as it is where none is given.
    """
    _for_administrators(viewer)
    names = _kinds(kinds)
    with db.atomic():
        changes = {"kinds": revisions.several(names), **(scope.texts if scope else {})}
        old = find(db, viewer, webhook.id)
        revisions.check(revision, texts(old), changes)
        db.execute("DELETE FROM webhook_choices WHERE endpoint_id = :id", {"id": webhook.id})
        _choose(db, webhook.id, names)
        if scope is not None:
            db.execute(
                """
                UPDATE webhook_endpoints SET organisation_id = :organisation_id,
                  product_id = :product_id, tag = :tag, with_fields = :with_fields WHERE id = :id
                """,
                {**scopes.row_of(db, scope), "id": webhook.id},
            )
        _note(db, viewer, "webhook.changed", old, webhook.id)


def texts(webhook: Webhook) -> dict[str, str]:
    """What can be edited of a webhook, as its form shows it."""
    return {"kinds": "\n".join(sorted(webhook.kinds)), **webhook.scope.texts}


def rotate(
    db: Database,
    viewer: Viewer,
    settings: Settings,
    webhook: Webhook,
    *,
    at_once: bool = False,
    at: datetime | None = None,
) -> Webhook:
    """Give it another secret, which is in the answer; the one before signs too for a day.

    A second change within that day would take away the secret that the receiver still uses, so it
    is refused, unless `at_once`: after a leak the old ones sign nothing from this moment on.
    """
    _for_administrators(viewer)
    moment, secret = at or utc_now(), signing.new_secret()
    with db.atomic():
        there = find(db, viewer, webhook.id)
        if there.is_room:
            raise Invalid("room.no_secret")
        if not at_once and _is_later(there.old_secret_until, moment):
            raise Invalid("webhook.secret_changing")
        db.execute(
            """
            UPDATE webhook_endpoints
            SET old_secret = CASE WHEN :until IS NULL THEN NULL ELSE secret END,
                old_secret_until = :until, secret = :secret WHERE id = :id
            """,
            {
                "until": None if at_once else stored(moment + OVERLAP),
                "secret": _seal(settings, webhook.id, secret),
                "id": webhook.id,
            },
        )
        _note(db, viewer, "webhook.secret_changed", there, webhook.id)
    return replace(find(db, viewer, webhook.id), secret=secret)


def disable(db: Database, viewer: Viewer, webhook: Webhook, *, at: datetime | None = None) -> None:
    """Tell it nothing more; what still waits for it is given up, and can be sent again later."""
    _for_administrators(viewer)
    with db.atomic():
        old = find(db, viewer, webhook.id)
        deliveries.stop(db, webhook.id, "disabled", at or utc_now())
        _note(db, viewer, "webhook.disabled", old, webhook.id)


def enable(db: Database, viewer: Viewer, webhook: Webhook) -> None:
    """Tell it of events again, from now on."""
    _for_administrators(viewer)
    with db.atomic():
        old = find(db, viewer, webhook.id)
        db.execute(
            """
            UPDATE webhook_endpoints
            SET disabled_at = NULL, disabled_because = NULL, failures = 0, rests_until = NULL
            WHERE id = :id
            """,
            {"id": webhook.id},
        )
        _note(db, viewer, "webhook.enabled", old, webhook.id)


def test(db: Database, viewer: Viewer, webhook: Webhook) -> str:
    """Send it an event that means nothing, whatever it has chosen; the delivery's id."""
    _for_administrators(viewer)
    with db.atomic():
        if find(db, viewer, webhook.id).disabled_at:
            raise Invalid("webhook.is_disabled")
        return deliveries.add_test(db, webhook.id)


def hosts(db: Database) -> dict[str, str]:
    """Where each webhook is, by its id; the rest of an address may be a secret."""
    return {webhook.id: webhook.host for webhook in _read(db, "1 = 1", {})}


def addresses(db: Database) -> list[str]:
    """Those that are told of events; for nobody to see."""
    return [webhook.url for webhook in _read(db, "e.disabled_at IS NULL", {})]


def signers(db: Database, settings: Settings, webhook_id: str, at: datetime) -> list[str]:
    """The secrets that sign at this moment, the newest first."""
    rows = db.query(
        "SELECT secret, old_secret, old_secret_until FROM webhook_endpoints WHERE id = :id",
        {"id": webhook_id},
    )
    sealed = [rows[0]["secret"]]
    if _is_later(rows[0]["old_secret_until"], at):
        sealed.append(rows[0]["old_secret"])
    opened = [sealing.unseal(settings, _purpose(webhook_id), secret) for secret in sealed]
    return [secret for secret in opened if secret is not None]


def reseal(db: Database, resealing: sealing.Resealing) -> None:
    """Seal the secrets of all webhooks with today's key."""
    for row in db.query("SELECT id, secret, old_secret FROM webhook_endpoints"):
        purpose, old = _purpose(row["id"]), row["old_secret"]
        values = {
            "id": row["id"],
            "secret": resealing.again(purpose, row["secret"]),
            "old": resealing.again(purpose, old) if old else old,
        }
        db.execute(
            "UPDATE webhook_endpoints SET secret = :secret, old_secret = :old WHERE id = :id",
            values,
        )


def look(db: Database, webhook_id: str) -> Webhook | None:
    """The webhook as the worker sees it, which has no viewer."""
    webhooks = _read(db, "e.id = :id", {"id": webhook_id})
    return webhooks[0] if webhooks else None


def _for_administrators(viewer: Viewer) -> None:
    if not viewer.is_administrator:
        raise NotFound("webhook.not_found")


def _note(db: Database, viewer: Viewer, kind: str, old: Webhook | None, webhook_id: str) -> None:
    """Who did it, and what it changed: the log has neither secrets nor addresses that may be one.

    Call it in the transaction of the change, with the webhook as it was.
    """
    new = find(db, viewer, webhook_id)
    before, after = audit.differences(_facts(old) if old else {}, _facts(new))
    audit.act(db, viewer, kind, subject=new.host, webhook=webhook_id, before=before, after=after)


def _facts(webhook: Webhook) -> dict[str, str]:
    return {**texts(webhook), "disabled": "yes" if webhook.disabled_at else ""}


def _url(settings: Settings, url: str) -> str:
    """The address as it is kept; raises Invalid when it may not be spoken to.

    A name that is not to be resolved at this moment is taken: each sending looks again.
    """
    address = url.strip()
    target = rooms.spoken_to(address) if rooms.is_room(address) else address
    guard = Guard(Exceptions.of(settings.webhook_private_targets), deadline=RESOLVING_SECONDS)
    try:
        guard.check(target)
    except NoAnswer as problem:
        if problem.reason == "blocked":
            raise Invalid("webhook.url_blocked") from None
    return address


def _kinds(kinds: Iterable[str]) -> tuple[str, ...]:
    names = set(kinds)
    if not names:
        raise Invalid("webhook.events_required")
    unknown = names - set(events.KINDS)
    if unknown:
        raise Invalid("webhook.event_unknown", kind=min(unknown))
    return tuple(kind for kind in events.KINDS if kind in names)


def _choose(db: Database, webhook_id: str, kinds: Iterable[str]) -> None:
    db.insert_many("webhook_choices", [{"endpoint_id": webhook_id, "kind": kind} for kind in kinds])


def _read(db: Database, condition: str, values: dict[str, object]) -> list[Webhook]:
    """Webhooks that meet a condition, which is a constant of this module."""
    rows = db.query(
        f"""
        SELECT e.id, e.url, e.owner_id, p.email AS owner, e.created_at, e.old_secret_until,
               e.disabled_at, e.disabled_because, e.failures, e.answered_at,
               o.slug AS organisation, pr.slug AS product, e.tag, e.with_fields
        FROM webhook_endpoints e JOIN people p ON p.id = e.owner_id
        LEFT JOIN organisations o ON o.id = e.organisation_id
        LEFT JOIN products pr ON pr.id = e.product_id
        WHERE {condition} ORDER BY e.created_at, e.id
        """,  # noqa: S608 (a constant)
        values,
    )
    kinds: dict[str, set[str]] = {row["id"]: set() for row in rows}
    for row in db.query("SELECT endpoint_id, kind FROM webhook_choices"):
        if row["endpoint_id"] in kinds:
            kinds[row["endpoint_id"]].add(row["kind"])
    return [_webhook(row, kinds[row["id"]]) for row in rows]


def _webhook(row: Row, kinds: set[str]) -> Webhook:
    scope = WebhookScope(
        row.pop("organisation") or "",
        row.pop("product") or "",
        row.pop("tag"),
        bool(row.pop("with_fields")),
    )
    return Webhook(**row, kinds=tuple(kind for kind in events.KINDS if kind in kinds), scope=scope)


def _is_later(moment: str | None, at: datetime) -> bool:
    return moment is not None and moment > stored(at)


def _seal(settings: Settings, webhook_id: str, secret: str) -> str:
    return sealing.seal(settings, _purpose(webhook_id), secret)


def _purpose(webhook_id: str) -> str:
    return f"webhook:{webhook_id}"
