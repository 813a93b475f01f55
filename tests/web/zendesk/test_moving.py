"""One help centre moves to another: what it says in Zendesk's shapes, an import reads."""

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.serving import make_server

from kbsearch import people, tickets
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.files import places
from kbsearch.files.folder import FolderStorage
from kbsearch.files.store import FileStore
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard
from kbsearch.people import viewers
from kbsearch.people.accounts import personal_tokens
from kbsearch.people.accounts.personal_tokens import TokenFields
from kbsearch.site.importing.systems import moving_in
from kbsearch.site.importing.systems.moving_in import ArrivalCounts, Move
from kbsearch.site.importing.systems.zendesk import export
from kbsearch.site.importing.systems.zendesk.account import LiveAccount
from kbsearch.site.importing.systems.zendesk.mirror import Mirror
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.requests import PNG, attach, file, later, path_of


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield listening


@pytest.fixture
def settings(tmp_path: Path, listener: socket.socket) -> Settings:
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    return Settings(site=tmp_path, base_url=url, zendesk_api=True)


@pytest.fixture
def address(app: Flask, settings: Settings, listener: socket.socket) -> Iterator[str]:
    """The application, really listening."""
    server = make_server("127.0.0.1", 0, app, threaded=True, fd=listener.fileno())
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield settings.base_url
    server.shutdown()
    thread.join()
    server.server_close()


def test_one_help_centre_moves_to_another(
    db: SqliteDatabase,
    settings: Settings,
    cast: Cast,
    address: str,
    empty_database: Path,
    tmp_path: Path,
):
    form_key = new_id()
    attach(db, cast.alice, places.attached(settings), form_key, "lamp.png", PNG)
    number = file(db, cast.alice, key=form_key, subject="La lampe").number
    ticket = tickets.find_number(db, cast.dan, number)
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Try **this**"), at=later(hours=1))
    replies.note(db, cast.dan, ticket, ReplyForm(new_id(), "Only for us"), at=later(hours=2))
    _, secret = personal_tokens.add(
        db, OPERATOR, people.find(db, cast.dan.email), TokenFields("move")
    )
    new_site = tmp_path / "new"
    new_site.mkdir()
    shutil.copy(empty_database, new_site / "new.sqlite3")
    new = SqliteDatabase(new_site / "new.sqlite3")

    def move() -> ArrivalCounts:
        live = LiveAccount(address, secret, Guard(Exceptions.of(["127.0.0.1"])))
        Mirror(new_site / "mirror", live).fill()
        with export.opened(new_site / "mirror") as system:
            return moving_in.run(new, system, Move(FileStore(FolderStorage(new_site), "files")))

    arrival = move()
    assert (arrival.tickets.created, arrival.tickets.refused, arrival.people.refused) == (1, 0, 0)
    alice, dan = (viewers.find(new, email) for email in (cast.alice.email, cast.dan.email))
    here = tickets.find_number(new, dan, number)
    there = tickets.find_number(db, cast.dan, number)
    for name in ("subject", "description", "status", "severity", "created_at"):
        assert getattr(here, name) == getattr(there, name)
    said = [(message.body, message.internal, message.at) for message in there.messages]
    assert [(message.body, message.internal, message.at) for message in here.messages] == said
    assert len(tickets.find_number(new, alice, number).messages) == 1
    content = path_of(FileStore(FolderStorage(new_site), "files"), here.files[0].sha256)
    assert (here.files[0].name, content.read_bytes()) == (there.files[0].name, PNG)
    assert vars(move().tickets)["unchanged"] == 1
    new.close()
