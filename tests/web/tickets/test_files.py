"""Files of requests over HTTP: for whom, under which headers, in pieces."""

from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.files.store import FileStore
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.files import Attachment
from tests.conftest import Cast
from tests.kit.requests import PNG, attach, file
from tests.kit.web import sign_in

KEY = "key-of-the-form"


def sent_file(
    db: SqliteDatabase, cast: Cast, store: FileStore, name: str, content: bytes
) -> Attachment:
    """A file of a request of Alice's."""
    attachment = attach(db, cast.alice, store, KEY, name, content)
    file(db, cast.alice, key=KEY, confidential=True)
    return attachment


def test_a_picture_is_shown_and_a_text_is_saved(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, store: FileStore
):
    sign_in(client, db, cast.alice)
    attach(db, cast.alice, store, KEY, "écran.png", PNG)
    page = sent_file(db, cast, store, "page.xml", b"<svg onload='alert(1)'></svg>")
    names = {row["name"]: row["id"] for row in db.query("SELECT id, name FROM attachments")}
    picture = client.get(f"/attachments/{names['écran.png']}/{quote('écran.png')}", buffered=True)
    assert picture.content_type == "image/png"
    assert picture.headers["Content-Disposition"].startswith("inline")
    text = client.get(f"/attachments/{page.id}/page.xml", buffered=True)
    assert text.headers["Content-Disposition"].startswith("attachment")
    assert text.mimetype in ("text/plain", "application/octet-stream")
    for answer in (picture, text):
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    "name", ['a"; x=.txt', "été\r\nSet-Cookie: x.txt", "..%2f..%2fx.txt", "日本.txt"]
)
def test_a_name_stays_inside_its_header(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, store: FileStore, name: str
):
    sign_in(client, db, cast.alice)
    attachment = sent_file(db, cast, store, name, b"one line\n")
    moved = client.get(f"/attachments/{attachment.id}/x", buffered=True)
    assert moved.status_code == 301
    answer = client.get(moved.location, buffered=True)
    assert answer.data == b"one line\n"
    assert "Set-Cookie" not in answer.headers
    if not attachment.name.isascii():
        told = answer.headers["Content-Disposition"]
        assert f"filename*=UTF-8''{quote(attachment.name, safe='')}" in told


def test_a_piece_of_a_file(client: FlaskClient, db: SqliteDatabase, cast: Cast, store: FileStore):
    sign_in(client, db, cast.alice)
    attachment = sent_file(db, cast, store, "log.txt", b"0123456789\n")
    url = f"/attachments/{attachment.id}/log.txt"
    piece = client.get(url, headers={"Range": "bytes=2-4"}, buffered=True)
    assert (piece.status_code, piece.data) == (206, b"234")
    assert piece.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert client.get(url, headers={"Range": "bytes=99-"}, buffered=True).status_code == 416
    head = client.head(url, buffered=True)
    assert (head.content_length, head.data) == (11, b"")


def test_a_file_is_missing_for_all_others(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, store: FileStore
):
    attachment = sent_file(db, cast, store, "log.txt", b"one line\n")
    paths = [f"/attachments/{id}/{n}" for id in (attachment.id, "no") for n in ("log.txt", "x")]
    assert {client.get(path, buffered=True).status_code for path in paths} == {303}
    for outsider in (cast.bob, cast.chloe, cast.wendy):
        sign_in(client, db, outsider)
        for headers in ({}, {"Range": "bytes=0-1"}):
            answers = [client.get(path, headers=headers, buffered=True) for path in paths]
            assert {answer.status_code for answer in answers} == {404}
            told = {
                answer.text.replace(path, "PATH")
                for answer, path in zip(answers, paths, strict=True)
            }
            assert len(told) == 1
    sign_in(client, db, cast.dan)
    assert client.get(paths[0], buffered=True).data == b"one line\n"


def test_a_file_of_a_note_is_for_agents(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, store: FileStore
):
    ticket = file(db, cast.alice)
    attachment = attach(db, cast.dan, store, KEY, ticket=ticket)
    replies.note(db, cast.dan, ticket, ReplyForm(KEY, "pour nous"))
    for reader, status in ((cast.alice, 404), (cast.dan, 200)):
        sign_in(client, db, reader)
        assert (
            client.get(f"/attachments/{attachment.id}/log.txt", buffered=True).status_code == status
        )
