"""Vaults: where backups are kept, in another folder, on another machine or at an object store."""

import hashlib
import re
from pathlib import Path
from typing import Protocol

from kbsearch.errors import Problem

PART = ".part"  # the end of a name that is not whole yet
SEALED = b"age-encryption.org/"  # how a file begins that was encrypted
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class Vault(Protocol):
    """Files by name, on one level. Every verb raises OutOfReach where the place does not do it."""

    def put(self, source: Path, name: str) -> None:
        """Keep a file, once what can be read there is what was written: before, or not at all."""

    def fetch(self, name: str, target: Path) -> None:
        """Bring a file here."""

    def names(self) -> list[str]:
        """Those that are whole, in order."""

    def remove(self, *names: str) -> None:
        """Remove files; one that is gone already is none too many."""

    def clear(self, prefix: str) -> None:
        """Remove what was begun under such names and never ended; nobody may be at it meanwhile."""


class OutOfReach(Problem):
    """A vault cannot be read or written."""


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ours(names: list[str]) -> list[str]:
    """Names that a vault may have, in order: others' files lie there too."""
    return sorted(name for name in names if NAME.fullmatch(name))
