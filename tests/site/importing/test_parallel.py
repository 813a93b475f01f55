"""The old help desk still runs: what goes on here is ours, and both sides can be compared."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kbsearch import tickets
from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.files import places
from kbsearch.people import viewers
from kbsearch.site.importing.systems import comparing, moving_in
from kbsearch.site.importing.systems.comparing import BothSides
from kbsearch.site.importing.systems.moving_in import ArrivalCounts, Move
from kbsearch.site.importing.systems.zendesk import export
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit import zendesk_export
from tests.kit.requests import file


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "export"
    zendesk_export.pages(folder)
    return folder


def move(db: Database, settings: Settings, source: Path) -> ArrivalCounts:
    with export.opened(source) as system:
        return moving_in.run(db, system, Move(places.attached(settings)))


def both(db: Database, source: Path) -> BothSides:
    with export.opened(source) as system:
        return comparing.compare(db, system)


def change(source: Path, number: int, **values: Any) -> None:
    later = zendesk_export.ticket(number, updated_at="2026-02-01T08:00:00Z", **values)
    zendesk_export.put(source, f"incremental/tickets/cursor.page{number}.json", tickets=[later])


def test_what_was_answered_here_since_stays_and_conflicts_are_listed(
    db: Database, settings: Settings, source: Path
):
    move(db, settings, source)
    dan = viewers.find(db, "dan@support.example")
    ticket = tickets.find_number(db, dan, 301)
    replies.reply(db, dan, ticket, ReplyForm(new_id(), "Ours", status="solved"))
    again = move(db, settings, source)
    assert (again.tickets.unchanged, again.tickets.refused, again.conflicts) == (5, 0, [])
    change(source, 301, status="open", subject="Theirs")
    change(source, 302, status="closed", subject="Changed there")
    for updated in (1, 0):
        arrival = move(db, settings, source)
        assert (arrival.tickets.updated, arrival.tickets.refused) == (updated, 0)
        assert arrival.conflicts == ["301"]
    ticket = tickets.find_number(db, dan, 301)
    assert (ticket.subject, ticket.status) == ("Request 301", "solved")
    assert ticket.messages[-1].body == "Ours"
    assert tickets.find_number(db, dan, 302).subject == "Changed there"


def test_numbers_there_and_here_do_not_meet(
    db: Database, settings: Settings, source: Path, cast: Cast
):
    change(source, 5000)
    move(db, settings, source)
    assert file(db, cast.alice).number == 6001
    change(source, 5001)
    assert move(db, settings, source).tickets.created == 1
    assert file(db, cast.alice).number == 6002


def test_both_sides_are_compared(db: Database, settings: Settings, source: Path):
    before = both(db, source)
    assert (sum(before.there.values()), before.here, len(before.missing)) == (5, {}, 5)
    move(db, settings, source)
    after = both(db, source)
    assert after.there == after.here and not after.missing
    assert [pair.number for pair in after.pairs] == [301, 302, 303, 305, 306]
    assert [pair.differences for pair in after.pairs] == [[]] * 5
    change(source, 302, status="open", subject="Changed there")
    later = both(db, source)
    assert list(later.rows()) == [
        ("2026-01", "closed", 1, 2),
        ("2026-01", "open", 3, 2),
        ("2026-01", "pending", 1, 1),
    ]
    assert later.pairs[1].differences == ["subject", "status"]


def test_the_comparison_is_a_table_and_a_page(tmp_path: Path, source: Path):
    (tmp_path / "content" / "articles").mkdir(parents=True)
    (tmp_path / "kbsearch.toml").write_text("")
    start = ["-c", str(tmp_path / "kbsearch.toml"), "import", "zendesk", str(source)]
    assert CliRunner().invoke(cli, start).exit_code == 0
    change(source, 301, subject="=<script>alert(1)</script>")
    for name in ("both.csv", "both.html"):
        told = CliRunner().invoke(
            cli, [*start, "--compare", "--json", "--save", str(tmp_path / name)]
        )
        assert told.exit_code == 0, told.output
    value = json.loads(told.stdout)
    assert value["requests"][0]["there"]["subject"].startswith("=<script>")
    table = list(csv.reader((tmp_path / "both.csv").read_text("utf-8-sig").splitlines()))
    assert ["#301", "Subject", "'=<script>alert(1)</script>", "Request 301"] in table
    assert "<script" not in (tmp_path / "both.html").read_text()
    in_words = CliRunner().invoke(cli, [*start, "--compare"], env={"LANG": "en_GB.UTF-8"})
    assert "4 of 5 requests" in in_words.output
    assert CliRunner().invoke(cli, [*start, "--save", "x.csv"]).exit_code == 2
