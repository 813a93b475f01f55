"""Teams taken in from a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from kbsearch.database import Database
from kbsearch.site.importing import teams as importing
from kbsearch.site.importing import tickets
from kbsearch.site.importing.lines import Line
from kbsearch.site.importing.report import Report
from kbsearch.tickets import find, find_number, teams
from kbsearch.tickets.teams import TeamFields
from tests.conftest import Cast, take_over

pytestmark = pytest.mark.both_engines
HERDS = {"name": "Herds", "members": ["Dan@support.example"], "products": ["icownect"]}


def run(db: Database, tmp_path: Path, *records: dict[str, Any]) -> Report:
    path = tmp_path / "teams.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return importing.run(db, path)


def test_teams_come_with_their_members_and_products(db: Database, tmp_path: Path, cast: Cast):
    rest = {"name": "Rest", "way": "least_busy", "products": ["New one"], "archived": True}
    report = run(db, tmp_path, HERDS, rest)
    assert (report.created, report.remarks) == (2, [])
    herds, other = teams.list_all(db, cast.dan)
    assert (herds.members, herds.products) == ((cast.dan.person_id,), ("icownect",))
    assert (other.way, other.products) == ("least_busy", ("new-one",)) and other.archived_at
    again = run(db, tmp_path, HERDS, rest)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 2)
    changed = run(db, tmp_path, {"name": "HERDS", "way": "least_busy"}, {**rest, "archived": False})
    assert changed.updated == 2
    herds = teams.find_name(db, cast.dan, "herds")
    assert (herds.way, herds.members) == ("least_busy", (cast.dan.person_id,)), "what is not said"
    assert teams.find_name(db, cast.dan, "rest").archived_at is None


def test_what_is_wrong_is_said_and_leaves_nothing(db: Database, tmp_path: Path, cast: Cast):
    members = ["alice@acme.example", "nobody@x.example", "no address", "dan@support.example"]
    report = run(
        db,
        tmp_path,
        {"name": "Herds", "members": members},
        {"members": []},
        {"name": "x" * 61},
        {"name": "Other", "way": "by lot"},
        {"name": "Other", "members": {"a": 1}},
    )
    assert (report.created, report.altered, report.refused) == (1, 3, 4)
    (team,) = teams.list_all(db, cast.dan)
    assert team.members == (cast.dan.person_id,)


def test_a_request_of_a_team_that_is_not_here_comes_without(db: Database, cast: Cast):
    ticket_id, report = take_over(db), Report()
    values = {"number": 78, "subject": "Fence", "status": "open", "created_at": "2026-01-31T09:00Z"}
    tickets.take_in(db, [Line(1, 0, {**values, "team": "Herds"})], report)
    assert [remark.problem.key for remark in report.remarks] == ["import.team_unknown"]
    teams.add(db, cast.root, TeamFields("Herds"))
    tickets.take_in(db, [Line(1, 0, {**values, "team": " HERDS", "subject": "Gate"})], report)
    assert find_number(db, cast.dan, 78).team == "Herds"
    assert find(db, cast.dan, ticket_id).team is None
