"""An agent's answer on the page of a request before it leaves: shown, called back, followed."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kbsearch import tickets
from kbsearch.access import Viewer
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.tickets import Ticket
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.desk import held_replies
from tests.conftest import Cast
from tests.kit.requests import file
from tests.kit.web import HTMX, sign_in

KEY = "key-of-an-answer"
BODY = "Redémarrez **deux fois**."


@pytest.fixture
def ticket(db: SqliteDatabase, cast: Cast) -> Ticket:
    return file(db, cast.alice)


def visit(app: Flask, db: SqliteDatabase, viewer: Viewer) -> FlaskClient:
    """The browser of somebody."""
    client = app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    sign_in(client, db, viewer)
    return client


@pytest.fixture
def dan(app: Flask, db: SqliteDatabase, cast: Cast) -> FlaskClient:
    return visit(app, db, cast.dan)


def send(client: FlaskClient, ticket: Ticket, **more: object) -> TestResponse:
    sent = {"key": KEY, "body": BODY, "hold": "1", "status": "solved", **more}
    return client.post(f"/fr/requests/{ticket.id}/messages", data=sent)


def leave(db: SqliteDatabase, cast: Cast) -> None:
    held_replies.release(db, cast.dan, KEY, at=datetime.now(UTC) + timedelta(seconds=9))


def follow(client: FlaskClient, ticket: Ticket) -> str:
    address = f"/fr/requests/{ticket.id}/held/{KEY}?activity={ticket.activity}"
    return client.get(address, headers=HTMX).text


def test_it_is_in_its_authors_page_and_in_no_other(
    app: Flask, db: SqliteDatabase, cast: Cast, dan: FlaskClient, ticket: Ticket
):
    answer = send(dan, ticket, files=(BytesIO(b"one line\n"), "journal.txt"))
    assert (answer.status_code, answer.location) == (
        303,
        f"/fr/requests/{ticket.id}?done=answered#held-{KEY}",
    )
    page = dan.get(answer.location).text
    assert f'id="held-{KEY}"' in page
    assert "Redémarrez <strong>deux fois</strong>" in page
    assert "journal.txt" in page
    assert f"/requests/drafts/{KEY}" not in page, "the form below it is another one"
    for other in (cast.alice, cast.root):
        assert "Redémarrez" not in visit(app, db, other).get(f"/fr/requests/{ticket.id}").text


def test_called_back_it_is_in_the_form_again(
    db: SqliteDatabase, cast: Cast, dan: FlaskClient, ticket: Ticket
):
    send(dan, ticket, files=(BytesIO(b"one line\n"), "journal.txt"))
    answer = dan.post(f"/fr/requests/{ticket.id}/undo", data={"key": KEY})
    assert answer.location == f"/fr/requests/{ticket.id}?draft={KEY}#reply"
    page = dan.get(answer.location).text
    assert f"{BODY}</textarea>" in page
    assert "journal.txt" in page
    assert '<option value="solved" selected>' in page
    leave(db, cast)
    assert tickets.find(db, cast.alice, ticket.id).messages == ()


def test_what_was_begun_meanwhile_waits_behind_it(
    db: SqliteDatabase, cast: Cast, dan: FlaskClient, ticket: Ticket
):
    send(dan, ticket)
    begun = {"ticket": ticket.id, "body": "Autre chose", "key": "key-of-another-one"}
    back = dan.post(f"/fr/requests/{ticket.id}/undo", data={"key": KEY}).location
    dan.post("/fr/requests/drafts/key-of-another-one", data=begun, headers=HTMX)
    assert f"{BODY}</textarea>" in dan.get(back).text
    assert "Autre chose" in dan.get("/fr/requests/drafts").text


def test_too_late_it_is_said(db: SqliteDatabase, cast: Cast, dan: FlaskClient, ticket: Ticket):
    send(dan, ticket)
    leave(db, cast)
    answer = dan.post(f"/fr/requests/{ticket.id}/undo", data={"key": KEY})
    assert answer.status_code == 422
    assert "Cette réponse est déjà partie." in answer.text


def test_once_it_left_it_takes_its_place(
    db: SqliteDatabase, cast: Cast, dan: FlaskClient, ticket: Ticket
):
    send(dan, ticket)
    assert f'id="held-{KEY}"' in follow(dan, ticket)
    leave(db, cast)
    told = follow(dan, ticket)
    assert 'id="c1"' in told
    assert f'id="held-{KEY}"' not in told
    assert "Dan Leroy a marqué la demande comme résolue" in told
    assert 'id="state" class="status status-solved"' in told
    latest = tickets.find(db, cast.dan, ticket.id).activity
    assert f'name="activity" value="{latest}"' in told


def test_what_others_said_meanwhile_stays_to_be_announced(
    db: SqliteDatabase, cast: Cast, dan: FlaskClient, ticket: Ticket
):
    send(dan, ticket)
    replies.reply(db, cast.alice, ticket, ReplyForm(new_id(), "Encore ceci"))
    leave(db, cast)
    told = follow(dan, ticket)
    assert "Encore ceci" not in told
    assert f'name="activity" value="{ticket.activity}"' in told


def test_what_could_not_leave_is_a_draft_and_it_is_said(
    db: SqliteDatabase, cast: Cast, dan: FlaskClient, ticket: Ticket
):
    send(dan, ticket)
    lifecycle.solve(db, cast.dan, ticket)
    lifecycle.set_status(db, cast.dan, ticket, "closed")
    leave(db, cast)
    assert "de nouveau un brouillon" in follow(dan, ticket)
    assert "Redémarrez" in dan.get("/fr/requests/drafts").text


def test_what_is_wrong_is_said_before_anything_is_held(dan: FlaskClient, ticket: Ticket):
    answer = send(dan, ticket, body=" ")
    assert answer.status_code == 422
    assert "Écrivez un message ou joignez un fichier." in answer.text


def test_notes_and_what_customers_say_leave_at_once(
    app: Flask, db: SqliteDatabase, cast: Cast, dan: FlaskClient, ticket: Ticket
):
    send(dan, ticket, internal="1")
    send(visit(app, db, cast.alice), ticket, key="key-of-her-answer", status="")
    assert len(tickets.find(db, cast.dan, ticket.id).messages) == 2


def test_a_stranger_follows_and_calls_back_nothing(
    app: Flask, db: SqliteDatabase, cast: Cast, dan: FlaskClient, ticket: Ticket
):
    send(dan, ticket)
    chloe = visit(app, db, cast.chloe)
    assert chloe.get(f"/fr/requests/{ticket.id}/held/{KEY}", headers=HTMX).status_code == 404
    assert chloe.post(f"/fr/requests/{ticket.id}/undo", data={"key": KEY}).status_code == 404
    assert "Redémarrez" not in follow(visit(app, db, cast.alice), ticket)
