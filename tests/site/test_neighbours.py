"""Certificates of other servers: seen by the worker, told by the doctor."""

import ssl
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard
from kbsearch.site import doctor, health, neighbours
from kbsearch.site.neighbours import ServerCertificate
from tests.kit.receivers import certificate, receiver


def test_the_certificate_of_a_host_is_seen_where_it_is_trusted(tmp_path: Path):
    ca, server = certificate(tmp_path, "localhost")
    trusted = ssl.create_default_context(cafile=ca)
    guard = Guard(Exceptions.of(["localhost"]), tls=trusted)
    with receiver(tls=server) as there:
        facts = guard.reach(f"https://localhost:{there.port}/")
    assert neighbours.certificate_of("x:1", lambda: facts).ends_at > stored(utc_now())


def test_one_that_cannot_be_seen_is_noted_with_its_reason(
    settings: Settings, db: SqliteDatabase, tmp_path: Path
):
    _, server = certificate(tmp_path, "localhost")
    with receiver(tls=server) as there:
        address = f"localhost:{there.port}"
        neighbours.step(db, replace(settings, smtp_url=f"smtps://{address}"))
    (seen,) = neighbours.look(db)
    assert seen.server == address
    assert "certificate verify failed" in seen.problem
    assert not seen.ends_at


def test_without_neighbours_nothing_is_noted(settings: Settings, db: SqliteDatabase):
    neighbours.step(db, settings)
    assert neighbours.look(db) == []


def test_the_doctor_warns_before_one_ends(settings: Settings, db: SqliteDatabase):
    moment = utc_now()
    neighbours.note(
        db,
        [
            ServerCertificate("soon:465", stored(moment + timedelta(days=3))),
            ServerCertificate("late:993", stored(moment + timedelta(days=90))),
            ServerCertificate("away:443", problem="connection refused"),
        ],
    )
    checks = doctor.glance(settings, db, health.look(db))
    states = {
        dict(check.values)["server"]: check.state for check in checks if check.name == "certificate"
    }
    assert states == {"soon:465": "warn", "late:993": "ok", "away:443": "warn"}
