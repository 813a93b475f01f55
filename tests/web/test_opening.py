"""What customers read where they file: that nobody is there, until when, and what is promised."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from flask.testing import FlaskClient

from kbsearch import clock
from kbsearch.access import Viewer
from kbsearch.database.sqlite import SqliteDatabase
from tests.conftest import Cast
from tests.kit.promises import keep, promise
from tests.kit.requests import file
from tests.kit.web import sign_in

SATURDAY = datetime.fromisoformat("2026-11-28T10:00:00+00:00")


@pytest.fixture
def weekend(db: SqliteDatabase, cast: Cast) -> Iterator[None]:
    office = keep(db)
    promise(db, office, first_answer="4")
    promise(db, severity="blocking", first_answer="1")
    with clock.running_on(lambda: SATURDAY):
        yield


def page(client: FlaskClient, db: SqliteDatabase, viewer: Viewer, path: str) -> str:
    sign_in(client, db, viewer)
    return text_of(client, path)


def text_of(client: FlaskClient, path: str) -> str:
    return " ".join(client.get(path).text.split())


def test_the_form_says_until_when_it_is_closed_and_what_is_promised(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, weekend: None
):
    french = page(client, db, cast.alice, "/fr/requests/new")
    assert "Nous sommes fermés jusqu’à lundi 09:00." in french
    assert "Bloquant : 1 heure" in french
    assert "Mineur : 4 h 00 d’ouverture" in french
    english = text_of(client, "/en/requests/new")
    assert "We are closed until Monday 9:00 AM." in english
    assert "until Monday 9:00" in text_of(client, "/en/")
    assert "Nous sommes fermés" not in page(client, db, cast.dan, "/fr/requests/new"), "they know"


def test_the_thanks_say_by_when_an_answer_is_promised(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, weekend: None
):
    ticket = file(db, cast.alice, at=SATURDAY)
    text = page(client, db, cast.alice, f"/en/requests/{ticket.id}?thanks=1")
    thanks = text.partition('id="thanks"')[2].partition("</section>")[0]
    assert "closed until Monday 9:00 AM. An answer is promised by" in thanks
    assert "November 30, 2026, 1:00 PM" in thanks


def test_when_somebody_is_there_only_the_promise_is_said(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    assert 'class="note opening"' not in page(client, db, cast.alice, "/fr/requests/new")
    promise(db, first_answer="8")
    text = text_of(client, "/fr/requests/new")
    assert "Nous sommes fermés" not in text and "Une première réponse sous 8 heures" in text
