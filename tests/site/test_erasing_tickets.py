"""A request is erased: nothing of it is left anywhere, what it was tied to stays."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from kbsearch import audit, tickets
from kbsearch.access import OPERATOR
from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.config_sources import Configuration
from kbsearch.database import Database
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.files import places
from kbsearch.messages.notifications import reply_addresses
from kbsearch.search.ranking import generations
from kbsearch.search.ranking.indexing import Indexer
from kbsearch.site import backups, erasing_tickets, restoring
from kbsearch.tickets.conversation import merging, replies
from kbsearch.tickets.conversation.merging import MergeForm
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.incoming import letter, receiving, take
from tests.kit.matrix_world import build
from tests.kit.requests import attach, file


def everything(db: Database) -> dict[str, list[str]]:
    """All rows, as texts; the security log only grows, and names a request by its number."""
    return {
        table: [json.dumps([str(value) for value in row.values()]) for row in rows]
        for table in db.list_tables()
        if table != "security_log" and (rows := db.query(f"SELECT * FROM {table}"))  # noqa: S608
    }


def test_whatever_hangs_on_a_request_goes_with_it(settings: Settings, db: SqliteDatabase):
    world = build(settings, db)
    rows = db.query("SELECT id, number FROM tickets ORDER BY number")
    ids = {row["id"] for row in rows}
    for table in ("messages", "ticket_events", "attachments"):
        found = db.query(f"SELECT id FROM {table} WHERE ticket_id IS NOT NULL")  # noqa: S608
        assert found, "or this proves nothing"
        ids |= {row["id"] for row in found}
    done = erasing_tickets.erase(db, OPERATOR, settings, [row["number"] for row in rows])
    assert done.requests == len(rows)
    held = everything(world.db)
    left = {(table, row) for table in held for row in held[table] for id in ids if id in row}
    assert not left
    for canary in ("CANARI-REQUEST", "CANARI-NOTE"):
        assert not [table for table in held if canary in str(held[table])]
    erased = db.query("SELECT id FROM security_log WHERE kind = 'ticket.erased'")
    numbers = {audit.find(db, row["id"]).details["number"] for row in erased}
    assert numbers == {row["number"] for row in rows}


@pytest.mark.sqlite_only  # it reads the bytes of its file
def test_no_file_of_the_site_has_it_any_more(settings: Settings, db: Database, cast: Cast):
    settings = receiving(settings)
    store = places.attached(settings)
    attach(db, cast.alice, store, "first-key-of-a-form", content=b"PERVENCHE in a file")
    gone = file(db, cast.alice, subject="PERVENCHE", key="first-key-of-a-form")
    form = ReplyForm("answer-key-of-a-form", "PERVENCHE, c’est noté.")
    replies.reply(db, cast.dan, gone, form)
    shared = b"in both"
    attach(db, cast.alice, store, "second-key-of-a-form", content=shared)
    kept = file(db, cast.alice, subject="JONQUILLE", key="second-key-of-a-form")
    with closing(Indexer(settings, db)) as indexer:
        indexer.ensure()
        indexer.apply_changes()

    def on_disk() -> bytes:
        found = (path for path in settings.site.rglob("*") if path.is_file())
        return b"\n".join(path.read_bytes() for path in found).lower()

    assert b"pervenche" in on_disk()
    done = erasing_tickets.erase(db, OPERATOR, settings, [gone.number])
    with closing(Indexer(settings, db)) as indexer:
        indexer.rebuild("tickets")
    generations.forget_generations(settings, db, older_than=-1)
    db.compact()
    held = on_disk()
    assert b"pervenche" not in held
    assert b"jonquille" in held and shared in held
    assert (done.requests, done.messages, done.files) == (1, 1, 1)
    assert tickets.find(db, cast.alice, kept.id).number == kept.number
    with pytest.raises(NotFound):
        tickets.find_number(db, cast.root, gone.number)


def test_its_number_is_nobodys_and_what_it_was_tied_to_stays(
    settings: Settings, db: Database, cast: Cast
):
    kept, gone = file(db, cast.alice), file(db, cast.alice)
    merging.merge(db, cast.dan, kept, gone, MergeForm("merge-key-of-a-form"))
    erasing_tickets.erase(db, cast.root, settings, [gone.number])
    assert tickets.find(db, cast.alice, kept.id).status == "closed"
    assert not merging.of_ticket(db, cast.dan, kept).is_merged
    assert file(db, cast.alice).number > gone.number


def test_only_administrators_and_all_of_them_or_none(settings: Settings, db: Database, cast: Cast):
    ticket = file(db, cast.alice)
    for viewer in (cast.alice, cast.dan):
        with pytest.raises(NotFound):
            erasing_tickets.erase(db, viewer, settings, [ticket.number])
    with pytest.raises(NotFound):
        erasing_tickets.erase(db, cast.root, settings, [ticket.number, ticket.number + 1])
    assert tickets.find(db, cast.alice, ticket.id).number == ticket.number


@pytest.mark.sqlite_only
def test_a_restore_does_not_bring_it_back(
    settings: Settings, db: Database, cast: Cast, tmp_path: Path
):
    gone, kept = file(db, cast.alice), file(db, cast.alice)
    archive = tmp_path / "before.tar.gz"
    backups.create(settings, db, archive)
    erasing_tickets.erase(db, OPERATOR, settings, [gone.number])
    db.close()
    restored = restoring.restore(Configuration(settings, {}), archive)
    assert (restored.erased, restored.counts["tickets"]) == (1, 2)
    with closing(SqliteDatabase(settings.database_path)) as again:
        rows = again.query("SELECT number FROM tickets")
    assert [row["number"] for row in rows] == [kept.number]


def test_an_answer_to_it_by_mail_waits_for_an_agent(settings: Settings, db: Database, cast: Cast):
    settings = receiving(settings)
    ticket = file(db, cast.alice)
    to = reply_addresses.make(settings, ticket.number, cast.alice.person_id or "")
    erasing_tickets.erase(db, OPERATOR, settings, [ticket.number])
    take(settings, db, letter(to=to))
    (mail,) = db.query("SELECT state, reason, ticket_id FROM mails")
    assert (mail["state"], mail["ticket_id"]) == ("held", None), mail


def test_the_command_asks_for_the_numbers_again(settings: Settings, db: Database, cast: Cast):
    ticket = file(db, cast.alice)
    path = settings.site / "kbsearch.toml"
    path.write_text("")
    command = ["--config", str(path), "erase", str(ticket.number)]
    refused = CliRunner().invoke(cli, command, input="12\n")
    assert refused.exit_code == 1
    assert tickets.find(db, cast.alice, ticket.id).number == ticket.number
    done = CliRunner().invoke(cli, [*command, "--json"], input=f"{ticket.number}\n")
    assert json.loads(done.stdout)["requests"] == 1, done.output
