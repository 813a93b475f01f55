"""Any table moves in, by a map of its columns that is guessed or written."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kbsearch import tickets
from kbsearch.cli import cli
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Invalid
from kbsearch.files import places
from kbsearch.people import organisations, viewers
from kbsearch.site.importing import lines
from kbsearch.site.importing.systems import LeftOut, moving_in, table, table_guess, table_map
from kbsearch.site.importing.systems.moving_in import ArrivalCounts, Move
from kbsearch.site.importing.systems.table_map import TableMap
from tests.conftest import Cast

FRENCH = (
    "N° de ticket;Objet;Statut;Priorité;Client;E-mail;Date de création;Lot;Question\n"
    "301;La lampe;En attente;Urgente;Élan;alice@acme.example;05/01/2026 09:00;12;Elle *clignote*.\n"
    "302;;Inconnu;;;;05/01/2026 10:00;;Une autre question\n"
    ";Sans numéro;Clos;;;;05/01/2026;;\n"
)
MAP = """
rows = "tickets"
[columns]
number = "N° de ticket"
subject = "Objet"
status = "Statut"
severity = "Priorité"
organisation = "Client"
requester = "E-mail"
created_at = "Date de création"
description = "Question"
"fields.lot" = "Lot"
[values.status]
"Inconnu" = "solved"
"""


def move(
    db: Database, settings: Settings, source: Path, columns: TableMap
) -> tuple[ArrivalCounts, LeftOut]:
    with table.opened(source, columns) as system:
        arrival = moving_in.run(db, system, Move(places.attached(settings)))
    return arrival, system.left_out


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "requests.csv"
    path.write_text(FRENCH)
    return path


def test_a_map_says_what_columns_and_words_are(
    db: Database, settings: Settings, cast: Cast, source: Path
):
    columns = table_map.parse(MAP, lines.headings(source))
    arrival, left_out = move(db, settings, source, columns)
    assert (arrival.tickets.created, arrival.tickets.refused) == (2, 0)
    assert left_out.counts == {"import.missing": 1}
    lamp = tickets.find_number(db, viewers.find(db, "alice@acme.example"), 301)
    assert (lamp.subject, lamp.status, lamp.severity) == ("La lampe", "pending", "blocking")
    assert (lamp.created_at, lamp.description) == ("2026-01-05T08:00:00Z", r"Elle \*clignote\*\.")
    rows = db.query("SELECT number, subject, status, fields FROM tickets ORDER BY number")
    assert [tuple(row.values()) for row in rows] == [
        (301, "La lampe", "pending", '{"lot": "12"}'),
        (302, "Une autre question", "solved", "{}"),
    ]
    elan = organisations.find(db, "elan")
    assert not organisations.accepts_requests(elan, utc_now().date(), settings)
    assert move(db, settings, source, columns)[0].tickets.unchanged == 2


def test_a_map_is_guessed_from_headings(source: Path):
    guessed = table_guess.guess(lines.headings(source))
    assert guessed.columns == {
        "number": "n° de ticket", "subject": "objet", "description": "question",
        "requester": "e-mail", "organisation": "client", "severity": "priorité",
        "status": "statut", "created_at": "date de création",
    }  # fmt: skip
    assert table_map.parse(guessed.as_toml(), lines.headings(source)) == guessed


def test_a_row_may_be_a_message(db: Database, settings: Settings, cast: Cast, tmp_path: Path):
    path = tmp_path / "messages.csv"
    path.write_text(
        "Ticket ID,Subject,Status,Requester email,Author,Message date,Comment,Public\n"
        "301,The lamp,open,alice@acme.example,alice@acme.example,2026-01-05T08:00:00Z,First,TRUE\n"
        "301,The lamp,open,alice@acme.example,dan@support.example,2026-01-05T09:00:00Z,Note,FALSE\n"
        "301,The lamp,open,alice@acme.example,dan@support.example,2026-01-05T09:30:00Z,So,TRUE\n"
    )
    columns = table_guess.guess(lines.headings(path))
    assert columns.rows == "messages"
    move(db, settings, path, columns)
    seen, whole = (tickets.find_number(db, who, 301) for who in (cast.alice, cast.dan))
    assert (seen.description, [m.body for m in seen.messages]) == ("First", ["So"])
    assert [m.internal for m in whole.messages] == [True, False]


YES, NO, UNKNOWN = (
    {"TRUE", "Oui", "1", "x"},
    {"false", "Non", "0"},
    {"maybe", "privé", "yes no", "?"},
)
words = st.sampled_from(sorted({*YES, *NO, *UNKNOWN, ""}))


@given(
    values=st.dictionaries(st.sampled_from(["public", "internal"]), words), is_said=st.booleans()
)
def test_a_message_is_public_only_where_the_table_says_so(values: dict[str, str], is_said: bool):
    is_public = TableMap({}, are_public=is_said).is_public(values)
    if "public" in values:
        assert is_public is (values["public"] in YES)
    elif "internal" in values:
        assert is_public is (values["internal"] in {*NO, ""})
    else:
        assert is_public is is_said


@pytest.mark.parametrize(
    "text",
    ["x", "rows = 3", "[columns]\nnumber = 3", '[columns]\nnumber = "other"', "columns = 3",
     '[columns]\nsubject = "Objet"', '[columns]\nnumber = "Objet"\nwhat = "Objet"',
     'values = 1\n[columns]\nnumber = "Objet"'],
)  # fmt: skip
def test_a_wrong_map_is_refused(source: Path, text: str):
    with pytest.raises(Invalid):
        table_map.parse(text, lines.headings(source))


def test_the_command_guesses_and_takes_over(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KBSEARCH_LANG", "en")
    site = tmp_path / "site"
    (site / "content" / "articles").mkdir(parents=True)
    (site / "kbsearch.toml").write_text("")

    def run(*words: str) -> Any:
        given = ["--config", str(site / "kbsearch.toml"), "import", "csv", str(source), *words]
        return CliRunner().invoke(cli, given)

    (tmp_path / "map.toml").write_text(run("--guess").stdout)
    outcome = json.loads(run("--map", str(tmp_path / "map.toml"), "--dry-run", "--json").stdout)
    assert outcome["tickets"]["created"] == 2
    (tmp_path / "map.toml").write_text("[")
    refused = run("--map", str(tmp_path / "map.toml"))
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)


def test_columns_that_nobody_named_are_known_by_what_stands_in_them():
    sample = [
        {"a": "12", "b": "Alice@acme.example", "c": "05/03/2024 07:40", "d": "Résolu"}
        | {"e": "Urgent", "f": "The lamp blinks", "g": "2"},
        {"a": "13", "b": "bob@acme.example", "c": "2024-03-06", "d": "en cours"}
        | {"e": "basse", "f": "No light at all", "g": "2"},
    ]
    found = table_guess.guess(list("gabcdef"), sample).columns
    assert found == {
        "number": "a",
        "requester": "b",
        "created_at": "c",
        "status": "d",
        "severity": "e",
        "subject": "f",
    }
    named = table_guess.guess(["id", "objet", "f"], [{"id": "x1", "objet": "a b", "f": "c d"}])
    assert named.columns == {"number": "id", "subject": "objet"}, "a heading says more"
    with pytest.raises(Invalid):
        table_guess.guess(["g"], [{"g": "2"}, {"g": "2"}])
