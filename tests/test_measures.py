"""What processes count, and what /metrics makes of it; the alerts that stand on it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import prometheus_client  # noqa: F401 (before a site has a folder to count in: here, in memory)
import pytest
from click.testing import CliRunner

from kbsearch import create_app, measures, outbox, resources
from kbsearch.cli import cli
from kbsearch.clock import now
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.site import health, neighbours
from kbsearch.vaults import outcomes
from kbsearch.vaults.outcomes import BackupMade
from tests.kit.places import TESTS

BEARER = {"Authorization": "Bearer open-sesame"}
NAME = re.compile(r"kbsearch_\w+")
TWO_PROCESSES = """
import os, sys
from pathlib import Path
from kbsearch import measures
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase

settings = Settings(site=Path(sys.argv[1]), metrics_token="open-sesame")
measures.start(settings)
from kbsearch.web import metrics_text
measures.note_answer("pages", 200, 0.02)
if not (child := os.fork()):
    measures.note_answer("pages", 204, 0.2)
    os._exit(0)
os.waitpid(child, 0)
db = SqliteDatabase(settings.database_path)
metrics_text.of(db, settings)
print(metrics_text.of(db, settings).decode())
"""


@pytest.fixture
def counted(settings: Settings) -> Iterator[Settings]:
    """Settings of a site whose numbers are asked for."""
    watched = replace(settings, metrics_token="open-sesame")
    measures.start(watched)
    yield watched
    measures.stop()


def metrics(settings: Settings, db: SqliteDatabase) -> str:
    return create_app(settings, db).test_client().get("/metrics", headers=BEARER).text


def test_answers_are_counted_by_the_group_of_their_route(counted: Settings, db: SqliteDatabase):
    client = create_app(counted, db).test_client()
    client.get("/fr/")
    client.get("/fr/nowhere")
    text = client.get("/metrics", headers=BEARER).text
    assert 'kbsearch_answer_seconds_count{group="help",status="2xx"} 1.0' in text
    assert 'kbsearch_answer_seconds_count{group="",status="4xx"} 1.0' in text
    assert 'kbsearch_answer_seconds_bucket{group="help",le="0.3",status="2xx"}' in text


def test_what_left_is_counted_by_its_channel(counted: Settings, db: SqliteDatabase):
    outbox.add(db, "index.tickets", "x")
    assert 'kbsearch_outbox_tasks{channel="index",state="waiting"} 1.0' in metrics(counted, db)
    assert outbox.run_one(db, {"index.tickets": lambda _: None}) == "done"
    text = metrics(counted, db)
    assert 'kbsearch_leaving_seconds_count{channel="index"} 1.0' in text
    assert 'kbsearch_outbox_tasks{channel="index",state="waiting"} 0.0' in text
    assert "kbsearch_index_lag_seconds 0.0" in text


def test_the_last_backup_and_certificates_are_there_once_there_are_any(
    counted: Settings, db: SqliteDatabase
):
    assert "kbsearch_last_backup" not in metrics(counted, db)
    outcomes.note_made(db, BackupMade(now(), "site.tar.gz", "/backup", 1000))
    ends_at = "2030-01-01T00:00:00.000000Z"
    neighbours.note(db, [neighbours.ServerCertificate("mail.example:465", ends_at)])
    text = metrics(counted, db)
    assert "kbsearch_last_backup_timestamp_seconds 1." in text
    assert 'certificate_end_timestamp_seconds{server="mail.example:465"} 1.8934' in text


@pytest.mark.sqlite_only
def test_what_several_processes_count_is_added_up_and_what_the_database_says_stands_once(
    settings: Settings, db: SqliteDatabase
):
    command = [sys.executable, "-c", TWO_PROCESSES, str(settings.site)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    sums = 'kbsearch_answer_seconds_bucket{group="pages",le="0.2",status="2xx"} 2.0'
    assert sums in result.stdout
    lines = [line for line in result.stdout.splitlines() if line[:1] not in ("", "#")]
    series = [line.partition(" ")[0] for line in lines]
    assert sorted(set(series)) == sorted(series)
    assert "kbsearch_people" in series and not [name for name in series if "pid=" in name]


def test_what_gone_processes_counted_is_cleared_away(tmp_path: Path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (old := tmp_path / f"histogram_{gone.pid}.db").touch()
    (live := tmp_path / f"counter_{os.getpid()}.db").touch()
    (other := tmp_path / "notes.txt").touch()
    measures.clear(tmp_path)
    assert (old.exists(), live.exists(), other.exists()) == (False, True, True)


def test_dashboard_and_alerts_name_numbers_that_there_are(counted: Settings, db: SqliteDatabase):
    outcomes.note_made(db, BackupMade(now(), "site.tar.gz", "/backup", 1000))
    health.mark_worker_seen(db)
    neighbours.note(db, [neighbours.ServerCertificate("mail.example:465", now())])
    measures.note_departure("mail", 1.0)
    client = create_app(counted, db).test_client()
    client.get("/fr/")
    served = set(NAME.findall(client.get("/metrics", headers=BEARER).text))
    folder = resources.folder("monitoring")
    for name in ("alerts.yml", "dashboard.json"):
        named = set(NAME.findall((folder / name).read_text(encoding="utf-8")))
        assert named, name
        assert named <= served, name


def test_the_files_are_put_where_they_are_asked_for(tmp_path: Path):
    result = CliRunner().invoke(cli, ["monitoring", str(tmp_path / "here")])
    assert result.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == [
        "alerts.yml",
        "dashboard.json",
    ]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (prometheus) is not there")
def test_the_alerts_fire_when_an_objective_is_missed(tmp_path: Path):
    shutil.copy(resources.folder("monitoring") / "alerts.yml", tmp_path)
    shutil.copy(TESTS / "alerts_fired.yml", tmp_path)
    command = ["promtool", "test", "rules", "alerts_fired.yml"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
