"""What is one site's: its database, data folder and content each carry the site's id.

The database knows its secret key again, too: what it keeps sealed can be read with no other. A
site that has no id yet, new or made by an earlier release, gets one as it is opened. The database
is marked last: killed half-way, the next opening goes on with the id that it finds.
"""

import hashlib
import logging
import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from kbsearch import audit, keys, people, sealing
from kbsearch.access import OPERATOR
from kbsearch.articles.publishing.git import repository_of
from kbsearch.config import Settings
from kbsearch.config_sources import Configuration
from kbsearch.database import Database, engines, migrations, new_id, site_state
from kbsearch.errors import Problem
from kbsearch.files import places
from kbsearch.files.folder import sync_folder
from kbsearch.messages import webhooks
from kbsearch.messages.delivery import mail_tokens
from kbsearch.people import Person
from kbsearch.people.accounts import directory, second_factor
from kbsearch.promises import targets
from kbsearch.site import browser_settings
from kbsearch.tickets import field_editing, teams

log = logging.getLogger(__name__)

STATE = "site_id"
KEY_STATE = "key_fingerprint"
IN_DATA = "site_id"
IN_FOLDER = ".kbsearch-site"
IN_GIT = "kbsearch-site"  # beside the branches: no commit ever sees it


@dataclass(frozen=True)
class Marks:
    """The ids that were found; content may belong to several sites."""

    database: str | None
    data: str | None
    content: frozenset[str]


def open_database(configuration: Configuration) -> Database:
    """The site's database, up to date, after a look that all it works with is one site's.

    Raises Problem where something is not, and has changed nothing then.
    """
    marks = look(configuration)
    return _opened(configuration, marks.database or marks.data or new_id())


def adopt(configuration: Configuration) -> Database:
    """The same where a person says that data folder and content are this database's from now on."""
    settings = configuration.settings
    site_id = _id_of(settings) or _read_one(settings.data_path / IN_DATA)
    _check_key(settings)
    return _opened(configuration, site_id or new_id())


def take_key(configuration: Configuration) -> list[Person]:
    """Go on with the key that is there now, or a new one, where the other is lost for good.

    Whoever had an authenticator sets up another at the next sign-in: who that is.
    """
    settings = configuration.settings
    look(configuration, but_key=True)
    with closing(engines.open_database(settings.database_address)) as db:
        migrations.migrate(db)
        keys.site_key(settings)
        with db.atomic():
            site_state.write(db, KEY_STATE, keys.fingerprint(settings))
            rows = db.query("SELECT person_id FROM authenticators ORDER BY person_id")
            people_again = people.find_all(db, [row["person_id"] for row in rows])
            for person in people_again:
                directory.reset_second_factor(db, OPERATOR, person)
    return people_again


def change_key(configuration: Configuration, old_key: Path) -> None:
    """Go on with the key that is there now, or a new one: what the one before sealed stays good.

    Raises Problem where `old_key` does not hold the key of this database.
    """
    settings = configuration.settings
    look(configuration, but_key=True)
    resealing = sealing.Resealing(keys.read(old_key), settings)
    with closing(engines.open_database(settings.database_address)) as db:
        migrations.migrate(db)
        if site_state.read(db, KEY_STATE) != keys.fingerprint_of(resealing.old_key):
            raise Problem("site.key_not_of_before", path=old_key)
        with db.atomic():
            for noun in (second_factor, webhooks, mail_tokens, browser_settings):
                noun.reseal(db, resealing)
            site_state.write(db, KEY_STATE, keys.fingerprint(settings))
            audit.act(db, OPERATOR, "key.changed")


def look(configuration: Configuration, *, but_key: bool = False) -> Marks:
    """See what belongs to which site; raises Problem when that is more than one."""
    settings, content = configuration.settings, _content(configuration)
    data = _read_one(settings.data_path / IN_DATA)
    marks = Marks(_id_of(settings), data, _read(_place_in(content)) if content else frozenset())
    if marks.database and marks.database != marks.data:
        raise Problem(
            "site.data_of_another", database=settings.database_name, folder=settings.data_path
        )
    if marks.content and (marks.database or marks.data) not in marks.content:
        raise Problem("site.content_of_another", database=settings.database_name, folder=content)
    if not but_key:
        _check_key(settings)
    return marks


def site_id(db: Database) -> str:
    """The id of the site; it has none before it was opened as one."""
    return site_state.read(db, STATE) or ""


def mark_data(settings: Settings) -> None:
    """Give the data folder the id of the database that was just put beside it."""
    with closing(engines.open_database(settings.database_address)) as db:
        if site_id := site_state.read(db, STATE):
            _write(settings.data_path / IN_DATA, {site_id})


def _opened(configuration: Configuration, site_id: str) -> Database:
    db = engines.open_database(configuration.settings.database_address)
    migrations.migrate(db)
    targets.take_over(db, configuration.settings.targets)
    teams.take_over(db, OPERATOR, configuration.settings.teams)
    field_editing.take_over(db, OPERATOR, configuration.settings.fields)
    _mark(configuration.settings.data_path / IN_DATA, frozenset({site_id}))
    content = _content(configuration)
    if content:
        place = _place_in(content)
        try:
            _mark(place, _read(place) | {site_id})
        except OSError as problem:  # it may be somebody else's, and only read here
            log.info("%s does not say whose it is: %s", content, problem)
    site_state.write_first(db, STATE, site_id)
    keys.site_key(configuration.settings)  # made with a new site
    site_state.write_first(db, KEY_STATE, keys.fingerprint(configuration.settings))
    return db


def _check_key(settings: Settings) -> None:
    """Raise Problem without the key that the secrets of this database are sealed with."""
    path = settings.data_path / keys.KEY_NAME
    if engines.is_blank(settings.database_address):
        return
    with closing(engines.open_database(settings.database_address)) as db:
        fingerprint = site_state.read(db, KEY_STATE)
        seals = "authenticators" in db.list_tables() and db.query(
            "SELECT person_id FROM authenticators LIMIT 1"
        )
    if not keys.is_there(settings):
        if fingerprint or seals:
            raise Problem("site.key_missing", path=path)
    elif fingerprint and fingerprint != keys.fingerprint(settings):
        raise Problem("site.key_of_another", path=path)


def _content(configuration: Configuration) -> Path | None:
    """The content, if it is this site's: without a kbsearch.toml a demo borrows its articles."""
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
    used, begun = _is_used(settings), has_data(settings)
    missing = Problem(
        "site.database_missing", database=settings.database_name, folder=settings.data_path
    )
    if engines.is_blank(settings.database_address):
        if begun:
            raise missing
        return None
    with closing(engines.open_database(settings.database_address)) as db:
        site_id = site_state.read(db, STATE)
        if used and not site_id and not _has_people(db):
            raise missing
        return site_id


def has_data(settings: Settings) -> bool:
    """Whether there is a site's data, so that its database must be there too."""
    return _is_used(settings) or (settings.data_path / IN_DATA).exists()


def _is_used(settings: Settings) -> bool:
    """Whether the data folder holds what only its own database gives a meaning."""
    address = settings.files_address
    stores = (address / places.FILES, address / places.MAILS) if isinstance(address, Path) else ()
    contents = (next(root.glob("??/*"), None) for root in stores)
    return (settings.data_path / keys.KEY_NAME).exists() or any(contents)


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
        file.write("".join(f"{site_id}\n" for site_id in sorted(ids)))
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, place)
    sync_folder(place.parent)
