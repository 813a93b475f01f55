"""Encryption for those who hold a key elsewhere, by age: what seals a backup cannot open it."""

from collections.abc import Sequence
from pathlib import Path

import pyrage

from kbsearch.errors import Problem
from kbsearch.vaults import OutOfReach

SUFFIX = ".age"
SECRET = "AGE-SECRET-KEY-"


def seal(source: Path, target: Path, recipients: Sequence[str]) -> None:
    """Write what only the holders of their keys can read; raises Problem for what is no key."""
    keys = []
    for recipient in recipients:
        try:
            keys.append(pyrage.x25519.Recipient.from_str(recipient))
        except pyrage.RecipientError:  # mistyped: its checksum is wrong
            raise Problem("vault.recipient_wrong", recipient=recipient) from None
    target.touch(mode=0o600)
    pyrage.encrypt_file(str(source), str(target), keys)


def unseal(source: Path, target: Path, identity: str) -> None:
    """Write what was sealed; `identity` is the text of the file that age-keygen made.

    Raises Problem where no key of it opens the file, or the file is not whole.
    """
    lines = [line.strip() for line in identity.splitlines()]
    try:
        keys = [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith(SECRET)]
    except pyrage.IdentityError:
        keys = []
    if not keys:
        raise Problem("vault.no_identity")
    target.touch(mode=0o600)
    try:
        pyrage.decrypt_file(str(source), str(target), keys)
    except (pyrage.DecryptError, OSError) as problem:
        raise OutOfReach("vault.not_opened", name=source.name, reason=problem) from problem
