import pytest

from kbsearch import tickets
from kbsearch.access import ANONYMOUS
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import AlreadySent, Invalid, NotFound, SignInNeeded, TooMany
from kbsearch.files.store import FileStore
from kbsearch.tickets import files as attachments
from kbsearch.tickets import filing
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.filing import copies, drafts
from kbsearch.tickets.filing.form import FilingTerms, RequestForm
from tests.conftest import Cast
from tests.kit.requests import attach, file, later, root_of

TYPED = {"subject": "Collier", "description": "Il est…", "severity": "major", "cc": ""}


def test_what_was_typed_is_there_again(db: SqliteDatabase, cast: Cast, store: FileStore):
    drafts.save(db, cast.alice, "form-0001", TYPED, at=later(hours=1))
    attach(db, cast.alice, store, "form-0001", "a.txt", at=later(hours=2))
    drafts.save(
        db, cast.alice, "form-0001", {**TYPED, "subject": "Collier perdu"}, at=later(hours=3)
    )
    draft = drafts.find(db, cast.alice, "form-0001")
    assert draft.fields == {
        "subject": "Collier perdu",
        "description": "Il est…",
        "severity": "major",
    }
    assert [kept.name for kept in draft.files] == ["a.txt"]
    assert (draft.created_at, draft.updated_at) == ("2026-03-02T10:00:00Z", "2026-03-02T12:00:00Z")


def test_a_draft_is_its_persons_alone(db: SqliteDatabase, cast: Cast, store: FileStore):
    drafts.save(db, cast.alice, "form-0001", TYPED)
    kept = attach(db, cast.alice, store, "form-0001", "a.txt")
    for other in (cast.bob, cast.chloe, cast.dan, cast.root, ANONYMOUS):
        with pytest.raises(NotFound):
            drafts.find(db, other, "form-0001")
        with pytest.raises((NotFound, SignInNeeded)):
            drafts.discard(db, other, "form-0001")
        with pytest.raises(NotFound):
            attachments.open_file(db, other, store, kept.id)
        with pytest.raises(NotFound):
            attachments.discard(db, other, kept.id)
        assert drafts.list_all(db, other) == []
    drafts.save(db, cast.chloe, "form-0001", {"subject": "Mine"})
    file(db, cast.chloe, key="form-0001")
    assert drafts.find(db, cast.alice, "form-0001").fields["subject"] == "Collier"
    assert [each.name for each in drafts.find(db, cast.alice, "form-0001").files] == ["a.txt"]


def test_a_stranger_keeps_nothing(db: SqliteDatabase, cast: Cast, store: FileStore):
    with pytest.raises(SignInNeeded):
        drafts.save(db, ANONYMOUS, "form-0001", TYPED)
    with pytest.raises(SignInNeeded):
        attach(db, ANONYMOUS, store, "form-0001")
    assert not root_of(store).exists()


def test_nothing_typed_is_no_draft(db: SqliteDatabase, cast: Cast, store: FileStore):
    assert drafts.save(db, cast.alice, "form-0001", {"subject": " "}) is None
    assert drafts.list_all(db, cast.alice) == []
    drafts.save(db, cast.alice, "form-0001", TYPED)
    assert drafts.save(db, cast.alice, "form-0001", {"subject": ""}) is None
    assert drafts.list_all(db, cast.alice) == []
    attach(db, cast.alice, store, "form-0002")
    assert drafts.save(db, cast.alice, "form-0002", {"subject": ""}) is not None


def test_a_pause_noticed_after_sending_brings_no_draft_back(
    db: SqliteDatabase, cast: Cast, store: FileStore
):
    drafts.save(db, cast.alice, "form-0001", TYPED)
    ticket = file(db, cast.alice, key="form-0001", subject="Collier perdu", description="Il est…")
    replies.reply(db, cast.alice, ticket, ReplyForm("reply-0001", "Il est perdu"))
    assert drafts.save(db, cast.alice, "form-0001", TYPED) is None
    assert drafts.save(db, cast.alice, "reply-0001", {"body": "Il est"}) is None
    for key in ("form-0001", "reply-0001"):
        with pytest.raises(AlreadySent) as problem:
            attach(db, cast.alice, store, key)
        assert problem.value.key == "draft.already_sent"
    assert drafts.list_all(db, cast.alice) == []
    assert tickets.find(db, cast.alice, ticket.id).files == ()


def test_a_reply_begun_is_found_with_its_ticket(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice, cc=["bob@acme.example"], confidential=True)
    drafts.save(db, cast.bob, "reply-0001", {"body": "I think"}, ticket=ticket)
    begun = drafts.find_reply(db, cast.bob, ticket)
    assert begun is not None and begun.ticket is not None
    assert (begun.fields, begun.ticket.number) == ({"body": "I think"}, ticket.number)
    assert drafts.find_reply(db, cast.alice, ticket) is None
    copies.remove(db, cast.alice, ticket, "bob@acme.example")
    assert drafts.list_all(db, cast.bob) == [], "its subject is not told to who left"
    with pytest.raises(NotFound):
        drafts.find(db, cast.bob, "reply-0001")


def test_drafts_are_listed_newest_first_and_thrown_away(
    db: SqliteDatabase, cast: Cast, store: FileStore
):
    drafts.save(db, cast.alice, "form-0001", {"subject": "old"}, at=later(hours=1))
    drafts.save(db, cast.alice, "form-0002", {"subject": "new"}, at=later(hours=2))
    kept = attach(db, cast.alice, store, "form-0001", at=later(hours=1))
    assert [d.fields["subject"] for d in drafts.list_all(db, cast.alice)] == ["new", "old"]
    drafts.discard(db, cast.alice, "form-0001")
    with pytest.raises(NotFound):
        drafts.discard(db, cast.alice, "form-0001")
    with pytest.raises(NotFound):
        attachments.find(db, cast.alice, kept.id)
    assert [d.key for d in drafts.list_all(db, cast.alice)] == ["form-0002"]


def test_old_drafts_are_forgotten_and_their_files_with_them(
    db: SqliteDatabase, cast: Cast, store: FileStore
):
    drafts.save(db, cast.alice, "form-0001", TYPED, at=later(hours=0))
    kept = attach(db, cast.alice, store, "form-0001", at=later(hours=0))
    drafts.save(db, cast.alice, "form-0002", TYPED, at=later(days=20))
    assert drafts.forget_old(db, 30, at=later(days=31)) == 1
    assert [d.key for d in drafts.list_all(db, cast.alice)] == ["form-0002"]
    with pytest.raises(NotFound):
        attachments.find(db, cast.alice, kept.id)


def test_a_file_whose_draft_was_never_written_is_forgotten_too(
    db: SqliteDatabase, cast: Cast, store: FileStore
):
    kept = attach(db, cast.alice, store, "form-0001", at=later(hours=0))
    db.execute("DELETE FROM drafts")
    drafts.forget_old(db, 30, at=later(days=29))
    assert attachments.find(db, cast.alice, kept.id).name == "log.txt"
    drafts.forget_old(db, 30, at=later(days=31))
    with pytest.raises(NotFound):
        attachments.find(db, cast.alice, kept.id)


def test_there_are_limits(db: SqliteDatabase, cast: Cast):
    with pytest.raises(Invalid):
        drafts.save(db, cast.alice, "form-0001", {"description": "x" * 200_001})
    with pytest.raises(Invalid):
        drafts.save(db, cast.alice, "../../x", TYPED)
    with db.atomic():
        for _ in range(drafts.MAX_DRAFTS):
            drafts.save(db, cast.alice, new_id(), TYPED)
    with pytest.raises(TooMany):
        drafts.save(db, cast.alice, "form-0001", TYPED)


def test_a_form_that_is_refused_keeps_its_draft(db: SqliteDatabase, cast: Cast, store: FileStore):
    drafts.save(db, cast.alice, "form-0001", TYPED)
    attach(db, cast.alice, store, "form-0001", "a.txt")
    with pytest.raises(Invalid):
        filing.open(db, cast.alice, RequestForm("Only a subject"), FilingTerms("form-0001"))
    draft = drafts.find(db, cast.alice, "form-0001")
    assert (draft.fields["subject"], [f.name for f in draft.files]) == ("Collier", ["a.txt"])
