"""Leaving: all that people put in, in files that other programs read, and that `import` reads.

organisations.json   people.jsonl   products.json   tickets.jsonl
attachments.jsonl    attachments/<ticket>/<id>-<name>
content/             the Markdown files, with their git repository
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kbsearch import people
from kbsearch.config import Settings
from kbsearch.database import Database, Row, one_of
from kbsearch.errors import Problem
from kbsearch.files.store import FileStore
from kbsearch.people import organisations
from kbsearch.people.organisations import products

BATCH = 500

Progress = Callable[[int, int], object]  # tickets done, in all


@dataclass(frozen=True)
class Exported:
    """How much was written."""

    tickets: int
    people: int
    organisations: int
    products: int
    attachments: int


def export(
    settings: Settings,
    db: Database,
    folder: Path,
    tell: Progress = lambda count, in_all: None,
) -> Exported:
    """Write everything, as it is at one moment, to a folder that is empty or not there yet.

    For the owner of the folder alone. Raises Problem where there is something already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Problem("export.folder_not_empty", folder=folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with db.snapshot():
        accounts = people.list_all(db)
        companies = organisations.list_all(db)
        sold = products.list_all(db)
        _write_json(
            folder / "organisations.json", [_organisation(db, company) for company in companies]
        )
        _write_json(folder / "products.json", [_public(product) for product in sold])
        _write_lines(folder / "people.jsonl", (_public(person) for person in accounts))
        in_all = int(db.query("SELECT COUNT(*) AS n FROM tickets")[0]["n"])
        count = _write_lines(folder / "tickets.jsonl", _tickets(db, in_all, tell))
        store = FileStore(settings.files_path)
        files = _write_lines(folder / "attachments.jsonl", _attachments(db, store, folder))
    if settings.content_path.is_dir():
        shutil.copytree(settings.content_path, folder / "content", symlinks=True)
    return Exported(count, len(accounts), len(companies), len(sold), files)


def _tickets(db: Database, in_all: int, tell: Progress) -> Iterator[dict[str, Any]]:
    count, last = 0, -1
    while rows := db.query(
        """
        SELECT t.id, t.number, t.subject, t.description,
               COALESCE(q.email, t.requester_email) AS requester, o.slug AS organisation,
               p.slug AS product, t.version, t.severity, t.status, t.confidential, t.created_at,
               t.updated_at, t.solved_at, t.closed_at, t.language, t.fields, a.email AS assignee,
               t.typed, t.quoted
        FROM tickets t
        LEFT JOIN people q ON q.id = t.requester_id AND q.erased_at IS NULL
        LEFT JOIN people a ON a.id = t.assignee_id
        LEFT JOIN organisations o ON o.id = t.organisation_id
        LEFT JOIN products p ON p.id = t.product_id
        WHERE t.number > :last ORDER BY t.number LIMIT :limit
        """,
        {"last": last, "limit": BATCH},
    ):
        last = rows[-1]["number"]
        ids = [row["id"] for row in rows]
        messages, copied = _messages(db, ids), _copies(db, ids)
        for row in rows:
            ticket_id = row.pop("id")
            row["confidential"] = bool(row["confidential"])
            row["fields"] = json.loads(row["fields"] or "{}")
            row["typed"] = row["typed"] == 1 or None
            ticket = {
                **row,
                "cc": copied.get(ticket_id, []),
                "messages": messages.get(ticket_id, []),
            }
            yield {name: value for name, value in ticket.items() if value not in (None, "", {})}
        count += len(rows)
        tell(count, in_all)


def _messages(db: Database, ticket_ids: Sequence[str]) -> dict[str, list[Row]]:
    places, values = one_of("ticket", ticket_ids)
    rows = db.query(
        f"""
        SELECT m.ticket_id, COALESCE(a.email, m.author_email, '') AS author, m.at, m.body,
               m.internal, m.solution, m.typed, m.quoted
        FROM messages m LEFT JOIN people a ON a.id = m.author_id AND a.erased_at IS NULL
        WHERE m.ticket_id IN ({places}) ORDER BY m.ticket_id, m.position
        """,  # noqa: S608 (names of parameters)
        values,
    )
    messages: dict[str, list[Row]] = {}
    for row in rows:
        flags = {"internal": bool(row["internal"]), "solution": bool(row["solution"])}
        typed, rest = row.pop("typed"), row.pop("quoted")
        mailed = {**({"typed": True} if typed else {}), **({"quoted": rest} if rest else {})}
        messages.setdefault(row.pop("ticket_id"), []).append({**row, **flags, **mailed})
    return messages


def _copies(db: Database, ticket_ids: Sequence[str]) -> dict[str, list[str]]:
    places, values = one_of("ticket", ticket_ids)
    copies: dict[str, list[str]] = {}
    for row in db.query(
        f"""
        SELECT ticket_id, email FROM ticket_copies
        WHERE ticket_id IN ({places}) ORDER BY ticket_id, email
        """,  # noqa: S608 (names of parameters)
        values,
    ):
        copies.setdefault(row["ticket_id"], []).append(row["email"])
    return copies


def _attachments(db: Database, store: FileStore, folder: Path) -> Iterator[dict[str, Any]]:
    """Each file of a ticket, copied: where it is, and what it was called."""
    rows = db.query(
        """
        SELECT a.id, t.number, a.name, a.media_type, a.size, a.sha256, a.created_at,
               m.position AS message
        FROM attachments a JOIN tickets t ON t.id = a.ticket_id
        LEFT JOIN messages m ON m.id = a.message_id
        ORDER BY t.number, a.created_at, a.id
        """
    )
    for row in rows:
        source = store.path(row["sha256"])
        target = Path("attachments", str(row["number"]), f"{row.pop('id')}-{row['name']}")
        if source.is_file():
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / target)
            yield {**row, "file": str(target)}


def _organisation(db: Database, organisation: organisations.Organisation) -> dict[str, Any]:
    followers = organisations.followers(db, organisation)
    return {**_public(organisation), "followers": list(followers)}


def _public(thing: Any) -> dict[str, Any]:
    """What a noun says of itself, without ids of this database."""
    values = {name: value for name, value in asdict(thing).items() if name not in ("id", "look")}
    return {name: value for name, value in values.items() if value is not None}


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _write_lines(path: Path, values: Iterable[dict[str, Any]]) -> int:
    """One JSON object a line; how many. Nobody but the owner reads what people wrote."""
    count = 0
    with open(path, "w", encoding="utf-8", opener=_private) as file:
        for value in values:
            file.write(json.dumps(value, ensure_ascii=False) + "\n")
            count += 1
    return count


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
