import json
from pathlib import Path
from typing import Any

import pytest

from kbsearch import people
from kbsearch.access import ANONYMOUS
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import organisations
from kbsearch.people.accounts import sessions as accounts
from kbsearch.site.importing import people as importing
from kbsearch.site.importing.report import Report
from tests.conftest import Cast

EVE = {"email": "eve@initech.example", "name": "Eve Roux", "organisation": "Initech"}


def run(db: SqliteDatabase, tmp_path: Path, *records: dict[str, Any]) -> Report:
    path = tmp_path / "people.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return importing.run(db, path)


def test_people_come_with_their_organisations(db: SqliteDatabase, tmp_path: Path, cast: Cast):
    both = {"email": "Max@Initech.example", "organisations": ["acme", "Initech"], "language": "en"}
    assert run(db, tmp_path, EVE, both).created == 2
    assert people.find(db, "eve@initech.example").organisations == ("initech",)
    max_ = people.find(db, "max@initech.example")
    assert (max_.name, max_.role, max_.language) == ("max", "customer", "en")
    assert max_.organisations == ("acme", "initech")
    assert organisations.find(db, "initech").contract_starts is None


def test_a_second_run_changes_nothing(db: SqliteDatabase, tmp_path: Path):
    run(db, tmp_path, EVE)
    token = accounts.open_session(db, people.find(db, EVE["email"]).id)
    report = run(db, tmp_path, EVE)
    assert (report.created, report.updated, report.unchanged) == (0, 0, 1)
    assert accounts.viewer_of(db, token) != ANONYMOUS


def test_a_changed_line_changes_what_it_says_and_nothing_else(
    db: SqliteDatabase, tmp_path: Path, cast: Cast
):
    report = run(db, tmp_path, {"email": "bob@acme.example", "name": "Bob D."})
    assert report.updated == 1
    bob = people.find(db, "bob@acme.example")
    assert (bob.name, bob.role, bob.organisations) == ("Bob D.", "customer", ("acme",))
    run(db, tmp_path, {"email": "bob@acme.example", "organisations": []})
    assert people.find(db, "bob@acme.example").organisations == ()


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"email": None}, "import.missing"),
        ({"email": "nobody"}, "person.email_invalid"),
        ({"email": 5}, "import.wrong_type"),
        ({"role": "boss"}, "import.unknown_value"),
        ({"language": "de"}, "import.unknown_value"),
        ({"name": "x" * 201}, "import.too_long"),
        ({"organisation": 5}, "import.wrong_type"),
        ({"organisation": "x" * 201}, "organisation.name_invalid"),
    ],
)
def test_a_bad_line_is_refused_alone_and_leaves_nothing(
    db: SqliteDatabase, tmp_path: Path, wrong: dict[str, Any], problem: str
):
    first, last = ({"email": f"{name}@a.example"} for name in ("first", "last"))
    report = run(db, tmp_path, first, {**EVE, **wrong}, last)
    assert [(r.line, r.problem.key) for r in report.remarks] == [(2, problem)]
    assert report.created == 2
    assert [p.email for p in people.list_all(db)] == ["first@a.example", "last@a.example"]


def test_a_line_that_fails_late_leaves_no_organisation_behind(db: SqliteDatabase, tmp_path: Path):
    two = {"email": "eve@initech.example", "organisations": ["Initech", "x" * 201]}
    assert run(db, tmp_path, two).refused == 1
    assert organisations.list_all(db) == []


def test_a_table_does_as_well(db: SqliteDatabase, tmp_path: Path):
    path = tmp_path / "people.csv"
    path.write_text(
        "email;name;role;organisations\n"
        "eve@initech.example;Ève Roux;customer;Initech,Globex\n"
        "dan@support.example;Dan Leroy;agent;\n",
        encoding="utf-8-sig",
    )
    assert importing.run(db, path).created == 2
    assert people.find(db, "eve@initech.example").organisations == ("globex", "initech")
    assert people.find(db, "dan@support.example").role == "agent"
