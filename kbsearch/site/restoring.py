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
from kbsearch.search.ranking import generations
from kbsearch.site import backups, belonging, erasing, erasing_tickets, erasure_ledger, health
from kbsearch.site.backups import Manifest, UnreadableArchive

WORK_FOLDERS = "restoring-*"  # beside the site, one for each restore under way or interrupted
EXCHANGE = "exchange.json"  # in such a folder, from the first thing set aside to the end

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
    with _work_folder(near) as work:
        manifest = backups.read(path, work, {backups.DATABASE})
        return Restored(manifest, _prepare(work, path), None, None)


def restore(
    found: config_sources.Configuration, path: Path, ledgers: Sequence[Path] = ()
) -> Restored:
    """Put an archive in the place of a site that is not running, or where there is none yet.

    The index is made anew as the site starts. Sessions, trusted devices and links to choose
    another password have ended. Who was erased since, by the site's own ledger or these, stays so.
    """
    erasures = erasure_ledger.read(ledgers)
    site = found.settings.site.absolute()
    with _work_folder(site) as work:
        manifest = backups.read(path, work)
        counts = _prepare(work, path, manifest)
        settings = _settings(found, work, site, path)
        with alone(settings):
            erasure_ledger.merge(settings, erasures)
            erased = _erase_again(settings, work, manifest)
            _fill_bucket(settings, work)
            _fill_server(settings, work)
            set_aside, beside = _exchange(settings, work, site)
    return Restored(manifest, counts, set_aside, beside, erased)


def _prepare(work: Path, path: Path, manifest: Manifest | None = None) -> dict[str, int]:
    """See that the database is sound and of this release, and bring it up to date."""
    try:
        with closing(SqliteDatabase(work / backups.DATABASE)) as db:
            if db.damage():
                raise UnreadableArchive("backup.damaged", path=path)
            if "state" not in db.list_tables():
                raise UnreadableArchive("backup.not_one", path=path)
            if unknown := migrations.unknown(db):
                raise UnreadableArchive("backup.schema_too_new", path=path, step=unknown[0])
            migrations.migrate(db)
            if manifest:
                with db.atomic():
                    for statement in ENDED:
                        db.execute(statement)
                    audit.act(db, OPERATOR, "site.restored", made_at=manifest.made_at)
            return health.counts(db)
    except (Damaged, OSError, LookupError, TypeError, ValueError) as problem:
        raise UnreadableArchive("backup.damaged", path=path) from problem


def _erase_again(settings: Settings, work: Path, manifest: Manifest) -> int:
    """Erase in what was unpacked whoever, and which requests, were erased in the site since."""
    later = [
        erasure
        for erasure in erasure_ledger.read([erasure_ledger.path(settings)])
        if erasure.at >= manifest.made_at
    ]
    if not later:
        return 0
    unpacked = replace(settings, site=work, data=Path("data"), files="")
    with closing(SqliteDatabase(work / backups.DATABASE)) as db:
        requests = erasing_tickets.replay(db, unpacked, later)
        return requests + erasing.replay(db, unpacked, later)


def _settings(found: config_sources.Configuration, work: Path, site: Path, path: Path) -> Settings:
    """Those in force from now on: the site's own, else those of the archive."""
    if (site / CONFIG_NAME).exists() or not (work / CONFIG_NAME).exists():
        return found.settings
    try:
        archived = config_sources.load(work / CONFIG_NAME)
    except (config.ConfigError, RecursionError) as problem:
        raise UnreadableArchive("backup.settings_wrong", path=path, reason=problem) from problem
    _check_inside(archived, work, path)
    return replace(archived.settings, site=site)


def _check_inside(archived: config_sources.Configuration, work: Path, path: Path) -> None:
    """An archive has a say in its own folder: what is elsewhere on this machine is not its."""
    for name in PLACES:
        value = getattr(archived.settings, name)
        place = os.path.normpath(work / value)
        is_theirs = archived.sources.get(name) == str(work / CONFIG_NAME)
        is_server = isinstance(value, str) and "://" in value
        if is_theirs and (is_server or not Path(place).is_relative_to(work)):
            raise UnreadableArchive("backup.settings_outside", path=path, setting=name)


def _keep_settings(work: Path, site: Path) -> Path | None:
    """Put the archive's kbsearch.toml in its place, or beside another one: where it lies then."""
    theirs, ours = work / CONFIG_NAME, site / CONFIG_NAME
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
    return next(site.glob(f"{WORK_FOLDERS}/{EXCHANGE}"), None)


@dataclass(frozen=True)
class _Exchange:
    """What was there, by its names in an archive, and the folder that it goes to."""

    aside: str
    there: list[str]


def _exchange(settings: Settings, work: Path, site: Path) -> tuple[Path | None, Path | None]:
    """What was there goes aside, what was unpacked takes its place; or all is put back.

    Where what was there lies now, and the archive's settings where the site has others.
    """
    try:
        note = _under_way(site) or _begin(settings, work)
        begun = _Exchange(**json.loads(note.read_text(encoding="utf-8")))
    except OSError as problem:
        raise Problem("backup.cannot_write", folder=site, reason=problem) from problem
    aside = site / begun.aside
    try:
        _bring(settings, work, aside, begun.there)
        belonging.mark_data(settings)
        generations.remove_all(settings)
        beside = _keep_settings(work, site)
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
            _remove_work_of_the_dead(site)
    return aside if aside.exists() else None, beside


def _fill_bucket(settings: Settings, work: Path) -> None:
    """Where files are in a bucket, those of the archive join what is there."""
    if isinstance(settings.files_address, Path):
        return
    stores = (backups.FILES, places.attached(settings)), (backups.MAILS, places.mails(settings))
    for name, store in stores:
        for path in sorted((work / name).glob("??/*")):
            with path.open("rb") as file:
                store.write(file, path.stat().st_size, lambda content: None)
        _remove(work / name)


def _fill_server(settings: Settings, work: Path) -> None:
    """Where the database is a server's, put that of the archive there: it has to be empty."""
    address, copy = settings.database_address, work / backups.DATABASE
    if isinstance(address, Path):
        return
    if not engines.is_blank(address):
        raise Problem("backup.database_not_empty", database=settings.database_name)
    with closing(SqliteDatabase(copy)) as source, closing(engines.open_database(address)) as target:
        moving.copy(source, target)
    copy.unlink()


def _begin(settings: Settings, work: Path) -> Path:
    """Note down what is there before anything is moved."""
    there = [name for name, place in _places(settings).items() if place.exists()]
    aside = f"before-restore-{utc_now():%Y%m%d-%H%M%S}-{new_id()[:4]}"
    draft = work / f"{EXCHANGE}.part"
    with draft.open("x", encoding="utf-8") as file:
        json.dump(asdict(_Exchange(aside, there)), file)
        file.flush()
        os.fsync(file.fileno())
    note = draft.replace(work / EXCHANGE)
    sync_folder(work)
    return note


def _bring(settings: Settings, work: Path, aside: Path, there: list[str]) -> None:
    for name, place in _places(settings).items():
        has_come = _has_come(name, place, aside, there)
        for path in (*_beside_database(name, place), place):  # the database last: it tells
            if has_come:
                _remove(path)
            elif path.exists():
                _move(path, aside / path.name)
        if (work / name).exists():
            _move(work / name, place)


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
def _work_folder(site: Path) -> Iterator[Path]:
    """A folder to unpack into, on the disk of the site; gone afterwards.

    One in which an exchange has begun and not ended stays, for the next attempt.
    """
    work = site / WORK_FOLDERS.replace("*", new_id())
    try:
        work.mkdir(mode=0o700)
    except OSError as problem:
        raise Problem("backup.cannot_write", folder=site, reason=problem) from None
    with _held(work):
        try:
            yield work
        except BaseException:
            if not (work / EXCHANGE).exists():
                shutil.rmtree(work)
            raise
        shutil.rmtree(work)


@contextmanager
def _held(work: Path) -> Iterator[None]:
    """The system frees the lock of a process however it ends."""
    descriptor = os.open(work, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _remove_work_of_the_dead(site: Path) -> None:
    for work in site.glob(WORK_FOLDERS):
        with suppress(OSError), _held(work):
            shutil.rmtree(work)
