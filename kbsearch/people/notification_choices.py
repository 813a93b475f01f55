"""Notification preferences: which events reach somebody, by which channel, at once or gathered.

Mail is on until somebody says otherwise, but for a copy of what they write themselves. A text
message needs a mobile number that was verified: a customer who verifies one gets them.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from kbsearch import audit, revisions
from kbsearch.access import Viewer
from kbsearch.database import Database
from kbsearch.errors import Invalid

Digest = Literal["none", "hourly", "daily"]  # of mail, for agents
DIGESTS: tuple[Digest, ...] = get_args(Digest)

EVENTS = (
    "ticket.opened",
    "ticket.replied",
    "ticket.status_changed",
    "ticket.solved",
    "ticket.closed",
    "ticket.cc_added",
    "ticket.article",
    "ticket.own_reply",
    "announcement.published",
    "announcement.ended",
    "article.followed",
)
STAFF_EVENTS = (
    "ticket.opened",
    "ticket.assigned",
    "ticket.replied",
    "ticket.noted",
    "ticket.status_changed",
    "ticket.solved",
    "ticket.due_soon",
    "ticket.overdue",
    "article.followed",
)
ALL_EVENTS = tuple(dict.fromkeys((*EVENTS, *STAFF_EVENTS)))
CHANNELS = ("mail", "sms")
BY_MAIL_ALONE = (  # there is something to read
    "ticket.article",
    "ticket.own_reply",
    "announcement.published",
    "announcement.ended",
    "article.followed",
)
YES = "on"  # of a box that is ticked
WANTED_AT_FIRST = {"mail": True, "sms": False}
UNWANTED_AT_FIRST = ("ticket.own_reply",)

Choice = tuple[str, str]  # event, channel


def events_for(viewer: Viewer) -> tuple[str, ...]:
    """The events that somebody may want to be told of, in the order they are offered."""
    return STAFF_EVENTS if viewer.is_agent else EVENTS


def find(db: Database, viewer: Viewer) -> dict[Choice, bool]:
    """Every event and channel that concerns the viewer, and whether they want it."""
    return _said(db, viewer.person_id, events_for(viewer))


def texts(db: Database, viewer: Viewer) -> dict[str, str]:
    """What can be chosen, as its form shows it: each event and channel, and the digest."""
    choices = find(db, viewer)
    wanted = [choice for choice in choices if choices[choice]]
    return _texts(choices, wanted, digest(db, viewer.person_id or ""))


def choose(
    db: Database,
    viewer: Viewer,
    choices: Iterable[Choice],
    *,
    digest: str = "none",
    revision: str | None = None,
) -> dict[Choice, bool]:
    """Want these and no others; agents may have their mail gathered.

    Raises Outdated when they are not as a page showed them at that revision.
    """
    selection, offered = set(choices), set(find(db, viewer))
    if not selection <= offered or digest not in DIGESTS:
        raise Invalid("preferences.unknown")
    if any(channel == "sms" for _, channel in selection) and not _has_mobile(db, viewer.person_id):
        raise Invalid("preferences.mobile_needed")
    with db.atomic():
        revisions.check(revision, texts(db, viewer), _texts(offered, selection, digest))
        for choice in sorted(offered):
            _keep(db, viewer.person_id, choice, is_wanted=choice in selection)
        db.execute(
            "UPDATE people SET digest = :digest WHERE id = :id",
            {"digest": digest if viewer.is_agent else "none", "id": viewer.person_id},
        )
        audit.record(
            db, "notifications.chosen", person_id=viewer.person_id, actor_id=viewer.person_id
        )
    return find(db, viewer)


def decline(db: Database, person_id: str, event: str, channel: str = "mail") -> None:
    """Want no more of an event, or of any when it is empty; said by the link of a mail."""
    with db.atomic():
        for kind in ALL_EVENTS if not event else (event,):
            _keep(db, person_id, (kind, channel), is_wanted=False)
        audit.record(db, "notifications.declined", person_id=person_id, event=event)


def want_texts(db: Database, viewer: Viewer) -> None:
    """Want a text message of all that can be told by one, as a customer who gave a number does."""
    with db.atomic():
        for event, channel in find(db, viewer):
            if channel == "sms":
                _keep(db, viewer.person_id, (event, channel), is_wanted=True)


def decline_texts(db: Database, viewer: Viewer) -> None:
    """Want no text messages any more."""
    decline(db, viewer.person_id or "", "", "sms")


def wants_texts(db: Database, viewer: Viewer) -> bool:
    """Whether anything is told by text message, if there is a number."""
    return any(is_on for (_, channel), is_on in find(db, viewer).items() if channel == "sms")


def wants(db: Database, person_id: str, event: str, channel: str) -> bool:
    """Whether to tell a person of an event by a channel, as things stand now."""
    if channel == "sms" and not _has_mobile(db, person_id):
        return False
    return _said(db, person_id, (event,)).get((event, channel), False)


def digest(db: Database, person_id: str) -> Digest:
    """How often an agent's mail is gathered; a customer's never is."""
    rows = db.query(
        """
        SELECT CASE WHEN role IN ('agent', 'administrator') THEN digest ELSE 'none' END AS digest
        FROM people WHERE id = :id
        """,
        {"id": person_id},
    )
    interval: Digest = rows[0]["digest"] if rows else "none"
    return interval


def _texts(offered: Iterable[Choice], wanted: Iterable[Choice], digest: str) -> dict[str, str]:
    chosen = {f"{event}:{channel}" for event, channel in wanted}
    names = (f"{event}:{channel}" for event, channel in offered)
    return {**{name: YES if name in chosen else "" for name in names}, "digest": digest}


def _said(db: Database, person_id: str | None, events: Iterable[str]) -> dict[Choice, bool]:
    rows = db.query(
        "SELECT event, channel, wanted FROM notification_choices WHERE person_id = :id",
        {"id": person_id},
    )
    choices = {(row["event"], row["channel"]): bool(row["wanted"]) for row in rows}
    return {choice: choices.get(choice, first) for choice, first in _at_first(events).items()}


def _keep(db: Database, person_id: str | None, choice: Choice, *, is_wanted: bool) -> None:
    event, channel = choice
    db.execute(
        """
        INSERT INTO notification_choices (person_id, event, channel, wanted)
        VALUES (:person, :event, :channel, :wanted)
        ON CONFLICT (person_id, event, channel) DO UPDATE SET wanted = excluded.wanted
        """,
        {"person": person_id, "event": event, "channel": channel, "wanted": int(is_wanted)},
    )


def _at_first(events: Iterable[str]) -> Mapping[Choice, bool]:
    return {
        (event, channel): WANTED_AT_FIRST[channel] and event not in UNWANTED_AT_FIRST
        for event in events
        for channel in CHANNELS
        if channel == "mail" or event not in BY_MAIL_ALONE
    }


def _has_mobile(db: Database, person_id: str | None) -> bool:
    return bool(
        db.query(
            """
            SELECT 1 FROM people
            WHERE id = :id AND mobile IS NOT NULL AND mobile_verified_at IS NOT NULL
            """,
            {"id": person_id},
        )
    )
