"""One form open in two tabs: what the second one sends is a message of its own, or still there."""

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kbsearch import tickets
from kbsearch.access import Viewer
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.tickets import Ticket
from kbsearch.tickets.desk import held_replies
from kbsearch.tickets.desk import incident_groups as problems
from kbsearch.tickets.filing import drafts
from tests.conftest import Cast
from tests.kit.requests import file
from tests.kit.web import HTMX
from tests.web.tickets.test_held_replies import visit

KEY = "key-of-both-tabs"
ONE, TWO = "Le premier texte.", "Un tout autre texte."
KEY_OF_FORM = re.compile(r'name="key" value="([^"]+)"')


@dataclass(frozen=True)
class Form:
    """A form that both tabs have open: who sends it, and what goes along with the text."""

    who: str
    more: dict[str, str]
    text: str = "body"

    def send(self, client: FlaskClient, ticket: Ticket, text: str, **more: Any) -> TestResponse:
        path = f"requests/{ticket.id}/messages" if self.text == "body" else "requests/new"
        sent = {"key": KEY, self.text: text, **self.more, **more}
        return client.post(f"/fr/{path}", data=sent)


FORMS = {
    "a customer's reply": Form("alice", {}),
    "an agent's reply": Form("dan", {"send": "reply", "status": "open"}),
    "a note": Form("dan", {"send": "note"}),
    "a held answer": Form("dan", {"send": "reply", "hold": "1"}),
    "a new request": Form("alice", {"subject": "Collier", "severity": "minor"}, "description"),
}


@pytest.fixture
def ticket(db: SqliteDatabase, cast: Cast) -> Ticket:
    return file(db, cast.alice, subject="Le sujet de tous")


@pytest.fixture(params=FORMS.values(), ids=list(FORMS))
def form(request: pytest.FixtureRequest) -> Form:
    found: Form = request.param
    return found


@pytest.fixture
def tab(app: Flask, db: SqliteDatabase, cast: Cast, form: Form) -> FlaskClient:
    return visit(app, db, vars(cast)[form.who])


def kept(db: SqliteDatabase, viewer: Viewer) -> list[str]:
    """The texts of everything the viewer has sent, holds back or has begun."""
    rows = db.query(
        """
        SELECT description AS text FROM tickets WHERE filed_by_id = :me AND subject = 'Collier'
        UNION ALL SELECT body FROM messages WHERE author_id = :me
        """,
        {"me": viewer.person_id},
    )
    begun = db.query("SELECT fields FROM drafts WHERE person_id = :me", {"me": viewer.person_id})
    return sorted([*(row["text"] for row in rows), *(row["fields"] for row in begun)])


def count(db: SqliteDatabase, viewer: Viewer, text: str) -> int:
    return sum(text in each for each in kept(db, viewer))


def test_another_text_is_a_conflict_and_is_still_there_to_be_sent(
    db: SqliteDatabase, cast: Cast, ticket: Ticket, form: Form, tab: FlaskClient
):
    viewer = vars(cast)[form.who]
    assert form.send(tab, ticket, ONE).status_code == 303
    answer = form.send(tab, ticket, TWO, files=(BytesIO(b"une ligne\n"), "journal.txt"))
    assert answer.status_code == 409
    assert TWO in answer.text
    assert "journal.txt" in answer.text
    (key,) = set(KEY_OF_FORM.findall(answer.text)) - {KEY}
    assert (count(db, viewer, ONE), count(db, viewer, TWO)) == (1, 1)
    assert form.send(tab, ticket, TWO, key=key).status_code == 303
    assert (count(db, viewer, ONE), count(db, viewer, TWO)) == (1, 1)
    assert drafts.list_all(db, viewer) == []
    assert db.query("SELECT 1 FROM attachments WHERE name = 'journal.txt'") != []


def test_the_same_text_is_sent_once_with_its_file(
    db: SqliteDatabase, cast: Cast, ticket: Ticket, form: Form, tab: FlaskClient
):
    for _ in range(3):
        answer = form.send(tab, ticket, ONE, files=(BytesIO(b"une ligne\n"), "journal.txt"))
        assert answer.status_code == 303
    viewer = vars(cast)[form.who]
    assert count(db, viewer, ONE) == 1
    release(db, viewer)
    rows = db.query("SELECT 1 FROM attachments WHERE ticket_id IS NOT NULL")
    assert len(rows) == 1


def test_another_file_is_another_message(
    db: SqliteDatabase, cast: Cast, ticket: Ticket, form: Form, tab: FlaskClient
):
    form.send(tab, ticket, ONE)
    answer = form.send(tab, ticket, ONE, files=(BytesIO(b"une ligne\n"), "journal.txt"))
    assert answer.status_code == 409
    assert "journal.txt" in answer.text
    release(db, vars(cast)[form.who])
    assert db.query("SELECT 1 FROM attachments WHERE ticket_id IS NOT NULL") == []


def test_what_is_typed_after_the_key_was_sent_is_a_draft_of_its_own(
    db: SqliteDatabase, cast: Cast, ticket: Ticket, form: Form, tab: FlaskClient
):
    form.send(tab, ticket, ONE)
    sent = {form.text: TWO, "ticket": ticket.id if form.text == "body" else ""}
    answer = tab.post(f"/fr/requests/drafts/{KEY}", data=sent, headers=HTMX)
    assert answer.status_code == 409
    (draft,) = drafts.list_all(db, vars(cast)[form.who])
    assert (draft.key, draft.fields[form.text]) == (answer.headers["Draft-Key"], TWO)
    late = {**sent, form.text: ONE[:8]}
    assert tab.post(f"/fr/requests/drafts/{KEY}", data=late, headers=HTMX).status_code == 204
    assert len(drafts.list_all(db, vars(cast)[form.who])) == 1, "it was on its way with the text"


def test_two_tabs_that_save_one_draft_have_one_each(
    db: SqliteDatabase, cast: Cast, ticket: Ticket, form: Form, tab: FlaskClient
):
    viewer, place = vars(cast)[form.who], f"/fr/requests/drafts/{KEY}"
    more = {"ticket": ticket.id} if form.text == "body" else {}
    begun = tab.post(place, data={form.text: "Début", "draft_revision": "", **more}, headers=HTMX)
    of_both = {"draft_revision": begun.headers["Draft-Revision"], **more}
    tab.post(f"{place}/files", data={"files": (BytesIO(b"une ligne\n"), "journal.txt"), **more})
    first = tab.post(place, data={form.text: ONE, **of_both}, headers=HTMX)
    second = tab.post(place, data={form.text: TWO, **of_both}, headers=HTMX)
    assert (first.status_code, second.status_code) == (204, 409)
    assert "journal.txt" in second.text, "it has what its page shows"
    own = second.headers["Draft-Key"]
    assert {each.key: each.fields[form.text] for each in drafts.list_all(db, viewer)} == {
        KEY: ONE,
        own: TWO,
    }
    for key, answer in ((KEY, first), (own, second)):
        again = {form.text: f"{key} plus loin", **more}
        again["draft_revision"] = answer.headers["Draft-Revision"]
        saved = tab.post(f"/fr/requests/drafts/{key}", data=again, headers=HTMX)
        assert saved.status_code == 204
    assert len(drafts.list_all(db, viewer)) == 2


def test_a_note_under_the_key_of_an_answer_that_is_held_leaves_the_answer_alone(
    app: Flask, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    dan = visit(app, db, cast.dan)
    assert FORMS["a held answer"].send(dan, ticket, ONE).status_code == 303
    assert FORMS["a note"].send(dan, ticket, ONE).status_code == 409
    (held,) = held_replies.of_ticket(db, cast.dan, ticket)
    assert held.body == ONE
    assert tickets.find(db, cast.dan, ticket.id).messages == ()


def test_an_answer_to_a_problem_is_no_exception(
    app: Flask, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    dan, place = visit(app, db, cast.dan), problems.group(db, cast.dan, "Tous", [ticket])
    sent = {"key": KEY, "tickets": str(ticket.number), "status": "open"}
    for text, status in ((ONE, 303), (ONE, 303), (TWO, 409)):
        answer = dan.post(f"/fr/desk/problems/{place}/messages", data={**sent, "body": text})
        assert answer.status_code == status, text
    assert TWO in answer.text
    (key,) = KEY_OF_FORM.findall(answer.text)
    assert key != KEY


def release(db: SqliteDatabase, viewer: Viewer) -> None:
    """Let what is held back leave."""
    db.execute("UPDATE drafts SET leaves_at = '2026-01-01T00:00:00Z' WHERE leaves_at IS NOT NULL")
    held_replies.release(db, viewer, KEY)
