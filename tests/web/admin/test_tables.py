"""The page of tables: uploaded, its columns named, checked, taken in, and its report read."""

import io
from typing import Any

import pytest
from flask.testing import FlaskClient

from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.site.importing import table_runs
from tests.conftest import Cast
from tests.kit.web import sign_in

ORIGIN = {"Sec-Fetch-Site": "same-origin"}
TABLE = (
    "Key;=Title;Étape;Date;Lot\n301;<b>Lamp;Mystère;05/01/2026;12\n"
    "302;Dark;Clos;06/01/2026;\n;No key;Clos;;\n"
)


@pytest.fixture
def root(client: FlaskClient, db: SqliteDatabase, cast: Cast) -> FlaskClient:
    sign_in(client, db, cast.root)
    return client


def post(root: FlaskClient, path: str, data: dict[str, Any], **more: Any) -> Any:
    return root.post(f"/en/admin/tables{path}", data=data, headers=ORIGIN, **more)


def upload(root: FlaskClient, body: str = TABLE, **fields: Any) -> Any:
    data = {"rows": "tickets", "file": (io.BytesIO(body.encode()), "old desk.csv"), **fields}
    return post(root, "", data, content_type="multipart/form-data")


def test_a_table_is_uploaded_mapped_checked_and_taken_in(
    root: FlaskClient, db: SqliteDatabase, settings: Settings
):
    address = upload(root).headers["Location"]
    path = address.removeprefix("/en/admin/tables")
    page = root.get(address).text
    assert "&lt;b&gt;Lamp" in page and '<option value="number" selected>' in page
    named = {"c0": "number", "c1": "subject", "c2": "status", "c3": "created_at", "c4": "fields."}
    twice = post(root, path, {**named, "c4": "subject"})
    assert twice.status_code == 422 and "Subject" in twice.text
    assert twice.text.count('<option value="subject" selected>') == 2, "nothing chosen is lost"
    keyless = post(root, path, {**named, "c0": "tags"})
    assert keyless.status_code == 422 and '<option value="tags" selected>' in keyless.text

    assert post(root, path, named).status_code == 303
    state = root.get(f"{address}/state").text
    assert 'hx-trigger="every 2s"' in state and "Stop" in state
    table_runs.step(db, settings)
    page = root.get(address).text
    assert "Nothing is changed yet" in page and "Mystère" in page
    words = {"word-status": ["Mystère", "Clos"], "meaning-status": ["solved", "closed"]}
    post(root, path, {**named, **words})
    table_runs.step(db, settings)
    page = root.get(address).text
    revision = page.partition('name="revision" value="')[2].partition('"')[0]
    stale = post(root, f"{path}/runs", {"revision": "old"}, follow_redirects=True)
    assert "moved on meanwhile" in stale.text
    post(root, f"{path}/runs", {"revision": revision})
    table_runs.step(db, settings)
    assert "This came, and nobody was e-mailed" in root.get(address).text
    rows = db.query("SELECT number, subject, status, fields FROM tickets ORDER BY number")
    assert [tuple(row.values()) for row in rows] == [
        (301, "<b>Lamp", "solved", '{"lot": "12"}'),
        (302, "Dark", "closed", "{}"),
    ]
    report = root.get(f"{address}/report")
    assert report.headers["Content-Disposition"] == 'attachment; filename="report.csv"'
    assert "Refused" in report.text and "4," in report.text

    kept = root.get(f"{address}/map")
    other = upload(root, map=(io.BytesIO(kept.data), "map.toml"))
    assert root.get(other.headers["Location"] + "/map").data == kept.data, "it serves again"
    assert post(root, f"{path}/removal", {}).status_code == 303
    assert root.get(address).status_code == 404


def test_what_cannot_be_read_is_said_on_the_form(root: FlaskClient):
    nothing = post(root, "", {"rows": "people"})
    assert nothing.status_code == 422 and 'value="people" checked' in nothing.text
    for body, fields, field in (
        ("", {}, "file"),
        ("PK\x03\x04", {}, "file"),
        (TABLE, {"map": (io.BytesIO(b"rows = 3"), "map.toml")}, "map"),
        (TABLE, {"map": (io.BytesIO(b"\xff["), "map.toml")}, "map"),
    ):
        answer = upload(root, body, **fields)
        assert answer.status_code == 422 and f'id="{field}-wrong"' in answer.text
