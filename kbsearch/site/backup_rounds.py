"""Backups that leave the site by themselves: made, sealed, proved in their vault, old ones removed.

A round that fails, or is killed, leaves what the vault has; nothing is removed there before a new
one is proved.
"""

import fcntl
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from kbsearch import keep_rules, vaults
from kbsearch.clock import parsed, stored, utc_now
from kbsearch.config import Settings, without_user
from kbsearch.database import Database, site_state
from kbsearch.errors import Problem
from kbsearch.i18n import explain, terminal_language
from kbsearch.site import backups, belonging, erasure_ledger
from kbsearch.site.backups import ArchiveProgress
from kbsearch.vaults import outcomes
from kbsearch.vaults.opening import open_vault
from kbsearch.vaults.outcomes import BackupMade

log = logging.getLogger(__name__)

REST_SECONDS = 20.0
AFTER_A_LEDGER = 600.0  # seconds, where it did not get through
AFTER_A_FAILURE = timedelta(hours=1)
WORK_FOLDER = "backing-up"  # in the data folder: what a round works on
LEDGER_NOTE = "erasures_kept"  # what of the ledger lies in which vault
STAMP = "%Y%m%d-%H%M%S"


class UnderWay(Problem):
    """Somebody else is at it at this moment."""


def step(db: Database, settings: Settings) -> float:
    """Make one if it is time; for how many seconds to rest then."""
    if is_due(db, settings):
        attempt(db, settings)
    else:
        try:
            keep_ledger(db, settings)
        except Problem as problem:
            log.error("the list of erasures: %s", explain(problem, terminal_language()))
            return AFTER_A_LEDGER
    return REST_SECONDS


def is_due(db: Database, settings: Settings, *, at: datetime | None = None) -> bool:
    """Whether the last one is older than the last moment at which there was to be one."""
    if not settings.backup_at:
        return False
    moment = at or utc_now()
    notes = outcomes.look(db)
    if notes.made and notes.made.at >= stored(_last_date(settings, moment)):
        return False
    return not notes.failure or parsed(notes.failure.at) + AFTER_A_FAILURE <= moment


def attempt(db: Database, settings: Settings) -> None:
    """A round whose failure is noted, told to administrators and logged."""
    try:
        made = run(db, settings)
    except UnderWay:
        log.info("a backup is being made already")
    except Problem as problem:
        reason = explain(problem, settings.languages[0])
        outcomes.note_failure(db, reason)
        log.error("no backup was made: %s", reason)
    except Exception as defect:
        outcomes.note_failure(db, f"{type(defect).__name__}: {defect}")
        log.exception("no backup was made")
    else:
        log.info("a backup was made: %s in %s, %d bytes", made.name, made.place, made.size)
        try:
            tidy(db, settings)
        except Problem as problem:
            reason = explain(problem, terminal_language())
            log.error("what goes with it, or has had its time, was not seen to: %s", reason)


def run(db: Database, settings: Settings, tell: ArchiveProgress = lambda _: None) -> BackupMade:
    """Put a new archive into the vault."""
    vault = open_vault(settings)
    with work_folder(settings) as folder:
        at = utc_now()
        archive = folder / f"{prefix(db)}{at:{STAMP}}.tar.gz"
        backups.create(settings, db, archive, tell)
        sealed = sealed_of(archive, settings)
        vault.clear(prefix(db))
        vault.put(sealed, sealed.name)
        made = BackupMade(stored(at), sealed.name, place(settings), sealed.stat().st_size)
    outcomes.note_made(db, made)
    return made


def tidy(db: Database, settings: Settings) -> None:
    """What a vault is to have once a new one is there: the erasures, and no more than the rule."""
    keep_ledger(db, settings)
    vault = open_vault(settings)
    moments = archives([name for name in vault.names() if name.startswith(prefix(db))])
    spared = keep_rules.spared(moments.values(), keep_rules.parse(settings.backup_keep))
    vault.remove(*(name for name, moment in moments.items() if moment not in spared))


def prefix(db: Database) -> str:
    """How the archives of this site begin: others may keep theirs in the same vault."""
    return f"kbsearch-{belonging.site_id(db)[:6]}-"


def place(settings: Settings) -> str:
    """The vault as it may be shown."""
    to = settings.backup_to
    return without_user(to) if "://" in to else str(settings.at(Path(to)))


def sealed_of(path: Path, settings: Settings) -> Path:
    """The file as it may leave: sealed beside it, where there are recipients."""
    if not settings.backup_recipients:
        return path
    from kbsearch.vaults import age

    target = path.with_name(f"{path.name}{age.SUFFIX}")
    age.seal(path, target, settings.backup_recipients)
    path.unlink()
    return target


def archives(names: list[str]) -> dict[str, datetime]:
    """The backups among the files of a vault, with the moment that each name says, oldest first."""
    moments = {}
    for name in names:
        stem, dot, _ = name.partition(".tar.gz")
        if dot and stem.startswith("kbsearch-"):
            try:
                stamp = "-".join(stem.rsplit("-", 2)[-2:])
                moments[name] = datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)
            except ValueError:
                continue  # of somebody else
    return dict(sorted(moments.items(), key=lambda item: item[1]))


@contextmanager
def work_folder(settings: Settings, name: str = WORK_FOLDER) -> Iterator[Path]:
    """An empty folder beside the data, for one at a time; whatever was left in it is removed."""
    settings.data_path.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = settings.data_path / name
    with (settings.data_path / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnderWay("backup.under_way") from None
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _last_date(settings: Settings, moment: datetime) -> datetime:
    date = datetime.combine(moment.date(), time.fromisoformat(settings.backup_at), UTC)
    return date if date <= moment else date - timedelta(days=1)


def keep_ledger(db: Database, settings: Settings) -> None:
    """Put the list of erasures beside the backups, when it has grown: they are to stay erased."""
    ledger = erasure_ledger.path(settings)
    if not erasure_ledger.read([ledger]):
        return
    note = f"{vaults.digest_of(ledger)} {place(settings)}"
    if site_state.read(db, LEDGER_NOTE) == note:
        return
    vault = open_vault(settings)
    with work_folder(settings, "keeping-erasures") as folder:
        copy = folder / erasure_ledger.name_outside(ledger)
        shutil.copyfile(ledger, copy)
        sealed = sealed_of(copy, settings)
        vault.put(sealed, sealed.name)
    site_state.write(db, LEDGER_NOTE, note)
