"""Letters about requests, as a mail server gets them: to whom, in which thread, saying what."""

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from io import BytesIO

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from kbsearch import outbox, people, tickets
from kbsearch.access import OPERATOR, Viewer
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.files.store import FileStore
from kbsearch.messages import notifications
from kbsearch.messages.notifications import opt_outs, reply_addresses
from kbsearch.messages.notifications import recipients as concerns
from kbsearch.people import PersonFields, organisations, viewers
from kbsearch.people import notification_choices as preferences
from kbsearch.people.organisations import OrganisationFields
from kbsearch.site.importing import tickets as importing
from kbsearch.site.importing.lines import Line
from kbsearch.site.importing.report import Report
from kbsearch.tickets import Ticket
from kbsearch.tickets import files as attachments
from kbsearch.tickets.conversation import lifecycle, replies, satisfaction
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.files import Upload
from kbsearch.tickets.filing import drafts
from tests.conftest import Cast, introduce
from tests.kit.incoming import letter as incoming
from tests.kit.incoming import receiving, take
from tests.kit.mail import Mailbox, carry, html_of, letters, serving, text_of
from tests.kit.requests import file, later
from tests.messages.notifications.test_notifications import DOINGS, attempt

SUBJECT = "[#1001] Collar lost"


@pytest.fixture
def site(settings: Settings) -> Settings:
    """A site that receives replies, and writes its letters as files."""
    return receiving(settings, reply_domain="support.example")


def reply(db: SqliteDatabase, viewer: Viewer, ticket: Ticket, body: str, **more) -> None:
    replies.reply(db, viewer, ticket, ReplyForm(new_id(), body, **more))


def to(site: Settings, name: str) -> list[EmailMessage]:
    """The letters that somebody got, the oldest first."""
    return [each for each in letters(site) if each["Delivered-To"].startswith(f"{name}@")]


def ids(text: str | None) -> list[str]:
    return re.findall(r"<[^<>\s]+>", str(text or ""))


def test_an_opened_request_is_confirmed(db: SqliteDatabase, cast: Cast, site: Settings):
    ticket = file(db, cast.alice)
    carry(site, db)
    (letter,) = to(site, "alice")
    person = str(cast.alice.person_id)
    event = db.query("SELECT id FROM ticket_events")[0]["id"]
    opt_out = opt_outs.url(site, "fr", person, "ticket.opened")
    expected = {
        "Delivered-To": "alice@acme.example",
        "Subject": SUBJECT,
        "From": "Support <support@support.example>",
        "To": "Alice Martin <alice@acme.example>",
        "Message-ID": f"<{event}@help.support.example>",
        "Auto-Submitted": "auto-generated",
        "Content-Language": "fr",
        "X-MS-Reactions": "disallow",
        "Reply-To": f"kbsearch <{reply_addresses.make(site, ticket.number, person)}>",
        "X-Auto-Response-Suppress": "DR, RN, NRN, OOF, AutoReply",
        "List-Unsubscribe": f"<{opt_out}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    known = {"Date", "MIME-Version", "Content-Type"}
    assert {name: value for name, value in letter.items() if name not in known} == expected
    text = text_of(letter)
    assert "Votre demande est enregistrée" in text and "numéro 1001" in text
    assert f"https://help.support.example/fr/requests/{ticket.id}" in text
    assert "The collar of a cow is lost." in text


def test_colleagues_get_copies_of_one_message_each_with_their_own_ways_back(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    """Over a real connection: the envelope has one recipient, the header names them both."""
    people.edit(db, OPERATOR, people.find(db, "bob@acme.example"), PersonFields(language="en"))
    mailbox = Mailbox()
    with serving(mailbox) as port:
        site = receiving(
            settings, reply_domain="support.example", smtp_url=f"smtp://127.0.0.1:{port}"
        )
        ticket = file(db, cast.alice, cc=["bob@acme.example"])
        reply(db, cast.dan, ticket, "Have you **tried**?")
        carry(site, db)
    got = dict(zip(mailbox.recipients, mailbox.letters, strict=True))
    answers = [each for each in mailbox.letters if "tried" in text_of(each)]
    assert len(answers) == 2 and all(len(each) == 1 for each in got)
    one, other = answers
    assert one["Message-ID"] == other["Message-ID"]
    for each in answers:
        assert each["To"] == "Alice Martin <alice@acme.example>"
        assert each["Cc"] == "Bob Durand <bob@acme.example>"
        assert each["Subject"] == SUBJECT
    assert one["Reply-To"] != other["Reply-To"]
    assert one["List-Unsubscribe"] != other["List-Unsubscribe"]
    assert {each["Content-Language"] for each in answers} == {"fr", "en"}
    assert "Dan Leroy a répondu" in text_of(one) and "Dan Leroy replied" in text_of(other)
    assert "<strong>tried</strong>" in html_of(other)


def test_who_is_not_told_is_not_named(db: SqliteDatabase, cast: Cast, site: Settings):
    preferences.decline(db, str(cast.bob.person_id), "ticket.replied")
    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    reply(db, cast.dan, ticket, "Yes.")
    carry(site, db)
    letter = to(site, "alice")[-1]
    assert "Yes." in text_of(letter) and letter["Cc"] is None


def test_agents_and_followers_are_named_to_nobody(db: SqliteDatabase, cast: Cast, site: Settings):
    acme = organisations.find(db, "acme")
    organisations.edit(
        db, OPERATOR, acme, OrganisationFields(sharing="people", followers=["bob@acme.example"])
    )
    ticket = file(db, cast.alice)
    lifecycle.assign(db, cast.root, ticket, cast.dan.person_id)
    reply(db, cast.root, ticket, "Yes.")
    carry(site, db)
    written = letters(site)
    assert {each["Delivered-To"] for each in written} >= {"bob@acme.example", "dan@support.example"}
    for letter in written:
        named = f"{letter['To']} {letter['Cc'] or ''}"
        assert set(re.findall(r"\w+@[\w.]+", named)) == {letter["Delivered-To"]}


def test_a_colleague_of_another_organisation_is_not_named(
    db: SqliteDatabase, cast: Cast, site: Settings
):
    """Only an import can put a stranger in copy: they are told, and learn no address."""
    given = {
        "number": 7, "subject": "Old", "status": "open", "requester": "alice@acme.example",
        "organisation": "acme", "cc": ["chloe@globex.example", "bob@acme.example"],
        "created_at": "2026-01-31T09:00:00Z",
    }  # fmt: skip
    importing.take_in(db, [Line(1, 0, given)], Report())
    ticket = tickets.find_number(db, cast.dan, 7)
    reply(db, cast.dan, ticket, "News.")
    carry(site, db)
    (to_chloe,) = to(site, "chloe")
    assert "acme.example" not in f"{to_chloe['To']} {to_chloe['Cc'] or ''}"
    (to_alice,) = to(site, "alice")
    assert to_alice["Cc"] == "Bob Durand <bob@acme.example>"


def test_a_conversation_is_one_thread_for_everybody(db: SqliteDatabase, cast: Cast, site: Settings):
    """Opened on a page, answered by an agent, replied to by mail, answered again."""
    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    carry(site, db)
    reply(db, cast.dan, ticket, "First answer.")
    carry(site, db)
    opening, first = to(site, "alice")
    assert ids(first["In-Reply-To"]) == [opening["Message-ID"]] == ids(first["References"])
    hers = incoming(
        "alice@acme.example",
        str(first["Reply-To"].addresses[0].addr_spec),
        "It works!",
        f"In-Reply-To: {first['Message-ID']}",
        f"References: {opening['Message-ID']} {first['Message-ID']}",
        message_id="hers@acme.example",
        subject=f"Re: {first['Subject']}",
    )
    assert take(site, db, hers).state == "joined"
    carry(site, db)
    reply(db, cast.dan, ticket, "Good.", status="solved")
    carry(site, db)
    last = to(site, "alice")[-1]
    assert "Good." in text_of(last)
    assert ids(last["In-Reply-To"]) == ["<hers@acme.example>"]
    chain = ids(last["References"])
    assert chain[0] == opening["Message-ID"] and chain.index(first["Message-ID"]) > 0
    assert "<hers@acme.example>" in chain
    for name in ("alice", "bob", "dan"):
        root, *others = to(site, name)
        known = {root["Message-ID"]} | ({"<hers@acme.example>"} if name == "alice" else set())
        for letter in others:
            assert letter["Subject"] == root["Subject"] == SUBJECT
            assert known & set(ids(letter["References"])), name
            known.add(letter["Message-ID"])
    assert len({each["Message-ID"] for each in letters(site)}) == 4, "one id a message"


def test_a_request_opened_by_mail_is_answered_in_its_thread(
    db: SqliteDatabase, cast: Cast, site: Settings
):
    take(site, db, incoming(message_id="root@acme.example"))
    carry(site, db)
    (confirmation,) = to(site, "alice")
    assert ids(confirmation["In-Reply-To"]) == ["<root@acme.example>"]
    assert confirmation["Auto-Submitted"] == "auto-replied"
    (told,) = to(site, "dan")
    assert told["Auto-Submitted"] == "auto-generated"
    assert "https://help.support.example/fr/desk/tickets/1001" in text_of(told)
    ticket = tickets.find_number(db, cast.dan, 1001)
    reply(db, cast.dan, ticket, "Which one?")
    carry(site, db)
    answer = to(site, "alice")[-1]
    assert ids(answer["References"])[:2] == ["<root@acme.example>", confirmation["Message-ID"]]


def test_a_letter_is_read_by_programs_however_long_its_addresses_and_ids_are(
    db: SqliteDatabase, cast: Cast, site: Settings
):
    """`letters` and the mail server of the tests read the raw fields of each."""
    site = dataclasses.replace(
        site, base_url=f"https://{'help.' * 12}support.example", reply_domain="r.support.example"
    )
    for number in range(3):
        take(site, db, incoming(message_id=f"{number}{'i' * 300}@acme.example"))
    take(site, db, incoming(message_id="é@acme.example"))
    take(site, db, incoming(message_id=f"{'i' * 950}@acme.example"))
    for number in range(1001, 1006):
        reply(db, cast.dan, tickets.find_number(db, cast.dan, number), "Which one?")
    mailbox = Mailbox()
    with serving(mailbox) as port:
        carry(dataclasses.replace(site, smtp_url=f"smtp://127.0.0.1:{port}"), db)
    assert len(mailbox.letters) >= 10
    for letter in mailbox.letters:
        assert letter["List-Unsubscribe"].startswith(f"<{site.base_url}/")


def test_what_an_agent_typed_is_sent_by_a_person_and_takes_no_reactions(
    db: SqliteDatabase, cast: Cast, site: Settings
):
    ticket = file(db, cast.alice)
    reply(db, cast.dan, ticket, "Which one?")
    lifecycle.set_status(db, cast.dan, tickets.find(db, cast.dan, ticket.id), "solved")
    carry(site, db)
    confirmation, answer, solved = to(site, "alice")
    assert [each["Auto-Submitted"] for each in (confirmation, answer, solved)] == [
        "auto-generated",
        "no",
        "auto-generated",
    ]
    assert {each["X-MS-Reactions"] for each in letters(site)} == {"disallow"}


def test_a_machine_that_keeps_opening_requests_is_answered_ten_times(
    db: SqliteDatabase, cast: Cast, site: Settings
):
    for number in range(13):
        take(site, db, incoming(message_id=f"{number}@acme.example", subject=f"N {number}"))
    carry(site, db)
    assert len(to(site, "alice")) == 10
    assert len(to(site, "dan")) == 13
    outcomes = Counter(row["outcome"] for row in db.query("SELECT outcome FROM notices"))
    assert outcomes["too_many"] == 3


def test_our_own_letters_coming_back_open_nothing(db: SqliteDatabase, cast: Cast, site: Settings):
    """Two answering machines wired together: what we wrote never makes a request."""
    file(db, cast.alice)
    carry(site, db)
    for letter in letters(site):
        assert take(site, db, letter.as_bytes()).state == "automatic"


def test_files_are_named_with_links_and_not_attached(
    db: SqliteDatabase, cast: Cast, site: Settings, store: FileStore
):
    ticket = file(db, cast.alice)
    key = new_id()
    upload = Upload("relevé (1) & 2.txt", BytesIO(b"one\n"))
    kept = drafts.attach(db, cast.dan, store, key, upload, ticket=ticket)
    replies.reply(db, cast.dan, ticket, ReplyForm(key, "See the file."))
    carry(site, db)
    letter = to(site, "alice")[-1]
    assert list(letter.iter_attachments()) == []
    assert kept.name == "relevé (1) & 2.txt"
    url = f"https://help.support.example/attachments/{kept.id}/relev%C3%A9%20%281%29%20%26%202.txt"
    assert url in text_of(letter) and f'href="{url}"' in html_of(letter)
    assert "relevé (1) &amp; 2.txt" in html_of(letter)
    assert attachments.find(db, cast.alice, kept.id).name == kept.name


def test_what_people_write_cannot_break_a_letter(db: SqliteDatabase, cast: Cast, site: Settings):
    subject = "<b>Bold</b> {{ 7*7 }} %(x)s ##- no -##"
    ticket = file(db, cast.alice, subject=subject)
    reply(db, cast.dan, ticket, "<script>alert(1)</script> [x](javascript:alert(1)) [y](/fr/a)")
    carry(site, db)
    letter = to(site, "alice")[-1]
    assert letter["Subject"] == f"[#1001] {subject}"
    html = html_of(letter)
    assert "<script" not in html and 'href="javascript' not in html
    assert 'href="https://help.support.example/fr/a"' in html
    assert "(https://help.support.example/fr/a)" in text_of(letter)


def test_a_site_that_receives_no_mail_invites_none(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    file(db, cast.alice)
    carry(settings, db)
    (letter,) = to(settings, "alice")
    assert letter["Reply-To"] is None
    assert "##-" not in text_of(letter) and "répondez à cet e-mail" not in text_of(letter)


def test_a_note_reaches_agents_alone_and_no_reply_to_it_would_reach_a_customer(
    db: SqliteDatabase, cast: Cast, site: Settings
):
    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    lifecycle.assign(db, cast.root, ticket, cast.dan.person_id)
    replies.note(db, cast.root, ticket, ReplyForm(new_id(), "CANARY"))
    reply(db, cast.root, ticket, "Public.")
    carry(site, db)
    (noted,) = [each for each in letters(site) if "CANARY" in each.as_string()]
    assert noted["Delivered-To"] == "dan@support.example"
    assert noted["Reply-To"] is None
    for letter in [*to(site, "alice"), *to(site, "bob")]:
        assert noted["Message-ID"] not in str(letter["References"])


def test_solved_says_how_to_say_that_it_is_not(db: SqliteDatabase, cast: Cast, site: Settings):
    ticket = file(db, cast.alice)
    reply(db, cast.dan, ticket, "Change the battery.")
    lifecycle.solve(db, cast.dan, tickets.find(db, cast.dan, ticket.id))
    carry(site, db)
    letter = to(site, "alice")[-1]
    text = text_of(letter)
    assert "Votre demande est résolue" in text and "Change the battery." in text
    assert "Répondez à cet e-mail et la demande est rouverte" in text and "14 jours" in text
    back = incoming("alice@acme.example", letter["Reply-To"].addresses[0].addr_spec, "It is not.")
    assert take(site, db, back).state == "joined"
    assert tickets.find(db, cast.alice, ticket.id).status == "open"


def test_closed_asks_the_requester_whether_they_are_satisfied(
    db: SqliteDatabase, cast: Cast, site: Settings
):
    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    lifecycle.solve(db, cast.dan, ticket)
    lifecycle.set_status(db, cast.dan, ticket, "closed")
    carry(site, db)
    asked = text_of(to(site, "alice")[-1])
    tokens = re.findall(r"/satisfaction/([\w-]+)\?rating=(good|bad)", asked)
    assert [rating for _, rating in tokens] == ["good", "bad"]
    question = satisfaction.peek(db, tokens[0][0])
    assert question.person_id == cast.alice.person_id and question.is_good is None
    assert "/satisfaction/" not in text_of(to(site, "bob")[-1])


def test_a_change_by_itself_is_signed_by_the_site(db: SqliteDatabase, cast: Cast, site: Settings):
    ticket = file(db, cast.alice)
    lifecycle.solve(db, cast.alice, ticket, at=later(days=1))
    lifecycle.close_quiet(db, 14, at=later(days=20))
    carry(site, db)
    letter = to(site, "alice")[-1]
    assert "La demande est fermée" in text_of(letter)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_letter_about_a_request_reads_well(
    db: SqliteDatabase, cast: Cast, site: Settings, language: str
):
    for person in people.list_all(db):
        people.edit(db, OPERATOR, person, PersonFields(language=language))
    acme = organisations.find(db, "acme")
    organisations.edit(
        db, OPERATOR, acme, OrganisationFields(sharing="people", followers=["bob@acme.example"])
    )
    site = dataclasses.replace(site, support_phone="+33 1")
    one = file(db, cast.alice, software="icownect", version="4.2", severity="blocking")
    file(db, cast.dan, requester="alice@acme.example", cc=["bob@acme.example"])
    for viewer in (cast.dan, cast.alice):
        reply(db, viewer, one, "Words.")
    lifecycle.assign(db, cast.root, one, cast.dan.person_id)
    replies.note(db, cast.root, one, ReplyForm(new_id(), "Hidden words."))
    lifecycle.solve(db, cast.alice, one)
    lifecycle.reopen(db, cast.alice, one)
    lifecycle.set_status(db, cast.dan, one, "pending")
    reply(db, cast.dan, one, "Solution.", status="solved")
    lifecycle.set_status(db, cast.dan, one, "closed")
    carry(site, db)
    assert outbox.count_dead(db) == 0 and not db.query("SELECT 1 FROM outbox WHERE done_at IS NULL")
    names = set()
    for letter in letters(site):
        text, html = text_of(letter), html_of(letter)
        assert not re.search(r"\n\n\n|\{\{|%\(|\bNone\b", text), text
        assert not re.search(r"\{\{|%\(\w|>None<", html)
        assert letter["Content-Language"] == language
        title = re.search(r"<h1[^>]*>(.*?)</h1>", html)
        assert title is not None and title[1].strip()
        names.add(title[1])
    assert len(names) >= 10, names


def test_a_refusal_for_good_is_given_up_and_shown(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    mailbox = Mailbox()
    mailbox.refuse_recipient = "550 no such user"
    with serving(mailbox) as port:
        site = receiving(settings, smtp_url=f"smtp://127.0.0.1:{port}")
        preferences.decline(db, str(cast.dan.person_id), opt_outs.EVERY_EVENT)
        preferences.decline(db, str(cast.root.person_id), opt_outs.EVERY_EVENT)
        file(db, cast.alice)
        carry(site, db)
        assert outbox.count_dead(db) == 1
        mailbox.refuse_recipient = ""
        (task,) = db.query("SELECT id FROM outbox WHERE dead_at IS NOT NULL")
        assert outbox.again(db, task["id"])
        carry(site, db)
    assert [each["To"].addresses[0].addr_spec for each in mailbox.letters] == ["alice@acme.example"]


def test_a_crash_after_sending_sends_the_same_message_again_and_no_other(
    db: SqliteDatabase, cast: Cast, site: Settings, monkeypatch: pytest.MonkeyPatch
):
    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    file(db, cast.alice)
    with monkeypatch.context() as patched:
        patched.setattr(notifications, "settle", crash)
        with pytest.raises(KeyboardInterrupt):
            carry(site, db)
    db.execute("UPDATE outbox SET leased_until = created_at")
    carry(site, db)
    sent = Counter((each["Delivered-To"], each["Message-ID"]) for each in letters(site))
    assert sorted(sent.values()) == [1, 1, 2]
    assert len({message_id for _, message_id in sent}) == 1


@pytest.fixture(scope="module")
def emptied(scratch: SqliteDatabase) -> Callable[[], Iterator[SqliteDatabase]]:
    """The database of an example, as it was before it."""

    class Over(Exception):
        pass

    def lent() -> Iterator[SqliteDatabase]:
        try:
            with scratch.atomic():
                yield scratch
                raise Over
        except Over:
            pass

    return lent


@examples(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=DOINGS, after=DOINGS)
def test_no_letter_says_what_its_reader_may_not_read(
    emptied: Callable[[], Iterator[SqliteDatabase]],
    tmp_path_factory: pytest.TempPathFactory,
    before: list[tuple[str, str, bool]],
    after: list[tuple[str, str, bool]],
):
    """Whatever is done, in whatever order: notes stay inside, and strangers stay outside."""
    site = Settings(site=tmp_path_factory.mktemp("site"))
    for db in emptied():
        cast = introduce(db)
        ticket = file(db, cast.alice, cc=["bob@acme.example"])
        for doing in before:
            attempt(db, cast, ticket, doing)
        _spread(db, site)
        for doing in after:
            attempt(db, cast, ticket, doing)
        carry(site, db)
        for letter in letters(site):
            person = people.find(db, letter["Delivered-To"])
            assert person.disabled_at is None
            if person.role == "customer":
                assert "Internal words" not in letter.as_string()
            try:
                tickets.find(db, viewers.find(db, person.email), ticket.id)
            except NotFound:
                pytest.fail(f"{person.email} was told of what they may not read")


def _spread(db: SqliteDatabase, site: Settings) -> None:
    """Write the notices of what happened, and carry none."""
    share = outbox.Share(only=concerns.KINDS)
    while task := outbox.claim(db, share):
        notifications.fan_out(db, task)


QUOTED: dict[str, Callable[[str], str]] = {
    "gmail": lambda text: (
        "Le lun. 2 mars 2026 à 10:00, Support <s@x.example> a écrit\u00a0:\n\n"
        + "\n".join(f"> {line}" for line in text.split("\n"))
    ),
    "outlook": lambda text: (
        "De : Support <support@support.example>\nEnvoyé : lundi 2 mars 2026 10:00\n"
        f"À : Alice <alice@acme.example>\nObjet : {SUBJECT}\n\n{text}"
    ),
    "bare": lambda text: text,
}


@pytest.mark.parametrize("client", sorted(QUOTED))
def test_a_reply_to_our_letter_is_cut_where_the_letter_begins(
    db: SqliteDatabase, cast: Cast, site: Settings, client: str
):
    ticket = file(db, cast.alice)
    reply(db, cast.dan, ticket, "First answer.\n\n> with a quotation")
    carry(site, db)
    letter = to(site, "alice")[-1]
    body = f"Merci, cela marche !\n\n{QUOTED[client](text_of(letter))}"
    back = incoming("alice@acme.example", letter["Reply-To"].addresses[0].addr_spec, body)
    assert take(site, db, back).state == "joined"
    found = tickets.find(db, cast.alice, ticket.id)
    assert found.messages[-1].body == "Merci, cela marche !"


@examples(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(subject=st.text(min_size=1, max_size=120), name=st.text(min_size=1, max_size=60))
@example(subject="A\r\nBcc: victim@example.org", name="B\r\nX: y")
@example(subject='"<b>" =?utf-8?q?x?=', name='"B, C" <evil@x.example>')
def test_no_subject_and_no_name_adds_a_header_or_a_recipient(
    emptied: Callable[[], Iterator[SqliteDatabase]],
    tmp_path_factory: pytest.TempPathFactory,
    subject: str,
    name: str,
):
    site = receiving(Settings(site=tmp_path_factory.mktemp("site")), reply_domain="x.example")
    for db in emptied():
        cast = introduce(db)
        try:
            people.edit(db, OPERATOR, people.find(db, "bob@acme.example"), PersonFields(name=name))
            ticket = file(db, cast.alice, subject=subject, cc=["bob@acme.example"])
        except Invalid:
            return
        carry(site, db)
        assert not db.query("SELECT problem FROM outbox WHERE problem IS NOT NULL")
        for letter in to(site, "alice"):
            if "=?" not in ticket.subject:  # which any reader of headers takes for an encoding
                # Between two encoded words of a long subject, white space says nothing (RFC 2047).
                told = "".join(letter["Subject"].split())
                assert told == "".join(f"[#{ticket.number}] {ticket.subject}".split())
            addressed = [*letter["To"].addresses, *letter["Cc"].addresses]
            expected = ["alice@acme.example", "bob@acme.example"]
            assert [each.addr_spec for each in addressed] == expected
            assert letter["Bcc"] is None and letter["X"] is None
