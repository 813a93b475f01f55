"""The folders: what ships with the code, who may write and read them, and room on the disk."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from kbsearch import resources
from kbsearch.config import FIELDS, LANGUAGES
from kbsearch.files import places
from kbsearch.files.folder import FREE_FLOOR, OTHERS_MAY
from kbsearch.keys import KEY_NAME
from kbsearch.site.doctor.checks import Check, Patient, fail, ok, warn

LOW_DISK = 1024**3  # bytes
SHIPPED = (
    *("templates/layout.html", "templates/help/home.html", "templates/shared/problem.html"),
    *(f"locale/{language}/LC_MESSAGES/messages.po" for language in LANGUAGES),
    *("static", "hooks/post-receive"),
)


def shipped(_: Patient) -> Iterator[Check]:
    """What pages are made of came with the code."""
    missing = [path for path in SHIPPED if not _is_shipped(path)]
    if missing:
        yield fail(
            "shipped",
            "kbsearch was installed without %(name)s",
            "Install it again: pip install --force-reinstall kbsearch",
            name=missing[0],
        )


def _is_shipped(name: str) -> bool:
    folder, _, rest = name.partition("/")
    try:
        place = resources.folder(folder) / rest
    except FileNotFoundError:
        return False
    return any(place.iterdir()) if place.is_dir() else place.is_file()


def writable(patient: Patient) -> Iterator[Check]:
    for label, folder in _own(patient):
        nearest = next(place for place in (folder, *folder.parents) if place.exists())
        if not os.access(nearest, os.W_OK | os.X_OK):
            yield fail(
                label,
                "%(folder)s cannot be written",
                "Give it to the user who runs kbsearch: chown -R USER %(folder)s",
                folder=folder,
            )
        elif _is_open(folder):
            yield warn(
                label,
                "%(folder)s is open to other users",
                "Close it: chmod 700 %(folder)s",
                folder=folder,
            )
        else:
            yield ok(label, "%(folder)s can be written", folder=folder)


def modes(patient: Patient) -> Iterator[Check]:
    """Where the folder around it is open, each part of what people wrote is open or not."""
    database, data = patient.settings.database_address, patient.settings.data_path
    endings = ("", "-wal", "-shm") if isinstance(database, Path) else ()
    inside = [Path(f"{database}{ending}") for ending in endings]
    inside += [data / name for name in ("mail", "sms", "demo.json")]
    if isinstance(files := patient.settings.files_address, Path):
        inside += [files / places.FILES, files / places.MAILS]
    for path in inside:
        if _is_open(path.parent) and _is_open(path):
            yield fail(
                "modes",
                "other users of this machine may read %(path)s",
                "Close it: chmod -R go= %(path)s",
                path=path,
            )


def secrets(patient: Patient) -> Iterator[Check]:
    """Files that hold a secret setting are for their owner only."""
    for name, item in FIELDS.items():
        source = patient.configuration.sources.get(name, "")
        variable = f"KBSEARCH_{name.upper()}_FILE"
        place = os.environ.get(variable, "") if source == variable else source
        value = getattr(patient.settings, name)
        has_password = name in ("database", "index") and "@" in str(value) and "://" in str(value)
        is_secret = item.metadata["secret"] or has_password
        if is_secret and place and Path(place).is_file():
            yield _secret_file(name, Path(place))
    if (keys := patient.settings.files_keys_path) and keys.is_file():
        yield _secret_file("files_keys", keys)
    key = patient.settings.data_path / KEY_NAME
    if key.is_file():
        yield _secret_file(KEY_NAME, key)


def _secret_file(name: str, path: Path) -> Check:
    if _is_open(path):
        return fail(
            "secrets",
            "%(path)s holds %(name)s and others may read it",
            "chmod 600 %(path)s",
            path=path,
            name=name,
        )
    return ok("secrets", "%(path)s is for its owner only", path=path)


def disk(patient: Patient) -> Iterator[Check]:
    folder = patient.settings.data_path
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    usage = shutil.disk_usage(nearest)
    free = usage.free // 1024**2
    if usage.free < usage.total * FREE_FLOOR:
        yield warn(
            "disk",
            "%(free)s MB are free, less than one part in twenty: no file is taken in",
            "Make room: a full disk stops every change.",
            free=free,
        )
    elif usage.free < LOW_DISK:
        yield warn(
            "disk",
            "%(free)s MB are free",
            "Make room: a full disk stops every change.",
            free=free,
        )
    else:
        yield ok("disk", "%(free)s MB are free", free=free)


def _own(patient: Patient) -> Iterator[tuple[str, Path]]:
    """The folders that hold what people wrote, and no one else's business."""
    settings = patient.settings
    yield "data", settings.data_path
    if isinstance(settings.files, Path):
        yield "files", settings.at(settings.files)
    yield "index", settings.index_path


def _is_open(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & OTHERS_MAY)
