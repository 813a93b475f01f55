"""The generations of the indexes: which are in service, switching to a new one, removing old ones.

Articles lie in folders. Tickets do too, or in indexes of a cluster: the setting `index` says it.
"""

import shutil
import time
from pathlib import Path

from kbsearch.config import Settings
from kbsearch.database import Database, site_state
from kbsearch.search.fulltext import places
from kbsearch.search.fulltext.plan import Place, RemoteIndex

TICKETS = "tickets"
LIVE = ("article_index", "ticket_index")  # in the state of the site
OLD = 3_600.0  # seconds out of service, after which nobody reads a generation any more


def live_folders(db: Database) -> dict[str, str]:
    """The generations in service: `article_index` and `ticket_index`, where there is one."""
    return site_state.read_all(db, LIVE)


def ticket_place(settings: Settings, name: str) -> Place:
    """Where a generation of the index of tickets is."""
    address = settings.index_address
    return address / name if isinstance(address, Path) else RemoteIndex(address, name)


def shown(settings: Settings, state: str, name: str) -> str:
    """Where a generation is, as it may be shown."""
    place = settings.index_path / name if state == "article_index" else ticket_place(settings, name)
    return f"{settings.index_name}: {name}" if isinstance(place, RemoteIndex) else str(place)


def switch_tickets(settings: Settings, db: Database, place: Place) -> None:
    """Put an index of tickets in service, and those before the last one away."""
    site_state.write(db, "ticket_index", place.name)
    if isinstance(place, RemoteIndex):
        places.put_in_service(place, TICKETS)
        _sweep_remote(settings, db, keep=1)
    else:
        sweep(settings, db, f"{TICKETS}-")


def sweep(settings: Settings, db: Database, prefix: str) -> None:
    """Remove index folders out of service, but for the newest: somebody may be reading it."""
    live = set(live_folders(db).values())
    folders = [folder for folder in settings.index_path.glob(f"{prefix}*") if folder.is_dir()]
    folders.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
    unused = [folder for folder in folders if folder.name not in live]
    for folder in unused[1:]:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep_remote(settings: Settings, db: Database, *, keep: int) -> int:
    """The same in the cluster, of those older than the one in service: a newer one is being built.

    How many were removed.
    """
    address = settings.index_address
    live = live_folders(db).get("ticket_index", "").lower()
    if isinstance(address, Path) or not live:
        return 0
    names = places.remote_names(address, f"{TICKETS}-")
    older = names[names.index(live) + 1 :] if live in names else []
    for name in older[keep:]:
        places.remove_remote(RemoteIndex(address, name))
    return len(older[keep:])


def forget_generations(settings: Settings, db: Database, *, older_than: float = OLD) -> int:
    """Remove the generations out of service for that many seconds; how many.

    Nobody reads them any more, and they may hold what was erased since.
    """
    live = set(live_folders(db).values())
    before = time.time() - older_than
    unused = [
        folder
        for folder in _folders(settings)
        if folder.name not in live and folder.stat().st_mtime < before
    ]
    for folder in unused:
        shutil.rmtree(folder, ignore_errors=True)
    return len(unused) + _sweep_remote(settings, db, keep=0)


def remove_all(settings: Settings) -> None:
    """Remove every index, and nothing else that may lie in that folder.

    In a cluster it stays: the site before may still be asked, and what is not in service goes when
    the next one is.
    """
    for folder in _folders(settings):
        shutil.rmtree(folder)


def _folders(settings: Settings) -> list[Path]:
    globs = (settings.index_path.glob(f"{prefix}*") for prefix in ("articles-", f"{TICKETS}-"))
    return [folder for folders in globs for folder in folders if folder.is_dir()]
