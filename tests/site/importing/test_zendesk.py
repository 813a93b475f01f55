"""A Zendesk moves in: what comes, what does not and why, and that nothing closed is opened."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kbsearch import people, tickets
from kbsearch.access import OPERATOR, Viewer
from kbsearch.cli import cli
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import NotFound
from kbsearch.files import places
from kbsearch.people import organisations, viewers
from kbsearch.site.importing.systems import LeftOut, moving_in
from kbsearch.site.importing.systems.moving_in import ArrivalCounts, Move
from kbsearch.site.importing.systems.zendesk import export
from kbsearch.site.importing.systems.zendesk.conversations import Conversation
from kbsearch.tickets import teams
from tests.kit import zendesk_export
from tests.kit.engines import address_of
from tests.kit.requests import PNG, path_of


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "export"
    zendesk_export.pages(folder)
    return folder


def move(
    db: Database, settings: Settings, source: Path, *, since: str = "", rehearsal: bool = False
) -> tuple[ArrivalCounts, LeftOut]:
    with export.opened(source, since) as system:
        arrival = moving_in.run(db, system, Move(places.attached(settings), rehearsal))
    return arrival, system.left_out


def contents(db: Database) -> dict[str, list[dict[str, Any]]]:
    """Everything there is, row by row."""
    return {table: sorted(db.rows(table), key=repr) for table in db.list_tables()}


def viewer(db: Database, email: str) -> Viewer:
    return viewers.find(db, email)


def test_organisations_people_and_requests_come_as_they_were(
    db: Database, settings: Settings, source: Path
):
    arrival, _ = move(db, settings, source)
    assert arrival.tickets.refused == arrival.people.refused == arrival.organisations.refused == 0
    dan, alice = viewer(db, "dan@support.example"), viewer(db, "alice@acme.example")
    ticket = tickets.find_number(db, alice, 301)
    assert (ticket.subject, ticket.status, ticket.severity) == (
        "Request 301",
        "pending",
        "blocking",
    )
    assert ticket.description == "It **blinks**.\n\n[lamp.png]"  # and no script
    assert [message.body for message in ticket.messages] == ["Try this"]
    assert [file.name for file in ticket.files] == ["lamp.png"]
    assert path_of(places.attached(settings), ticket.files[0].sha256).read_bytes() == PNG
    assert ticket.assignee_id == dan.person_id
    lamps, other = teams.list_all(db, dan)
    assert (lamps.name, lamps.members, lamps.archived_at) == ("Lamps", (dan.person_id,), None)
    assert other.name == "LAMPS (7)" and other.archived_at
    assert tickets.find_number(db, dan, 301).team == "Lamps"
    assert [copy.email for copy in ticket.copies] == ["zoe@other.example"]
    assert [m.internal for m in tickets.find_number(db, dan, 301).messages] == [True, False]
    rows = db.query("SELECT message_id FROM messages WHERE message_id IS NOT NULL")
    assert rows == [{"message_id": zendesk_export.LETTER.strip("<>")}]
    assert [row["tag"] for row in db.query("SELECT tag FROM ticket_tags ORDER BY tag")] == [
        "closed_by_merge",
        "lamp",
        "vip",
    ]
    links = """
        SELECT t.number, f.number AS follows, o.number AS into_number FROM tickets t
        LEFT JOIN tickets f ON f.id = t.follows_id LEFT JOIN merges m ON m.ticket_id = t.id
        LEFT JOIN tickets o ON o.id = m.into_id WHERE t.number IN (303, 306) ORDER BY t.number
        """
    assert [tuple(row.values()) for row in db.query(links)] == [(303, 302, None), (306, None, 302)]
    assert db.query("SELECT is_good, why FROM satisfaction") == [{"is_good": 1, "why": "Thanks"}]


def test_nothing_that_was_closed_is_opened(db: Database, settings: Settings, source: Path):
    move(db, settings, source)
    for email in ("sam@acme.example", "rita@support.example"):
        assert people.find(db, email).disabled_at
    with pytest.raises(NotFound):
        people.find(db, "gone@acme.example")
    alice, zoe = viewer(db, "alice@acme.example"), viewer(db, "zoe@other.example")
    elan, other = organisations.list_all(db)
    assert {elan.name, other.name} == {"Élan", "Elan"}  # two names alike are two organisations
    assert set(people.find(db, alice.email).organisations).isdisjoint(
        people.find(db, zoe.email).organisations
    )
    for organisation in (elan, other):
        assert not organisations.accepts_requests(organisation, utc_now().date(), settings)
    noted = tickets.find_number(db, alice, 303)  # its first words were a note
    assert (noted.subject, noted.description) == ("#303", "")
    assert [message.body for message in noted.messages] == ["An answer"]
    with pytest.raises(NotFound):
        tickets.find_number(db, alice, 305)
    tasks = db.query("SELECT DISTINCT kind FROM outbox WHERE channel <> 'webhook'")
    assert tasks == [{"kind": "index.tickets"}]  # and no mail


def test_what_does_not_come_is_told_by_reason_and_by_name(
    db: Database, settings: Settings, source: Path
):
    before = contents(db)
    arrival, left_out = move(db, settings, source, rehearsal=True)
    assert contents(db) == before
    assert not list((settings.data_path / "files").rglob("[0-9a-f]" * 64))
    assert (arrival.organisations.created, arrival.people.created) == (2, 5)
    assert (arrival.tickets.created, arrival.teams.created) == (5, 2)
    assert left_out.counts == {
        "import.agent_restricted": 1,
        "import.fields_left_out": 1,
        "import.file_missing": 1,
        "import.person_deleted": 1,
        "import.person_suspended": 1,
        "import.person_without_address": 1,
        "import.team_left_out": 1,
        "import.ticket_deleted": 1,
        "import.ticket_private": 1,
    }
    assert left_out.names == {"macros": ["Ask for the lot"], "sla_policies": ["Two hours"]}
    told, _ = move(db, settings, source)
    assert vars(told.tickets)["created"] == 5


def test_once_more_changes_nothing_and_what_goes_on_here_is_ours(
    db: Database, settings: Settings, source: Path
):
    move(db, settings, source)
    alice = people.find(db, "alice@acme.example")
    people.edit(db, OPERATOR, alice, people.PersonFields(name="Alice Durand"))
    before = contents(db)
    arrival, _ = move(db, settings, source)
    assert contents(db) == before
    assert (arrival.tickets.unchanged, arrival.people.unchanged) == (5, 5)
    assert move(db, settings, source, since="2026-01-07T00:00:00Z")[0].tickets.read == 0


def test_no_broken_page_stops_the_others(db: Database, settings: Settings, source: Path):
    strange: list[Any] = [
        None,
        [],
        {},
        {"id": None},
        {"id": 10**40, "status": [], "via": 3},
        {"id": "x"},
    ]
    zendesk_export.put(source, "incremental/tickets/cursor.page3.json", tickets=strange)
    zendesk_export.put(source, "tickets/302/comments.page2.json", comments=strange, users=strange)
    zendesk_export.put(source, "groups.json", groups=None)
    (source / "api" / "v2" / "torn.json").write_text('{"tickets": [{"id"')
    (source / "users.ndjson").write_text('{"id": 1, "email": "a@b.example"}\n{"id"\n')
    arrival, left_out = move(db, settings, source)
    assert arrival.tickets.created == 5
    assert left_out.counts["import.not_json"] == 2
    assert people.find(db, "a@b.example").name == "a"


def test_the_export_of_an_account_comes_too_also_killed_on_the_way(
    settings: Settings, db: Database, tmp_path: Path
):
    folder = tmp_path / "lines"
    zendesk_export.account(folder, count=1200)
    program = (
        "import os, signal, sys; from pathlib import Path;"
        "from kbsearch.config import Settings; from tests.kit.engines import at;"
        "from kbsearch.files import places;"
        "from kbsearch.site.importing.systems import moving_in;"
        "from kbsearch.site.importing.systems.zendesk import export;"
        "s = Settings(site=Path(sys.argv[1])); db = at(sys.argv[3]);"
        "die = lambda count: os.kill(os.getpid(), signal.SIGKILL);"
        "whole = export.opened(Path(sys.argv[2])); system = whole.__enter__();"
        "moving_in.run(db, system, moving_in.Move(places.attached(s)), die)"
    )
    command = [sys.executable, "-c", program, str(settings.site), str(folder), address_of(db)]
    killed = subprocess.run(command)
    assert killed.returncode == -signal.SIGKILL
    assert db.query("SELECT COUNT(*) AS n FROM tickets")[0]["n"] == 1000
    arrival, _ = move(db, settings, folder)
    assert (arrival.tickets.created, arrival.tickets.unchanged) == (200, 1000)
    alice = viewer(db, "alice@acme.example")
    assert tickets.find_number(db, alice, 7).description == "Line one\nline two"


def test_the_command_says_what_came(tmp_path: Path, source: Path):
    site = tmp_path / "site"
    (site / "content" / "articles").mkdir(parents=True)
    (site / "kbsearch.toml").write_text("")
    arguments = ["-c", str(site / "kbsearch.toml"), "import", "zendesk", str(source)]
    rehearsed = CliRunner().invoke(cli, [*arguments, "--dry-run", "--json"])
    assert rehearsed.exit_code == 0, rehearsed.output
    assert json.loads(rehearsed.stdout)["tickets"]["created"] == 5
    told = CliRunner().invoke(cli, arguments, env={**os.environ, "LANG": "en_GB.UTF-8"})
    assert told.exit_code == 0, told.output
    assert "macros: Ask for the lot" in told.output
    refused = CliRunner().invoke(cli, [*arguments, "--since", "soon"])
    assert (refused.exit_code, refused.stdout) == (1, "")


@given(
    st.lists(st.sampled_from([True, False, None, "true", 1]), max_size=6),
    st.sampled_from([True, False, None]),
    st.booleans(),
)
def test_a_note_is_never_said_to_a_customer(flags: list[object], is_public: object, is_ours: bool):
    comments = [
        zendesk_export.comment(place, f"word{place}", public=flag)
        for place, flag in enumerate(flags)
    ]
    ticket = zendesk_export.ticket(1, is_public=is_public, description="word0", subject=None)
    ticket["submitter_id"] = 9005 if is_ours else ticket["requester_id"]
    told = Conversation(Path(), LeftOut(), ticket, comments, {}).told()
    shown = f"{told['description']} {told['subject']}".split()
    shown += [message["body"] for message in told["messages"] if not message["internal"]]
    may_be_seen = {f"word{place}" for place, flag in enumerate(flags) if flag is True}
    may_be_seen |= {"word0"} if not flags and not is_ours else set()
    may_be_seen = set() if is_public is False else may_be_seen
    assert {word for word in shown if word.startswith("word")} == may_be_seen
    notes = [message for message in told["messages"] if message["internal"]]
    assert bool(notes) == ({f"word{n}" for n in range(len(flags) or 1)} != may_be_seen)
