"""Macros: saved replies that change their request as they are sent, and are undone with it."""

from html import unescape

import pytest
from flask.testing import FlaskClient

from kbsearch import tickets
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, InvalidForm, NotFound
from kbsearch.tickets import Ticket, field_editing, tags, teams
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.desk import held_replies, macros, saved_replies
from kbsearch.tickets.desk.saved_replies import SavedReply, SavedReplyFields
from kbsearch.tickets.field_editing import FieldForm
from kbsearch.tickets.filing import drafts
from kbsearch.tickets.teams import TeamFields
from tests.conftest import Cast
from tests.kit.requests import file, later
from tests.kit.web import sign_in

ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def ticket(db: SqliteDatabase, cast: Cast) -> Ticket:
    return file(db, cast.alice, severity="minor")


@pytest.fixture
def macro(db: SqliteDatabase, cast: Cast) -> SavedReply:
    """Solves, makes major, tags, and gives it to the next of a team."""
    dan = str(cast.dan.person_id)
    herds = teams.add(db, cast.root, TeamFields("Herds", members=[dan], products=["icownect"]))
    done = {
        "status": ["solved"],
        "severity": ["major"],
        "team": [herds.id],
        "assignee": ["next"],
        "add_tags": ["VIP known"],
        "remove_tags": ["new"],
    }
    return saved_replies.add(db, cast.dan, SavedReplyFields("en", "Known", "We know it.", done))


def look(db: SqliteDatabase, ticket: Ticket) -> Ticket:
    return tickets.find(db, OPERATOR, ticket.id)


def test_all_that_it_does_is_done_as_it_is_sent_and_once(
    db: SqliteDatabase, cast: Cast, ticket: Ticket, macro: SavedReply
):
    tags.change(db, cast.dan, ticket.id, add=["new"])
    form = ReplyForm(new_id(), "We know it.", status=macros.status_of(macro), macro_id=macro.id)
    sent = macros.send(db, cast.dan, ticket, form)
    there = look(db, ticket)
    assert (there.status, there.severity, there.team, there.assignee, there.tags) == (
        "solved", "major", "Herds", "Dan Leroy", ("known", "vip"),
    )  # fmt: skip
    tags.change(db, cast.dan, ticket.id, remove=["vip"])
    assert macros.send(db, cast.dan, ticket, form).message_id == sent.message_id
    assert look(db, ticket).tags == ("known",)


def test_what_it_cannot_do_keeps_its_answer_from_leaving(
    db: SqliteDatabase, cast: Cast, ticket: Ticket, macro: SavedReply
):
    teams.archive(db, cast.root, teams.find_name(db, cast.root, "Herds"))
    for macro_id in (macro.id, "gone"):
        form = ReplyForm(new_id(), "We know it.", macro_id=macro_id)
        with pytest.raises((Invalid, NotFound)):
            macros.send(db, cast.dan, ticket, form)
    there = look(db, ticket)
    assert (there.messages, there.severity, there.tags) == ((), "minor", ())


def test_undone_it_has_done_nothing_and_is_in_the_form_again(
    db: SqliteDatabase, cast: Cast, ticket: Ticket, macro: SavedReply
):
    form = ReplyForm(new_id(), "We know it.", status="solved", macro_id=macro.id)
    held_replies.hold(db, cast.dan, ticket, form, seconds=8, at=later(hours=1))
    assert look(db, ticket).tags == ()
    held_replies.call_back(db, cast.dan, form.key)
    assert drafts.find(db, cast.dan, form.key).fields["macro"] == macro.id
    assert held_replies.release(db, cast.dan, form.key, at=later(hours=2)) is None
    assert look(db, ticket).tags == ()
    held_replies.hold(db, cast.dan, ticket, form, seconds=8, at=later(hours=1))
    assert held_replies.release(db, cast.dan, form.key, at=later(hours=2))
    assert (look(db, ticket).tags, look(db, ticket).status) == (("known", "vip"), "solved")


@pytest.mark.parametrize(
    ("done", "wrong"),
    [
        ({"status": ["closed"]}, "then_status"),
        ({"severity": ["huge"]}, "then_severity"),
        ({"team": ["gone"]}, "then_team"),
        ({"assignee": ["gone"]}, "then_assignee"),
        ({"add_tags": ["a" * 81]}, "then_add_tags"),
        ({"remove_tags": [" ".join(map(str, range(21)))]}, "then_remove_tags"),
    ],
)
def test_what_cannot_be_done_is_refused_as_it_is_saved(
    db: SqliteDatabase, cast: Cast, done: dict[str, list[str]], wrong: str
):
    with pytest.raises(InvalidForm) as refusal:
        saved_replies.add(db, cast.dan, SavedReplyFields("en", "A", "B", done))
    assert refusal.value.problems.keys() == {wrong}
    assert saved_replies.list_all(db, cast.dan) == []


def test_it_is_made_and_changed_in_the_browser(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, macro: SavedReply
):
    sign_in(client, db, cast.dan)
    address = f"/en/desk/replies/{macro.id}"
    page = client.get(address).text
    assert 'value="known vip"' in page and '<option value="solved" selected>' in page
    typed = {"name": "Known", "language": "en", "body": "We know it.", "then_status": "open"}
    refused = client.post(address, data={**typed, "then_add_tags": "a" * 81}, headers=ORIGIN)
    assert refused.status_code == 422 and 'id="then_add_tags-wrong"' in refused.text
    assert client.post(address, data=typed, headers=ORIGIN).status_code == 303
    edited = saved_replies.find(db, cast.dan, macro.id)
    assert [(action.kind, action.values) for action in edited.actions] == [("status", ("open",))]


def test_it_sets_the_fields_that_the_request_has(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    for own_field in (
        FieldForm("Cause", name="cause", kind="choice", choices="Bug\nUsage"),
        FieldForm("Places", name="places", kind="choices", choices="Yard\nMeadow"),
        FieldForm("Lot", name="lot", kind="text", products=("cervo-atelier",)),
    ):
        field_editing.add(db, OPERATOR, own_field)
    sign_in(client, db, cast.dan)
    typed = {"name": "Lot", "language": "en", "body": "Which lot?"}
    own = {
        "then_fields.cause": "Bug",
        "then_fields.places": ["Yard", "Meadow"],
        "then_fields.lot": "4",
    }
    refused = client.post(
        "/en/desk/replies", data={**typed, "then_fields.cause": "Fate"}, headers=ORIGIN
    )
    assert refused.status_code == 422 and 'id="then_fields-wrong"' in refused.text
    assert client.post("/en/desk/replies", data=typed | own, headers=ORIGIN).status_code == 303
    (macro,) = saved_replies.list_all(db, cast.dan)
    page = client.get(f"/en/desk/replies/{macro.id}").text
    assert '<option value="Bug" selected>' in page and page.count(" checked>") == 2
    asked = unescape(client.get(f"/en/requests/{ticket.id}?saved={macro.id}").text)
    assert "Cause → Bug, Places → Yard, Meadow" in asked and "Lot →" not in asked
    form = ReplyForm(new_id(), "Which lot?", macro_id=macro.id)
    macros.send(db, cast.dan, ticket, form)
    assert look(db, ticket).fields == {"cause": "Bug", "places": "Yard\nMeadow"}


def test_the_composer_says_what_it_will_do_and_may_leave_it_out(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, ticket: Ticket, macro: SavedReply,
    settings: Settings,
):  # fmt: skip
    sign_in(client, db, cast.dan)
    page = unescape(client.get(f"/en/requests/{ticket.id}?saved={macro.id}").text)
    assert "Severity: Major · Team: Herds · Assigned to the next of the team" in page
    assert f'name="macro" value="{macro.id}" checked' in page
    assert '<option value="solved" selected>' in page
    offered = client.get(f"/en/desk/tickets/{ticket.number}/insertions?q=know").text
    assert f'data-macro="{macro.id}"' in offered and 'data-status="solved"' in offered
    address = f"/en/requests/{ticket.id}/messages"
    without = {"key": new_id(), "body": "We know it.", "status": "pending"}
    client.post(address, data=without, headers=ORIGIN)
    assert look(db, ticket).tags == ()
    client.post(address, data={**without, "key": new_id(), "macro": macro.id}, headers=ORIGIN)
    assert look(db, ticket).tags == ("known", "vip")


def test_a_customer_does_nothing_with_it(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, ticket: Ticket, macro: SavedReply
):
    sign_in(client, db, cast.alice)
    said = {"key": new_id(), "body": "Thank you all the same", "macro": macro.id}
    client.post(f"/en/requests/{ticket.id}/messages", data=said, headers=ORIGIN)
    there = look(db, ticket)
    assert (len(there.messages), there.tags, there.severity) == (1, (), "minor")
