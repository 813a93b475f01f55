"""What the tests of requests share: filing one in a line, and the store of its files."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from kbsearch import tickets
from kbsearch.access import Viewer
from kbsearch.database import Database, new_id
from kbsearch.errors import NotFound
from kbsearch.files.folder import FolderStorage
from kbsearch.files.store import FileStore
from kbsearch.form_fields import FormField
from kbsearch.tickets import Ticket, filing
from kbsearch.tickets.files import Attachment, Upload
from kbsearch.tickets.filing import drafts
from kbsearch.tickets.filing.form import FilingTerms, RequestForm
from tests.conftest import Cast

MORNING = datetime(2026, 3, 2, 9, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (640).to_bytes(4) + (480).to_bytes(4) + b"\x08" * 40


def later(**much: float) -> datetime:
    """Some time after the morning when requests are filed."""
    return MORNING + timedelta(**much)


def file(
    db: Database,
    viewer: Viewer,
    *,
    key: str = "",
    at: datetime = MORNING,
    fields: tuple[FormField, ...] = (),
    **said: Any,
) -> Ticket:
    """File a request, usual but for what is given."""
    usual = {"subject": "Collar lost", "description": "The collar of a cow is lost."}
    request = RequestForm(**{**usual, **said})
    return filing.open(db, viewer, request, FilingTerms(key or new_id(), fields=fields), at=at)


def attach(
    db: Database,
    viewer: Viewer,
    store: FileStore,
    key: str,
    name: str = "log.txt",
    content: bytes = b"one line\n",
    ticket: Ticket | None = None,
    at: datetime | None = None,
) -> Attachment:
    """Choose a file in a form."""
    return drafts.attach(db, viewer, store, key, Upload(name, BytesIO(content), at), ticket=ticket)


def readers_of(db: Database, cast: Cast, ticket: Ticket) -> set[str]:
    """The names of those who find a ticket."""
    found = set()
    for name, viewer in vars(cast).items():
        try:
            tickets.find(db, viewer, ticket.id)
        except NotFound:
            continue
        found.add(name)
    return found


def root_of(store: FileStore) -> Path:
    """The folder of a store that is one."""
    assert isinstance(store.storage, FolderStorage)
    return store.storage.path(store.name)


def path_of(store: FileStore, sha256: str) -> Path:
    """Where a content lies in a store that is a folder, or would."""
    return root_of(store) / sha256[:2] / sha256


def lies_in(store: FileStore) -> set[Path]:
    """Every content that the store has, finished or not."""
    return {path for path in root_of(store).glob("*/*") if path.is_file()}
