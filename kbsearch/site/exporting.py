"""Leaving: all that people put in, in files that other programs read, and that `import` reads.

organisations.json   people.jsonl   products.json   teams.jsonl   tickets.jsonl
attachments.jsonl    attachments/<ticket>/<place>-<name>   drafts_attachments.jsonl
rules.jsonl          macros.jsonl: what saved replies do besides
logos/<slug>         votes.jsonl, gaps.jsonl, drafts.jsonl…: a file for each of `portable.sheets`
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
from kbsearch.files import places
from kbsearch.people import Person, organisations
from kbsearch.people.organisations import branding, products
from kbsearch.site.portable import lines as sheet_lines
from kbsearch.site.portable import prepared, requests
from kbsearch.site.portable.sheets import SHEETS
from kbsearch.tickets import teams

BATCH = 500
DRAFT_FILES = "drafts_attachments.jsonl"
RULES = "rules.jsonl"
MACROS = "macros.jsonl"

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
    others: int = 0  # rows of sheets


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
    store = places.attached(settings)
    with db.snapshot():
        accounts = people.list_all(db)
        companies = organisations.list_all(db)
        sold = products.list_all(db)
        _write_json(
            folder / "organisations.json",
            [_organisation(db, company, folder) for company in companies],
        )
        _write_json(folder / "products.json", [_public(product) for product in sold])
        _write_lines(folder / "people.jsonl", _people(db, accounts))
        groups = _write_lines(folder / "teams.jsonl", _teams(db, accounts))
        in_all = int(db.query("SELECT COUNT(*) AS n FROM tickets")[0]["n"])
        writer = requests.RequestWriter(db, store, folder)
        count = _write_lines(folder / "tickets.jsonl", _tickets(db, writer, in_all, tell))
        files = _write_lines(folder / "attachments.jsonl", writer.files)
        typed = requests.draft_files(db, store, folder)
        files += _write_lines(folder / DRAFT_FILES, typed)
        others = sum(
            _write_lines(folder / f"{sheet.name}.jsonl", sheet_lines.write(db, sheet))
            for sheet in SHEETS
        )
        others += _write_lines(folder / RULES, prepared.rule_lines(db))
        others += _write_lines(folder / MACROS, prepared.macro_lines(db))
    if settings.content_path.is_dir():
        shutil.copytree(settings.content_path, folder / "content", symlinks=True)
    return Exported(count, len(accounts), len(companies), len(sold), groups, files, others)


def _tickets(
    db: Database, writer: requests.RequestWriter, in_all: int, tell: Progress
) -> Iterator[dict[str, Any]]:
    count, last = 0, -1
    while rows := db.query(
        "SELECT id, number FROM tickets WHERE number > :last ORDER BY number LIMIT :limit",
        {"last": last, "limit": BATCH},
    ):
        last = rows[-1]["number"]
        yield from writer.lines([row["id"] for row in rows])
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


def _people(db: Database, accounts: Sequence[Person]) -> Iterator[dict[str, Any]]:
    """Everybody with what they chose; nothing that opens an account."""
    chosen = {row.pop("id"): row for row in db.query(_CHOSEN)}
    for person in accounts:
        line = {**_public(person), **chosen[person.id]}
        line["single_keys"] = bool(line["single_keys"])
        yield {name: value for name, value in line.items() if value is not None}


_CHOSEN = """
    SELECT id, mobile, mobile_verified_at, single_keys, digest, away_until, undeliverable_at,
           undeliverable_why FROM people
"""


def _organisation(
    db: Database, organisation: organisations.Organisation, folder: Path
) -> dict[str, Any]:
    look = organisation.look
    line = {
        **_public(organisation),
        "followers": list(organisations.followers(db, organisation)),
        "accent": look.accent,
        "welcome_fr": look.welcome_fr,
        "welcome_en": look.welcome_en,
    }
    if look.logo is not None:
        _, body = branding.find_logo(db, OPERATOR, look.logo.hash)
        line["logo"] = f"logos/{organisation.slug}"
        (folder / "logos").mkdir(exist_ok=True)
        (folder / line["logo"]).write_bytes(body)
    return {name: value for name, value in line.items() if value is not None}


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
