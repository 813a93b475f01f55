"""The link in a mail that turns its kind off: for whom, for what, and who may follow it."""

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.messages.notifications import opt_outs
from kbsearch.messages.notifications.opt_outs import OptOut
from kbsearch.people import notification_choices as preferences
from tests.conftest import Cast
from tests.kit.web import sign_in

KEY = "k" * 40

AT_FIRST = set(preferences.EVENTS) - set(preferences.UNWANTED_AT_FIRST)


def wanted(db: SqliteDatabase, viewer: Viewer) -> set[str]:
    found = preferences.find(db, viewer)
    return {event for (event, channel), yes in found.items() if channel == "mail" and yes}


def path(settings: Settings, viewer: Viewer, event: str) -> str:
    url = opt_outs.url(settings, "en", str(viewer.person_id), event)
    return url.removeprefix(settings.base_url)


def test_a_mail_program_turns_it_off_without_signing_in_nor_being_sent_elsewhere(
    client: FlaskClient, db: SqliteDatabase, settings: Settings, alice: Viewer, bob: Viewer
):
    """RFC 8058: a POST with this body, no cookie, no redirection."""
    there = path(settings, alice, "ticket.replied")
    answer = client.post(there, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert wanted(db, alice) == AT_FIRST - {"ticket.replied"}
    assert wanted(db, bob) == AT_FIRST
    assert client.post(there).status_code == 200, "twice is once"


def test_a_mail_program_in_a_page_of_its_own_may_follow_it_too(
    client: FlaskClient, db: SqliteDatabase, settings: Settings, alice: Viewer, bob: Viewer
):
    """Whoever is signed in there: the token says whose mail it is."""
    sign_in(client, db, bob)
    there = path(settings, alice, "ticket.replied")
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Origin": "https://mail.example"}
    assert client.post(there, headers=elsewhere).status_code == 200
    assert "ticket.replied" not in wanted(db, alice)
    assert wanted(db, bob) == AT_FIRST


def test_opening_the_link_only_asks(
    client: FlaskClient, db: SqliteDatabase, settings: Settings, alice: Viewer
):
    answer = client.get(path(settings, alice, "ticket.replied"))
    assert answer.status_code == 200 and 'method="post"' in answer.text
    assert "Somebody answers" in answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert client.head(path(settings, alice, "ticket.replied")).status_code == 200
    assert wanted(db, alice) == AT_FIRST
    assert "alice" not in answer.text.lower() and "Martin" not in answer.text


def test_the_page_says_what_was_turned_off(
    client: FlaskClient, settings: Settings, dan: Viewer, db: SqliteDatabase
):
    answer = client.post(
        path(settings, dan, opt_outs.EVERY_EVENT), headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert "All e-mails about requests" in answer.text
    assert wanted(db, dan) == set()
    assert not preferences.wants(db, str(dan.person_id), "ticket.closed", "mail")


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_link_that_is_not_ours_is_no_page(
    client: FlaskClient, db: SqliteDatabase, settings: Settings, cast: Cast, method: str
):
    good = opt_outs.make(settings, str(cast.alice.person_id), "ticket.replied")
    code, person, event = good.split(".", 2)
    for token in (
        good[:-1],
        f"{code}.{person}.ticket.solved",
        f"{code}.{cast.bob.person_id}.{event}",
        f"{code[:-1]}.{person}.{event}",
        f".{person}.{event}",
        "é",
    ):
        assert getattr(client, method)(f"/en/unsubscribe/{token}").status_code == 404, token
    assert wanted(db, cast.alice) == wanted(db, cast.bob) == AT_FIRST


@examples(max_examples=80)
@given(token=st.text(max_size=60))
def test_no_text_is_taken_for_a_link(token: str):
    with pytest.raises(NotFound):
        opt_outs.read(Settings(secret_key=KEY), token)


def test_a_link_says_whom_and_what():
    site = Settings(secret_key=KEY)
    assert opt_outs.read(site, opt_outs.make(site, "a-b_c", "ticket.noted")) == OptOut(
        "a-b_c", "ticket.noted"
    )
    other = Settings(secret_key="x" * 40)
    with pytest.raises(NotFound):
        opt_outs.read(other, opt_outs.make(site, "a-b_c", "ticket.noted"))
