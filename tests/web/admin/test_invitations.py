"""The page of invitations: rehearsed, planned, looked at, and nothing typed is lost."""

from typing import Any

from flask.testing import FlaskClient

from kbsearch.database.sqlite import SqliteDatabase
from tests.conftest import Cast
from tests.kit.web import sign_in

ORIGIN = {"Sec-Fetch-Site": "same-origin"}
FORM = {"organisation": "acme", "per_hour": "60", "words_fr": "Bonjour <b>", "words_en": "Hello"}


def kinds(db: SqliteDatabase) -> list[str]:
    rows = db.query("SELECT kind FROM outbox WHERE kind LIKE 'invitation.%' ORDER BY kind")
    return [row["kind"] for row in rows]


def test_a_wave_is_rehearsed_and_then_planned(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.root)
    sent: dict[str, Any] = {"data": FORM, "headers": ORIGIN}
    rehearsed = client.post("/en/admin/invitations/rehearsals", **sent)
    assert rehearsed.status_code == 200
    assert "Bonjour &lt;b&gt;" in rehearsed.text and "Nobody else gets it" in rehearsed.text
    assert kinds(db) == ["invitation.rehearsed"] * 2
    planned = client.post("/en/admin/invitations", follow_redirects=True, **sent)
    assert "2 invitations will leave" in planned.text
    assert kinds(db)[:2] == ["invitation.due"] * 2
    page = client.get("/en/admin/invitations?state=planned&organisation=acme&page=9").text
    assert "alice@acme.example" in page and "chloe@globex.example" not in page
    reminded = client.post(
        "/en/admin/invitations/reminders", data=FORM, headers=ORIGIN, follow_redirects=True
    )
    assert "0 reminders will leave" in reminded.text


def test_what_makes_no_sense_is_refused_and_shown_again(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.root)
    for path in ("", "/rehearsals", "/reminders"):
        for wrong in ({"per_hour": "many"}, {"organisation": "nowhere"}):
            answer = client.post(
                f"/fr/admin/invitations{path}", data={**FORM, **wrong}, headers=ORIGIN
            )
            assert answer.status_code == 422 and "Bonjour &lt;b&gt;" in answer.text
    assert (
        client.get("/fr/admin/invitations?state=zzz&page=x&count=x&done=planned").status_code == 200
    )
    assert kinds(db) == []
