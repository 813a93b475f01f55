import json
import logging

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kbsearch import audit
from kbsearch.database import IntegrityError
from kbsearch.database.sqlite import SqliteDatabase


def test_an_event_says_what_happened_to_whom_by_whom_and_from_where(db: SqliteDatabase):
    event_id = audit.record(
        db, "person.invited", person_id="alice", actor_id="root", network="192.0.2.7", again=True
    )
    event = audit.find(db, event_id)
    assert (event.kind, event.person_id, event.actor_id) == ("person.invited", "alice", "root")
    assert (event.network, event.details) == ("192.0.2.7", {"again": True})
    assert audit.list_of(db, "alice") == [event]
    assert audit.list_of(db, "bob") == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE security_log SET kind = 'nothing.happened'",
        "DELETE FROM security_log",
        "DELETE FROM security_log WHERE kind = 'sign_in.failed'",
    ],
)
def test_nothing_is_ever_changed_or_removed(db: SqliteDatabase, statement: str):
    audit.record(db, "sign_in.failed")
    with pytest.raises(IntegrityError, match="append-only"):
        db.execute(statement)
    assert len(db.query("SELECT * FROM security_log WHERE kind = 'sign_in.failed'")) == 1


@given(text=st.text())
@example(text='x\n{"kind": "sign_in.succeeded", "person_id": "root"}')
@example(text="\u2028\x1b[31m\x00\ud800")
def test_whatever_a_browser_calls_itself_is_one_line_of_json(text: str, scratch: SqliteDatabase):
    lines: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    ear = Ear()
    audit.log.addHandler(ear)
    audit.log.setLevel("INFO")
    try:
        audit.record(scratch, "sign_in.succeeded", browser=text)
    finally:
        audit.log.removeHandler(ear)
    (line,) = lines
    assert line.isascii() and line.isprintable()
    assert json.loads(line)["browser"] == text
    assert json.loads(line)["kind"] == "sign_in.succeeded"


def test_an_event_is_undone_with_what_it_tells(db: SqliteDatabase):
    with pytest.raises(ZeroDivisionError), db.atomic():
        audit.record(db, "password.changed")
        raise ZeroDivisionError
    assert db.query("SELECT * FROM security_log") == []
