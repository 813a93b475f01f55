"""What people attached and the mail that came: each content that the database names is there."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from kbsearch.database import Database
from kbsearch.errors import Unavailable
from kbsearch.files import places, trash
from kbsearch.files.store import FileStore
from kbsearch.messages.incoming import mails as incoming
from kbsearch.site.doctor.checks import Check, Patient, fail, ok, warn
from kbsearch.tickets import files, scanning

Sizes = Mapping[str, int | None]  # by SHA-256, in bytes where they are known


def attached(patient: Patient, db: Database) -> Iterator[Check]:
    store = places.attached(patient.settings)
    yield from _contents("files", store, files.list_contents(db), patient)


def mails(patient: Patient, db: Database) -> Iterator[Check]:
    store = incoming.store(patient.settings)
    yield from _contents("mails", store, incoming.list_contents(db), patient)


def orphans(_: Patient, db: Database) -> Iterator[Check]:
    """What housekeeping found that nothing names, too much of it to be right."""
    for unclaimed in trash.list_unclaimed(db):
        yield warn(
            "orphans",
            "nothing names %(orphans)d of %(contents)d files in %(store)s: they were left alone",
            "Is it an older database? Restore the right one; else: kbsearch sweep",
            **vars(unclaimed),
        )


def scanned(patient: Patient, db: Database) -> Iterator[Check]:
    """What the virus scanner has not seen yet, and what it found."""
    if not patient.settings.clamd:
        return
    counts = scanning.count(db)
    if counts.infected or counts.waiting:
        yield warn(
            "infected",
            "%(infected)s files are infected, and %(waiting)s wait for the virus scanner",
            "Nobody can open them. The security log says when they were found.",
            **vars(counts),
        )
    else:
        yield ok("infected", "every file was looked at, and none is infected")


def _contents(name: str, store: FileStore, sizes: Sizes, patient: Patient) -> Iterator[Check]:
    """Whether all of them are there, whole, and closed to others."""
    missing, damaged, opened = [], [], []
    try:
        there = store.sizes()
    except Unavailable:
        return  # the look at the servers says so
    for digest, size in sizes.items():
        place = store.storage.shown(store.key(digest))
        if digest not in there:
            missing.append(place)
            continue
        is_whole = there[digest] == size if size is not None else there[digest] > 0
        if not is_whole or (patient.is_deep and not _is_its_own(store, digest)):
            damaged.append(place)
        if store.storage.is_exposed(store.key(digest)):
            opened.append(place)
    folder = store.storage.shown(store.name)
    if missing:
        yield fail(
            name,
            "%(count)s of %(all)s files are missing, the first: %(path)s",
            "Copy them from a backup to the same places: their names are their contents.",
            **_counted(missing, sizes),
        )
    if damaged:
        yield fail(
            name,
            "%(count)s of %(all)s files are not what they were, the first: %(path)s",
            "Copy them from a backup to the same places: their names are their contents.",
            **_counted(damaged, sizes),
        )
    if opened:
        yield fail(
            name,
            "%(count)s of %(all)s files are open to other users, the first: %(path)s",
            "Close them: chmod -R go= %(folder)s",
            folder=folder,
            **_counted(opened, sizes),
        )
    if not (missing or damaged or opened):
        yield ok(name, "%(count)s files are there in %(folder)s", count=len(sizes), folder=folder)


def _is_its_own(store: FileStore, digest: str) -> bool:
    with store.open(digest) as file:
        content: Any = file  # typing's IO has no readinto, all that is opened here has
        return hashlib.file_digest(content, "sha256").hexdigest() == digest


def _counted(places: list[str], sizes: Sizes) -> dict[str, object]:
    return {"count": len(places), "all": len(sizes), "path": places[0]}
