"""Help desks of other systems move in: each brings the same small account."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from kbsearch import people, tickets
from kbsearch.access import OPERATOR
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.files.places import attached
from kbsearch.people import PersonFields, organisations, viewers
from kbsearch.site.importing.systems import (
    LeftOut,
    System,
    freescout,
    freshdesk,
    glpi,
    helpscout,
    jira,
    mbox,
    moving_in,
    osticket,
    zammad,
)
from kbsearch.site.importing.systems.moving_in import ArrivalCounts, Move
from kbsearch.site.importing.systems.zendesk import export
from kbsearch.tickets import Ticket, teams
from tests.kit import more_desks, other_desks
from tests.kit.other_desks import Account, Line, letters
from tests.kit.requests import PNG, path_of

EXAMPLES = int(os.environ.get("KBSEARCH_EXAMPLES", "2"))
STAFF = {"dan@support.example", "rita@support.example", "help@support.example"}
Opening = Callable[[Path, str], AbstractContextManager[System]]
OPENINGS: dict[str, Opening] = {
    "zendesk": export.opened,
    "freshdesk": freshdesk.opened,
    "zammad": zammad.opened,
    "freescout": freescout.opened,
    "osticket": osticket.opened,
    "mbox": lambda source, since: mbox.opened(source, STAFF, since),
    "glpi": glpi.opened,
    "jira": jira.opened,
    "helpscout": helpscout.opened,
}
DESKS = {
    **other_desks.DESKS,
    "glpi": more_desks.glpi,
    "jira": more_desks.jira,
    "helpscout": more_desks.helpscout,
}
every_desk = pytest.mark.parametrize("name", DESKS)


def move(
    db: Database, settings: Settings, name: str, source: Path, *, rehearsal: bool = False
) -> tuple[ArrivalCounts, LeftOut]:
    with OPENINGS[name](source, "") as system:
        arrival = moving_in.run(db, system, Move(attached(settings), rehearsal))
    return arrival, system.left_out


def contents(db: Database) -> dict[str, list[dict[str, Any]]]:
    """Everything there is, row by row."""
    return {table: sorted(db.rows(table), key=repr) for table in db.list_tables()}


def accounts_of_a_mailbox(db: Database) -> None:
    """Mail brings requests and no accounts: who wrote it has one here, or gets one later."""
    for email, role in (("alice@acme.example", "customer"), ("dan@support.example", "agent")):
        people.add(db, OPERATOR, PersonFields(email=email, name=email, role=role))


def the_request(db: Database, email: str) -> Ticket:
    """The request about the lamp, as somebody reads it."""
    rows = db.query(
        "SELECT MIN(number) AS n FROM tickets WHERE subject = 'The lamp' AND number <> 303"
    )
    return tickets.find_number(db, viewers.find(db, email), rows[0]["n"])


@every_desk
def test_a_request_comes_as_it_was(db: Database, settings: Settings, tmp_path: Path, name: str):
    arrival, _ = move(db, settings, name, DESKS[name](tmp_path / name, Account()))
    assert [report.refused for report in vars(arrival).values()] == [0, 0, 0, 0]
    if name == "mbox":
        accounts_of_a_mailbox(db)
    seen, whole = (the_request(db, f"{who}.example") for who in ("alice@acme", "dan@support"))
    assert (seen.subject, seen.description.strip()) == ("The lamp", "It blinks.")
    assert [message.body.strip() for message in seen.messages] == ["Try this"]
    assert [message.internal for message in whole.messages] == [True, False]
    assert [message.at for message in whole.messages] == Account().moments()[1:]
    assert [file.name for file in seen.files] == ["lamp.png"]
    assert path_of(attached(settings), seen.files[0].sha256).read_bytes() == PNG
    if name != "mbox":
        dan = viewers.find(db, "dan@support.example")
        assert (whole.team, whole.assignee_id) == ("Lamps", dan.person_id)
        assert [team.members for team in teams.list_all(db, dan) if team.name == "Lamps"] == [
            (dan.person_id,)
        ]
    tasks = db.query("SELECT DISTINCT kind FROM outbox WHERE channel <> 'webhook'")
    assert tasks == [{"kind": "index.tickets"}], "and no mail"


@every_desk
def test_a_rehearsal_changes_nothing_and_neither_does_a_second_run(
    db: Database, settings: Settings, tmp_path: Path, name: str
):
    source, before = DESKS[name](tmp_path / name, Account()), contents(db)
    rehearsed, _ = move(db, settings, name, source, rehearsal=True)
    assert contents(db) == before
    assert not list((settings.data_path / "files").rglob("[0-9a-f]" * 64))
    arrival, _ = move(db, settings, name, source)
    assert arrival.tickets.created == rehearsed.tickets.created > 0
    after = contents(db)
    again, _ = move(db, settings, name, source)
    assert contents(db) == after
    assert again.tickets.unchanged == arrival.tickets.created


def test_who_is_suspended_later_stays_out_too(db: Database, settings: Settings, tmp_path: Path):
    before, after = (
        DESKS["zendesk"](tmp_path / str(is_suspended), Account(is_suspended=is_suspended))
        for is_suspended in (False, True)
    )
    move(db, settings, "zendesk", before)
    sam = people.find(db, "sam@acme.example")
    assert sam.disabled_at is None
    people.edit(db, OPERATOR, sam, PersonFields(role="agent"))
    _, left_out = move(db, settings, "zendesk", after)
    assert people.find(db, sam.email).disabled_at is None, "who works here moved in before"
    assert left_out.counts["import.suspended_kept_open"] == 1
    people.edit(db, OPERATOR, sam, PersonFields(role="customer"))
    move(db, settings, "zendesk", after, rehearsal=True)
    assert people.find(db, sam.email).disabled_at is None
    assert move(db, settings, "zendesk", after)[0].people.updated == 1
    assert people.find(db, sam.email).disabled_at
    move(db, settings, "zendesk", before)
    assert people.find(db, sam.email).disabled_at, "what was closed is not opened"
    people.enable(db, OPERATOR, sam)
    arrival, left_out = move(db, settings, "zendesk", after)
    assert people.find(db, sam.email).disabled_at is None, "somebody here said otherwise"
    assert (arrival.people.updated, left_out.counts["import.suspended_kept_open"]) == (0, 1)


REASONS = {
    "zendesk": {"person_suspended": 1},
    "freshdesk": {
        "agent_restricted": 1, "file_missing": 1, "person_deleted": 1, "person_suspended": 2,
        "person_without_address": 1, "status_unknown": 1, "ticket_spam": 1,
    },
    "zammad": {
        "agent_restricted": 1, "merge_unknown": 1, "person_suspended": 2,
        "person_without_address": 1, "ticket_deleted": 1,
    },
    "freescout": {
        "agent_restricted": 1, "person_suspended": 2, "ticket_deleted": 1, "ticket_spam": 1,
    },
    "osticket": {"agent_restricted": 1, "person_suspended": 2, "ticket_deleted": 1},
    "mbox": {},
    "glpi": {
        "agent_restricted": 1, "file_missing": 1, "person_suspended": 2,
        "person_without_address": 1, "ticket_deleted": 1,
    },
    "jira": {"file_missing": 1, "person_suspended": 1},
    "helpscout": {"person_without_address": 1, "ticket_deleted": 1, "ticket_spam": 1},
}  # fmt: skip
NAMES = {
    "zendesk": {"macros": ["Ask for the lot"]},
    "freshdesk": {"canned_responses": ["Ask for the lot"]},
    "zammad": {"macros": ["Ask for the lot"]},
    "freescout": {"companies": ["Acme"], "saved_replies": ["Ask for the lot"]},
    "osticket": {"faq": ["Why does it blink?"], "tasks": ["77"]},
    "mbox": {},
    "glpi": {"knowbaseitems": ["Why does it blink?"]},
    "jira": {"automation": ["Close what is old"]},
    "helpscout": {"workflows": ["Ask for the lot"]},
}


@every_desk
def test_what_does_not_come_is_said(db: Database, settings: Settings, tmp_path: Path, name: str):
    _, left_out = move(db, settings, name, DESKS[name](tmp_path / name, Account()))
    counts = {key.removeprefix("import."): count for key, count in left_out.counts.items()}
    assert counts == REASONS[name]
    assert left_out.names == NAMES[name]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for each example."""
    root = tmp_path_factory.mktemp("places")

    def folders() -> Iterator[Path]:
        number = 0
        while True:
            number += 1
            yield root / str(number)

    return folders()


said = st.builds(
    lambda place, by_dan, is_note: Line(f"w{place}", by_dan or is_note, is_note),
    st.integers(0, 99),
    st.booleans(),
    st.booleans(),
)


@every_desk
@examples(max_examples=EXAMPLES, phases=[Phase.generate])
@given(lines=st.lists(said, min_size=1, max_size=6), is_suspended=st.booleans())
def test_nothing_that_was_closed_is_opened(
    scratch: SqliteDatabase,
    places: Iterator[Path],
    name: str,
    lines: list[Line],
    is_suspended: bool,
):
    folder = next(places)
    if name == "freshdesk":  # a description is no note there
        lines = [Line("It blinks."), *lines]
    lines = [
        Line(f"{line.words} {n}", line.by_dan, line.is_internal) for n, line in enumerate(lines)
    ]
    source = DESKS[name](folder / "source", Account(tuple(lines), is_suspended))
    with pytest.raises(_Undone), scratch.atomic():
        move(scratch, Settings(site=folder), name, source)
        if name == "mbox":
            accounts_of_a_mailbox(scratch)
        elif name != "helpscout":  # which shuts nobody out
            assert bool(people.find(scratch, "sam@acme.example").disabled_at) is is_suspended
        for organisation in organisations.list_all(scratch):
            day = utc_now().date()
            assert not organisations.accepts_requests(organisation, day, Settings(site=folder))
        secrets = [line.words for line in lines if line.is_internal]
        try:
            seen = the_request(scratch, "alice@acme.example")
        except NotFound:
            seen = None  # nothing in it was for her
        shown = [seen.description, *(m.body for m in seen.messages)] if seen else []
        assert not [words for words in secrets if words in [text.strip() for text in shown]]
        public = [line.words for line in lines if not line.is_internal]
        if seen:
            assert [text.strip() for text in shown if text.strip()] == public
        raise _Undone


class _Undone(Exception):
    """Takes an example back."""


@pytest.mark.parametrize(
    ("name", "answers"), [("zendesk", {"numero_de_lot": "12"}), ("freshdesk", {"cf_lot": "12"})]
)
def test_answers_to_fields_of_an_account_come(
    db: Database, settings: Settings, tmp_path: Path, name: str, answers: dict[str, str]
):
    move(db, settings, name, DESKS[name](tmp_path / name, Account()))
    rows = db.query("SELECT fields FROM tickets WHERE number = 301")
    assert json.loads(rows[0]["fields"]) == answers


def test_a_company_that_is_refused_opens_nothing(db: Database, settings: Settings, tmp_path: Path):
    folder = DESKS["freshdesk"](tmp_path / "f", Account())
    page = folder / "api/v2/companies.json"
    page.write_text(json.dumps([{"id": 7001, "name": "Ac\u200bme"}]))
    arrival, _ = move(db, settings, "freshdesk", folder)
    assert (arrival.organisations.refused, arrival.people.refused) == (1, 0)
    assert people.find(db, "alice@acme.example").organisations == ()
    assert organisations.list_all(db) == []
    assert db.query("SELECT organisation_id FROM tickets WHERE number = 301") == [
        {"organisation_id": None}
    ]


def test_a_contract_that_lasts_is_one(db: Database, settings: Settings, tmp_path: Path):
    source = DESKS["freshdesk"](tmp_path / "f", Account(contract_ends="2031-01-01T00:00:00Z"))
    move(db, settings, "freshdesk", source)
    assert organisations.find(db, "acme").contract_ends == "2031-01-01"


def test_the_export_of_a_freshdesk_account_comes_too(
    db: Database, settings: Settings, tmp_path: Path
):
    folder = tmp_path / "export"
    folder.mkdir()
    note = {"id": 5, "body": "Only for us", "body_html": "<p>Only for us</p>", "private": True}
    note |= {"user_id": 9005, "created_at": "2026-01-05T09:00:00+01:00"}
    ticket = {"id": 990, "display_id": 301, "subject": "The lamp", "description": "It *blinks*."}
    ticket |= {"description_html": "<p>It <b>blinks</b>.</p>", "status": 2, "priority": 1}
    ticket |= {"requester_id": 9001, "created_at": "2026-01-05T08:00:00+01:00", "source": 3}
    ticket |= {"cc_email": {"cc_emails": ["zoe@other.example"]}, "tags": [{"name": "lamp"}]}
    ticket |= {"helpdesk_notes": [note, {**note, "id": 6, "private": False}]}
    user = {"id": 9001, "name": "Alice", "email": "alice@acme.example", "customer_id": 7001}
    agent = {"id": 9005, "name": "Dan", "email": "dan@support.example", "helpdesk_agent": True}
    for name, objects in {
        "Tickets0": [{"helpdesk_ticket": ticket}],
        "Users0": [{"user": user}, {"user": agent}],
        "Companies0": [{"company": {"id": 7001, "name": "Acme"}}],
        "Agents0": [{"agent": {"id": 1, "user_id": 9005, "ticket_scope": 1, "user": agent}}],
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(objects))
    move(db, settings, "freshdesk", folder)
    seen, whole = (the_request(db, f"{who}.example") for who in ("alice@acme", "dan@support"))
    assert (seen.number, seen.description) == (301, "It **blinks**.")
    assert len(seen.messages) == 1 and len(whole.messages) == 2
    assert [copy.email for copy in seen.copies] == ["zoe@other.example"]


def test_answers_of_the_api_of_glpi_come_too(db: Database, settings: Settings, tmp_path: Path):
    folder = tmp_path / "answers"
    folder.mkdir()
    ticket = {"id": 301, "name": "The lamp", "content": "&lt;p&gt;It &lt;b&gt;blinks&lt;/b&gt;."}
    ticket |= {"status": 6, "date": "2026-01-05 08:00:00", "closedate": "2026-01-06 08:00:00"}
    note = {"id": 1, "itemtype": "Ticket", "items_id": 301, "content": "Ours", "is_private": 1}
    told = {**note, "id": 2, "content": "Theirs", "is_private": 0}
    answers: dict[str, list[Any]] = {
        "Ticket": [ticket],
        "ITILFollowup": [note, {**told, "date": "2026-01-05 09:00:00"}, {**note, "id": 3}],
        "ITILSolution": [{**told, "id": 1, "content": "&lt;p&gt;A new bulb"}],
        "Ticket_User": [{"id": 1, "tickets_id": 301, "users_id": 11, "type": 1}],
        "User": [{"id": 11, "firstname": "Alice", "is_active": 1}],
        "UserEmail": [{"id": 1, "users_id": 11, "email": "alice@acme.example"}],
        "Computer": [{"id": 1, "name": "PC-12"}],
    }
    for name, rows in answers.items():
        (folder / f"{name}.json").write_text(json.dumps(rows))
    _, left_out = move(db, settings, "glpi", folder)
    seen = the_request(db, "alice@acme.example")
    assert (seen.status, seen.description) == ("closed", "It **blinks**.")
    assert sorted(message.body for message in seen.messages) == ["A new bulb", "Theirs"]
    assert left_out.names == {"computer": ["PC-12"]}


def test_what_jira_keeps_in_its_own_ways(db: Database, settings: Settings, tmp_path: Path):
    """Numbers of several projects, words of older versions, files and notes of agents."""
    source = DESKS["jira"](tmp_path / "jira", Account())
    page = source / "rest/api/3/search.json"
    issue = json.loads(page.read_text())["issues"][0]
    dan = issue["fields"]["assignee"]
    words = [
        {"type": "heading", "attrs": {"level": 2}, "content": [{"type": "text", "text": "Why"}]},
        {"type": "bulletList", "content": [{"type": "listItem", "content": [
            {"type": "text", "text": "<b>", "marks": [{"type": "strong"}]}]}]},
        {"type": "paragraph", "content": [{"type": "mention", "attrs": {"text": "@Dan"}},
            {"type": "hardBreak"}, {"type": "inlineCard", "attrs": {"url": "https://a.example"}}]},
        {"type": "unheard", "content": [{"type": "text", "text": "of"}]},
    ]  # fmt: skip
    other = {**issue, "id": "12", "key": "DESK-301", "fields": {**issue["fields"]}}
    other["fields"] |= {"project": {"key": "DESK"}, "summary": "Other", "assignee": None}
    other["fields"] |= {"description": {"type": "doc", "content": words}}
    other["fields"]["attachment"] = [{**issue["fields"]["attachment"][0], "author": dan}]
    other["fields"]["comment"] = {"comments": [{"id": "9", "author": dan, "body": "*old*"}]}
    hidden = {**other, "id": "13", "key": "DESK-302", "fields": {**other["fields"]}}
    hidden["fields"] |= {"security": {"id": "1"}, "summary": "Hidden"}
    page.write_text(json.dumps({"issues": [issue, other, hidden]}))
    _, left_out = move(db, settings, "jira", source)
    assert left_out.counts["import.agent_restricted"] == 1
    alice = viewers.find(db, "alice@acme.example")
    numbers = {row["subject"]: row["number"] for row in db.query("SELECT * FROM tickets")}
    seen = tickets.find_number(db, alice, numbers["Other"])
    assert "## Why\n\n- **\\<b>**" in seen.description and "<https://a.example>" in seen.description
    assert "of" in seen.description and (seen.messages, seen.files) == ((), ())
    with pytest.raises(NotFound):
        tickets.find_number(db, alice, numbers["Hidden"])


def test_broken_sources_are_said_and_stop_nothing(db: Database, settings: Settings, tmp_path: Path):
    strange: list[Any] = [None, [], {}, {"id": None}, {"id": 10**40, "status": []}, {"id": "x"}]
    for name in ("freshdesk", "zammad"):
        folder = DESKS[name](tmp_path / name, Account())
        version = "v2" if name == "freshdesk" else "v1"
        (folder / f"api/{version}/tickets.page9.json").write_text(json.dumps(strange))
        (folder / f"api/{version}/users.page9.json").write_text(json.dumps(strange))
        (folder / "torn.json").write_text("[{")
        _, left_out = move(db, settings, name, folder)
        assert left_out.counts["import.not_json"] == 1
    for name in ("freescout", "osticket"):
        path = next((tmp_path / f"sql-{name}").glob("*.sql"), None) or DESKS[name](
            tmp_path / f"sql-{name}", Account()
        )
        sql = next(path.glob("*.sql")) if path.is_dir() else path
        text = sql.read_bytes().replace(b"UNLOCK", b"INSERT INTO `users` VALUES (1,'x\nUNLOCK", 1)
        sql.write_bytes(text + b"INSERT INTO `a` VALUES (1,(")
        _, left_out = move(db, settings, name, path)
        assert left_out.counts["import.not_sql"] >= 1
    (tmp_path / "none").mkdir()
    with pytest.raises(NotFound):
        move(db, settings, "osticket", tmp_path / "none")


def test_a_folder_of_mails_and_what_ties_them(db: Database, settings: Settings, tmp_path: Path):
    """A subject alone ties nothing: another customer's mail is another request."""
    folder = tmp_path / "mails"
    folder.mkdir()
    for place, mail in enumerate(letters(Account())):
        (folder / f"{place}.eml").write_bytes(bytes(mail))
    (other,) = letters(Account((Line("Mine blinks too."),)))
    other.replace_header("From", "zoe@other.example")
    other.replace_header("Message-ID", "<9@other.example>")
    other.replace_header("Date", "no date")
    (folder / "9.eml").write_bytes(bytes(other))
    (folder / "empty.eml").write_bytes(b"")
    move(db, settings, "mbox", folder)
    rows = db.query("SELECT requester_email, status, message_id FROM tickets ORDER BY message_id")
    assert [tuple(row.values()) for row in rows if row["message_id"]] == [
        ("alice@acme.example", "solved", "0@acme.example"),
        ("zoe@other.example", "open", "9@other.example"),
    ]
