"""The page of the state of the service."""

import os

from flask.testing import FlaskClient

from kbsearch import outbox
from kbsearch.clock import now
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.processes import family
from kbsearch.site import health, neighbours
from kbsearch.site.neighbours import ServerCertificate
from kbsearch.vaults import outcomes
from kbsearch.vaults.outcomes import BackupMade
from tests.conftest import Cast
from tests.kit.web import sign_in


def test_an_administrator_sees_processes_queues_and_what_it_stands_on(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.root)
    assert "None yet" in client.get("/en/admin/status").text
    outbox.add(db, "index.tickets", "x")
    outcomes.note_made(db, BackupMade(now(), "site.tar.gz", "/backup", 1000))
    health.mark_worker_seen(db)
    neighbours.note(db, [ServerCertificate("mail.example:465", "2030-01-02T00:00:00.000000Z")])
    page = client.get("/en/admin/status").text
    assert f"kbsearch {os.getpid()}" in page
    assert "Search index" in page and "None yet" not in page
    assert "mail.example:465" in page and "2030" in page
    assert "The worker was seen last" in page


def test_for_everybody_else_it_does_not_exist(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    for viewer in (cast.alice, cast.dan, cast.wendy):
        sign_in(client, db, viewer)
        assert client.get("/en/admin/status").status_code == 404


def test_a_process_knows_itself():
    (relative,) = family.look()
    assert relative.pid == os.getpid()
    assert relative.memory > 1_000_000
    assert relative.age > 0
