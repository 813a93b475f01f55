"""K1: senders are killed at random; what was acknowledged is there, once, and whole.

KBSEARCH_KILLS is how many are killed, two at a time: some at every change, thousands at night.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from kbsearch import tickets
from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.files import places
from kbsearch.files.store import FileStore
from kbsearch.tickets import files
from tests.conftest import Cast
from tests.kit.killed_senders import content_of
from tests.kit.places import TOP
from tests.kit.requests import later, lies_in, path_of
from tests.tickets.test_files import grow_old

KILLS = int(os.environ.get("KBSEARCH_KILLS", "30"))


def kill(settings: Settings, kills: int, mode: str) -> list[dict[str, Any]]:
    """Let senders work and be killed; what they acknowledged."""
    acks = settings.site / "acks"
    paths = settings.database_path, (settings.data_path / "files"), acks
    command = [sys.executable, "-m", "tests.kit.killed_senders", *map(str, paths)]
    subprocess.run([*command, str(kills // 2), mode], check=True, cwd=TOP)
    return [json.loads(line) for line in acks.read_text().splitlines()]


def lost(db: SqliteDatabase, store: FileStore, cast: Cast, told: list[dict[str, Any]]) -> list[str]:
    """The acknowledged things that are not there as they were sent."""
    missing = []
    for line in told:
        viewer: Viewer = getattr(cast, line["email"].split("@")[0])
        try:
            is_there = THERE[line["kind"]](db, viewer, store, line)
        except NotFound:
            is_there = False
        missing += [] if is_there else [f"{line['kind']} {line['key']}"]
    return missing


def file_is_there(
    db: SqliteDatabase, viewer: Viewer, store: FileStore, line: dict[str, Any]
) -> bool:
    with files.open_file(db, viewer, store, line["id"] or "").open() as file:
        return file.read() == content_of(line["key"])


def ticket_is_there(
    db: SqliteDatabase, viewer: Viewer, store: FileStore, line: dict[str, Any]
) -> bool:
    ticket = tickets.find(db, viewer, line["id"] or "")
    return (ticket.subject, len(ticket.files)) == (line["key"], 1)


def message_is_there(
    db: SqliteDatabase, viewer: Viewer, store: FileStore, line: dict[str, Any]
) -> bool:
    rows = db.query("SELECT body FROM messages WHERE id = :id", {"id": line["id"]})
    return rows == [{"body": f"{line['key']}-reply"}]


THERE = {"file": file_is_there, "ticket": ticket_is_there, "message": message_is_there}


def test_nothing_acknowledged_is_lost_and_nothing_is_there_twice(
    db: SqliteDatabase, settings: Settings, store: FileStore, cast: Cast
):
    told = kill(settings, KILLS, "late")
    kinds = Counter(line["kind"] for line in told)
    assert min(kinds[kind] for kind in THERE) > KILLS // 4, "too little was done to mean anything"
    assert lost(db, store, cast, told) == []

    subjects = [row["subject"] for row in db.query("SELECT subject FROM tickets")]
    said = [row["body"] for row in db.query("SELECT body FROM messages")]
    assert len(set(subjects)) == len(subjects)
    assert len(set(said)) == len(said)
    numbers = [row["number"] for row in db.query("SELECT number FROM tickets ORDER BY number")]
    assert numbers == list(range(1001, 1001 + len(numbers)))

    assert db.query("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
    assert db.query("PRAGMA foreign_key_check") == []
    untold = """
        SELECT e.id FROM ticket_events e
        LEFT JOIN outbox o ON o.subject = e.id AND o.kind = e.kind WHERE o.id IS NULL
    """
    assert db.query(untold) == []
    incomplete = """
        SELECT t.id FROM tickets t WHERE
          (SELECT COUNT(*) FROM ticket_events e
           WHERE e.ticket_id = t.id AND e.kind = 'ticket.opened') <> 1
          OR (SELECT COUNT(*) FROM ticket_readers r WHERE r.ticket_id = t.id) < 2
          OR (SELECT COUNT(*) FROM attachments a WHERE a.ticket_id = t.id) > 1
    """
    assert db.query(incomplete) == []

    wanted = {row["sha256"] for row in db.query("SELECT sha256 FROM attachments")}
    assert wanted <= {path.name for path in lies_in(store)}
    for digest in wanted:
        assert hashlib.sha256(path_of(store, digest).read_bytes()).hexdigest() == digest
    grow_old(store)
    trash = places.trash(settings)
    files.forget_orphans(db, store, trash, share=1.0, at=later(days=0))
    assert {path.name for path in lies_in(store)} == wanted, "orphans go, nothing else does"


def test_acknowledging_too_early_is_noticed(
    db: SqliteDatabase, settings: Settings, store: FileStore, cast: Cast
):
    told = kill(settings, 12, "early")
    for line in told:
        table, column = {
            "file": ("attachments", "sha256"),
            "ticket": ("tickets", "form_key"),
            "message": ("messages", "body"),
        }[line["kind"]]
        wanted = {
            "file": hashlib.sha256(content_of(line["key"])).hexdigest(),
            "ticket": line["key"],
            "message": f"{line['key']}-reply",
        }[line["kind"]]
        query = f"SELECT id FROM {table} WHERE {column} = :wanted"  # noqa: S608
        found = db.query(query, {"wanted": wanted})
        line["id"] = found[0]["id"] if found else None
    assert lost(db, store, cast, told) != []


@pytest.mark.parametrize("kind", THERE)
def test_something_lost_is_noticed(
    db: SqliteDatabase, settings: Settings, store: FileStore, cast: Cast, kind: str
):
    told = kill(settings, 12, "late")
    line = next(line for line in told if line["kind"] == kind)
    if kind == "file":
        path_of(store, hashlib.sha256(content_of(line["key"])).hexdigest()).unlink()
    elif kind == "message":
        db.execute("DELETE FROM messages WHERE id = :id", {"id": line["id"]})
    else:
        db.execute("UPDATE tickets SET subject = '' WHERE id = :id", {"id": line["id"]})
    assert f"{kind} {line['key']}" in lost(db, store, cast, told)
