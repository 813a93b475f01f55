"""A live Zendesk moves in: it is asked with care, once, and only what changed the next time."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from kbsearch import tickets
from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Invalid, Unavailable
from kbsearch.files import places
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard
from kbsearch.people import viewers
from kbsearch.site.importing.systems import moving_in
from kbsearch.site.importing.systems.moving_in import ArrivalCounts, Move
from kbsearch.site.importing.systems.zendesk import export
from kbsearch.site.importing.systems.zendesk.account import LiveAccount, origin
from kbsearch.site.importing.systems.zendesk.mirror import Mirror
from tests.kit import zendesk_export
from tests.kit.requests import PNG, path_of
from tests.kit.zendesk_account import CDN, TOKEN, Mood, ZendeskAccount, zendesk_account

OPEN = Guard(Exceptions.of(["127.0.0.0/8", "localhost"]))


@pytest.fixture
def account() -> Iterator[ZendeskAccount]:
    with zendesk_account(5) as running:
        yield running


def mirror(account: ZendeskAccount, folder: Path, waits: list[float] | None = None) -> Mirror:
    pauses = waits if waits is not None else []
    return Mirror(folder, LiveAccount(account.url, TOKEN, OPEN, pauses.append))


def move(db: Database, settings: Settings, folder: Path) -> ArrivalCounts:
    with export.opened(folder) as system:
        return moving_in.run(db, system, Move(places.attached(settings)))


def test_an_account_comes_and_then_only_what_changed(
    account: ZendeskAccount, db: Database, settings: Settings, tmp_path: Path
):
    folder = tmp_path / "mirror"
    closed = mirror(account, folder).fill()
    assert {"groups", "triggers", "slas/policies"} < set(closed), "and it says so"
    arrival = move(db, settings, folder)
    assert (arrival.tickets.created, arrival.tickets.refused) == (5, 0)
    dan = viewers.find(db, "dan@support.example")
    ticket = tickets.find_number(db, dan, 3)
    assert (ticket.description, [m.internal for m in ticket.messages]) == ("It blinks.", [True])
    assert path_of(places.attached(settings), ticket.files[0].sha256).read_bytes() == PNG
    assert account.strangers == [], "the token goes nowhere else"

    account.asked.clear()
    changed = zendesk_export.ticket(3, status="solved", updated_at="2026-01-09T08:00:00Z")
    answer = zendesk_export.comment(50, "<p>Done</p>", author_id=9005)
    account.put(changed, [*account.comments[3], answer])
    mirror(account, folder).fill()
    said = [address for address in account.asked if address.startswith("/api/v2/tickets/")]
    assert {address.split("/")[4] for address in said} == {"3"}
    assert not any(CDN in address for address in account.asked), "a file is fetched once"
    arrival = move(db, settings, folder)
    assert (arrival.tickets.updated, arrival.tickets.unchanged) == (1, 4)
    assert tickets.find_number(db, dan, 3).status == "solved"
    account.asked.clear()
    mirror(account, folder).fill("2026-01-01T00:00:00Z")
    assert any("start_time=1767225600" in address for address in account.asked)


def test_it_is_waited_for_and_asked_again(account: ZendeskAccount, tmp_path: Path):
    torn = Mood(body=b'{"tickets": [{"id": 1, "sub', missing=0)
    account.moods = {
        "/api/v2/incremental/tickets": [Mood(429, {"Retry-After": "37"}), torn],
        "/api/v2/tickets/2/": [Mood(503), Mood(503, {"Retry-After": "7"})],
        CDN: [Mood(body=PNG, missing=3), Mood(body=PNG[:9])],
        "/api/v2/macros": [Mood(headers={"ratelimit-remaining": "0", "ratelimit-reset": "11"})],
    }
    waits: list[float] = []
    mirror(account, tmp_path, waits).fill()
    assert waits == [37, 2, 1, 2, 1, 7, 11]
    assert (tmp_path / "attachments" / "60001" / "lamp.png").read_bytes() == PNG
    assert not (tmp_path / "unfinished.txt").exists()


def test_what_never_comes_stops_it_and_a_file_does_not(account: ZendeskAccount, tmp_path: Path):
    account.moods = {CDN: [Mood(500)] * 3 + [Mood(404)]}
    mirror(account, tmp_path).fill()
    assert (tmp_path / "unfinished.txt").read_text() == "1"
    assert sorted(path.name for path in (tmp_path / "attachments").iterdir()) == [
        "60003",
        "60004",
        "60005",
    ]
    account.moods = {"/api/v2/incremental/users": [Mood(502)] * 10}
    with pytest.raises(Unavailable):
        mirror(account, tmp_path).fill()
    assert (tmp_path / "attachments" / "60001" / "lamp.png").read_bytes() == PNG, "asked again"
    account.moods = {"/api/v2/incremental/users": [Mood(429, {"Retry-After": "86400"})]}
    with pytest.raises(Unavailable, match="account_waits.*86400"):
        mirror(account, tmp_path).fill()
    no_more = {"ratelimit-remaining": "0", "ratelimit-reset": "7000000"}
    account.moods = {"/api/v2/macros": [Mood(headers=no_more)]}
    with pytest.raises(Unavailable, match="account_waits.*7000000"):
        mirror(account, tmp_path).fill()


def test_half_of_what_was_said_is_not_taken_for_the_whole(account: ZendeskAccount, tmp_path: Path):
    page = json.dumps(account.page("tickets/2/comments", {})).encode()
    begun = [Mood(body=page), Mood(422)]
    account.moods = {"/api/v2/tickets/1/": [Mood(404)], "/api/v2/tickets/2/": begun}
    mirror(account, tmp_path).fill()
    place = tmp_path / "api" / "v2" / "tickets"
    assert json.loads((place / "1" / "comments.json").read_bytes())["comments"] == []
    assert not (place / "2" / "comments.json").exists()
    mirror(account, tmp_path).fill()
    assert len(json.loads((place / "2" / "comments.json").read_bytes())["comments"]) == 2
    assert (tmp_path / "unfinished.txt").read_text() == ""


def test_a_place_that_is_forgotten_is_found_by_its_moment(account: ZendeskAccount, tmp_path: Path):
    mirror(account, tmp_path).fill()
    account.moods = {"/api/v2/incremental/tickets": [Mood(422)]}
    account.asked.clear()
    mirror(account, tmp_path).fill()
    moment = "start_time=1767686399"  # a second before the last change
    assert [moment in address for address in account.asked[:2]] == [False, True]
    assert not any("/api/v2/tickets/" in address for address in account.asked)


@pytest.mark.parametrize("url", ["http://10.0.0.1", "https://127.0.0.2:1", "ftp://x", "https://"])
def test_it_is_no_way_into_this_network(url: str):
    with pytest.raises(Invalid):
        origin(url, Guard())


def test_no_redirect_leads_into_this_network(account: ZendeskAccount, tmp_path: Path):
    places = ("http://10.0.0.1/x", "file:///etc/passwd", "http://0x7f.1:1/", "")
    account.moods = {"/attachments/token/": [Mood(302, {"Location": to}) for to in places]}
    mirror(account, tmp_path).fill()
    assert [path.name for path in (tmp_path / "attachments").iterdir()] == ["60005"]


def test_killed_on_the_way_it_goes_on_where_it_was(account: ZendeskAccount, tmp_path: Path):
    account.per_page = 100
    account.furnish(15)
    program = (
        "import os, signal, sys; from pathlib import Path;"
        "from kbsearch.messages.delivery.guarded_http import Exceptions, Guard;"
        "from kbsearch.site.importing.systems.zendesk.account import LiveAccount;"
        "from kbsearch.site.importing.systems.zendesk.mirror import Mirror;"
        "die = lambda count: os.kill(os.getpid(), signal.SIGKILL);"
        "guard = Guard(Exceptions.of(['127.0.0.0/8', 'localhost']));"
        "live = LiveAccount(sys.argv[1], sys.stdin.readline().strip(), guard);"
        "Mirror(Path(sys.argv[2]), live, die).fill()"
    )
    command = [sys.executable, "-c", program, account.url, str(tmp_path)]
    killed = subprocess.run(command, input=TOKEN.encode())
    assert killed.returncode == -signal.SIGKILL
    mirror(account, tmp_path).fill()
    counts = Counter(urls.partition("?")[0] for urls in account.asked if "after" not in urls)
    again = {address for address, count in counts.items() if count > 1}
    assert again == {"/api/v2/incremental/tickets/cursor.json", CDN}, "only the page it was on"
    assert counts[CDN] == 15


def test_the_command_reads_the_token_from_standard_input(account: ZendeskAccount, tmp_path: Path):
    (tmp_path / "content" / "articles").mkdir(parents=True)
    (tmp_path / "kbsearch.toml").write_text('webhook_private_targets = ["127.0.0.1", "localhost"]')
    start = ["-c", str(tmp_path / "kbsearch.toml"), "import", "zendesk"]
    arguments = [*start, "--url", account.url]
    environment = {**os.environ, "LANG": "en_GB.UTF-8"}
    told = CliRunner().invoke(cli, arguments, input=f"{TOKEN}\n", env=environment)
    assert told.exit_code == 0, told.output
    assert "5 read: 5 created" in told.output and "macros: Ask for the lot" in told.output
    assert "5ecret" not in told.output
    wrong = CliRunner().invoke(cli, arguments, input="other\n", env=environment)
    assert wrong.exit_code == 1 and "token" in wrong.output
    for refused in (start, [*start, str(tmp_path / "none")], [*start, "--url", "https://10.0.0.1"]):
        assert CliRunner().invoke(cli, refused, input="x\n").exit_code in (1, 2)
    assert CliRunner().invoke(cli, arguments, input="").exit_code == 1
