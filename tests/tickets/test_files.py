import errno
import os
import threading
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest

from kbsearch import tickets
from kbsearch.access import ANONYMOUS, Viewer
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Full, Invalid, NotFound, Problem, TooMany
from kbsearch.files import folder
from kbsearch.files import store as file_store
from kbsearch.files.store import FileStore
from kbsearch.files.trash import Trash
from kbsearch.tickets import files as attachments
from kbsearch.tickets.conversation import corrections as edits
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.corrections import FieldEdits
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.files import Upload
from kbsearch.tickets.filing import copies, drafts
from tests.conftest import Cast
from tests.kit.requests import PNG, attach, file, later, lies_in, path_of, root_of


class Stream:
    """A source that counts what is read of it, and may break."""

    def __init__(self, size: int, breaks_at: int | None = None) -> None:
        self.left = size
        self.given = 0
        self.largest = 0
        self.breaks_at = breaks_at

    def read(self, size: int, /) -> bytes:
        self.largest = max(self.largest, size)
        if self.breaks_at is not None and self.given >= self.breaks_at:
            raise ConnectionResetError
        block = b"x" * min(size, self.left)
        self.left -= len(block)
        self.given += len(block)
        return block


def may_open(db: SqliteDatabase, store: FileStore, viewer: Viewer, attachment_id: str) -> bool:
    try:
        attachments.open_file(db, viewer, store, attachment_id)
    except NotFound:
        return False
    return True


def who_opens(db: SqliteDatabase, store: FileStore, cast: Cast, attachment_id: str) -> set[str]:
    return {name for name, who in vars(cast).items() if may_open(db, store, who, attachment_id)}


def test_a_file_lies_by_its_content_for_its_owner_alone(
    db: SqliteDatabase, cast: Cast, store: FileStore
):
    kept = attach(db, cast.alice, store, "form-0001", "Écran 1.png", PNG)
    assert (kept.name, kept.media_type, kept.width, kept.height) == (
        "Écran 1.png",
        "image/png",
        640,
        480,
    )
    path = root_of(store) / kept.sha256[:2] / kept.sha256
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with attachments.open_file(db, cast.alice, store, kept.id).open() as file:
        assert file.read() == PNG
    assert kept.is_image


def test_the_same_content_is_kept_once(db: SqliteDatabase, cast: Cast, store: FileStore):
    first = attach(db, cast.alice, store, "form-0001", "a.txt")
    second = attach(db, cast.chloe, store, "form-0002", "b.txt")
    assert first.id != second.id and first.sha256 == second.sha256
    assert len(lies_in(store)) == 1


def test_a_file_sent_again_to_the_same_form_is_the_same_file(
    db: SqliteDatabase, cast: Cast, store: FileStore
):
    sent = [attach(db, cast.alice, store, "form-0001") for _ in range(3)]
    assert len({each.id for each in sent}) == 1
    other_name = attach(db, cast.alice, store, "form-0001", "other.txt")
    assert [f.id for f in drafts.find(db, cast.alice, "form-0001").files] == [
        sent[0].id,
        other_name.id,
    ]


@pytest.mark.parametrize(
    ("name", "content"), [("log.txt", b"<script>alert(1)</script>"), ("a.pdf", b"%PDF-1.7\n")]
)
def test_only_images_are_shown_in_the_page(
    db: SqliteDatabase, cast: Cast, store: FileStore, name: str, content: bytes
):
    kept = attach(db, cast.alice, store, "form-0001", name, content)
    assert not kept.is_image
    assert kept.media_type in ("text/plain", "application/octet-stream")


def test_a_sent_file_is_for_those_who_read_the_request_each_time(
    db: SqliteDatabase, cast: Cast, store: FileStore
):
    kept = attach(db, cast.alice, store, "form-0001")
    ticket = file(db, cast.alice, key="form-0001", cc=["bob@acme.example"], confidential=True)
    assert who_opens(db, store, cast, kept.id) == {"alice", "bob", "dan", "root"}
    copies.remove(db, cast.alice, ticket, "bob@acme.example")
    assert who_opens(db, store, cast, kept.id) == {"alice", "dan", "root"}
    there = tickets.find(db, cast.dan, ticket.id)
    moved = {"organisation": "globex", "confidential": ""}
    edits.edit_fields(db, cast.dan, there, FieldEdits(moved, edition=there.edition), fields=())
    assert who_opens(db, store, cast, kept.id) == {"alice", "chloe", "dan", "root"}


def test_a_file_of_a_note_is_for_agents(db: SqliteDatabase, cast: Cast, store: FileStore):
    ticket = file(db, cast.alice)
    kept = attach(db, cast.dan, store, "note-0001", "canary.txt", ticket=ticket)
    replies.note(db, cast.dan, ticket, ReplyForm("note-0001", "See"))
    assert who_opens(db, store, cast, kept.id) == {"dan", "root"}
    assert "canary" not in repr(tickets.find(db, cast.alice, ticket.id))
    (note,) = tickets.find(db, cast.root, ticket.id).messages
    assert [each.name for each in note.files] == ["canary.txt"]


def test_a_file_that_was_sent_or_thrown_away_is_not_taken_back(
    db: SqliteDatabase, cast: Cast, store: FileStore
):
    kept = attach(db, cast.alice, store, "form-0001")
    gone = attach(db, cast.alice, store, "form-0001", "b.txt")
    attachments.discard(db, cast.alice, gone.id)
    ticket = file(db, cast.alice, key="form-0001")
    for each in (kept, gone):
        with pytest.raises(NotFound):
            attachments.discard(db, cast.alice, each.id)
    assert [each.name for each in tickets.find(db, cast.dan, ticket.id).files] == ["log.txt"]
    assert who_opens(db, store, cast, gone.id) == set()


def test_foreign_and_missing_are_the_same_answer(db: SqliteDatabase, cast: Cast, store: FileStore):
    kept = attach(db, cast.alice, store, "form-0001")
    told = set()
    for wanted in (kept.id, "missing", "", "\x00"):
        with pytest.raises(NotFound) as problem:
            attachments.open_file(db, cast.chloe, store, wanted)
        told.add(str(problem.value))
    assert len(told) == 1


def test_a_file_that_is_gone_from_the_disk_is_not_found(
    db: SqliteDatabase, cast: Cast, store: FileStore
):
    kept = attach(db, cast.alice, store, "form-0001")
    path_of(store, kept.sha256).unlink()
    with pytest.raises(NotFound):
        attachments.open_file(db, cast.alice, store, kept.id)


def refused(
    db: SqliteDatabase, viewer: Viewer, store: FileStore, name: str, source: file_store.ByteSource
) -> Problem:
    before = lies_in(store) if root_of(store).exists() else set()
    with pytest.raises(Problem) as problem:
        drafts.attach(db, viewer, store, "form-0001", Upload(name, source))
    assert (lies_in(store) if root_of(store).exists() else set()) == before, (
        "nothing is left behind"
    )
    return problem.value


def test_a_file_beyond_the_limit_is_not_read_to_its_end(
    db: SqliteDatabase, cast: Cast, store: FileStore
):
    endless = Stream(10**12)
    assert refused(db, cast.alice, store, "log.txt", endless).key == "attachment.too_big"
    assert endless.given <= attachments.MAX_BYTES + file_store.BLOCK_BYTES
    assert endless.largest == file_store.BLOCK_BYTES
    whole = Stream(attachments.MAX_BYTES)
    kept = attachments.keep(db, cast.alice, store, "form-0001", Upload("log.txt", whole))
    assert kept.size == 25_000_000


def test_an_upload_that_breaks_off_leaves_nothing(db: SqliteDatabase, cast: Cast, store: FileStore):
    with pytest.raises(ConnectionResetError):
        upload = Upload("log.txt", Stream(10**6, breaks_at=200_000))
        drafts.attach(db, cast.alice, store, "form-0001", upload)
    assert lies_in(store) == set()
    assert drafts.list_all(db, cast.alice) == []


def test_an_empty_file_is_refused(db: SqliteDatabase, cast: Cast, store: FileStore):
    assert refused(db, cast.alice, store, "log.txt", BytesIO()).key == "attachment.empty"


def test_a_type_that_nobody_may_send_is_refused(db: SqliteDatabase, cast: Cast, store: FileStore):
    """An image may have any name: only its content tells."""
    refusal = refused(db, cast.alice, store, "page.svg", BytesIO(b"<svg/>"))
    assert refusal.key == "attachment.type_refused"
    assert lies_in(store) == set()


def test_a_form_takes_ten_files(db: SqliteDatabase, cast: Cast, store: FileStore):
    for n in range(10):
        attach(db, cast.alice, store, "form-0001", f"{n}.txt")
    assert refused(db, cast.alice, store, "11.txt", BytesIO(b"x")).key == "attachment.too_many"
    attach(db, cast.alice, store, "form-0002")


def test_files_chosen_at_once_do_not_pass_the_limit(
    db: SqliteDatabase, cast: Cast, store: FileStore
):
    refusals: list[str] = []

    def choose(n: int) -> None:
        for m in range(4):
            try:
                attach(db, cast.alice, store, "form-0001", f"{n}{m}.txt")
            except Invalid as problem:
                refusals.append(problem.key)
        db.close()

    threads = [threading.Thread(target=choose, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(drafts.find(db, cast.alice, "form-0001").files) == 10
    assert refusals == ["attachment.too_many"] * 6


def test_a_day_takes_200_megabytes_also_when_they_are_thrown_away(
    db: SqliteDatabase, cast: Cast, store: FileStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(attachments, "MAX_BYTES_A_DAY", 100)
    kept = attach(db, cast.alice, store, "form-0001", content=b"x" * 90, at=later(hours=1))
    attachments.discard(db, cast.alice, kept.id)
    for content in (b"x" * 11, b"x" * 90):
        with pytest.raises(TooMany):
            attach(db, cast.alice, store, "form-0001", content=content, at=later(hours=24))
    attach(db, cast.bob, store, "form-0001", content=b"x" * 90, at=later(hours=2))
    attach(db, cast.alice, store, "form-0001", content=b"x" * 90, at=later(hours=26))
    assert len(lies_in(store)) == 1, "what is refused for the day is not kept"


@pytest.mark.parametrize("failing", ["write", "fsync", "replace", "open"])
def test_a_full_disk_is_told_and_leaves_nothing(
    db: SqliteDatabase,
    cast: Cast,
    store: FileStore,
    monkeypatch: pytest.MonkeyPatch,
    failing: str,
):
    attach(db, cast.alice, store, "form-0001", "there.txt", b"there")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    class Unwritable(BytesIO):
        def __enter__(self) -> "Unwritable":
            return self

        write = full  # type: ignore[assignment]

    with monkeypatch.context() as patch:
        if failing == "write":
            patch.setattr(folder, "open", lambda *_, **__: Unwritable(), raising=False)
        else:
            patch.setattr(os, failing, full)
        problem = refused(db, cast.alice, store, "log.txt", BytesIO(b"x" * 100))
    assert (problem.key, problem.status, type(problem)) == ("attachment.disk_full", 507, Full)
    assert len(drafts.find(db, cast.alice, "form-0001").files) == 1
    attach(db, cast.alice, store, "form-0001", "again.txt", b"x" * 100)


def test_the_last_twentieth_of_the_disk_is_left_free(
    db: SqliteDatabase, cast: Cast, store: FileStore, monkeypatch: pytest.MonkeyPatch
):
    free = [10**9]

    def usage(_: Path) -> SimpleNamespace:
        return SimpleNamespace(total=10**10, free=free[0])

    monkeypatch.setattr("shutil.disk_usage", usage)
    attach(db, cast.alice, store, "form-0001")
    free[0] = 5 * 10**8 + attachments.MAX_BYTES - 1
    assert isinstance(refused(db, cast.alice, store, "b.txt", BytesIO(b"x")), Full)


def test_content_is_synced_then_named_then_told(
    db: SqliteDatabase, cast: Cast, store: FileStore, monkeypatch: pytest.MonkeyPatch
):
    """P1: what is acknowledged survives the loss of power."""
    steps: list[str] = []
    fsync, replace, insert = os.fsync, os.replace, db.insert

    def log_fsync(descriptor: int) -> None:
        target = os.readlink(f"/proc/self/fd/{descriptor}")
        steps.append("sync folder" if os.path.isdir(target) else "sync file")
        fsync(descriptor)

    def log_replace(source: Path, target: Path) -> None:
        steps.append("name")
        replace(source, target)

    def log_insert(table: str, row: object) -> None:
        steps.append(table)
        insert(table, row)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "fsync", log_fsync)
    monkeypatch.setattr(os, "replace", log_replace)
    monkeypatch.setattr(db, "insert", log_insert)
    attach(db, cast.alice, store, "form-0001")
    assert steps == ["sync file", "sync folder", "name", "sync folder", "attachments", "drafts"]


def grow_old(store: FileStore) -> None:
    for path in lies_in(store):
        moment = path.stat().st_mtime - timedelta(days=8).total_seconds()
        os.utime(path, (moment, moment))


def test_what_belongs_to_nothing_is_collected_after_a_week(
    db: SqliteDatabase, cast: Cast, store: FileStore
):
    sent = attach(db, cast.alice, store, "form-0001", "a.txt", b"sent", at=later(days=0))
    file(db, cast.alice, key="form-0001")
    drafted = attach(db, cast.alice, store, "form-0002", "b.txt", b"drafted", at=later(days=0))
    gone = attach(db, cast.alice, store, "form-0002", "c.txt", b"gone", at=later(days=0))
    attachments.discard(db, cast.alice, gone.id)
    trash = Trash(store.storage)
    (root_of(store) / "incoming" / "left-by-a-crash").write_bytes(b"half")
    assert attachments.forget_orphans(db, store, trash, at=later(days=6)) == 0
    assert attachments.forget_orphans(db, store, trash, at=later(days=8)) == 0, (
        "its content is young"
    )
    grow_old(store)
    assert attachments.forget_orphans(db, store, trash, at=later(days=8)) == 2
    assert {path.name for path in lies_in(store)} == {sent.sha256, drafted.sha256}
    assert attachments.forget_orphans(db, store, trash, at=later(days=8)) == 0


def test_content_wanted_again_is_not_collected(db: SqliteDatabase, cast: Cast, store: FileStore):
    """Between the sweep's question and its removal, somebody sends the same content."""
    gone = attach(db, cast.alice, store, "form-0001", at=later(days=0))
    attachments.discard(db, cast.alice, gone.id)
    grow_old(store)

    def wanted(digests: list[str]) -> set[str]:
        if digests:
            attach(db, cast.bob, store, "form-0002")
        return set()

    trash = Trash(store.storage)
    assert store.sweep(wanted, {}, trash, older_than=3600).moved == 0
    assert len(lies_in(store)) == 1


def test_a_file_of_a_message_is_never_handed_to_another(
    db: SqliteDatabase, cast: Cast, store: FileStore
):
    ticket = file(db, cast.alice)
    attach(db, cast.alice, store, "reply-0001", ticket=ticket)
    replies.reply(db, cast.alice, ticket, ReplyForm("reply-0001", "One"))
    replies.reply(db, cast.alice, ticket, ReplyForm(new_id(), "Two"))
    files = [[f.name for f in m.files] for m in tickets.find(db, cast.dan, ticket.id).messages]
    assert files == [["log.txt"], []]


def test_strangers_open_nothing(db: SqliteDatabase, cast: Cast, store: FileStore):
    kept = attach(db, cast.alice, store, "form-0001")
    file(db, cast.alice, key="form-0001")
    assert not may_open(db, store, ANONYMOUS, kept.id)
