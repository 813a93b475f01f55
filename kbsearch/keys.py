"""The site's secret key: a file of its own beside the database, and the keys drawn from it."""

import hashlib
import hmac
import os
import re
from pathlib import Path

from kbsearch import randomness
from kbsearch.config import ConfigError, Settings

KEY_NAME = "secret_key"
KEY_BYTES = 32
HEXADECIMAL = re.compile(r"([0-9A-Fa-f]{2})*")


def site_key(settings: Settings) -> bytes:
    """The secret of this site: its setting, or a file made at its first use for its owner alone."""
    if settings.secret_key:
        return hashlib.sha256(settings.secret_key.encode()).digest()
    path = settings.data_path / KEY_NAME
    try:
        return read(path)
    except FileNotFoundError:
        _make(path)
        return read(path)


def is_there(settings: Settings) -> bool:
    """Whether the site has a key; asking makes none."""
    return bool(settings.secret_key) or (settings.data_path / KEY_NAME).exists()


def fingerprint(settings: Settings) -> str:
    """What a key is known again by; it says nothing of the key."""
    return fingerprint_of(site_key(settings))


def fingerprint_of(key: bytes) -> str:
    """The same of a key that is no site's, or not any more."""
    return derive_from(key, "fingerprint").hex()


def derive(settings: Settings, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose: what leaks from one says nothing of another."""
    return derive_from(site_key(settings), purpose)


def derive_from(key: bytes, purpose: str) -> bytes:
    return hmac.digest(key, purpose.encode(), "sha256")


def read(path: Path) -> bytes:
    """The key of a file that its owner alone may read."""
    with path.open("rb") as source:
        if os.fstat(source.fileno()).st_mode & 0o077:
            raise ConfigError(f"{path}: others can read this secret: chmod 600 {path}")
        digits = source.read().decode("ascii", "replace").strip()
    key = bytes.fromhex(digits) if HEXADECIMAL.fullmatch(digits) else b""
    if len(key) < KEY_BYTES:
        raise ConfigError(f"{path}: a key has at least {2 * KEY_BYTES} hexadecimal digits")
    return key


def _make(path: Path) -> None:
    """Write the whole file aside, then link it: of two processes, one wins and both read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{KEY_NAME}.{randomness.token_bytes(8).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as target:
            target.write(randomness.token_bytes(KEY_BYTES).hex() + "\n")
            target.flush()
            os.fsync(target.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass  # another process got there first
    finally:
        draft.unlink()
