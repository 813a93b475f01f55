from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from kbsearch import outbox, people
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.messages.delivery import channels
from kbsearch.messages.delivery.channels import ChannelError
from kbsearch.messages.notifications import letters, mailings
from kbsearch.people import Person, PersonFields
from kbsearch.people.accounts import choosing as choosing_passwords
from kbsearch.people.accounts import one_time_links
from kbsearch.people.accounts import sign_ins_under_way as pending
from kbsearch.people.accounts.sign_ins_under_way import Errand
from kbsearch.people.accounts.signing_in import Caller
from tests.conftest import Cast
from tests.kit.mail import Mailbox, code_in, html_of, latest, link_in, post, serving, text_of
from tests.kit.mail import letters as written

ALICE = "alice@acme.example"


def due_now(db: SqliteDatabase) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    db.execute("UPDATE outbox SET due_at = :past", {"past": past})


def test_a_letter_is_properly_addressed(db: SqliteDatabase, settings: Settings, cast: Cast):
    pending.begin(db, cast.alice.person_id or "", Errand("sign_in"), "mail")
    (task,) = db.query("SELECT id FROM outbox")
    letter = latest(settings, db)
    assert letter["To"] == "Alice Martin <alice@acme.example>"
    assert letter["From"] == "kbsearch <no-reply@127.0.0.1>"
    assert letter["Message-ID"] == f"<{task['id']}@127.0.0.1>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Content-Language"] == "fr"
    assert letter["Subject"] == f"{code_in(letter)} est votre code de vérification"
    assert abs(parsedate_to_datetime(letter["Date"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert "5 minutes" in text_of(letter)


def test_a_letter_is_in_the_language_of_its_reader(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    alice = people.edit(db, OPERATOR, people.find(db, ALICE), PersonFields(language="en"))
    choosing_passwords.invite(db, OPERATOR, alice)
    letter = latest(settings, db)
    assert letter["Subject"] == "Your account on kbsearch"
    assert link_in(letter).startswith("/en/invitation/")
    assert letter["Content-Language"] == "en"


def test_the_sender_is_a_setting(settings: Settings):
    named = replace(settings, mail_from="Aide Acme <aide@acme.example>")
    assert str(letters.sender(named)) == "Aide Acme <aide@acme.example>"
    bare = replace(settings, mail_from="aide@acme.example", site_name="Centre d’aide")
    assert str(letters.sender(bare)) == "Centre d’aide <aide@acme.example>"


# Both of a mail's headers and its lines are what attackers reach for.
@examples(max_examples=60)
@given(name=st.text(min_size=1, max_size=80), site=st.text(min_size=1, max_size=40))
@example(name="A\r\nBcc: victim@example.org", site="B\nX: y")
@example(name='"<b>', site="=?utf-8?q?x?=")
@example(name="\u2028\u0085x", site="\x00")
def test_no_name_adds_a_header(name: str, site: str):
    person = Person("i", "p@example.org", name, "customer", "fr", (), "", None)
    settings = Settings(site_name=site)
    encodable = name.encode("utf-8", "replace") and site.encode("utf-8", "replace")
    assert encodable
    try:
        letter = letters.compose(
            settings, "sign_in_code", person, "t1", {"code": "1", "minutes": 5}
        )
    except (ValueError, UnicodeEncodeError):
        return  # refused rather than mangled
    raw = letter.as_bytes(policy=policy.SMTP)
    head = raw.partition(b"\r\n\r\n")[0]
    fields = [
        line.partition(b":")[0].lower() for line in head.split(b"\r\n") if line[:1] not in b" \t"
    ]
    assert sorted(fields) == sorted(
        b"subject from to date message-id auto-submitted content-language "
        b"content-type mime-version x-ms-reactions".split()
    )
    assert letter["To"].addresses[0].addr_spec == "p@example.org"


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sign_in_code", {"code": "123456", "minutes": 5}),
        ("password_reset", {"link": "https://x/y"}),
        ("invitation", {"link": "https://x/y", "is_reminder": False, "paragraphs": ()}),
        ("password_changed", {"at": "2026-11-20T12:00:00Z"}),
        ("new_browser", {"at": "2026-11-20T12:00:00Z", "browser": "Firefox & <b>"}),
    ],
)
def test_every_letter_reads_well(name: str, values: dict[str, object], language: str):
    settings = Settings(site_name="L’aide", support_phone="+33 1", support_email="a@b.example")
    person = Person("i", "p@example.org", "Chloé & Co", "customer", language, (), "", None)
    letter = letters.compose(settings, name, person, "t1", values)
    text, html = text_of(letter), html_of(letter)
    assert "Chloé & Co," in text, "text is not escaped as HTML would be"
    assert "Chloé &amp; Co," in html and "<b>" not in html
    assert "\n\n\n" not in text and "{{" not in text and "%(" not in text
    assert text.startswith(("Bonjour", "Hello"))
    assert text.rstrip().endswith("a@b.example")
    assert all(str(value) in text for key, value in values.items() if value and key != "at")
    assert "\n" not in letter["Subject"]


def test_a_code_nobody_waits_for_any_more_is_not_sent(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    late = datetime.now(UTC) - pending.LIFETIME
    pending.begin(db, cast.alice.person_id or "", Errand("sign_in"), "mail", at=late)
    finished = pending.begin(db, cast.bob.person_id or "", Errand("sign_in"), "mail")
    pending.pass_through(db, pending.find(db, finished, "sign_in"))
    pending.begin(db, cast.chloe.person_id or "", Errand("sign_in"), "mail")
    people.disable(db, OPERATOR, people.find(db, "chloe@globex.example"))
    post(settings, db)
    assert written(settings) == []
    assert outbox.oldest_waiting(db) is None


def test_a_retry_is_another_letter_with_another_code(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    """One mail server took the first letter and the connection broke before it said so."""
    mailbox = Mailbox()
    with serving(mailbox) as port:
        served = replace(settings, smtp_url=f"smtp://127.0.0.1:{port}")
        pending.begin(db, cast.alice.person_id or "", Errand("sign_in"), "mail")
        mailbox.answer = "451 later"
        post(served, db)
        assert mailbox.letters == []
        mailbox.answer = "250 OK"
        due_now(db)
        post(served, db)
    (letter,) = mailbox.letters
    assert letter["Message-ID"].endswith(".2@127.0.0.1>")


def test_a_letter_that_is_refused_for_good_is_not_tried_again(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    mailbox = Mailbox()
    mailbox.answer = "550 no such user"
    with serving(mailbox) as port:
        choosing_passwords.invite(db, OPERATOR, people.find(db, ALICE))
        post(replace(settings, smtp_url=f"smtp://127.0.0.1:{port}"), db)
    assert outbox.count_dead(db) == 1
    (task,) = db.query("SELECT problem FROM outbox")
    assert task["problem"] == "550 no such user"


def test_neither_code_nor_link_rests_in_the_database(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    pending.begin(db, cast.alice.person_id or "", Errand("sign_in"), "mail")
    code = code_in(latest(settings, db))
    choosing_passwords.forget(db, Caller(), ALICE)
    link = link_in(latest(settings, db)).rsplit("/", 1)[1]
    tables = [name for name in db.list_tables() if not name.startswith("sqlite")]
    kept = str([db.query(f"SELECT * FROM {name}") for name in tables])  # noqa: S608
    assert link not in kept
    assert f"'{code}'" not in kept


def test_a_later_link_kills_the_one_before(db: SqliteDatabase, settings: Settings, cast: Cast):
    choosing_passwords.forget(db, Caller(), ALICE)
    first = link_in(latest(settings, db)).rsplit("/", 1)[1]
    choosing_passwords.forget(db, Caller(), ALICE)
    second = link_in(latest(settings, db)).rsplit("/", 1)[1]
    with pytest.raises(NotFound):
        one_time_links.peek(db, "reset", first)
    assert one_time_links.peek(db, "reset", second).email == ALICE


def test_a_channel_that_fails_keeps_the_letter_waiting(
    db: SqliteDatabase, settings: Settings, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    def fail(self, letter) -> None:
        raise ChannelError("no route", permanent=False)

    monkeypatch.setattr(channels.MailChannel, "send", fail)
    choosing_passwords.invite(db, OPERATOR, people.find(db, ALICE))
    assert outbox.run_one(db, mailings.handlers(settings, db, mailings.ABOUT_ACCOUNTS))
    assert outbox.count_dead(db) == 0
    assert outbox.oldest_waiting(db) is not None
