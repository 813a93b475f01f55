"""Requests as lines that `import tickets` takes in whole: what was said, done, thought and kept."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kbsearch.access import OPERATOR
from kbsearch.database import Database, Row, one_of
from kbsearch.files.store import FileStore
from kbsearch.site.importing.tickets import THANKS
from kbsearch.tickets import records, teams

Record = dict[str, Any]


class RequestWriter:
    """Lines of requests; their files are copied into the folder as they come."""

    def __init__(self, db: Database, store: FileStore, folder: Path) -> None:
        self.db = db
        self.store = store
        self.folder = folder
        self.files: list[Record] = []  # of every file that was copied
        self._team_names = {team.id: team.name for team in teams.list_all(db, OPERATOR)}

    def lines(self, ticket_ids: Sequence[str]) -> list[Record]:
        """The requests of these ids, in their order."""
        places, ids = one_of("ticket", ticket_ids)
        heads = {row.pop("id"): row for row in self.db.query(_HEADS.format(places), ids)}
        letters = {row.pop("id"): row for row in self.db.query(_LETTERS.format(places), ids)}
        events = self._events(places, ids)
        files: dict[str, list[Row]] = {}
        for row in self.db.query(_FILES.format(places), ids):
            files.setdefault(row.pop("ticket_id"), []).append(row)
        lines = []
        for record in records.read(self.db, OPERATOR, ticket_ids):
            messages = [message["id"] for message in record["messages"]]
            contents = self._copied(record["number"], files.get(record["id"], []))
            line = {**records.portable(record), **_head(heads[record["id"]])}
            line["attachments"] = contents.get(None, [])
            for message_id, message in zip(messages, line["messages"], strict=True):
                message |= _letter(letters[message_id])
                message["attachments"] = contents.get(message_id, [])
            line["events"] = [
                self._event(event, messages) for event in events.get(record["id"], [])
            ]
            lines.append({name: value for name, value in line.items() if value not in (None, [])})
        return lines

    def _copied(self, number: int, rows: Sequence[Row]) -> dict[str | None, list[Record]]:
        """The files of a request by message, copied; one whose content is gone is none."""
        contents: dict[str | None, list[Record]] = {}
        for place, row in enumerate(rows, 1):
            target = Path("attachments", str(number), f"{place}-{row['name']}")
            message_id = row.pop("message_id")
            if not _copy(self.store, row["sha256"], self.folder / target):
                continue
            self.files.append({"number": number, **row, "file": str(target)})
            file = {"name": row["name"], "path": str(target), "type": row["media_type"]}
            contents.setdefault(message_id, []).append(file)
        return contents

    def _events(self, places: str, ids: Mapping[str, object]) -> dict[str, list[Row]]:
        events: dict[str, list[Row]] = {}
        for row in self.db.query(_EVENTS.format(places), ids):
            events.setdefault(row.pop("ticket_id"), []).append(row)
        return events

    def _event(self, row: Row, messages: Sequence[str]) -> Record:
        """An event with people by address, teams by name and what was said by its place."""
        message_id = row.pop("message_id")
        event = {**row, "internal": bool(row["internal"])}
        if row["field"] == "team":
            event |= {side: self._team_names.get(row[side]) for side in ("before", "after")}
        if row["field"] == "assignee":
            event |= {side: row[f"{side}_email"] for side in ("before", "after")}
        for side in ("before", "after"):
            event.pop(f"{side}_email")
        if message_id in messages:
            event["message"] = messages.index(message_id)
        return {name: value for name, value in event.items() if value not in (None, "")}


def draft_files(db: Database, store: FileStore, folder: Path) -> Iterator[Record]:
    """The files of what is being typed, copied: whose they are, and in which form."""
    rows = db.query(
        """
        SELECT p.email AS person, a.form_key, a.name, a.media_type, a.size, a.sha256, a.created_at
        FROM attachments a JOIN people p ON p.id = a.person_id
        JOIN drafts d ON d.person_id = a.person_id AND d.form_key = a.form_key
        WHERE a.ticket_id IS NULL ORDER BY p.email, a.form_key, a.created_at, a.name, a.sha256
        """
    )
    for place, row in enumerate(rows, 1):
        target = Path("attachments", "drafts", f"{place}-{row['name']}")
        if _copy(store, row["sha256"], folder / target):
            yield {**row, "file": str(target)}


def _copy(store: FileStore, sha256: str, target: Path) -> bool:
    """Copy a content into the folder; false where it is gone."""
    try:
        source = store.open(sha256)
    except FileNotFoundError:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    with source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)
    return True


_HEADS = """
    SELECT t.id, f.number AS follows, o.number AS merged_into, g.before, g.at AS merged_at,
           m.email AS merged_by, b.email AS filed_by, s.is_good, s.why, s.answered_at,
           COALESCE(t.message_id, (SELECT MIN(l.message_id) FROM mails l
              WHERE l.ticket_id = t.id AND l.said_id IS NULL AND l.state = 'opened'
                AND l.message_id <> '')) AS message_id
    FROM tickets t
    LEFT JOIN tickets f ON f.id = t.follows_id
    LEFT JOIN merges g ON g.ticket_id = t.id
    LEFT JOIN tickets o ON o.id = g.into_id
    LEFT JOIN people m ON m.id = g.person_id AND m.erased_at IS NULL
    LEFT JOIN people b ON b.id = t.filed_by_id AND b.erased_at IS NULL
    LEFT JOIN people q ON q.id = t.requester_id AND q.erased_at IS NULL
    LEFT JOIN satisfaction s ON s.ticket_id = t.id AND s.person_id = q.id AND s.is_good IS NOT NULL
    WHERE t.id IN ({})
"""
_LETTERS = """
    SELECT m.id, m.thanks, m.rule_id,
           COALESCE(m.message_id, (SELECT MIN(l.message_id) FROM mails l
              WHERE l.said_id = m.id AND l.message_id <> '')) AS message_id
    FROM messages m WHERE m.ticket_id IN ({})
"""
_FILES = """
    SELECT a.ticket_id, a.name, a.media_type, a.size, a.sha256, a.created_at, a.message_id,
           m.position AS message
    FROM attachments a LEFT JOIN messages m ON m.id = a.message_id
    WHERE a.ticket_id IN ({})
    ORDER BY a.ticket_id, COALESCE(m.position, -1), a.created_at, a.name, a.sha256
"""
_EVENTS = """
    SELECT e.ticket_id, e.id, e.at, e.kind, a.email AS actor, e.field, e.before, e.after,
           b.email AS before_email, n.email AS after_email, e.internal, e.message_id
    FROM ticket_events e
    LEFT JOIN people a ON a.id = e.actor_id AND a.erased_at IS NULL
    LEFT JOIN people b ON e.field = 'assignee' AND b.id = e.before AND b.erased_at IS NULL
    LEFT JOIN people n ON e.field = 'assignee' AND n.id = e.after AND n.erased_at IS NULL
    WHERE e.ticket_id IN ({}) ORDER BY e.revision
"""


def _head(row: Row) -> Record:
    """What a request has besides: ties, letters, opinions."""
    head = {name: row[name] for name in ("follows", "merged_into", "filed_by", "message_id")}
    if row["merged_into"] is not None:
        merge = {"before": row["before"], "at": row["merged_at"], "by": row["merged_by"]}
        head["merge"] = {name: value for name, value in merge.items() if value is not None}
    if row["is_good"] is not None:
        head["satisfaction"] = {
            "score": "good" if row["is_good"] else "bad",
            "comment": row["why"],
            "at": row["answered_at"],
        }
    return head


def _letter(row: Row) -> Record:
    letter: Record = {"message_id": row["message_id"]} if row["message_id"] else {}
    if row["rule_id"] is not None:
        letter["automatic"] = True
    return {**letter, **({"thanks": THANKS[row["thanks"] - 1]} if row["thanks"] else {})}
