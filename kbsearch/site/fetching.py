"""A backup as it can be read: from a file or from the vault, opened with a key that comes along."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kbsearch import vaults
from kbsearch.config import Settings
from kbsearch.errors import Problem
from kbsearch.site import backup_rounds, erasure_ledger
from kbsearch.vaults.opening import open_vault


@dataclass(frozen=True)
class Archive:
    """A plain archive, and the lists of erasures that lay beside it."""

    path: Path
    name: str
    ledgers: tuple[Path, ...]


@contextmanager
def opened(
    settings: Settings, file: Path | None, identity: Path | None, near: Path
) -> Iterator[Archive]:
    """The archive of a file, else the last of the vault, with what lies beside it.

    Fetched and unsealed in a folder near there, which is gone afterwards. `identity` is the file
    that age-keygen made, or `-` for standard input.
    """
    key = _text(identity) if identity else ""
    with tempfile.TemporaryDirectory(dir=near, prefix="fetching-") as folder:
        work = Path(folder)
        source = file or _last(settings, work)
        beside = source.parent.glob(erasure_ledger.OUTSIDE)
        archive = _unsealed(source, key, work)
        ledgers = tuple(_unsealed(ledger, key, work) for ledger in sorted(beside))
        yield Archive(archive, source.name, ledgers)


def _last(settings: Settings, work: Path) -> Path:
    """Fetch the last backup of the vault, and all lists of erasures."""
    vault, inbox = open_vault(settings), work / "inbox"
    inbox.mkdir(mode=0o700)
    names = vault.names()
    archives = list(backup_rounds.archives(names))
    place = backup_rounds.place(settings)
    if not archives:
        raise Problem("vault.empty", place=place)
    if len({name.rsplit("-", 2)[0] for name in archives}) > 1:
        raise Problem("vault.of_several_sites", place=place)
    ledgers = [name for name in names if Path(name).match(erasure_ledger.OUTSIDE)]
    for name in (archives[-1], *ledgers):
        vault.fetch(name, inbox / name)
    return inbox / archives[-1]


def _unsealed(source: Path, key: str, work: Path) -> Path:
    if not _is_sealed(source):
        return source
    from kbsearch.vaults import age

    if not key:
        raise Problem("vault.sealed", name=source.name)
    target = work / source.name.removesuffix(age.SUFFIX)
    age.unseal(source, target, key)
    return target


def _is_sealed(source: Path) -> bool:
    with source.open("rb") as file:
        return file.read(len(vaults.SEALED)) == vaults.SEALED


def _text(identity: Path) -> str:
    try:
        return sys.stdin.read() if str(identity) == "-" else identity.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise Problem("vault.no_identity") from None
