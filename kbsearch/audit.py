"""The security log: who came in, who did not, what administrators did. Rows are only ever added.

Kinds are `noun.past_participle`. A row holds ids and plain facts: never a password, a code, a
token, or what somebody typed to come in. It outlives the people it is about: they are ids in it,
not names or addresses. The same goes to the log as a line of JSON.
"""

import json
import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kbsearch.access import Viewer, only_administrators
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, new_id, one_of
from kbsearch.errors import NotFound

log = logging.getLogger("kbsearch.security")

MAX_TEXT = 500  # characters of a long text, as it was before a change or is after it

Fact = str | int | bool | None | dict[str, str]


@dataclass(frozen=True)
class Event:
    """Something that happened: to whom, by whom, from which network."""

    id: str
    at: str
    kind: str
    person_id: str | None
    actor_id: str | None
    network: str
    details: dict[str, Any]


@contextmanager
def unlogged() -> Iterator[None]:
    """What is recorded stands in the database alone: a demo that is put in fills no screen."""
    was_disabled, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = was_disabled


def record(
    db: Database,
    kind: str,
    *,
    person_id: str | None = None,
    actor_id: str | None = None,
    network: str = "",
    at: datetime | None = None,
    **details: Fact,
) -> str:
    """Add a line; its id. Call it in the transaction of what it tells."""
    row = {
        "id": new_id(),
        "at": stored(at or utc_now()),
        "kind": kind,
        "person_id": person_id,
        "actor_id": actor_id,
        "network": network,
    }
    db.insert("security_log", {**row, "details": json.dumps(details)})
    log.info("%s", json.dumps({**row, **details}))  # ASCII on one line, whatever is in it
    return str(row["id"])


def change(
    db: Database,
    viewer: Viewer,
    kind: str,
    subject: str,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> None:
    """Add a line about what an administrator changed, if anything: the fields that differ.

    `subject` names it: a slug, or an id.
    """
    old, new = differences(before, after)
    if new:
        act(db, viewer, kind, subject=subject, before=old, after=new)


def differences(
    before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The fields that differ, as they were and as they are; long texts by their beginning."""
    names = [name for name in after if before.get(name, "") != after[name]]
    old = {name: before[name][:MAX_TEXT] for name in names if before.get(name)}
    return old, {name: after[name][:MAX_TEXT] for name in names}


def act(
    db: Database, viewer: Viewer, kind: str, *, person_id: str | None = None, **facts: Fact
) -> None:
    """Add a line about what a viewer did, and whether a command did it for them."""
    details: dict[str, Any] = {**facts, "by": viewer.via} if viewer.via else facts
    record(db, kind, person_id=person_id, actor_id=viewer.person_id, **details)


def note_refusal(viewer: Viewer, network: str, **facts: Fact) -> None:
    """Add a line to the log alone about what a viewer was refused: a flood must fill no table."""
    row = {"at": stored(utc_now()), "kind": "access.refused", "person_id": viewer.person_id}
    by = {"by": viewer.via} if viewer.via else {}
    log.info("%s", json.dumps({**row, "network": network, **facts, **by}))


def find(db: Database, event_id: str) -> Event:
    """The event with that id."""
    rows = db.query("SELECT * FROM security_log WHERE id = :id", {"id": event_id})
    if not rows:
        raise NotFound("web.not_found")
    return _event(rows[0])


def list_kinds(
    db: Database, viewer: Viewer, kinds: Collection[str], *, limit: int, offset: int = 0
) -> list[Event]:
    """The latest events of some kinds, of all where none is named, newest first."""
    only_administrators(viewer)
    places, values = one_of("kind", sorted(kinds))
    rows = db.query(
        f"""
        SELECT * FROM security_log WHERE :all = 1 OR kind IN ({places})
        ORDER BY at DESC, id LIMIT :limit OFFSET :offset
        """,  # noqa: S608 (names of parameters)
        {"all": int(not kinds), "limit": limit, "offset": offset, **values},
    )
    return [_event(row) for row in rows]


def list_of(db: Database, person_id: str, *, limit: int = 50) -> list[Event]:
    """The latest events about a person, newest first."""
    rows = db.query(
        "SELECT * FROM security_log WHERE person_id = :id ORDER BY at DESC, id LIMIT :limit",
        {"id": person_id, "limit": limit},
    )
    return [_event(row) for row in rows]


def _event(row: dict[str, Any]) -> Event:
    return Event(**{**row, "details": json.loads(row["details"])})
