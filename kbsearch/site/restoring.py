"""Bringing a backup back: all of it or nothing, and what was there is set aside, never removed.

Whatever fails before the archive has been read whole changes nothing. Then folders are renamed,
beside a note of what was there. Where that fails, all of it is put back. Killed half-way, the site
does not open; given again, the command goes on where it was, and may put back what was there
before it was given first.
"""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from kbsearch import audit, config, config_sources
from kbsearch.access import OPERATOR
from kbsearch.clock import utc_now
from kbsearch.config import CONFIG_NAME, Settings
from kbsearch.database import Damaged, engines, migrations, moving, new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Problem
from kbsearch.files import places
from kbsearch.files.folder import sync_folder
from kbsearch.search.ranking import indexing
from kbsearch.site import backups, belonging, erasing, erasure_ledger, health
from kbsearch.site.backups import Manifest, Unreadable

ROOMS = "restoring-*"  # beside the site, one for each restore under way or interrupted
EXCHANGE = "exchange.json"  # in a room, from the first thing set aside to the end

PLACES = ("database", "index", "content", "data", "files")  # settings that name a place

# What a person ended since must not come back to life.
ENDED = (
    "DELETE FROM sessions",
    "DELETE FROM pending_sign_ins",
    "DELETE FROM trusted_devices",
    "DELETE FROM tokens WHERE purpose = 'reset'",
)


@dataclass(frozen=True)
class Restored:
    """What came back, and where what was there lies now."""

    manifest: Manifest
    counts: dict[str, int]  # how much there is, by noun
    set_aside: Path | None
    settings_beside: Path | None  # the archive's kbsearch.toml, where the site has another one
    erased: int = 0  # people who were erased since, and are again


def look(path: Path, near: Path) -> Restored:
    """What `restore` would bring back; the database is unpacked near there, and removed."""
    with _room(near) as room:
        manifest = backups.read(path, room, {backups.DATABASE})
        return Restored(manifest, _prepare(room, path), None, None)


def restore(
    found: config_sources.Configuration, path: Path, ledgers: Sequence[Path] = ()
) -> Restored:
    """Put an archive in the place of a site that is not running, or where there is none yet.

    The index is made anew as the site starts. Sessions, trusted devices and links to choose
    another password have ended. Who was erased since, by the site's own ledger or these, stays so.
    """
    erasures = erasure_ledger.read(ledgers)
    site = found.settings.site.absolute()
    with _room(site) as room:
        manifest = backups.read(path, room)
        counts = _prepare(room, path, manifest)
        settings = _settings(found, room, site, path)
        with alone(settings):
            erasure_ledger.merge(settings, erasures)
            erased = _erase_again(settings, room, manifest)
            _fill_bucket(settings, room)
            _fill_server(settings, room)
            set_aside, beside = _exchange(settings, room, site)
    return Restored(manifest, counts, set_aside, beside, erased)


def _prepare(room: Path, path: Path, manifest: Manifest | None = None) -> dict[str, int]:
    """See that the database is sound and of this release, and bring it up to date."""
    try:
        with closing(SqliteDatabase(room / backups.DATABASE)) as db:
            if db.damage():
                raise Unreadable("backup.damaged", path=path)
            if "state" not in db.list_tables():
                raise Unreadable("backup.not_one", path=path)
            if unknown := migrations.unknown(db):
                raise Unreadable("backup.schema_too_new", path=path, step=unknown[0])
            migrations.migrate(db)
            if manifest:
                with db.atomic():
                    for statement in ENDED:
                        db.execute(statement)
                    audit.act(db, OPERATOR, "site.restored", made_at=manifest.made_at)
            return health.counts(db)
    except (Damaged, OSError, LookupError, TypeError, ValueError) as problem:
        raise Unreadable("backup.damaged", path=path) from problem


def _erase_again(settings: Settings, room: Path, manifest: Manifest) -> int:
    """Erase in what was unpacked whoever was erased in the site since."""
    later = [
        erasure
        for erasure in erasure_ledger.read([erasure_ledger.path(settings)])
        if erasure.at >= manifest.made_at
    ]
    if not later:
        return 0
    unpacked = replace(settings, site=room, data=Path("data"), files="")
    with closing(SqliteDatabase(room / backups.DATABASE)) as db:
        return erasing.replay(db, unpacked, later)


def _settings(found: config_sources.Configuration, room: Path, site: Path, path: Path) -> Settings:
    """Those in force from now on: the site's own, else those of the archive."""
    if (site / CONFIG_NAME).exists() or not (room / CONFIG_NAME).exists():
        return found.settings
    try:
        archived = config_sources.load(room / CONFIG_NAME)
    except (config.ConfigError, RecursionError) as problem:
        raise Unreadable("backup.settings_wrong", path=path, reason=problem) from problem
    _check_inside(archived, room, path)
    return replace(archived.settings, site=site)


def _check_inside(archived: config_sources.Configuration, room: Path, path: Path) -> None:
    """An archive has a say in its own folder: what is elsewhere on this machine is not its."""
    for name in PLACES:
        value = getattr(archived.settings, name)
        place = os.path.normpath(room / value)
        is_theirs = archived.sources.get(name) == str(room / CONFIG_NAME)
        is_server = isinstance(value, str) and "://" in value
        if is_theirs and (is_server or not Path(place).is_relative_to(room)):
            raise Unreadable("backup.settings_outside", path=path, setting=name)


def _keep_settings(room: Path, site: Path) -> Path | None:
    """Put the archive's kbsearch.toml in its place, or beside another one: where it lies then."""
    theirs, ours = room / CONFIG_NAME, site / CONFIG_NAME
    if not theirs.exists() or (ours.exists() and ours.read_bytes() == theirs.read_bytes()):
        return None
    beside = ours.with_name(f"{CONFIG_NAME}.restored") if ours.exists() else None
    theirs.replace(beside or ours)
    return beside


def see_that_none_is_under_way(site: Path) -> None:
    """Raise Problem where a restore has not come to its end: what is there is of two sites."""
    if _under_way(site):
        raise Problem("backup.interrupted")


def _under_way(site: Path) -> Path | None:
    return next(site.glob(f"{ROOMS}/{EXCHANGE}"), None)


@dataclass(frozen=True)
class _Exchange:
    """What was there, by its names in an archive, and the folder that it goes to."""

    aside: str
    there: list[str]


def _exchange(settings: Settings, room: Path, site: Path) -> tuple[Path | None, Path | None]:
    """What was there goes aside, what was unpacked takes its place; or all is put back.

    Where what was there lies now, and the archive's settings where the site has others.
    """
    try:
        note = _under_way(site) or _begin(settings, room)
        begun = _Exchange(**json.loads(note.read_text(encoding="utf-8")))
    except OSError as problem:
        raise Problem("backup.cannot_write", folder=site, reason=problem) from problem
    aside = site / begun.aside
    try:
        _bring(settings, room, aside, begun.there)
        belonging.mark_data(settings)
        indexing.remove_all(settings)
        beside = _keep_settings(room, site)
        note.unlink()
    except OSError as problem:
        try:
            _put_back(settings, aside, begun.there)
            note.unlink()
        except OSError as reason:
            raise Problem("backup.not_put_back", folder=site, reason=reason) from problem
        raise Problem("backup.put_back", folder=site, reason=problem) from problem
    finally:
        if not _under_way(site):
            _remove_rooms_of_the_dead(site)
    return aside if aside.exists() else None, beside


def _fill_bucket(settings: Settings, room: Path) -> None:
    """Where files are in a bucket, those of the archive join what is there."""
    if isinstance(settings.files_address, Path):
        return
    stores = (backups.FILES, places.attached(settings)), (backups.MAILS, places.mails(settings))
    for name, store in stores:
        for path in sorted((room / name).glob("??/*")):
            with path.open("rb") as file:
                store.write(file, path.stat().st_size, lambda content: None)
        _remove(room / name)


def _fill_server(settings: Settings, room: Path) -> None:
    """Where the database is a server's, put that of the archive there: it has to be empty."""
    address, copy = settings.database_address, room / backups.DATABASE
    if isinstance(address, Path):
        return
    if not engines.is_blank(address):
        raise Problem("backup.database_not_empty", database=settings.database_name)
    with closing(SqliteDatabase(copy)) as source, closing(engines.open_database(address)) as target:
        moving.copy(source, target)
    copy.unlink()


def _begin(settings: Settings, room: Path) -> Path:
    """Note down what is there before anything is moved."""
    there = [name for name, place in _places(settings).items() if place.exists()]
    aside = f"before-restore-{utc_now():%Y%m%d-%H%M%S}-{new_id()[:4]}"
    draft = room / f"{EXCHANGE}.part"
    with draft.open("x", encoding="utf-8") as file:
        json.dump(asdict(_Exchange(aside, there)), file)
        file.flush()
        os.fsync(file.fileno())
    note = draft.replace(room / EXCHANGE)
    sync_folder(room)
    return note


def _bring(settings: Settings, room: Path, aside: Path, there: list[str]) -> None:
    for name, place in _places(settings).items():
        has_come = _has_come(name, place, aside, there)
        for path in (*_beside_database(name, place), place):  # the database last: it tells
            if has_come:
                _remove(path)
            elif path.exists():
                _move(path, aside / path.name)
        if (room / name).exists():
            _move(room / name, place)


def _put_back(settings: Settings, aside: Path, there: list[str]) -> None:
    for name, place in _places(settings).items():
        has_come = _has_come(name, place, aside, there)
        for path in (place, *_beside_database(name, place)):  # the database first: it tells
            if has_come:
                _remove(path)
            if (aside / path.name).exists():
                _move(aside / path.name, path)
    with suppress(OSError):
        aside.rmdir()


def _has_come(name: str, place: Path, aside: Path, there: list[str]) -> bool:
    """Whether what lies in a place was brought, in this attempt or in one before."""
    return name not in there or (aside / place.name).exists()


def _move(source: Path, target: Path) -> None:
    """What has its name in either place is whole, also on another disk."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        source.rename(target)
    except OSError as problem:
        if problem.errno != errno.EXDEV:
            raise
        part = target.with_name(f"{target.name}.part")
        _remove(part)
        if source.is_dir():
            shutil.copytree(source, part, symlinks=True)
        else:
            shutil.copy2(source, part)
        part.rename(target)
        _remove(source.rename(source.with_name(f"{source.name}.part")))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):  # nor is there anything where a file stands for its folder
        path.unlink()


def _places(settings: Settings) -> dict[str, Path]:
    address, files = settings.database_address, settings.files_address
    stores = {}
    if isinstance(files, Path):
        stores = {backups.FILES: files / places.FILES, backups.MAILS: files / places.MAILS}
    return {
        belonging.IN_DATA: settings.data_path / belonging.IN_DATA,
        **({backups.DATABASE: address} if isinstance(address, Path) else {}),
        backups.SECRET_KEY: settings.data_path / "secret_key",
        **stores,
        backups.CONTENT: settings.content_path,
    }


def _beside_database(name: str, place: Path) -> tuple[Path, ...]:
    if name != backups.DATABASE:
        return ()
    return tuple(place.with_name(place.name + suffix) for suffix in ("-wal", "-shm"))


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """No worker may run meanwhile; where one does, the site is at work."""
    with ExitStack() as stack:
        try:
            settings.data_path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = stack.enter_context((settings.data_path / "worker.lock").open("w"))
        except OSError as problem:
            folder = settings.data_path
            raise Problem("backup.cannot_write", folder=folder, reason=problem) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem("backup.site_is_running") from None
        yield


@contextmanager
def _room(site: Path) -> Iterator[Path]:
    """A folder to unpack into, on the disk of the site; gone afterwards.

    One in which an exchange has begun and not ended stays, for the next attempt.
    """
    room = site / ROOMS.replace("*", new_id())
    try:
        room.mkdir(mode=0o700)
    except OSError as problem:
        raise Problem("backup.cannot_write", folder=site, reason=problem) from None
    with _held(room):
        try:
            yield room
        except BaseException:
            if not (room / EXCHANGE).exists():
                shutil.rmtree(room)
            raise
        shutil.rmtree(room)


@contextmanager
def _held(room: Path) -> Iterator[None]:
    """The system frees the lock of a process however it ends."""
    descriptor = os.open(room, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _remove_rooms_of_the_dead(site: Path) -> None:
    for room in site.glob(ROOMS):
        with suppress(OSError), _held(room):
            shutil.rmtree(room)
