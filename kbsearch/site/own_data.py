"""What the site keeps about a person, as that person may take it away.

Only what is theirs: no note of the staff, no word of anybody else.
"""

import json
import shutil
import zipfile
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from kbsearch import audit
from kbsearch.access import Viewer
from kbsearch.announcements import following
from kbsearch.articles import feed_addresses, follows
from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, Row
from kbsearch.errors import NotFound, Unavailable
from kbsearch.files import places, scans
from kbsearch.i18n import explain
from kbsearch.people import notification_choices, profiles
from kbsearch.people.accounts import passkeys, personal_tokens, second_factor, sessions
from kbsearch.search.learning import lessons, votes
from kbsearch.tickets import visibility


def collect(db: Database, viewer: Viewer, *, at: datetime | None = None) -> dict[str, Any]:
    """Profile, memberships, sessions, requests filed or copied on, and messages written."""
    moment = at or utc_now()
    profile = profiles.find(db, viewer)
    person = profile.person
    choices = notification_choices.find(db, viewer)
    return {
        "made_at": stored(moment),
        "profile": {
            "email": person.email,
            "name": person.name,
            "role": person.role,
            "language": person.language,
            "time_zone": profile.time_zone,
            "mobile": profile.mobile,
            "mobile_verified_at": profile.mobile_verified_at,
            "single_key_shortcuts": profile.single_keys,
            "away_until": profile.away_until,
            "created_at": person.created_at,
        },
        "organisations": _organisations(db, person.id),
        "notifications": [
            {"event": event, "channel": channel, "wanted": wanted}
            for (event, channel), wanted in choices.items()
        ],
        "digest": notification_choices.digest(db, person.id),
        "second_factor": {
            "authenticator": second_factor.has_totp(db, person.id),
            "passkeys": [_without_id(vars(passkey)) for passkey in passkeys.list_of(db, person.id)],
            "recovery_codes_left": second_factor.count_recovery_codes(db, person.id),
            "trusted_devices": [
                _without_id(vars(device))
                for device in second_factor.list_devices(db, person.id, at=moment)
            ],
        },
        "sessions": [
            {
                "created_at": session.created_at,
                "seen_at": session.seen_at,
                "expires_at": session.expires_at,
                "user_agent": session.user_agent,
            }
            for session in sessions.list_sessions(db, person.id, at=moment)
        ],
        "tokens": [
            {
                "name": token.name,
                "created_at": token.created_at,
                "used_at": token.used_at,
                **token.rights,
            }
            for token in personal_tokens.list_of(db, person.id, at=moment)
        ],
        "security_log": [
            {"at": event.at, "kind": event.kind, "network": event.network}
            for event in audit.list_of(db, person.id, limit=1000)
        ],
        "requests": {"filed": _filed(db, viewer), "copied": _copied(db, viewer)},
        "article_feedback": votes.list_of(db, person.id),
        "messages": _messages(db, person.id),
        "lessons": lessons.list_mine(db, person.id),
        "announcements_followed": following.list_own(db, viewer),
        "articles_followed": [
            {"kind": one.kind, "subject": one.subject, "way": one.way, "at": one.created_at}
            for one in follows.list_mine(db, viewer)
        ],
        "feed_address_made_at": feed_addresses.made_at(db, viewer),
    }


def pack(db: Database, settings: Settings, viewer: Viewer, target: IO[bytes]) -> int:
    """Write a ZIP of the same and of the files they attached; how many files there are.

    A file that nobody may have, or not yet, is named there, with the reason.
    """
    store, count = places.attached(settings), 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        lines = []
        for row in _files(db, viewer):
            sha256 = row.pop("sha256")
            try:
                scans.check(db, settings, sha256)
            except (NotFound, Unavailable) as problem:
                reason = explain(problem, settings.languages[0])
                lines.append({**row, "file": None, "left_out": reason})
                continue
            try:
                source = store.open(sha256)
            except FileNotFoundError:
                continue
            count += 1
            place = f"files/{count}-{Path(row['name']).name}"
            with source, archive.open(place, "w", force_zip64=True) as packed:
                shutil.copyfileobj(source, packed)
            lines.append({**row, "file": place})
        text = json.dumps({**collect(db, viewer), "files": lines}, ensure_ascii=False, indent=1)
        archive.writestr("data.json", text)
    return count


def _files(db: Database, viewer: Viewer) -> list[Row]:
    """What they attached to what others may read, or have not sent yet."""
    condition, principals = visibility.condition(viewer)
    return db.query(
        f"""
        SELECT t.number AS request, f.name, f.media_type, f.created_at, f.sha256
        FROM attachments f LEFT JOIN tickets t ON t.id = f.ticket_id
        LEFT JOIN messages m ON m.id = f.message_id
        WHERE f.person_id = :id AND COALESCE(m.internal, 0) = 0
          AND (f.ticket_id IS NULL OR {condition})
        ORDER BY f.created_at, f.id
        """,  # noqa: S608 (a condition of constants)
        {"id": viewer.person_id, **principals},
    )


def _organisations(db: Database, person_id: str) -> list[Row]:
    return db.query(
        """
        SELECT o.slug, o.name FROM memberships m JOIN organisations o ON o.id = m.organisation_id
        WHERE m.person_id = :id ORDER BY o.slug
        """,
        {"id": person_id},
    )


def _filed(db: Database, viewer: Viewer) -> list[Row]:
    condition, principals = visibility.condition(viewer)
    return db.query(
        f"""
        SELECT t.number, t.subject, t.description, p.slug AS product, t.version, t.severity,
               t.status, t.created_at, t.updated_at, t.solved_at
        FROM tickets t LEFT JOIN products p ON p.id = t.product_id
        WHERE t.requester_id = :id AND {condition} ORDER BY t.number
        """,  # noqa: S608 (a condition of constants)
        {"id": viewer.person_id, **principals},
    )


def _copied(db: Database, viewer: Viewer) -> list[Row]:
    """Somebody else described these: they are named, not told."""
    condition, principals = visibility.condition(viewer)
    return db.query(
        f"""
        SELECT t.number, t.subject, t.status, t.created_at, t.updated_at
        FROM tickets t JOIN ticket_copies c ON c.ticket_id = t.id
        WHERE c.person_id = :id AND {condition} ORDER BY t.number
        """,  # noqa: S608 (a condition of constants)
        {"id": viewer.person_id, **principals},
    )


def _messages(db: Database, person_id: str) -> list[Row]:
    return db.query(
        """
        SELECT t.number AS request, m.at, m.body
        FROM messages m JOIN tickets t ON t.id = m.ticket_id
        WHERE m.author_id = :id AND m.internal = 0 ORDER BY m.at, m.id
        """,
        {"id": person_id},
    )


def _without_id(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}
