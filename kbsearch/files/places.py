"""Where a site keeps what people attach, the mail as it came, and the trash of both."""

from functools import lru_cache
from pathlib import Path

from kbsearch.config import Settings
from kbsearch.files.folder import FolderStorage
from kbsearch.files.storage import ObjectStorage
from kbsearch.files.store import FileStore
from kbsearch.files.trash import Trash

FILES = "files"
MAILS = "mails"


def storage(settings: Settings) -> ObjectStorage:
    """The folder or the bucket of the site."""
    address = settings.files_address
    if isinstance(address, Path):
        return FolderStorage(address)
    return _bucket(address, settings.files_keys_path)


def attached(settings: Settings) -> FileStore:
    """What people attach to requests."""
    return FileStore(storage(settings), FILES)


def mails(settings: Settings) -> FileStore:
    """Mails as they came."""
    return FileStore(storage(settings), MAILS)


def trash(settings: Settings) -> Trash:
    return Trash(storage(settings))


@lru_cache(maxsize=1)  # its connections are used again
def _bucket(address: str, keys: Path | None) -> ObjectStorage:
    from kbsearch.files.bucket import BucketStorage  # needs the extra [s3]

    return BucketStorage(address, keys)
