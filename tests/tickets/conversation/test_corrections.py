import pytest

from kbsearch import tickets
from kbsearch.access import OPERATOR, Viewer
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Conflict, Forbidden, InvalidForm, NotFound
from kbsearch.form_fields import FormField
from kbsearch.people import organisations
from kbsearch.people.organisations import OrganisationFields
from kbsearch.tickets import Ticket, field_editing
from kbsearch.tickets.conversation import corrections as edits
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.corrections import FieldEdits
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.requests import file, later, readers_of


@pytest.fixture
def ticket(db: SqliteDatabase, cast: Cast) -> Ticket:
    """A request of Alice's that her colleagues do not read."""
    return file(db, cast.alice, confidential=True)


def edit(db: SqliteDatabase, viewer: Viewer, ticket: Ticket, **changes: str) -> None:
    at = later(hours=1)
    edits.edit_fields(
        db, viewer, ticket, FieldEdits(changes, edition=ticket.edition), fields=(), at=at
    )


def test_a_correction_is_an_event_for_each_field(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    edit(db, cast.alice, ticket, severity="blocking", version="4.3", subject=ticket.subject)
    there = tickets.find(db, cast.alice, ticket.id)
    assert (there.severity, there.version) == ("blocking", "4.3")
    told = {(e.field, e.before, e.after) for e in there.events}
    assert told == {("severity", "minor", "blocking"), ("version", "", "4.3")}


def test_two_who_correct_the_same_field_are_told_of_each_other(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    edit(db, cast.dan, ticket, severity="blocking")
    with pytest.raises(Conflict) as problem:
        edit(db, cast.alice, ticket, severity="major", version="4.3")
    assert problem.value.differences == {"severity": ("major", "blocking")}
    there = tickets.find(db, cast.alice, ticket.id)
    assert (there.severity, there.version) == ("blocking", None), "nothing of it was written"


def test_two_who_correct_different_fields_both_succeed(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    edit(db, cast.dan, ticket, severity="blocking")
    edit(db, cast.alice, ticket, version="4.3")
    edit(db, cast.alice, ticket, severity="blocking")
    there = tickets.find(db, cast.alice, ticket.id)
    assert (there.severity, there.version) == ("blocking", "4.3")


def test_a_reply_meanwhile_is_no_conflict(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    replies.reply(db, cast.alice, ticket, ReplyForm(new_id(), "More"))
    edit(db, cast.dan, ticket, severity="major")
    assert tickets.find(db, cast.alice, ticket.id).severity == "major"


def test_what_is_wrong_is_said_by_field_and_nothing_is_written(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    with pytest.raises(InvalidForm) as problem:
        edit(db, cast.alice, ticket, subject=" ", severity="huge", software="cervo-atelier")
    assert set(problem.value.problems) == {"subject", "severity", "software"}
    assert tickets.find(db, cast.alice, ticket.id) == ticket
    with pytest.raises(NotFound):
        edit(db, cast.alice, ticket, number="7")


def test_only_its_people_correct_it(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    for viewer, problem in ((cast.bob, Forbidden), (cast.chloe, NotFound)):
        with pytest.raises(problem):
            edit(db, viewer, ticket, severity="major")
    with pytest.raises(Forbidden):
        edit(db, cast.alice, ticket, organisation="globex")


def test_confidential_follows_at_once(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    edit(db, cast.alice, ticket, confidential="")
    assert readers_of(db, cast, ticket) == {"alice", "bob", "dan", "root"}
    edit(db, cast.alice, tickets.find(db, cast.alice, ticket.id), confidential="1")
    assert readers_of(db, cast, ticket) == {"alice", "dan", "root"}


def test_a_request_moved_to_another_organisation_leaves_its_colleagues(
    db: SqliteDatabase, cast: Cast
):
    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    edit(db, cast.dan, ticket, organisation="globex")
    assert readers_of(db, cast, ticket) == {"alice", "chloe", "dan", "root"}
    there = tickets.find(db, cast.alice, ticket.id)
    assert (there.organisation, there.copies) == ("Globex", ())


def test_another_product_asks_other_questions(db: SqliteDatabase, cast: Cast):
    fields = (FormField("lot", {"": "Lot"}, products=("icownect",), required=True),)
    field_editing.take_over(db, OPERATOR, fields)
    ticket = file(db, cast.alice, fields=(), software="")
    with pytest.raises(InvalidForm) as problem:
        edits.edit_fields(
            db, cast.alice, ticket, FieldEdits({"software": "icownect"}, edition=0), fields=fields
        )
    assert set(problem.value.problems) == {"fields.lot"}
    wanted = {"software": "icownect", "fields.lot": "7"}
    edits.edit_fields(db, cast.alice, ticket, FieldEdits(wanted, edition=0), fields=fields)
    there = tickets.find(db, cast.alice, ticket.id)
    assert (there.product, there.fields) == ("icownect", {"lot": "7"})
    edits.edit_fields(
        db, cast.alice, there, FieldEdits({"software": ""}, edition=there.edition), fields=fields
    )
    assert tickets.find(db, cast.alice, ticket.id).fields == {}


def test_sharing_with_the_organisation_follows_for_requests_filed_here(
    db: SqliteDatabase, cast: Cast
):
    ticket = file(db, cast.alice)
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(sharing="nobody")
    )
    assert readers_of(db, cast, ticket) == {"alice", "dan", "root"}
