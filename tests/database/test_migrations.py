import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from kbsearch import create_app
from kbsearch.cli import cli
from kbsearch.clock import now
from kbsearch.config import Settings
from kbsearch.database import Row, migrations
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Problem
from kbsearch.messages.webhooks import deliveries
from kbsearch.outbox import KINDS, claims
from kbsearch.people import viewers
from kbsearch.search.ranking.indexing import Indexer
from tests.kit.earlier import put_database
from tests.kit.web import sign_in

pytestmark = pytest.mark.sqlite_only

PRAGMAS = ("table_xinfo", "foreign_key_list", "index_list")


@pytest.fixture
def earlier(settings: Settings) -> Iterator[SqliteDatabase]:
    put_database(settings.database_path)
    database = SqliteDatabase(settings.database_path)
    yield database
    database.close()


def statements(db: SqliteDatabase) -> dict[str, str]:
    """What made each table, index and trigger, without what is only layout."""
    rows = db.query("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {row["name"]: re.sub(r"\s+", "", row["sql"]) for row in rows}


def structure(db: SqliteDatabase) -> dict[str, list[list[Row]]]:
    """Columns, references and indexes of each table, as the engine understands them."""
    return {
        table: [db.query(f"PRAGMA {pragma}({table})") for pragma in PRAGMAS]
        for table in db.list_tables()
    }


def contents(db: SqliteDatabase) -> dict[str, list[Row]]:
    return {table: db.query(f"SELECT * FROM {table}") for table in db.list_tables()}  # noqa: S608


def test_an_earlier_database_has_the_schema_of_a_new_one(earlier: SqliteDatabase, tmp_path: Path):
    migrations.migrate(earlier)
    with closing(SqliteDatabase(tmp_path / "new.sqlite3")) as new:
        migrations.migrate(new)
        assert statements(earlier) == statements(new)
        assert {t: by_name(s) for t, s in structure(earlier).items()} == {
            t: by_name(s) for t, s in structure(new).items()
        }
        names = "SELECT name FROM {} ORDER BY name"
        for table in ("counters", "schema_steps"):
            assert earlier.query(names.format(table)) == new.query(names.format(table))
    assert migrations.pending(earlier) == migrations.unknown(earlier) == []
    assert earlier.query("PRAGMA foreign_key_check") == []


def by_name(parts: list[list[Row]]) -> list[list[Row]]:
    """Without the order of indexes, in which nothing lies."""
    return [sorted((_plain(row) for row in rows), key=str) for rows in parts]


def _plain(row: Row) -> Row:
    return {key: value for key, value in row.items() if key != "seq" or "from" in row}


def test_every_row_of_an_earlier_database_is_still_there(earlier: SqliteDatabase):
    before = contents(earlier)
    migrations.migrate(earlier)
    after = contents(earlier)
    gone = {"removed_tickets", "webhook_deliveries", migrations.EARLIER}
    assert before.keys() - after.keys() == gone
    assert after["outbox"][len(before["outbox"]) :], "deliveries are among the tasks"
    after["outbox"] = after["outbox"][: len(before["outbox"])]
    of_agents = [row for row in before["ticket_readers"] if row["word"] == "agents"]
    assert of_agents, "who answers is asked of the request now"
    before["ticket_readers"] = [r for r in before["ticket_readers"] if r not in of_agents]
    for table, rows in before.items():
        if table not in gone:
            columns = rows[0].keys() if rows else ()
            assert [{c: row[c] for c in columns} for row in after[table]] == rows, table


DELIVERIES: dict[str, dict[str, object]] = {
    "waiting": {},
    "failed": {"attempts": 2, "problem": "timeout"},
    "on the road": {"attempts": 1, "problem": "status", "leased_until": "2026-11-29T09:01:00Z"},
    "dead": {"attempts": 10, "problem": "status", "dead_at": "2026-11-29T10:00:00Z"},
    "sent": {"attempts": 1, "sent_at": "2026-11-29T10:00:00Z"},
}


def put_deliveries(db: SqliteDatabase) -> None:
    """A delivery in every state, each with a message of its own and a line of its log."""
    at, endpoint = "2026-11-29T09:00:00Z", db.query("SELECT id FROM webhook_endpoints")[0]["id"]
    db.execute("UPDATE webhook_endpoints SET disabled_at = NULL, rests_until = NULL")
    for table in ("webhook_attempts", "webhook_deliveries", "webhook_messages"):
        db.execute(f"DELETE FROM {table}")  # noqa: S608
    for state, columns in DELIVERIES.items():
        message = {"id": f"msg_{state}", "kind": "ticket.opened", "at": at, "body": "{}"}
        db.insert("webhook_messages", message)
        moments = dict.fromkeys(("created_at", "began_at", "due_at"), at)
        delivery = {"id": state, "message_id": f"msg_{state}", "endpoint_id": endpoint}
        db.insert("webhook_deliveries", {**delivery, **moments, **columns})
        attempt = {"id": f"try {state}", "delivery_id": state, "at": at, "duration_ms": 7}
        db.insert("webhook_attempts", {**attempt, "told": "cut", "response": ""})


def check_deliveries(db: SqliteDatabase) -> None:
    """Each is a task in its state, with its log, and those that had not arrived come due."""
    (webhook,) = db.query("SELECT id FROM webhook_endpoints")
    log = {delivery.id: delivery for delivery in deliveries.of_webhook(db, webhook["id"])}
    states = {name: delivery.state for name, delivery in log.items()}
    assert states == {**dict(zip(DELIVERIES, DELIVERIES, strict=True)), "on the road": "failed"}
    for name, columns in DELIVERIES.items():
        assert log[name].message_id == f"msg_{name}"
        assert log[name].attempts == columns.get("attempts", 0)
        assert log[name].problem == columns.get("problem")
        assert [attempt.told for attempt in deliveries.attempts_of(db, log[name])] == ["cut"]
    came_due = set()
    while task := deliveries.claim(db):
        came_due.add(task.id)
        claims.done(db, task)
    assert came_due == {"waiting", "failed", "on the road"}


def test_every_delivery_of_an_earlier_database_is_a_task_with_its_log(earlier: SqliteDatabase):
    put_deliveries(earlier)
    migrations.migrate(earlier)
    check_deliveries(earlier)


STRIDE = os.environ.get("KBSEARCH_KILL_STRIDE", "3")  # statements; 1 at night
# Migrates in processes that are killed at their first statement, a later one, and so on, until one
# comes to its end.
KILLED = """
import os, sys
from pathlib import Path
from kbsearch.database import migrations
from kbsearch.database.sqlite import SqliteDatabase
path, execute, number, status = Path(sys.argv[1]), SqliteDatabase.execute, 0, 9
while status == 9:
    number += int(sys.argv[2])
    pid = os.fork()
    if pid == 0:
        left = number
        def dying(db, sql, values=None):
            global left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), 9)
            return execute(db, sql, values)
        SqliteDatabase.execute = dying
        migrations.migrate(SqliteDatabase(path))
        os._exit(0)
    _, status = os.waitpid(pid, 0)
print(number, status)
"""


def test_killed_at_any_statement_it_is_begun_anew_and_nothing_is_lost(
    earlier: SqliteDatabase, settings: Settings
):
    put_deliveries(earlier)
    earlier.close()
    command = [sys.executable, "-c", KILLED, str(settings.database_path), STRIDE]
    number, status = subprocess.run(command, capture_output=True, text=True).stdout.split()
    assert int(number) > len(migrations.STEPS) and status == "0"
    assert migrations.pending(earlier) == []
    check_deliveries(earlier)


def test_a_site_works_on_an_earlier_database(earlier: SqliteDatabase, settings: Settings):
    migrations.migrate(earlier)
    with closing(Indexer(settings, earlier)) as indexer:
        indexer.ensure()
    client = create_app(settings, earlier).test_client()
    alice = viewers.find(earlier, "alice@acme.example")
    dan = viewers.find(earlier, "dan@support.example")
    rows = earlier.query("SELECT number, id FROM tickets")
    address = {row["number"]: f"/fr/requests/{row['id']}" for row in rows}
    sign_in(client, earlier, alice)
    assert "Un troupeau perdu" in client.get(address[1001]).text
    assert client.get(address[1004]).status_code == 404
    assert "Le troupeau customers" in client.get("/fr/search?q=troupeau").text
    sign_in(client, earlier, dan)
    assert "CANARI-FOREIGN" in client.get(address[1004]).text
    assert "Le troupeau agents" in client.get("/fr/search?q=troupeau").text


def test_what_the_steps_of_a_day_added_is_not_added_again(earlier: SqliteDatabase):
    """Between release 0.1 and the one text there were steps, noted in the earlier table."""
    done = list(migrations.STEPS)[1:3]
    for name in done:
        migrations._run(earlier, migrations.STEPS[name])
        row = {"migration_set": "kbsearch", "name": name, "applied_at": "2026-11-29"}
        earlier.insert(migrations.EARLIER, row)
    expected = list(migrations.STEPS)[3:]
    assert migrations.pending(earlier) == expected
    assert migrations.migrate(earlier) == expected
    assert migrations.migrate(earlier) == []


# No earlier database has them.
LATER_KINDS = {
    *("branch.commented", "article.review_due"),
    *("mail.encrypted_answered", "mail.files_refused", "passkey.added", "passkey.removed"),
    *("file.infected", "news.letter"),
    *("announcement.letter", "backup.failed", "rule.notice"),
    *("address.entered", "address.replaced", "token.added"),
    *("invitation.due", "invitation.reminded", "invitation.rehearsed"),
}


def test_tasks_of_an_earlier_database_have_the_channels_of_their_kinds(earlier: SqliteDatabase):
    importlib.import_module("kbsearch.worker")  # and with it all that declares one
    channels = {
        kind.name: kind.channel
        for kind in KINDS.values()
        if kind.channel != "webhook" and kind.name not in LATER_KINDS
    }
    earlier.execute("DELETE FROM outbox")
    for kind in (*channels, "from.the_future"):
        moments = {"created_at": now(), "due_at": now()}
        earlier.insert("outbox", {"id": kind, "kind": kind, "subject": "one", **moments})
    migrations.migrate(earlier)
    rows = earlier.query("SELECT kind, channel FROM outbox WHERE channel <> 'webhook'")
    assert {row["kind"]: row["channel"] for row in rows} == {
        **channels,
        "from.the_future": "inside",
    }


@pytest.mark.parametrize(
    "name", ["s001_foundation", "s029_presences", "s031_requests_after_searches"]
)
def test_a_database_of_an_unfinished_version_is_refused_and_stays_as_it_is(
    earlier: SqliteDatabase, settings: Settings, name: str
):
    earlier.execute(f"DELETE FROM {migrations.EARLIER} WHERE name = :name", {"name": name})  # noqa: S608
    before = contents(earlier)
    for ask in (migrations.migrate, migrations.pending, migrations.unknown):
        with pytest.raises(Problem, match="schema_too_old"):
            ask(earlier)
    toml = settings.site / "kbsearch.toml"
    toml.touch()
    for arguments in (["migrate"], ["migrate", "--list"], ["publish"]):
        told = CliRunner().invoke(cli, ["--config", str(toml), *arguments])
        assert (told.exit_code, told.stdout) == (1, "")
        assert told.stderr.count("\n") == 1 and "kbsearch migrate" in told.stderr
    doctor = CliRunner().invoke(cli, ["--config", str(toml), "doctor"])
    (line,) = [line for line in doctor.stdout.splitlines() if " schema: " in line]
    assert "kbsearch migrate" in line
    assert contents(earlier) == before


@pytest.mark.parametrize("is_new", [True, False])
def test_a_step_that_fails_leaves_all_as_it_was(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, is_new: bool
):
    if not is_new:
        put_database(settings.database_path)
    monkeypatch.setitem(migrations.STEPS, "s999_broken", "CREATE TABLE a (x);\nNONSENSE;")
    monkeypatch.setattr(migrations, "SCHEMA", settings.site / "schema.sql")
    migrations.SCHEMA.write_text("CREATE TABLE a (x);\nNONSENSE;\n")
    with closing(SqliteDatabase(settings.database_path)) as db:
        before = contents(db)
        with pytest.raises(Exception, match="NONSENSE"):
            migrations.migrate(db)
        assert contents(db) == before


def test_a_step_of_a_later_release_is_named(db: SqliteDatabase):
    db.insert("schema_steps", {"name": "s999_later", "applied_at": "2030-01-01T00:00:00Z"})
    assert migrations.unknown(db) == ["s999_later"]


def test_an_older_release_does_not_serve_what_a_later_one_worked_on(
    db: SqliteDatabase, settings: Settings
):
    db.insert("schema_steps", {"name": "s999_later", "applied_at": "2030-01-01T00:00:00Z"})
    before = contents(db)
    with pytest.raises(Problem, match="schema_too_new"):
        migrations.migrate(db)
    (settings.site / "kbsearch.toml").touch()
    for command in ("migrate", "publish"):
        told = CliRunner().invoke(cli, ["--config", str(settings.site / "kbsearch.toml"), command])
        assert (told.exit_code, told.stdout) == (1, "")
        assert "s999_later" in told.stderr and told.stderr.count("\n") == 1
    assert contents(db) == before


@pytest.mark.parametrize("is_new", [True, False])
def test_processes_starting_together_migrate_once(tmp_path: Path, is_new: bool):
    program = (
        "import sys; from pathlib import Path\n"
        "from kbsearch.database.sqlite import SqliteDatabase\n"
        "from kbsearch.database.migrations import migrate\n"
        "print(len(migrate(SqliteDatabase(Path(sys.argv[1])))))\n"
    )
    path = tmp_path / "site.sqlite3"
    if not is_new:
        put_database(path)
    command = [sys.executable, "-c", program, str(path)]
    children = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [child.communicate() for child in children]
    assert [problem for _, problem in said] == ["", "", ""]
    count = len(migrations.STEPS) - (not is_new)
    assert sorted(int(number) for number, _ in said) == [0, 0, count]
    with closing(SqliteDatabase(path)) as db:
        assert migrations.migrate(db) == []
