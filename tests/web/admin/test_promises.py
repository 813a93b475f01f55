"""Calendars and targets in the administration: kept, changed, archived, refused at the field."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from kbsearch import audit
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.promises import calendars, targets
from tests.conftest import Cast
from tests.kit.promises import keep, promise
from tests.kit.web import sign_in

ORIGIN = {"Sec-Fetch-Site": "same-origin"}
WEEK = {
    "monday": "9-12, 14h-18h",
    "tuesday": "9:00-18:00",
    "wednesday": "",
    "thursday": "",
    "friday": "",
    "saturday": "",
    "sunday": "",
}
OFFICE = {
    "name": "Office",
    "zone": "Europe/Paris",
    "holidays": "france",
    "closing_days": "2026-12-24 Eve",
    **WEEK,
}


def post(client: FlaskClient, address: str, **values: str) -> Any:
    return client.post(f"/fr/{address}", data=values, headers=ORIGIN)


@pytest.fixture
def root(client: FlaskClient, db: SqliteDatabase, cast: Cast) -> FlaskClient:
    sign_in(client, db, cast.root)
    return client


def changes(db: SqliteDatabase, cast: Cast) -> list[str]:
    events = audit.list_kinds(db, cast.root, [], limit=50)
    return [event.kind for event in events if event.kind.startswith(("calendar", "target"))]


def test_a_calendar_is_kept_changed_and_archived(root: FlaskClient, db: SqliteDatabase, cast: Cast):
    assert post(root, "admin/calendars", **OFFICE).status_code == 303
    (office,) = calendars.list_all(db)
    assert office.fields.week[:3] == ("9:00-12:00, 14:00-18:00", "9:00-18:00", "")
    page = root.get("/fr/admin/calendars").text
    assert "Lundi 9:00-12:00, 14:00-18:00 · Mardi 9:00-18:00" in page
    form = root.get(f"/en/admin/calendars/{office.id}").text
    revision = re.search(r'name="revision" value="(\w+)"', form)
    assert revision and "2026-12-24 Eve" in form
    changed = {**OFFICE, "holidays": "alsace-moselle", "revision": revision[1]}
    assert post(root, f"admin/calendars/{office.id}", **changed).status_code == 303
    assert calendars.find(db, office.id).fields.holidays == "alsace-moselle"
    outdated = post(root, f"admin/calendars/{office.id}", **{**changed, "holidays": ""})
    assert outdated.status_code == 409
    for state in ("archived", "active"):
        post(root, f"admin/calendars/{office.id}/state", state=state)
        assert calendars.find(db, office.id).is_archived is (state == "archived")
    assert sorted(changes(db, cast)) == [
        "calendar.added",
        "calendar.archived",
        "calendar.changed",
        "calendar.restored",
    ]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("tuesday", "22:00-6:00", "passe minuit"),
        ("friday", "tea", "9:00-12:30"),
        ("zone", "Mars/Olympus", "fuseau"),
        ("closing_days", "Noël", "2026-12-24"),
        ("name", " ", "un nom"),
        ("holidays", "sparta", "fériés"),
    ],
)
def test_what_no_calendar_can_have_is_said_beside_its_field(
    root: FlaskClient, db: SqliteDatabase, field: str, value: str, words: str
):
    answer = post(root, "admin/calendars", **{**OFFICE, field: value})
    assert answer.status_code == 422 and calendars.list_all(db) == []
    said = re.search(rf'id="{field}-wrong">([^<]*)', answer.text)
    assert said and words in said[1]
    assert "2026-12-24 Eve" in answer.text or field == "closing_days", "nothing typed is lost"


def test_a_calendar_that_a_target_goes_by_stays(root: FlaskClient, db: SqliteDatabase):
    office = keep(db)
    kept = promise(db, office, first_answer="4")
    assert post(root, f"admin/calendars/{office.id}/state", state="archived").status_code == 422
    post(root, f"admin/targets/{kept.id}/state", state="archived")
    assert post(root, f"admin/calendars/{office.id}/state", state="archived").status_code == 303
    back = post(root, f"admin/targets/{kept.id}/state", state="active")
    assert back.status_code == 422 and "qui n’est pas archivé" in back.text


def test_a_target_is_kept_changed_and_archived(root: FlaskClient, db: SqliteDatabase, cast: Cast):
    office = keep(db)
    typed = {"severity": "major", "calendar": office.id, "first_answer": "0,5", "solution": "16"}
    assert post(root, "admin/targets", **typed).status_code == 303
    (target,) = targets.live(db)
    assert target.minutes == {"first_answer": 30, "next_answer": None, "solution": 960}
    page = root.get("/fr/admin/targets").text
    assert "Majeur" in page and "30\N{NO-BREAK SPACE}min" in page and "Office" in page
    assert 'value="0.5"' in root.get(f"/fr/admin/targets/{target.id}").text
    assert post(root, "admin/targets", **typed).status_code == 422, "which would come first?"
    post(root, f"admin/targets/{target.id}", **{**typed, "solution": "", "next_answer": "2"})
    assert targets.find(db, target.id).minutes["next_answer"] == 120
    post(root, f"admin/targets/{target.id}/state", state="archived")
    assert targets.live(db) == []
    assert set(changes(db, cast)) >= {"target.added", "target.changed", "target.archived"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("first_answer", "soon"),
        ("solution", "-4"),
        ("next_answer", "nan"),
        ("product", "none"),
        ("calendar", "none"),
        ("organisation", "none"),
        ("severity", "huge"),
        ("contract", "x" * 100),
    ],
)
def test_what_no_target_can_promise_is_said_beside_its_field(
    root: FlaskClient, db: SqliteDatabase, field: str, value: str
):
    answer = post(root, "admin/targets", **{"first_answer": "4", field: value})
    assert answer.status_code == 422 and targets.list_all(db) == []
    assert f'id="{field}-wrong"' in answer.text
    assert post(root, "admin/targets").status_code == 422, "nothing is promised"


def test_they_are_the_administrators_alone(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    office = keep(db)
    for viewer in (cast.dan, cast.alice, cast.wendy):
        sign_in(client, db, viewer)
        for place in ("calendars", "targets", f"calendars/{office.id}", "targets/new"):
            assert client.get(f"/fr/admin/{place}").status_code == 404
