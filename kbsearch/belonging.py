"""What is one site's: its database, data folder and content each carry the site's id.

A site that has none yet, new or made by an earlier release, gets one as it is opened. The database
is marked last: killed half-way, the next opening goes on with the id that it finds.
"""

import hashlib
import logging
import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from kbsearch import file_store, migrations
from kbsearch.config import Configuration, Settings
from kbsearch.db import Database, SqliteDatabase, is_blank, new_id
from kbsearch.errors import Problem
from kbsearch.keys import KEY_NAME
from kbsearch.publishing.git import repository_of

log = logging.getLogger(__name__)

STATE = "site_id"
IN_DATA = "site_id"
IN_FOLDER = ".kbsearch-site"
IN_GIT = "kbsearch-site"  # beside the branches: no commit ever sees it


@dataclass(frozen=True)
class Marks:
    """The ids that were found; content may belong to several sites."""

    database: str | None
    data: str | None
    content: frozenset[str]


def open_database(configuration: Configuration) -> SqliteDatabase:
    """The site's database, up to date, after a look that all it works with is one site's.

    Raises Problem where something is not, and has changed nothing then.
    """
    marks = look(configuration)
    return _opened(configuration, marks.database or marks.data or new_id())


def adopt(configuration: Configuration) -> SqliteDatabase:
    """The same where a person says that data folder and content are this database's from now on."""
    settings = configuration.settings
    found = _id_of(settings) or _read_one(settings.data_path / IN_DATA)
    return _opened(configuration, found or new_id())


def look(configuration: Configuration) -> Marks:
    """See what belongs to which site; raises Problem when that is more than one."""
    settings, content = configuration.settings, _content(configuration)
    data = _read_one(settings.data_path / IN_DATA)
    marks = Marks(_id_of(settings), data, _read(_place_in(content)) if content else frozenset())
    if marks.database and marks.database != marks.data:
        raise Problem(
            "site.data_of_another", database=settings.database_path, folder=settings.data_path
        )
    if marks.content and (marks.database or marks.data) not in marks.content:
        raise Problem("site.content_of_another", database=settings.database_path, folder=content)
    return marks


def mark_data(settings: Settings) -> None:
    """Give the data folder the id of the database that was just put beside it."""
    with closing(SqliteDatabase(settings.database_path)) as db:
        for found in _ids_in(db):
            _write(settings.data_path / IN_DATA, {found})


def _opened(configuration: Configuration, site_id: str) -> SqliteDatabase:
    db = SqliteDatabase(configuration.settings.database_path)
    migrations.migrate(db)
    _mark(configuration.settings.data_path / IN_DATA, frozenset({site_id}))
    content = _content(configuration)
    if content:
        place = _place_in(content)
        try:
            _mark(place, _read(place) | {site_id})
        except OSError as problem:  # it may be somebody else's, and only read here
            log.info("%s does not say whose it is: %s", content, problem)
    db.execute(
        "INSERT INTO state (name, value) VALUES (:name, :id) ON CONFLICT (name) DO NOTHING",
        {"name": STATE, "id": site_id},
    )
    return db


def _content(configuration: Configuration) -> Path | None:
    """The content, if it is this site's: without a kbsearch.toml a demo borrows a handbook."""
    content = configuration.settings.content_path
    return content if configuration.path is not None and content.is_dir() else None


def _place_in(content: Path) -> Path:
    """Where content says whose it is, unseen by those who write and commit it."""
    repository = repository_of(content)
    if repository is None:
        return content / IN_FOLDER
    if not repository.prefix:
        return repository.git_folder / IN_GIT
    digest = hashlib.sha256(repository.prefix.encode()).hexdigest()
    return repository.git_folder / f"{IN_GIT}-{digest[:12]}"


def _id_of(settings: Settings) -> str | None:
    """The id in the database. Raises Problem where there is a site's data without its database."""
    # Looked for first: where two processes make a site, the database comes before the key.
    used = _is_used(settings)
    marked = (settings.data_path / IN_DATA).exists()
    path = settings.database_path
    gone = Problem("site.database_missing", database=path, folder=settings.data_path)
    if is_blank(path):
        if used or marked:
            raise gone
        return None
    with closing(SqliteDatabase(path)) as db:
        found = _ids_in(db)
        if used and not found and not _has_people(db):
            raise gone
        return next(iter(found), None)


def _ids_in(db: Database) -> list[str]:
    """The database's id, or none."""
    rows = db.query("SELECT value FROM state WHERE name = :name", {"name": STATE})
    return [str(row["value"]) for row in rows]


def _is_used(settings: Settings) -> bool:
    """Whether the data folder holds what only its own database gives a meaning."""
    stores = (settings.files_path, settings.mails_path)
    kept = (next(root.glob("??/*"), None) for root in stores)
    return (settings.data_path / KEY_NAME).exists() or any(kept)


def _has_people(db: Database) -> bool:
    return bool(db.query("SELECT id FROM people LIMIT 1"))


def _read(place: Path) -> frozenset[str]:
    try:
        return frozenset(place.read_text(encoding="utf-8", errors="replace").split())
    except FileNotFoundError:
        return frozenset()


def _read_one(place: Path) -> str | None:
    return next(iter(_read(place)), None)


def _mark(place: Path, ids: frozenset[str]) -> None:
    if _read(place) != ids:
        _write(place, ids)
        log.info("%s: this is the site's from now on", place.parent)


def _write(place: Path, ids: set[str] | frozenset[str]) -> None:
    """The whole file or none of it, on the disk when this ends."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = place.with_name(f"{place.name}.{new_id()}")
    with draft.open("x", encoding="utf-8") as file:
        file.write("".join(f"{each}\n" for each in sorted(ids)))
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, place)
    file_store.sync_folder(place.parent)
