"""Answers leave compressed for whoever takes it, and tell nothing by their length."""

import gzip

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.web import compression
from tests.conftest import Cast
from tests.kit.web import sign_in

TAKES = {"Accept-Encoding": "gzip, deflate, br, zstd"}


def test_a_page_leaves_compressed_and_is_the_same_page(client: FlaskClient):
    plain, small = client.get("/fr/"), client.get("/fr/", headers=TAKES)
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data) == plain.data
    assert len(small.data) < len(plain.data) / 2
    assert int(small.headers["Content-Length"]) == len(small.data)
    assert "Content-Encoding" not in plain.headers
    for answer in (plain, small):
        assert "Accept-Encoding" in answer.headers["Vary"] and "Cookie" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("taken", "is_compressed"),
    [
        ("gzip", True), ("GZIP", True), ("x-gzip", True), ("*", True), ("br, gzip;q=0.5", True),
        ("gzip;q=0.001", True), ("identity;q=0.5, gzip;q=1.0", True), ("identity;q=0, *", True),
        ("", False), ("br", False), ("gzip;q=0", False), ("*;q=0", False), ("identity", False),
        ("gzip;q=0, *", False), ("gzip;q=0.5, identity;q=1", False), ("gzippy", False),
        ("gzip;q=x", False), (";;;", False),
    ],
)  # fmt: skip
def test_it_is_compressed_for_those_who_say_so(
    client: FlaskClient, taken: str, is_compressed: bool
):
    answer = client.get("/fr/", headers={"Accept-Encoding": taken})
    assert answer.status_code == 200
    assert ("Content-Encoding" in answer.headers) == is_compressed


def test_pages_of_somebody_signed_in_and_pages_of_problems_leave_compressed(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.alice)
    for path, status in (("/fr/requests/new", 200), ("/fr/no-such-page", 404)):
        answer = client.get(path, headers=TAKES)
        assert (answer.status_code, answer.headers["Content-Encoding"]) == (status, "gzip")
        assert b"</html>" in gzip.decompress(answer.data)


def test_head_tells_what_get_sends(client: FlaskClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compression, "LONGEST_PAD", 0)
    head, get = client.head("/fr/", headers=TAKES), client.get("/fr/", headers=TAKES)
    assert head.data == b""
    assert head.headers["Content-Encoding"] == get.headers["Content-Encoding"]
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


def answering(app: Flask, response: Response) -> Response:
    with app.test_request_context("/", headers=TAKES):
        app.preprocess_request()
        return app.process_response(response)


TEXT = "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "response",
    [
        Response("x" * 999, content_type=TEXT),
        Response("x" * 5000, content_type="image/png"),
        Response("x" * 5000, content_type="application/zip"),
        Response("x" * 5000, content_type=TEXT, headers={"Content-Encoding": "br"}),
        Response("x" * 5000, 206, content_type=TEXT, headers={"Content-Range": "bytes 0-4999/9"}),
        Response((line for line in ["a;b\r\n"] * 1000), content_type="text/csv"),
        Response(status=304),
        Response(status=204),
    ],
)
def test_the_rest_leaves_as_it_is(app: Flask, response: Response):
    before = response.headers.get("Content-Encoding")
    assert answering(app, response).headers.get("Content-Encoding") == before


def test_another_form_of_the_same_has_a_weak_tag(app: Flask):
    response = Response("x" * 5000, content_type=TEXT)
    response.set_etag("abc")
    assert answering(app, response).headers["ETag"] == 'W/"abc"'


def test_the_length_of_one_answer_says_nothing_exact():
    body = b"<p>code: 123456</p>" * 100
    packed = [compression.packed(body) for _ in range(200)]
    assert {gzip.decompress(each) for each in packed} == {body}
    lengths = {len(each) for each in packed}
    assert len(lengths) > 30 and max(lengths) - min(lengths) <= compression.LONGEST_PAD
