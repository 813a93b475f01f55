import itertools
import os
from collections.abc import Callable
from dataclasses import replace

import pytest

from kbsearch import outbox, people, tickets
from kbsearch.access import OPERATOR, Viewer
from kbsearch.clock import stored
from kbsearch.config import Settings
from kbsearch.database import Busy, Database
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Full, NotFound
from kbsearch.files import places
from kbsearch.messages.incoming import mails, parsing, taking
from kbsearch.messages.incoming.mails import Mail
from kbsearch.messages.incoming.taking import Envelope, Taken
from kbsearch.messages.notifications import answers, reply_addresses
from kbsearch.people import PersonFields, organisations
from kbsearch.people.organisations import OrganisationFields
from kbsearch.tickets import Ticket
from kbsearch.tickets.conversation import lifecycle
from tests.conftest import Cast, take_over
from tests.kit import mail as post_office
from tests.kit.incoming import SERVER, letter, proof, receiving, take
from tests.kit.requests import MORNING, file, later


@pytest.fixture
def site(settings: Settings) -> Settings:
    return receiving(settings)


@pytest.fixture
def ticket(db: SqliteDatabase, cast: Cast) -> Ticket:
    """Alice's, which Bob may read: their organisation shares."""
    return file(db, cast.alice)


def address(site: Settings, ticket: Ticket, viewer: Viewer) -> str:
    return reply_addresses.make(site, ticket.number, viewer.person_id or "")


def said(db: Database, cast: Cast, ticket: Ticket) -> list[tuple[str, str]]:
    """Everything in a request, notes too: (author, body)."""
    return [(m.author, m.body) for m in tickets.find(db, cast.dan, ticket.id).messages]


def held(db: Database, cast: Cast) -> Mail:
    """The one mail that waits."""
    (mail,) = mails.list_all(db, cast.dan)
    return mail


def requests(db: Database, cast: Cast) -> int:
    return len(db.query("SELECT id FROM tickets"))


def send_answers(site: Settings, db: Database) -> list[str]:
    """Whom the worker answers, of all who wait for it."""
    handlers = answers.handlers(site, db)
    known = {kind: handlers.get(kind, lambda task: None) for kind in _kinds(db)}
    before = len(post_office.letters(site))
    while outbox.run_one(db, known):
        pass
    return [str(letter["To"]) for letter in post_office.letters(site)[before:]]


def _kinds(db: Database) -> set[str]:
    return {row["kind"] for row in db.query("SELECT DISTINCT kind FROM outbox")}


# A reply -------------------------------------------------------------------------------------


def test_a_reply_joins_its_request_without_what_it_quotes(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    body = "The collar is back.\n\nOn Mon, 2 Mar 2026 at 9:00, S <s@x.example> wrote:\n> Any news?"
    raw = letter("Alice <Alice@ACME.example>", address(site, ticket, cast.alice), body)
    assert take(site, db, raw) == Taken("joined", "")
    assert said(db, cast, ticket) == [("Alice Martin", "The collar is back.")]
    (message,) = tickets.find(db, cast.bob, ticket.id).messages
    assert (message.typed, message.quoted) == (True, body.partition("\n\n")[2])
    (mail,) = mails.list_all(db, cast.dan, ("joined",))
    assert (mail.ticket_number, mail.person, mail.is_proved) == (
        ticket.number,
        "Alice Martin",
        True,
    )
    assert mails.original(db, cast.dan, site, mail.id) == raw
    found = tickets.find(db, cast.dan, ticket.id)
    assert mails.of_ticket(db, cast.dan, found) == {found.messages[0].id: mail.id}
    assert mails.of_ticket(db, cast.alice, found) == {found.messages[0].id: ""}


def test_the_address_is_found_on_the_envelope_and_in_every_field(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    to = address(site, ticket, cast.alice)
    for place, line in enumerate(("Cc", "Delivered-To", "X-Original-To")):
        raw = letter("alice@acme.example", "x@y.example", f"n{place}", f"{line}: <{to.upper()}>")
        assert take(site, db, raw).state == "joined"
    raw = letter("alice@acme.example", "x@y.example", "n3")
    assert take(site, db, raw, Envelope("alice@acme.example", to)).state == "joined"
    assert [body for _, body in said(db, cast, ticket)] == ["n0", "n1", "n2", "n3"]


def test_a_colleague_in_copy_answers_at_an_address_of_their_own(
    site: Settings, db: SqliteDatabase, cast: Cast
):
    ticket = file(db, cast.alice, cc=["bob@acme.example"], confidential=True)
    to = address(site, ticket, cast.bob)
    everybody = f"{to}, {address(site, ticket, cast.alice)}, chloe@globex.example"
    assert take(site, db, letter("bob@acme.example", everybody)).state == "joined"
    assert said(db, cast, ticket) == [("Bob Durand", "The collar is back.")]
    copies = tickets.find(db, cast.bob, ticket.id).copies
    assert [copy.name for copy in copies] == ["Bob Durand"]
    with pytest.raises(NotFound):
        tickets.find(db, cast.chloe, ticket.id)  # To and Cc open nothing to anybody


def test_files_come_along_and_those_refused_are_named(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    parts = (
        "--b\nContent-Type: text/plain\n\nHere it is.\n"
        '--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="a.log"\n\nline\n'
        '--b\nContent-Type: text/html\nContent-Disposition: attachment; filename="b.html"\n\n<b>\n'
        "--b--\n"
    )
    kind = 'Content-Type: multipart/mixed; boundary="b"'
    to = address(site, ticket, cast.alice)
    assert take(site, db, letter("alice@acme.example", to, parts, kind)).state == "joined"
    (message,) = tickets.find(db, cast.alice, ticket.id).messages
    assert [kept.name for kept in message.files] == ["a.log"]
    assert message.body == "Here it is.\n\nFichiers non acceptés, écartés\u00a0: b.html"
    assert mails.list_all(db, cast.dan, ("joined",))[0].left_out == ("b.html",)


def multipart(*parts: str, kind: str = "mixed") -> tuple[str, str]:
    """A body of parts, and the field that says so."""
    body = "".join(f"--b\n{part}\n" for part in parts)
    return f"{body}--b--\n", f'Content-Type: multipart/{kind}; boundary="b"'


def test_a_dozen_screenshots_and_what_has_no_name_come_along_under_true_names(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    named = 'Content-Type: {}\nContent-Disposition: attachment; filename="{}"\n\n{}'
    pictures = [
        named.format("image/gif", f"{n:02}.png", f"GIF89a\x10\x01\x10\x01{n}") for n in range(12)
    ]
    calendar = "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nEND:VCALENDAR"
    body, kind = multipart(
        "Content-Type: text/plain\n\nHere.",
        *pictures,
        calendar,
        named.format("text/calendar", "invite.ics", "BEGIN:VCALENDAR\nEND:VCALENDAR"),
        named.format("text/plain", "Relevé d’août.txt", "7741"),
    )
    take(site, db, letter("alice@acme.example", address(site, ticket, cast.alice), body, kind))
    (message,) = tickets.find(db, cast.alice, ticket.id).messages
    names = [f"{n:02}.gif" for n in range(12)] + ["Relevé d’août.txt", "invitation.ics"]
    assert sorted(file.name for file in message.files) == sorted(names)
    assert message.body == "Here."


def test_pictures_of_the_quotation_stay_with_it(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    page = (
        'Content-Type: text/html\n\n<p>Done: <img src="cid:new"></p><blockquote>Was: '
        '<img src="cid:old"> <br>x<br>y</blockquote>'
    )
    picture = (
        'Content-Type: image/gif; name="{0}.gif"\nContent-ID: <{0}>\n'
        "Content-Disposition: inline\n\nGIF89a\x10\x01\x10\x01{0}"
    )
    body, kind = multipart(page, picture.format("new"), picture.format("old"), kind="related")
    take(site, db, letter("alice@acme.example", address(site, ticket, cast.alice), body, kind))
    (message,) = tickets.find(db, cast.alice, ticket.id).messages
    assert [file.name for file in message.files] == ["new.gif"]
    assert message.body == "Done: [new.gif]"


def test_the_same_mail_with_a_footer_came_again(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    to = address(site, ticket, cast.alice)
    assert take(site, db, letter("alice@acme.example", to, "Done.")).state == "joined"
    again = letter("alice@acme.example", to, "Done.\n--\nChecked by the gateway")
    assert take(site, db, again) == Taken("discarded", "came_again")
    other = letter("alice@acme.example", to, "Something else under an id that is not new.")
    assert take(site, db, other).state == "joined"
    assert len(said(db, cast, ticket)) == 2


def test_who_sends_what_cannot_be_read_or_kept_is_told_so(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    to = address(site, ticket, cast.alice)
    sealed = "Content-Type: application/pkcs7-mime; smime-type=enveloped-data"
    assert take(site, db, letter("alice@acme.example", to, "x", sealed)) == Taken(
        "held", "encrypted"
    )
    body, kind = multipart(
        "Content-Type: text/plain\n\nHere.", 'Content-Type: text/html; name="run.exe"\n\nMZ'
    )
    take(site, db, letter("alice@acme.example", to, body, kind, message_id="2@acme.example"))
    assert send_answers(site, db) == ["Alice Martin <alice@acme.example>"] * 2
    encrypted, refused = post_office.letters(site)
    assert "chiffré" in post_office.text_of(encrypted)
    assert "run.exe" in post_office.text_of(refused)


def test_a_reaction_says_nothing_and_reopens_nothing(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    lifecycle.set_status(db, cast.dan, ticket, "solved")
    body, kind = multipart(
        "Content-Type: text/plain\n\nAlice reacted via Gmail",
        'Content-Type: text/vnd.google.email-reaction+json\n\n{"emoji":"+","version":1}',
        kind="alternative",
    )
    raw = letter("alice@acme.example", address(site, ticket, cast.alice), body, kind)
    assert take(site, db, raw) == Taken("automatic", "reaction")
    assert tickets.find(db, cast.dan, ticket.id).status == "solved"


def test_a_final_dot_is_no_part_of_an_address(site: Settings, db: SqliteDatabase, cast: Cast):
    assert take(site, db, letter("Alice <alice@acme.example.>")).state == "opened"


def test_an_address_that_no_letter_can_name_is_given_up_at_once(site: Settings, db: SqliteDatabase):
    outbox.add(db, answers.WANTED, "a b@@evil.example")
    assert send_answers(site, db) == []
    assert outbox.count_dead(db) == 1


def test_a_reply_to_a_letter_of_an_older_system_joins_once_that_is_imported(
    site: Settings, db: SqliteDatabase, cast: Cast
):
    letter_id = "ticket-7.1@old.example"
    said_there = {"author": "dan@support.example", "at": "2026-02-01", "body": "Which one?"}
    take_over(
        db, number=7, status="pending", messages=[{**said_there, "message_id": f"<{letter_id}>"}]
    )
    line = f"References: <x@old.example> <{letter_id}>"
    assert take(site, db, letter("alice@acme.example", "s@x.example", "7741.", line)).state == (
        "joined"
    )
    other = letter("chloe@globex.example", "s@x.example", "9", line, message_id="2@globex.example")
    assert take(site, db, other) == Taken("held", "request_hidden")
    ticket = tickets.find_number(db, cast.dan, 7)
    assert [(m.author, m.body) for m in ticket.messages][1:] == [("Alice Martin", "7741.")]


def test_an_answer_to_a_closed_request_opens_one_that_follows(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    lifecycle.set_status(db, cast.dan, ticket, "solved")
    lifecycle.set_status(db, cast.dan, tickets.find(db, cast.dan, ticket.id), "closed")
    raw = letter("alice@acme.example", address(site, ticket, cast.alice), subject="Re: Collar")
    assert take(site, db, raw).state == "joined"
    rows = db.query("SELECT follows_id, subject, description FROM tickets ORDER BY number DESC")
    assert rows[0] == {
        "follows_id": ticket.id,
        "subject": "Re: Collar",
        "description": "The collar is back.",
    }


def test_the_same_mail_again_changes_nothing(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    to = address(site, ticket, cast.alice)
    raw = letter("alice@acme.example", to)
    assert take(site, db, raw).is_new
    relayed = b"Received: from a by b; Tue, 3 Feb 2026 10:12:00 +0100\n" + raw
    assert take(site, db, relayed) == Taken("joined", "", is_new=False)
    assert len(said(db, cast, ticket)) == 1
    forged = letter("alice@acme.example", to, "Second", proved=None, message_id="2@acme.example")
    true = letter("alice@acme.example", to, "Second", message_id="2@acme.example")
    assert [take(site, db, each).state for each in (forged, true)] == ["held", "joined"]


def test_a_crash_between_its_files_and_its_row_loses_and_doubles_nothing(
    site: Settings,
    db: SqliteDatabase,
    cast: Cast,
    ticket: Ticket,
    monkeypatch: pytest.MonkeyPatch,
):
    raw = letter("alice@acme.example", address(site, ticket, cast.alice))
    insert = type(db).insert

    def fail(self: SqliteDatabase, table: str, row: dict[str, object]) -> None:
        if table == "mails":
            raise Busy("killed")
        insert(self, table, row)

    monkeypatch.setattr(type(db), "insert", fail)
    with pytest.raises(Busy):
        take(site, db, raw)
    assert said(db, cast, ticket) == []
    monkeypatch.undo()
    assert take(site, db, raw).state == "joined"
    assert len(said(db, cast, ticket)) == 1


# Forged mail ---------------------------------------------------------------------------------

SENDERS = {
    "alice": "Alice Martin <alice@acme.example>",
    "bob": "bob@acme.example",
    "chloe": "chloe@globex.example",
    "dan": "Dan Leroy <dan@support.example>",
    "stranger": "mallory@evil.example",
    "lookalike": '"alice@acme.example" <mallory@evil.example>',
    "two": "alice@acme.example, mallory@evil.example",
    "unicode": "аlice@acme.example",
}
PROOFS: dict[str, Callable[[str], str | None]] = {
    "genuine": lambda domain: proof(domain),
    "nothing": lambda domain: None,
    "of another domain": lambda domain: proof("evil.example"),
    "all fail": lambda domain: proof(domain, dkim="fail", spf="fail", dmarc="fail"),
    "by another server": lambda domain: proof(domain).replace(SERVER, "mx.evil.example"),
    "below ours": lambda domain: f"Authentication-Results: {SERVER}; none\n{proof(domain)}",
}


def addresses_of(site: Settings, ticket: Ticket, other: Ticket, cast: Cast) -> dict[str, str]:
    alice = address(site, ticket, cast.alice)
    local, _, domain = alice.partition("@")
    return {
        "alice": alice,
        "bob": address(site, ticket, cast.bob),
        "chloe": address(site, ticket, cast.chloe),
        "dan": address(site, ticket, cast.dan),
        "other request": address(site, other, cast.alice),
        "changed request": alice.replace(str(ticket.number), str(other.number)),
        "missing": "support@support.example",
        "in reply to": "support@support.example",
        **{f"cut at {end}": f"{local[:end]}@{domain}" for end in range(2, len(local))},
    }


def allowed(sender: str, proved: str, to: str) -> bool:
    return proved == "genuine" and sender == to and sender in ("alice", "bob", "dan")


@pytest.mark.parametrize(("sender", "proved"), list(itertools.product(SENDERS, PROOFS)))
def test_no_forged_mail_joins_a_request(
    site: Settings, db: SqliteDatabase, cast: Cast, sender: str, proved: str
):
    """From × what our server found × reply address: only a person at their own address joins."""
    ticket, other = file(db, cast.alice), file(db, cast.chloe, subject="Other")
    event = db.query("SELECT id FROM ticket_events WHERE ticket_id = :id", {"id": ticket.id})[0]
    domain = SENDERS[sender].rpartition("@")[2].rstrip(">")
    for place, (name, to) in enumerate(addresses_of(site, ticket, other, cast).items()):
        lines = [f"In-Reply-To: <{event['id']}@help.support.example>"]
        raw = letter(
            SENDERS[sender],
            to,
            f"Words {place}",
            *(lines if name == "in reply to" or name.startswith("cut") else []),
            subject=f"Re: [#{ticket.number}]",
            proved=PROOFS[proved](domain),
            message_id=f"{place}@x.example",
        )
        before = said(db, cast, ticket) + said(db, cast, other)
        taken = take(site, db, raw)
        after = said(db, cast, ticket) + said(db, cast, other)
        if allowed(sender, proved, name):
            assert (taken.state, len(after)) == ("joined", len(before) + 1)
        else:
            assert taken.state in ("held", "opened"), name
            assert after == before, name
        is_new = sender in ("alice", "bob", "chloe") and name == "missing" and proved == "genuine"
        assert (taken.state == "opened") == is_new, name
    assert tickets.find(db, cast.dan, ticket.id).copies == ()


def test_what_is_held_is_seen_by_agents_alone(site: Settings, db: SqliteDatabase, cast: Cast):
    take(site, db, letter("mallory@evil.example"))
    mail = held(db, cast)
    assert mails.find(db, cast.root, mail.id) == mail
    for outsider in (cast.alice, cast.chloe, cast.wendy, cast.nobody):
        assert mails.list_all(db, outsider) == []
        for read in (mails.find, lambda d, v, id: mails.original(d, v, site, id)):
            with pytest.raises(NotFound):
                read(db, outsider, mail.id)


def test_who_may_not_read_a_request_any_more_does_not_answer_it(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    to = address(site, ticket, cast.bob)
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(sharing="nobody")
    )
    assert take(site, db, letter("bob@acme.example", to)) == Taken("held", "request_hidden")
    assert said(db, cast, ticket) == []
    people.disable(db, OPERATOR, people.find(db, "alice@acme.example"))
    to = address(site, ticket, cast.alice)
    assert take(site, db, letter("alice@acme.example", to)) == Taken("held", "person_disabled")


def test_an_agent_answers_by_mail_only_with_a_signature_of_their_domain(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    to = address(site, ticket, cast.dan)
    sent = proof("support.example", dkim="none")
    raw = letter("dan@support.example", to, "Done.", proved=sent)
    assert take(site, db, raw) == Taken("held", "staff_not_signed")
    assert take(site, db, letter("dan@support.example", to, "Done.")).state == "joined"
    (message,) = tickets.find(db, cast.alice, ticket.id).messages
    assert (message.author, message.is_staff) == ("Dan Leroy", True)


def test_a_verification_mail_of_others_reaches_no_customer(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    """Whoever signs up elsewhere with a reply address must not read the code in their request."""
    raw = letter("no-reply@slack.example", address(site, ticket, cast.alice), "Your code: 123456")
    assert take(site, db, raw) == Taken("held", "stranger")
    assert tickets.find(db, cast.alice, ticket.id).messages == ()


# What an agent decides -----------------------------------------------------------------------


def test_an_agent_attaches_what_was_held_as_the_customers_reply(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    to = address(site, ticket, cast.alice)
    take(site, db, letter("alice@acme.example", to, proved=None))
    mail = held(db, cast)
    assert (mail.reason, mail.suggested_number) == ("not_proved", ticket.number)
    done = mails.attach(db, cast.dan, site, mail, ticket.number)
    assert said(db, cast, ticket) == [("Alice Martin", "The collar is back.")]
    assert (done.state, done.decided_by) == ("joined", "Dan Leroy")
    assert mails.list_all(db, cast.dan) == []


@pytest.mark.parametrize(
    "sender", ["mallory@evil.example", "dan@support.example", "chloe@globex.example"]
)
def test_of_anybody_else_it_becomes_a_note(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket, sender: str
):
    take(site, db, letter(sender, "support@support.example", "Words", proved=None))
    mails.attach(db, cast.root, site, held(db, cast), ticket.number)
    assert said(db, cast, ticket) == [("Root", f"{sender}\n\nWords")]
    assert tickets.find(db, cast.alice, ticket.id).messages == ()


def test_a_mail_is_decided_once_and_by_agents(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    take(site, db, letter("mallory@evil.example"))
    mail = held(db, cast)
    for outsider in (cast.alice, cast.wendy, cast.nobody):
        for act in (
            lambda v: mails.discard(db, v, mail),
            lambda v: mails.attach(db, v, site, mail, ticket.number),
        ):
            with pytest.raises(NotFound):
                act(outsider)
    assert mails.discard(db, cast.dan, mail).state == "discarded"
    for again in (
        lambda: mails.discard(db, cast.dan, mail),
        lambda: mails.attach(db, cast.dan, site, mail, ticket.number),
    ):
        with pytest.raises(Exception, match="mail.already_decided"):
            again()
    assert said(db, cast, ticket) == []


# A new mail ----------------------------------------------------------------------------------


def test_a_customers_mail_opens_a_request(site: Settings, db: SqliteDatabase, cast: Cast):
    body = "The collar of 12 is lost.\n\n-- \nAlice"
    raw = letter("alice@acme.example", "support@support.example", body, subject="Collar 12")
    assert take(site, db, raw) == Taken("opened", "")
    row = db.query("SELECT id, subject, description, severity FROM tickets")[0]
    assert row["subject"] == "Collar 12"
    assert row["description"].startswith("The collar of 12 is lost.")
    assert tickets.find(db, cast.bob, row["id"]).organisation == "Acme"
    found = tickets.find(db, cast.dan, row["id"])
    assert list(mails.of_ticket(db, cast.dan, found)) == [None]


def test_a_mail_without_subject_or_text_is_a_request_all_the_same(
    site: Settings, db: SqliteDatabase, cast: Cast
):
    take(site, db, letter("alice@acme.example", "s@x.example", "Lost.", subject=""))
    take(site, db, letter("alice@acme.example", "s@x.example", "", subject="Lost?"))
    rows = db.query("SELECT subject, description FROM tickets ORDER BY number")
    assert [tuple(row.values()) for row in rows] == [("(sans objet)", "Lost."), ("Lost?", "Lost?")]


def test_for_which_organisation_it_is_an_agent_finds_out(
    site: Settings, db: SqliteDatabase, cast: Cast
):
    people.edit(
        db,
        OPERATOR,
        people.find(db, "alice@acme.example"),
        PersonFields(organisations=["acme", "globex"]),
    )
    assert take(site, db, letter()) == Taken("held", "organisation_unknown")
    assert requests(db, cast) == 0


def test_what_is_not_whole_is_held(site: Settings, db: SqliteDatabase, cast: Cast):
    long = letter("alice@acme.example", "s@x.example", "x" * (parsing.MAX_TEXT + 1))
    assert take(site, db, long) == Taken("held", "text_too_long")
    wordy = letter("alice@acme.example", "s@x.example", "x " * 40_000)
    assert take(site, db, wordy) == Taken("held", "text_too_long")
    big = letter("alice@acme.example", "s@x.example", "x\n" * 16_000_000)
    assert take(site, db, big) == Taken("held", "too_big")
    assert take(site, db, b"\xff\xfe\x00") == Taken("held", "sender_in_doubt")
    assert len(mails.list_all(db, cast.dan)) == 4


def test_a_mail_of_the_team_opens_nothing(site: Settings, db: SqliteDatabase, cast: Cast):
    assert take(site, db, letter("dan@support.example")) == Taken("held", "staff")


# Machines ------------------------------------------------------------------------------------

MACHINES = {
    "auto_submitted": ["Auto-Submitted: auto-replied (vacation)"],
    "bulk": ["Precedence: bulk"],
    "report": ["Content-Type: multipart/report; report-type=disposition-notification; boundary=b"],
    "suppressed": ["X-Auto-Response-Suppress: DR, OOF, AutoReply"],
    "null_return_path": ["Return-Path: <>"],
}


@pytest.mark.parametrize(("reason", "lines"), MACHINES.items(), ids=MACHINES)
def test_a_machines_mail_changes_nothing_and_is_kept(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket, reason: str, lines: list[str]
):
    lifecycle.set_status(db, cast.dan, ticket, "solved")
    for to in (address(site, ticket, cast.alice), "support@support.example"):
        raw = letter("alice@acme.example", to, "Away.", *lines, message_id=f"{to[:9]}@acme.example")
        assert take(site, db, raw) == Taken("automatic", reason)
    assert take(site, db, letter("m@evil.example", "s@x.example", "x", *lines)).reason == reason
    assert tickets.find(db, cast.dan, ticket.id).status == "solved"
    assert (requests(db, cast), send_answers(site, db)) == (1, [])
    mail = mails.list_all(db, cast.dan, ("automatic",))[0]
    assert mails.attach(db, cast.dan, site, mail, ticket.number).state == "joined"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Autoreply", "yes"),
        ("X-Auto-Reply", "1"),
        ("X-Autorespond", "Collar"),
        ("X-Autogenerated", "Reply"),
        ("X-Mail-Autoreply", "x"),
        ("X-Failed-Recipients", "a@acme.example"),
        ("X-POST-MessageClass", "9; Autoresponder"),
        ("Delivered-To", "Autoresponder"),
        ("X-Precedence", "auto_reply"),
        ("Precedence", "auto_reply"),
        ("Content-Type", "message/disposition-notification"),
        ("Content-Type", "multipart/report; report-type=delivery-status; boundary=x"),
        ("Content-Type", "multipart/report; report-type=feedback-report; boundary=x"),
    ],
)
def test_machines_without_auto_submitted_never_reopen(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket, name: str, value: str
):
    lifecycle.set_status(db, cast.dan, ticket, "solved")
    raw = letter("alice@acme.example", address(site, ticket, cast.alice), "x", f"{name}: {value}")
    assert take(site, db, raw).state == "automatic"
    assert tickets.find(db, cast.dan, ticket.id).status == "solved"


@pytest.mark.parametrize("lines", [["List-Id: <help.acme.example>"], ["Precedence: list"]])
def test_a_customers_mail_through_a_group_is_held_and_a_newsletter_left_out(
    site: Settings, db: SqliteDatabase, cast: Cast, lines: list[str]
):
    assert take(site, db, letter("alice@acme.example", "s@x.example", "x", *lines)) == Taken(
        "held", "list"
    )
    rewritten = [*lines, "X-Original-Sender: alice@acme.example"]
    group = letter("'Alice' via Help <help@acme.example>", "s@x.example", "x", *rewritten)
    assert take(site, db, group) == Taken("held", "list")
    news = letter("news@evil.example", "s@x.example", "x", *lines)
    assert take(site, db, news) == Taken("automatic", "list")
    assert send_answers(site, db) == []


def test_the_envelope_of_nobody_and_our_own_ids_are_a_machines(site: Settings, db: SqliteDatabase):
    assert take(site, db, letter(), Envelope("")) == Taken("automatic", "null_return_path")
    own = letter(message_id="x@help.support.example")
    assert take(site, db, own) == Taken("automatic", "own")


@pytest.mark.parametrize(
    "lines",
    [["Auto-Submitted: no"], ["Precedence: normal"], ["X-Auto-Response-Suppress: DR, RN"]],
    ids=["not automatic", "normal", "no receipts"],
)
def test_what_a_person_wrote_is_no_machines(
    site: Settings, db: SqliteDatabase, cast: Cast, lines: list[str]
):
    assert (
        take(site, db, letter("alice@acme.example", "s@x.example", "x", *lines)).state == "opened"
    )


@pytest.mark.parametrize(
    ("subject", "state"),
    [
        ("Réponse automatique : Collier", "held"),
        ("Absence du bureau Re: Collier", "held"),
        ("Out of office: Collar", "held"),
        ("Automatic reply: Collar", "held"),
        ("AUTO : Alice Martin est en congé (retour 05/02/2026)", "held"),
        ("AUTO: Alice is out of the office (returning 02/05)", "held"),
        ("AUTO: Alice ist außer Haus (zurück am 05.02.)", "held"),
        ("Automatische Antwort: Kragen", "held"),
        ("Abwesenheitsnotiz: Kragen", "held"),
        ("Automatisch antwoord: Halsband", "held"),
        ("Risposta automatica: Collare", "held"),
        ("Fuori sede: Collare", "held"),
        ("Respuesta automática: Collar", "held"),
        ("Resposta automática: Coleira", "held"),
        ("Automatiskt svar: Halsband", "held"),
        ("Odpowiedź automatyczna: Obroża", "held"),
        ("Re: [#1042] Out of Office: Collar", "held"),
        ("Hors du bureau\u00a0: Collier", "held"),
        ("Collier (réponse automatique)", "held"),
        ("Lu\u00a0: Collier", "held"),
        ("L'envoi de la réponse automatique ne marche plus", "opened"),
        ("Auto : le collier ne démarre plus", "opened"),
        ("Absence de courant", "opened"),
        ("Read-only file system", "opened"),
        ("Is the out of office text mine to change?", "opened"),
    ],
)
def test_words_of_absence_alone_hold_a_mail(
    site: Settings, db: SqliteDatabase, cast: Cast, subject: str, state: str
):
    """They are a weak sign: true replies must not be left out for them."""
    assert take(site, db, letter(subject=subject)).state == state


BOUNCE = """--b
Content-Type: text/plain

Your mail did not arrive.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.acme.example

Final-Recipient: rfc822; Alice@acme.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user
--b
Content-Type: {kind}

Message-ID: <{id}>
Subject: [#1042]

--b--
"""


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_a_bounce_of_a_mail_of_ours_is_recorded(
    site: Settings, db: SqliteDatabase, cast: Cast, kind: str
):
    line = 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"'
    body = BOUNCE.format(kind=kind, id="abc@help.support.example")
    raw = letter("MAILER-DAEMON@acme.example", "s@x.example", body, line, "Return-Path: <>")
    assert take(site, db, raw).state == "bounced"
    (row,) = db.query("SELECT message_id, recipient, status, reason FROM bounces")
    assert tuple(row.values()) == (
        "abc@help.support.example",
        "alice@acme.example",
        "5.1.1",
        "550 5.1.1 no such user",
    )


def test_a_bounce_of_somebody_elses_mail_says_nothing_of_ours(site: Settings, db: SqliteDatabase):
    line = 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"'
    body = BOUNCE.format(kind="message/rfc822", id="abc@evil.example")
    raw = letter("MAILER-DAEMON@acme.example", "s@x.example", body, line, "Return-Path: <>")
    assert take(site, db, raw) == Taken("automatic", "null_return_path")
    assert db.query("SELECT * FROM bounces") == []


# Strangers -----------------------------------------------------------------------------------


def test_a_stranger_gets_one_fixed_answer_a_day(site: Settings, db: SqliteDatabase, cast: Cast):
    marks = ("MARKSUBJECT", "MARKBODY", "MARKNAME")
    for place in range(5):
        raw = letter(
            "MARKNAME <mallory@evil.example>",
            "support@support.example",
            f"MARKBODY {place}",
            subject="MARKSUBJECT",
            message_id=f"MARKID{place}@evil.example",
        )
        assert take(site, db, raw) == Taken("held", "stranger")
    assert send_answers(site, db) == ["mallory@evil.example"]
    (answer,) = post_office.letters(site)
    assert not [mark for mark in (*marks, "MARKID") if mark in answer.as_string()]
    assert answer["Auto-Submitted"] == "auto-replied"
    assert len(mails.list_all(db, cast.dan)) == 5
    tomorrow = letter("mallory@evil.example", message_id="6@evil.example")
    taking.take(db, site, tomorrow, at=later(hours=25))
    assert len(send_answers(site, db)) == 1


def test_a_thousand_mails_from_a_thousand_addresses_are_answered_a_hundred_times_an_hour(
    site: Settings, db: SqliteDatabase
):
    asked = [answers.ask(db, f"v{place}@evil.example", at=MORNING) for place in range(300)]
    assert sum(asked) == 100


def test_a_forged_stranger_is_not_answered(site: Settings, db: SqliteDatabase, cast: Cast):
    refuted = proof("victim.example", dkim="fail", spf="fail", dmarc="fail")
    assert take(site, db, letter("a@victim.example", proved=refuted)) == Taken("held", "stranger")
    assert send_answers(site, db) == []


def test_no_more_than_ten_automatic_mails_go_to_an_address_in_a_day(db: SqliteDatabase):
    moments = [later(hours=hour) for hour in range(24)]
    assert sum(answers.may_send(db, "a@b.example", at=moment) for moment in moments) == 10
    assert answers.may_send(db, "c@b.example", at=moments[-1])


class Answerer:
    """A stranger's machine that answers every mail, and does not say that it is one."""

    def __init__(self) -> None:
        self.written = 0

    def answer(self, incoming: str) -> bytes:
        self.written += 1
        body = f"Thank you for your mail!\n\n{incoming}"
        number = f"{self.written}@evil.example"
        return letter("machine@evil.example", "support@support.example", body, message_id=number)


def test_two_answering_machines_stop_after_one_mail(site: Settings, db: SqliteDatabase):
    machine = Answerer()
    waiting, sent = [machine.answer("hello")], 0
    for _ in range(50):
        for raw in waiting:
            take(site, db, raw)
        waiting = [machine.answer(to) for to in send_answers(site, db)]
        sent += len(waiting)
    assert (sent, machine.written) == (1, 2)


def test_two_help_centres_stop_after_one_mail(
    site: Settings, db: SqliteDatabase, cast: Cast, settings: Settings
):
    """The answer of one comes in at the other, which answers no machine."""
    take(site, db, letter("support@other.example"))
    assert send_answers(site, db) == ["support@other.example"]
    (answer,) = post_office.letters(site)
    other = receiving(settings, base_url="https://help.other.example")
    raw = f"{proof('support.example')}\n{answer.as_string()}".encode()
    assert take(other, db, raw) == Taken("automatic", "auto_submitted")
    assert send_answers(other, db) == []


def test_old_mail_of_machines_goes_and_the_rest_stays(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    to = address(site, ticket, cast.alice)
    take(site, db, letter("alice@acme.example", to, "Away", "Precedence: bulk"))
    take(site, db, letter("alice@acme.example", to))
    take(site, db, letter("mallory@evil.example"))
    trash = places.trash(site)
    for path in (site.data_path / "mails").glob("??/*"):
        os.utime(path, (1, 1))
    assert mails.forget_old(db, site, trash, at=later(days=89)) == 0
    assert mails.forget_old(db, site, trash, at=later(days=91)) == 1
    states = {row["state"] for row in db.query("SELECT state FROM mails")}
    assert states == {"joined", "held"}


def test_mail_of_a_request_goes_so_many_days_after_that_is_closed_and_what_it_became_stays(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    to, trash = address(site, ticket, cast.alice), places.trash(site)
    take(site, db, letter("alice@acme.example", to, "I wrote this."))
    for path in (site.data_path / "mails").glob("??/*"):
        os.utime(path, (1, 1))
    limited = replace(site, incoming_mail_days=30)
    assert mails.forget_old(db, limited, trash, at=later(days=4000)) == 0, "it is open"
    db.execute("UPDATE tickets SET closed_at = :at", {"at": stored(later(days=100))})
    assert mails.forget_old(db, site, trash, at=later(days=4000)) == 0, "with its request"
    assert mails.forget_old(db, limited, trash, at=later(days=129)) == 0
    assert mails.forget_old(db, limited, trash, at=later(days=131)) == 1
    assert not db.query("SELECT 1 FROM mails")
    assert "I wrote this." in [body for _, body in said(db, cast, ticket)]


def test_nothing_of_a_held_mail_is_in_the_outbox(site: Settings, db: SqliteDatabase, cast: Cast):
    """What leaves is told by what is joined: a held mail tells nobody."""
    before = _kinds(db)
    take(site, db, letter("alice@acme.example", proved=None))
    assert _kinds(db) == before
    assert held(db, cast).reason == "not_proved"


@pytest.mark.sqlite_only
def test_what_finds_no_room_is_tried_again_and_not_held(
    site: Settings, db: SqliteDatabase, cast: Cast
):
    raw = letter(body="The collar is lost. " * 2_000)
    db.compact()
    pages = db.query("PRAGMA page_count")[0]["page_count"]
    db.query(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Full):
        take(site, db, raw)
    assert db.query("SELECT id FROM mails") == []
    db.query("PRAGMA max_page_count = 1000000")
    assert take(site, db, raw) == Taken("opened", "")
    assert requests(db, cast) == 1
