"""What is on its way out, by whatever channel: waiting, failed or given up, and why.

For those who answer requests. Webhooks are the administrators': agents see the host of an address
and not the rest of it, which may be a secret.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from kbsearch import deliveries, outbox
from kbsearch.access import Viewer
from kbsearch.db import Database
from kbsearch.errors import Invalid, NotFound

LIMIT = 200  # of each channel


@dataclass(frozen=True)
class Sending:
    """Something that has not left yet; `to` is the host of a webhook."""

    id: str
    kind: str
    to: str
    created_at: str
    due_at: str
    attempts: int
    state: str  # waiting, failed (it will be tried again), dead
    problem: str  # a word of deliveries, or what the mail server said


def list_all(db: Database, viewer: Viewer) -> list[Sending]:
    """What has not left, those given up first, then the oldest."""
    _for_agents(viewer)
    found = [
        Sending(
            task.id,
            task.kind,
            "",
            task.created_at,
            task.due_at,
            task.attempts,
            task.state,
            task.problem or "",
        )
        for task in outbox.list_unfinished(db, limit=LIMIT)
    ]
    for each in deliveries.read(db, "d.sent_at IS NULL", {}, limit=LIMIT):
        host = urlsplit(each.url).hostname or ""
        found.append(
            Sending(
                each.id,
                each.kind,
                host,
                each.created_at,
                each.due_at,
                each.attempts,
                each.state,
                each.problem or "",
            )
        )
    return sorted(found, key=lambda each: (each.state != "dead", each.created_at, each.id))


def again(db: Database, viewer: Viewer, sending_id: str) -> None:
    """Send it now, and try as often as at first; raises NotFound when it has left or never was."""
    _for_agents(viewer)
    with db.atomic():
        if outbox.again(db, sending_id):
            return
        delivery = deliveries.find(db, sending_id)
        if delivery is None or delivery.state == "sent":
            raise NotFound("sending.not_found")
        if not deliveries.again(db, sending_id):
            raise Invalid("webhook.is_disabled")


def _for_agents(viewer: Viewer) -> None:
    if not viewer.is_agent:
        raise NotFound("web.not_found")
