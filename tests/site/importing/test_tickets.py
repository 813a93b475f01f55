import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from kbsearch import tickets
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.files.folder import FolderStorage
from kbsearch.files.store import FileStore
from kbsearch.site.importing import tickets as importing
from kbsearch.site.importing.report import Report
from tests.conftest import Cast, take_over
from tests.kit.engines import address_of
from tests.kit.requests import PNG, path_of

GOOD: dict[str, Any] = {
    "number": 1,
    "subject": "Collar lost",
    "description": "It blinks green.",
    "status": "solved",
    "created_at": "2026-01-31T09:00:00Z",
}


def run(db: SqliteDatabase, tmp_path: Path, *written: object, name: str = "t.jsonl") -> Report:
    """Import lines: texts and bytes as they are, everything else as JSON."""
    raw = [
        line if isinstance(line, bytes) else line.encode() if isinstance(line, str) else None
        for line in written
    ]
    path = tmp_path / name
    path.write_bytes(
        b"\n".join(
            text if text is not None else json.dumps(line).encode()
            for text, line in zip(raw, written, strict=True)
        )
    )
    return importing.run(db, path)


def contents(db: SqliteDatabase) -> list[dict[str, Any]]:
    """All that was imported, without the ids that differ from run to run."""
    return db.query(
        """
        SELECT t.number, t.subject, t.description, t.language, t.status, t.updated_at,
               t.source_hash, p.slug AS product,
               (SELECT COUNT(*) FROM messages m WHERE m.ticket_id = t.id) AS messages,
               (SELECT COUNT(*) FROM ticket_readers r WHERE r.ticket_id = t.id) AS readers
        FROM tickets t LEFT JOIN products p ON p.id = t.product_id ORDER BY t.number
        """
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "import.not_json"),
        ('{"number": NaN', "import.not_json"),
        ("[" * 100_000, "import.not_json"),
        ('{"number": ' + "9" * 5000 + "}", "import.not_json"),
        ("[1]", "import.not_an_object"),
        ("null", "import.not_an_object"),
        (b'{"subject": "\xff"}', "import.not_utf8"),
        ({**GOOD, "number": None}, "import.missing"),
        ({**GOOD, "number": "12a"}, "import.not_a_number"),
        ({**GOOD, "number": 0}, "import.not_a_number"),
        ({**GOOD, "number": -5}, "import.not_a_number"),
        ({**GOOD, "number": 1.5}, "import.not_a_number"),
        ({**GOOD, "number": True}, "import.not_a_number"),
        ({**GOOD, "number": 10**16}, "import.not_a_number"),
        ({**GOOD, "subject": " \n"}, "import.missing"),
        ({**GOOD, "subject": "\x00"}, "import.missing"),
        ({**GOOD, "subject": ["a"]}, "import.wrong_type"),
        ({**GOOD, "description": {"a": 1}}, "import.wrong_type"),
        ({**GOOD, "status": "reopened"}, "import.unknown_value"),
        ({**GOOD, "status": None}, "import.missing"),
        ({**GOOD, "severity": "urgent"}, "import.unknown_value"),
        ({**GOOD, "created_at": None}, "import.missing"),
        ({**GOOD, "created_at": "2026-02-30T09:00:00Z"}, "import.impossible_date"),
        ({**GOOD, "created_at": "0001-01-01T00:00:00+14:00"}, "import.impossible_date"),
        ({**GOOD, "created_at": "yesterday"}, "import.impossible_date"),
        ({**GOOD, "created_at": 1769850000}, "import.wrong_type"),
        ({**GOOD, "solved_at": "2026-01-30T09:00:00Z"}, "import.solved_before_created"),
        ({**GOOD, "product": "x" * 201}, "import.too_long"),
        ({**GOOD, "version": "x" * 81}, "import.too_long"),
        ({**GOOD, "cc": {"a": 1}}, "import.wrong_type"),
        ({**GOOD, "cc": [1]}, "import.wrong_type"),
        ({**GOOD, "cc": ["a@b.example"] * 501}, "import.too_many"),
        ({**GOOD, "messages": "no JSON"}, "import.wrong_type"),
        ({**GOOD, "messages": ["text"]}, "import.wrong_type"),
        ({**GOOD, "messages": [{"body": 5}]}, "import.wrong_type"),
        ({**GOOD, "messages": [{"body": "x", "internal": "maybe"}]}, "import.wrong_type"),
        ({**GOOD, "messages": [{"body": "x", "at": "soon"}]}, "import.impossible_date"),
    ],
)
def test_a_bad_line_is_refused_with_its_number_and_reason_and_the_good_ones_stay(
    db: SqliteDatabase, tmp_path: Path, line: object, problem: str
):
    before, after = {**GOOD, "number": 41}, {**GOOD, "number": 42}
    report = run(db, tmp_path, before, line, after)
    assert [(r.line, r.problem.key) for r in report.remarks] == [(2, problem)]
    assert [row["number"] for row in contents(db)] == [41, 42]
    for language in ("fr", "en"):
        reason = str(report.remarks[0].told(language)["reason"])
        assert reason and problem not in reason


def test_a_line_longer_than_memory_likes_is_skipped(
    db: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("kbsearch.site.importing.lines.MAX_LINE", 1000)
    long = {**GOOD, "description": "x" * 5000}
    report = run(db, tmp_path, {**GOOD, "number": 2}, long, {**GOOD, "number": 3})
    assert [(r.line, r.problem.key) for r in report.remarks] == [(2, "import.line_too_long")]
    assert [row["number"] for row in contents(db)] == [2, 3]


def test_what_no_text_holds_is_left_out(db: SqliteDatabase, tmp_path: Path):
    report = run(
        db, tmp_path, {**GOOD, "subject": "a\x00b\ud800c\x07", "description": "1\r\n2\x1b"}
    )
    assert report.refused == 0
    assert [(r["subject"], r["description"]) for r in contents(db)] == [("abc", "1\n2")]


def test_a_huge_text_is_cut_and_said(db: SqliteDatabase, tmp_path: Path):
    said = [{"body": "y" * 300_000}]
    huge = {**GOOD, "subject": "s" * 600, "description": "x" * 300_000, "messages": said}
    report = run(db, tmp_path, huge)
    assert (report.created, report.refused, report.altered) == (1, 0, 3)
    assert {r.problem.key for r in report.remarks} == {"import.cut"}
    assert len(contents(db)[0]["description"]) == importing.MAX_BODY


def test_what_is_no_address_is_left_out_and_said(db: SqliteDatabase, tmp_path: Path, cast: Cast):
    report = run(
        db, tmp_path, {**GOOD, "requester": "Alice", "cc": ["bob@acme.example", "everybody"]}
    )
    assert [r.problem.values["field"] for r in report.remarks] == ["requester", "cc"]
    ticket = tickets.find_number(db, cast.dan, 1)
    assert (ticket.requester, [copy.name for copy in ticket.copies]) == ("", ["Bob Durand"])


def test_a_second_run_writes_nothing(db: SqliteDatabase, tmp_path: Path):
    lines = [{**GOOD, "number": n} for n in range(1, 21)]
    assert run(db, tmp_path, *lines).created == 20
    written = db.version()
    report = run(db, tmp_path, *lines)
    assert (report.created, report.updated, report.unchanged) == (0, 0, 20)
    assert db.version() == written


def test_a_changed_line_replaces_what_was_there(db: SqliteDatabase, tmp_path: Path, cast: Cast):
    said = [{"author": "dan@support.example", "body": "first"}, {"body": "second"}]
    run(db, tmp_path, {**GOOD, "requester": "alice@acme.example", "messages": said})
    ticket_id = tickets.find_number(db, cast.alice, 1).id
    changed = {**GOOD, "subject": "Found again", "requester": "bob@acme.example"}
    report = run(db, tmp_path, {**changed, "messages": said[:1]})
    assert (report.updated, report.created) == (1, 0)
    ticket = tickets.find_number(db, cast.bob, 1)
    assert (ticket.id, ticket.subject) == (ticket_id, "Found again")
    assert [message.body for message in ticket.messages] == ["first"]
    assert tickets.visible_numbers(db, cast.alice, [1]) == set()


def test_one_number_twice_in_a_file_keeps_the_first(db: SqliteDatabase, tmp_path: Path):
    report = run(db, tmp_path, GOOD, {**GOOD, "subject": "Another"})
    assert [(r.line, r.problem.key) for r in report.remarks] == [(2, "import.number_repeated")]
    assert [row["subject"] for row in contents(db)] == ["Collar lost"]


def test_a_request_filed_here_is_never_overwritten(db: SqliteDatabase, tmp_path: Path):
    take_over(db, number=1, subject="Filed here", requester=None)
    db.execute("UPDATE tickets SET source_hash = NULL, came_hash = NULL")
    report = run(db, tmp_path, GOOD, {**GOOD, "number": 2})
    assert [(r.line, r.problem.key) for r in report.remarks] == [(1, "import.number_taken")]
    assert [row["subject"] for row in contents(db)] == ["Filed here", "Collar lost"]


def test_the_next_request_is_numbered_above_the_past_but_not_above_foreign_numbers(
    db: SqliteDatabase, tmp_path: Path
):
    def counter() -> int:
        return int(db.query("SELECT value FROM counters WHERE name = 'ticket'")[0]["value"])

    run(db, tmp_path, {**GOOD, "number": 7})
    assert counter() == 1000
    run(db, tmp_path, {**GOOD, "number": 53_000}, {**GOOD, "number": 1_000_000_007})
    assert counter() == 53_000


def test_what_is_unknown_is_made_but_nobody_gets_an_account(
    db: SqliteDatabase, tmp_path: Path, cast: Cast
):
    people_before = db.query("SELECT COUNT(*) AS n FROM people")
    run(
        db,
        tmp_path,
        {
            **GOOD,
            "organisation": "Initech SA",
            "product": "TPS Report",
            "requester": "p@initech.example",
        },
    )
    made = db.query("SELECT slug, name, contract_starts FROM organisations WHERE slug LIKE 'ini%'")
    assert made == [{"slug": "initech-sa", "name": "Initech SA", "contract_starts": None}]
    ticket = tickets.find_number(db, cast.dan, 1)
    assert (ticket.product, ticket.product_name) == ("tps-report", "TPS Report")
    assert (ticket.requester, ticket.requester_id) == ("p@initech.example", None)
    assert db.query("SELECT COUNT(*) AS n FROM people") == people_before


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("Le collier n'apparaît plus dans la liste", None, "fr"),
        ("The collar is no longer in the list of the herd", None, "en"),
        ("The collar is no longer in the list of the herd", "fr", "fr"),
        ("The collar is no longer in the list of the herd", "fr-CA", "fr"),
        ("The collar is no longer in the list of the herd", "de", "en"),
    ],
)
def test_the_language_is_what_the_source_says_else_what_the_text_is_in(
    db: SqliteDatabase, tmp_path: Path, text: str, given: str | None, expected: str
):
    run(db, tmp_path, {**GOOD, "subject": text, "description": text, "language": given})
    assert contents(db)[0]["language"] == expected


def test_moments_are_kept_in_utc_and_guessed_from_the_messages(db: SqliteDatabase, tmp_path: Path):
    said = [{"body": "b", "at": "2026-02-03T10:00:00+02:00"}, {"body": "a", "at": "2026-02-01"}]
    run(db, tmp_path, {**GOOD, "created_at": None, "messages": said})
    row = db.query("SELECT created_at, updated_at FROM tickets")[0]
    assert row == {"created_at": "2026-02-01T00:00:00Z", "updated_at": "2026-02-03T08:00:00Z"}
    bodies = [r["body"] for r in db.query("SELECT body FROM messages ORDER BY position")]
    assert bodies == ["a", "b"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_means_the_same_as_json_lines(
    db: SqliteDatabase, tmp_path: Path, cast: Cast, delimiter: str
):
    record = {
        **GOOD,
        "description": 'Two\nlines, "quoted"; and more',
        "cc": "bob@acme.example, chloe@globex.example",
        "confidential": "true",
        "messages": json.dumps(
            [{"author": "dan@support.example", "body": "Réglé", "solution": True}]
        ),
    }
    table = io.StringIO()
    writer = csv.DictWriter(table, list(record), delimiter=delimiter)
    writer.writeheader()
    writer.writerow(record)
    writer.writerow({**record, "number": 2, "confidential": "", "messages": "", "cc": ""})
    report = run(db, tmp_path, "\ufeff" + table.getvalue(), name="t.csv")
    assert (report.created, report.remarks) == (2, [])
    ticket = tickets.find_number(db, cast.bob, 1)
    assert ticket.description == 'Two\nlines, "quoted"; and more'
    assert [(m.body, m.solution) for m in ticket.messages] == [("Réglé", True)]
    assert run(db, tmp_path, {**record, "cc": record["cc"].split(", ")}).unchanged == 1


def test_a_broken_row_of_a_table_is_said_and_the_next_one_read(db: SqliteDatabase, tmp_path: Path):
    rows = [
        b"number,subject,status,created_at",
        b"1,One,solved,2026-01-01",
        b"2,Two,solved",
        b'3,"Th"ree,solved,2026-01-01',
        b"4,F\xe9vrier,solved,2026-01-01",
        b"",
        "5,Fünf,solved,2026-01-01".encode(),
    ]
    report = run(db, tmp_path, *rows, name="t.csv")
    assert [(r.line, r.problem.key) for r in report.remarks] == [
        (3, "import.wrong_columns"),
        (4, "import.not_csv"),
        (5, "import.not_utf8"),
    ]
    assert [row["number"] for row in contents(db)] == [1, 5]


def test_a_table_that_a_french_excel_saved_is_taken_in(db: SqliteDatabase, tmp_path: Path):
    rows = [
        "number;subject;status;created_at;updated_at",
        "1;Pompe arrêtée;solved;05/03/2024 07:40;05/07/24 8:00:30",
        "2;Été d’août;solved;31/02/2024;",
    ]
    report = run(db, tmp_path, *(row.encode("cp1252") for row in rows), name="t.csv")
    assert [(r.line, r.refused, r.problem.key) for r in report.remarks] == [
        (2, False, "import.read_as_windows"),
        (3, True, "import.impossible_date"),
    ]
    (row,) = db.query("SELECT subject, created_at, updated_at FROM tickets")
    assert tuple(row.values()) == (
        "Pompe arrêtée",
        "2024-03-05T06:40:00Z",
        "2024-07-05T06:00:30Z",
    )


def test_an_empty_file_is_no_mistake(db: SqliteDatabase, tmp_path: Path):
    assert run(db, tmp_path, "").read == 0
    assert run(db, tmp_path, "\ufeff\n\n").read == 0
    assert run(db, tmp_path, "", name="t.csv").read == 0


def test_the_report_hears_every_remark_but_keeps_the_first_ones(db: SqliteDatabase, tmp_path: Path):
    heard: list[int] = []
    path = tmp_path / "t.jsonl"
    path.write_text("{\n" * 1500)
    report = importing.run(db, path, report=Report(tell=lambda remark: heard.append(remark.line)))
    assert report.refused == len(heard) == 1500
    assert len(report.remarks) == 1000


def test_progress_counts_the_bytes_to_the_end(db: SqliteDatabase, tmp_path: Path):
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps({**GOOD, "number": n}) + "\n" for n in range(1, 2502)))
    positions: list[int] = []
    importing.run(db, path, progress=positions.append)
    assert positions == sorted(positions)
    assert len(positions) == 3
    assert positions[-1] == path.stat().st_size


def test_killed_at_any_moment_and_run_again_it_ends_the_same(
    db: SqliteDatabase, tmp_path: Path, empty_database: Path
):
    path = tmp_path / "t.jsonl"
    said = [{"body": "An answer", "author": "dan@support.example"}]
    path.write_text(
        "".join(
            json.dumps({**GOOD, "number": n, "product": f"p{n % 7}", "messages": said}) + "\n"
            for n in range(1, 12_001)
        )
    )
    program = (
        "import sys; from pathlib import Path\n"
        "from kbsearch.site.importing import tickets\n"
        "from tests.kit.engines import at\n"
        "tickets.run(at(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    for _ in range(3):
        there = len(contents(db))
        child = subprocess.Popen([sys.executable, "-c", program, address_of(db), str(path)])
        while len(db.query("SELECT 1 FROM tickets LIMIT :n", {"n": there + 1})) == there:
            assert child.poll() is None
            time.sleep(0.005)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        stopped = len(contents(db))
        assert there < stopped < 12_000
        assert stopped % 1000 == 0, "a batch is there as a whole or not at all"

    importing.run(db, path)
    whole = SqliteDatabase(tmp_path / "whole.sqlite3")
    whole.path.write_bytes(empty_database.read_bytes())
    importing.run(whole, path)
    assert contents(db) == contents(whole)
    assert importing.run(db, path).unchanged == 12_000
    revisions = db.query("SELECT COUNT(DISTINCT revision) AS n FROM tickets")
    assert revisions[0]["n"] == 12_000
    whole.close()


def test_the_file_is_never_in_memory_as_a_whole(
    db: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(importing, "BATCH", 10)
    path = tmp_path / "t.jsonl"
    with path.open("w") as target:
        for number in range(1, 201):
            line = {**GOOD, "number": number, "description": f"{number} " * 15_000}
            target.write(json.dumps(line) + "\n")
    tracemalloc.start()
    importing.run(db, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < path.stat().st_size / 2


def test_an_id_cannot_be_guessed_from_another(db: SqliteDatabase):
    first, second = (take_over(db, number=n, requester=None, organisation=None) for n in (1, 2))
    assert len(first) == len(second) == 20
    assert sum(a != b for a, b in zip(first[8:], second[8:], strict=True)) >= 6
    assert len(new_id()) == 16


def test_tags_come_as_a_list_or_as_a_cell_and_go_with_the_next_import(
    db: SqliteDatabase, tmp_path: Path, cast: Cast
):
    def tags_of(number: int) -> tuple[str, ...]:
        return tickets.find_number(db, cast.dan, number).tags

    run(db, tmp_path, {**GOOD, "tags": ["VIP", "à rappeler", "vip", ""]})
    assert tags_of(1) == ("vip", "à_rappeler")
    assert run(db, tmp_path, {**GOOD, "tags": ["à rappeler", "vip"]}).unchanged == 1
    assert run(db, tmp_path, {**GOOD, "tags": []}).updated == 1
    assert tags_of(1) == ()
    assert run(db, tmp_path, GOOD).unchanged == 1, "none is as good as an empty list"
    table = b'number,subject,status,created_at,tags\n2,Lost,solved,2026-01-31,"vip; facture"\n'
    run(db, tmp_path, table, name="t.csv")
    assert tags_of(2) == ("facture", "vip")


def test_tags_that_cannot_be_kept_cost_no_request(db: SqliteDatabase, tmp_path: Path, cast: Cast):
    report = run(db, tmp_path, {**GOOD, "tags": ["é" * 90, *(f"t{n:03}" for n in range(120))]})
    assert report.created == 1
    assert {remark.problem.key for remark in report.remarks} == {
        "import.cut",
        "import.tags_left_out",
    }
    assert len(tickets.find_number(db, cast.dan, 1).tags) == 100
    assert run(db, tmp_path, {**GOOD, "tags": [1]}).refused == 1


def test_what_belongs_to_a_request_comes_with_it(db: SqliteDatabase, tmp_path: Path, cast: Cast):
    """Who has it, what it goes on from and in, what its requester thought of it, its files."""
    (tmp_path / "lamp.png").write_bytes(PNG)
    (tmp_path / "run.exe").write_bytes(b"MZ")
    (tmp_path.parent / "outside.txt").write_text("secret")
    names = ("lamp.png", "run.exe", "gone.txt", "../outside.txt")
    files = [{"name": Path(name).name, "path": name} for name in names]
    whole: dict[str, Any] = {
        **GOOD,
        "requester": "alice@acme.example",
        "assignee": "dan@support.example",
        "follows": 2,
        "merged_into": 3,
        "satisfaction": {"score": "bad", "comment": "Three days."},
        "messages": [{"author": "dan@support.example", "body": "See.", "attachments": files}],
    }
    path = tmp_path / "t.jsonl"
    others = [{**GOOD, "number": 2}, {**GOOD, "number": 3, "assignee": "bob@acme.example"}]
    path.write_text("\n".join(json.dumps(line) for line in [whole, *others]))
    store = FileStore(FolderStorage(tmp_path), "kept")

    report = importing.run(db, path, store=store)
    assert sorted(remark.problem.key for remark in report.remarks) == [
        "attachment.type_refused",
        "import.file_missing",
        "import.file_missing",
    ]
    ticket = tickets.find_number(db, cast.dan, 1)
    assert ticket.assignee_id == cast.dan.person_id
    assert [file.name for file in ticket.messages[0].files] == ["lamp.png"]
    assert path_of(store, ticket.messages[0].files[0].sha256).read_bytes() == PNG
    assert tickets.find_number(db, cast.dan, 3).assignee_id is None  # a customer
    rows = db.query(
        """
        SELECT f.number AS follows, o.number AS merged_into, s.is_good, s.why
        FROM tickets t JOIN tickets f ON f.id = t.follows_id JOIN merges m ON m.ticket_id = t.id
        JOIN tickets o ON o.id = m.into_id JOIN satisfaction s ON s.ticket_id = t.id
        """
    )
    assert rows == [{"follows": 2, "merged_into": 3, "is_good": 0, "why": "Three days."}]
    assert importing.run(db, path, store=store).unchanged == 3
    whole["messages"][0]["attachments"] = []
    path.write_text(json.dumps(whole))
    assert importing.run(db, path, store=store).updated == 1
    assert tickets.find_number(db, cast.dan, 1).messages[0].files == ()
