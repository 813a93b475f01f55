"""How long a body may be, decided by the server from the header: on the real application."""

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import create_app
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people.accounts import known_browsers
from kbsearch.people.accounts import sessions as accounts
from kbsearch.processes import tree as serving
from kbsearch.web import bodies
from kbsearch.web.connections import NO_SPACE, REFUSED, SHORT_BODY, TOO_LONG
from tests.conftest import Cast


@pytest.fixture
def app(settings: Settings, db: SqliteDatabase, cast: Cast) -> Flask:
    return create_app(settings, db)


def longest(app: Flask, path: str, cookie: str = "", method: str = "POST") -> int:
    return bodies.longest(app, {"PATH_INFO": path, "REQUEST_METHOD": method, "HTTP_COOKIE": cookie})


UPLOADS = [
    ("/fr/requests/new", bodies.FORM_WITH_FILES),
    ("/fr/requests/42/messages", bodies.FORM_WITH_FILES),
    ("/en/requests/drafts/form-0001/files", bodies.FILE),
    ("/fr/desk/articles/drafts/form-0001", bodies.ARTICLE),
]


@pytest.mark.parametrize(("path", "length"), UPLOADS)
def test_files_are_taken_from_those_who_are_signed_in_and_from_no_stranger(
    app, db, cast, path, length
):
    cookie = f"kb={accounts.open_session(db, str(cast.alice.person_id))}"
    assert longest(app, path, cookie) == length
    for stranger in ("", "kb=made-up", "kb-browser=made-up", "kb=%ff%00; ;;=", "kb=é"):
        assert longest(app, path, stranger) == bodies.FORM


def test_a_form_with_files_is_still_read_when_the_session_has_just_ended(app, db, cast):
    """The text in it is kept until its author has signed in again."""
    token = known_browsers.remember(db, str(cast.alice.person_id), "")
    assert longest(app, "/fr/requests/new", f"kb-browser={token}") == bodies.FORM_WITH_FILES


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/fr/login", "POST"),
        ("/fr/password/forgot", "POST"),
        ("/fr/nowhere", "POST"),
        ("/fr/requests/new", "DELETE"),
        ("/\xff", "POST"),
    ],
)
def test_what_takes_no_form_or_a_short_one_takes_little(app, db, cast, path, method):
    cookie = f"kb={accounts.open_session(db, str(cast.alice.person_id))}"
    assert longest(app, path, cookie, method) == SHORT_BODY


@pytest.mark.parametrize(("language", "told"), [("fr", "trop volumineux"), ("en", "too large")])
def test_a_refused_body_is_answered_in_the_language_of_the_page(
    client: FlaskClient, language: str, told: str
):
    path = f"/{language}/requests/new"
    answer = client.post(path, environ_overrides={REFUSED: TOO_LONG})
    assert answer.status_code == 413 and told in answer.text
    full = client.post(path, environ_overrides={REFUSED: NO_SPACE})
    assert (full.status_code, full.headers["Retry-After"]) == (503, "30")


def test_the_table_names_endpoints_that_there_are(settings, db):
    app = create_app(replace(settings, zendesk_api=True), db)
    there = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert set(bodies.BY_ENDPOINT) <= there
    assert set(bodies.BY_BLUEPRINT) <= {endpoint.partition(".")[0] for endpoint in there}


@pytest.fixture
def port(settings: Settings, db: SqliteDatabase) -> Iterator[int]:
    """Where a real web process answers."""
    listener = serving.listen("127.0.0.1", 0)
    with listener:
        found = int(listener.getsockname()[1])
        process = subprocess.Popen(
            [sys.executable, "-m", "kbsearch", "web", "--fd", str(listener.fileno())],
            pass_fds=[listener.fileno()],
            cwd=settings.site,
            env=dict(os.environ) | {"KBSEARCH_SITE": str(settings.site)},
        )
    with process:
        yield found
        process.kill()


def test_a_stranger_is_told_before_the_first_byte_of_250_megabytes(port, cast):
    head = (
        "POST /fr/login HTTP/1.1",
        "Host: 127.0.0.1",
        "Sec-Fetch-Site: same-origin",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Length: 250000000",
    )
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 413
        assert "trop volumineux" in answer.read().decode()


def test_whoever_is_signed_in_sends_a_file_and_a_stranger_does_not(port, db, cast):
    form = (
        b'--B\r\nContent-Disposition: form-data; name="files"; filename="log.txt"\r\n\r\n'
        + b"one line\n" * 300_000
        + b"\r\n--B--\r\n"
    )
    headers = {
        "Content-Type": "multipart/form-data; boundary=B",
        "Sec-Fetch-Site": "same-origin",
        "HX-Request": "true",
    }
    token = accounts.open_session(db, str(cast.alice.person_id))
    for cookie, status in ((f"kb={token}", 200), ("kb=made-up", 413)):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        path = "/fr/requests/drafts/form-0001/files"
        connection.request("POST", path, form, headers | {"Cookie": cookie})
        answer = connection.getresponse()
        assert answer.status == status
        assert ("log.txt" in answer.read().decode()) == (status == 200)
        connection.close()
