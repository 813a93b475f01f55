"""Leaving: all that people put in, in files that other programs read, and that `import` reads.

organisations.json   people.jsonl   products.json   teams.jsonl   tickets.jsonl
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
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Problem
from kbsearch.files.store import FileStore
from kbsearch.people import Person, organisations
from kbsearch.people.organisations import products
from kbsearch.tickets import records, teams

BATCH = 500

Progress = Callable[[int, int], object]  # tickets done, in all


@dataclass(frozen=True)
class Exported:
    """How much was written."""

    tickets: int
    people: int
    organisations: int
    products: int
    teams: int
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
        groups = _write_lines(folder / "teams.jsonl", _teams(db, accounts))
        in_all = int(db.query("SELECT COUNT(*) AS n FROM tickets")[0]["n"])
        count = _write_lines(folder / "tickets.jsonl", _tickets(db, in_all, tell))
        store = FileStore(settings.files_path)
        files = _write_lines(folder / "attachments.jsonl", _attachments(db, store, folder))
    if settings.content_path.is_dir():
        shutil.copytree(settings.content_path, folder / "content", symlinks=True)
    return Exported(count, len(accounts), len(companies), len(sold), groups, files)


def _tickets(db: Database, in_all: int, tell: Progress) -> Iterator[dict[str, Any]]:
    count, last = 0, -1
    while rows := db.query(
        "SELECT id, number FROM tickets WHERE number > :last ORDER BY number LIMIT :limit",
        {"last": last, "limit": BATCH},
    ):
        last = rows[-1]["number"]
        for record in records.read(db, OPERATOR, [row["id"] for row in rows]):
            yield records.portable(record)
        count += len(rows)
        tell(count, in_all)


def _teams(db: Database, accounts: Sequence[Person]) -> Iterator[dict[str, Any]]:
    addresses = {person.id: person.email for person in accounts}
    for team in teams.list_all(db, OPERATOR):
        yield {
            "name": team.name,
            "way": team.way,
            "members": [addresses[person_id] for person_id in team.members],
            "products": list(team.products),
            "archived": team.archived_at is not None,
        }


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
