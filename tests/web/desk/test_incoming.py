import dataclasses
import re
from datetime import UTC, datetime
from html import unescape

import pytest
from flask.testing import FlaskClient

from kbsearch import tickets
from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages.incoming import arrivals, ledger, mails
from kbsearch.messages.incoming.arrivals import Mailbox
from kbsearch.messages.incoming.ledger import LedgerLine
from kbsearch.messages.notifications import reply_addresses
from kbsearch.people import viewers
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.incoming import letter, receiving, take
from tests.kit.requests import file
from tests.kit.web import sign_in

BODY = "It is <b>back</b>.\n\nLe 2 mars 2026 à 9:00, S <s@x.example> a écrit :\n> Any news?"


@pytest.fixture(autouse=True)
def from_our_own_pages(client: FlaskClient) -> None:
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"


@pytest.fixture
def mail(settings: Settings, db: SqliteDatabase, cast: Cast) -> mails.Mail:
    """One that is held: nothing proves that it is Alice's."""
    take(settings, db, letter("alice@acme.example", "s@x.example", BODY, proved=None))
    return mails.list_all(db, cast.dan)[0]


def paths(mail: mails.Mail) -> list[str]:
    return ["", f"/{mail.id}", f"/{mail.id}/original.eml"]


def test_an_agent_reads_what_is_held(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, mail: mails.Mail
):
    sign_in(client, db, cast.dan)
    page = client.get("/en/desk/mail").text
    assert f'href="/en/desk/mail/{mail.id}"' in page
    assert "Nothing proves that it comes from this address." in page
    page = client.get(f"/fr/desk/mail/{mail.id}").text
    assert "Rien ne prouve qu’il vient de cette adresse." in page
    assert "It is &lt;b&gt;back&lt;/b&gt;." in page
    assert "<details>" in page and "Any news?" in page
    original = client.get(f"/en/desk/mail/{mail.id}/original.eml")
    assert original.data == letter("alice@acme.example", "s@x.example", BODY, proved=None)
    assert original.headers["Content-Disposition"].startswith("attachment")
    assert original.headers["Content-Type"] == "message/rfc822"
    assert "sandbox" in original.headers["Content-Security-Policy"]


def test_the_account_of_the_mailbox_has_its_lines_and_its_alarm(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, mail: mails.Mail
):
    line = LedgerLine("1@acme.example", "2026-03-02T09:00:00Z", mail.state, mail.reason, mail.id)
    ledger.enter(db, arrivals.Arrival("s@x.example/INBOX", 1, 1, 0, None), line)
    mailbox = {"name": "s@x.example/INBOX", "uid_validity": 1, "last_uid": 3}
    counted = {"counted_at": "2026-03-02T10:00:00Z", "present": 3, "missing": 2}
    db.insert("mailboxes", {**mailbox, **counted})
    sign_in(client, db, cast.dan)
    page = client.get("/en/desk/mail?list=account").text
    assert f'<a href="/en/desk/mail/{mail.id}">1@acme.example</a>' in page
    assert "Nothing proves that it comes from this address." in page
    assert "s@x.example/INBOX had 3 messages when it was counted, 2 without a line." in page
    assert 'role="alert"' in page and 'role="alert"' in client.get("/en/desk/mail").text
    sign_in(client, db, cast.alice)
    assert client.get("/en/desk/mail?list=account").status_code == 404


@pytest.mark.parametrize("name", ["alice", "wendy", "nobody"])
def test_for_anybody_else_these_pages_do_not_exist(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, mail: mails.Mail, name: str
):
    viewer: Viewer = getattr(cast, name)
    if viewer.person_id:
        sign_in(client, db, viewer)
    for path in paths(mail):
        there, nowhere = client.get(f"/en/desk/mail{path}"), client.get("/en/desk/nowhere")
        assert there.status_code == nowhere.status_code == 404
    for verb in ("attach", "discard"):
        assert client.post(f"/en/desk/mail/{mail.id}/{verb}").status_code == 404
    assert len(mails.list_all(db, cast.dan)) == 1


def test_it_is_attached_to_a_request(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, mail: mails.Mail
):
    ticket = file(db, cast.alice)
    sign_in(client, db, cast.dan)
    done = client.post(f"/fr/desk/mail/{mail.id}/attach", data={"number": f"#{ticket.number}"})
    assert (done.status_code, done.location) == (303, f"/fr/requests/{ticket.id}")
    (message,) = tickets.find(db, cast.alice, ticket.id).messages
    assert (message.author, message.body) == ("Alice Martin", "It is <b>back</b>.")
    assert mail.id not in client.get("/fr/desk/mail").text
    assert mail.id in client.get("/fr/desk/mail?list=taken").text
    assert "Décision de Dan Leroy." in client.get(f"/fr/desk/mail/{mail.id}").text


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", "Donnez le numéro d’une demande"),
        ("abc", "Donnez le numéro d’une demande"),
        ("99999", "n’existe pas"),
    ],
)
def test_a_wrong_number_is_said_and_kept(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, mail: mails.Mail, typed: str, told: str
):
    sign_in(client, db, cast.dan)
    page = client.post(f"/fr/desk/mail/{mail.id}/attach", data={"number": typed})
    assert page.status_code == 422
    assert told in page.text and f'value="{typed}"' in page.text
    assert len(mails.list_all(db, cast.dan)) == 1


def test_it_is_discarded_and_still_there(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, mail: mails.Mail
):
    sign_in(client, db, cast.dan)
    assert client.post(f"/en/desk/mail/{mail.id}/discard").status_code == 303
    assert mail.id in client.get("/en/desk/mail?list=aside").text
    assert client.post(f"/en/desk/mail/{mail.id}/discard").status_code == 422
    assert client.get("/en/desk/mail?list=none").status_code == 404
    assert viewers.find(db, "alice@acme.example") == cast.alice


def test_what_came_by_mail_is_marked_and_leads_agents_to_the_mail(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    site = receiving(settings)
    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Which one?"))
    to = reply_addresses.make(site, ticket.number, str(cast.alice.person_id))
    take(site, db, letter("alice@acme.example", to, "The brown one."))
    (mail,) = mails.list_all(db, cast.dan, ("joined",))
    link = f'<a href="/fr/desk/mail/{mail.id}">par e-mail</a>'
    sign_in(client, db, cast.dan)
    page = client.get(f"/fr/requests/{ticket.id}").text
    assert page.count("par e-mail") == 1 and link in page
    sign_in(client, db, cast.bob)
    page = client.get(f"/fr/requests/{ticket.id}").text
    assert page.count("par e-mail") == 1 and "/desk/" not in page


def test_a_mail_is_shown_as_typed_and_its_rest_stands_folded(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    site, ticket = receiving(settings), file(db, cast.alice)
    typed = (
        "# cp \\\\nas\\_old\\*.bak\n* settings/__main__.py\n2*3*7  ~~~\n&eacute; <b>\n---\n  7 | 8"
    )
    quotation = "On Mon, 2 Mar 2026 at 9:00, S <s@x.example> wrote:\n> __Any__ news?"
    to = reply_addresses.make(site, ticket.number, cast.alice.person_id or "")
    take(site, db, letter("alice@acme.example", to, f"{typed}\n\n{quotation}"))
    sign_in(client, db, cast.bob)
    page = client.get(f"/en/requests/{ticket.id}").text
    shown = re.findall(r'<div class="as-typed">(.*?)</div>', page, re.DOTALL)
    assert [unescape(text) for text in shown] == [typed, quotation]
    assert page.index("<details") < page.index("__Any__")


def test_a_request_that_was_opened_by_mail_is_marked(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    take(receiving(settings), db, letter())
    ticket = tickets.find_number(db, cast.alice, 1001)
    sign_in(client, db, cast.alice)
    assert "par e-mail" in client.get(f"/fr/requests/{ticket.id}").text


def test_a_strangers_mail_in_a_note_is_not_given_away(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    ticket = file(db, cast.alice)
    site = receiving(settings)
    take(site, db, letter("supplier@elsewhere.example"))
    (mail,) = mails.list_all(db, cast.dan)
    mails.attach(db, cast.dan, site, mail, ticket.number)
    assert len(mails.of_ticket(db, cast.dan, ticket)) == 1
    assert mails.of_ticket(db, cast.alice, ticket) == {}


def set_aside(settings: Settings, db: Database, agent: Viewer, raw: bytes | None) -> mails.Mail:
    """One that could not be taken, however often it was tried."""
    place, at = Mailbox("support@mail.example", 1), datetime.now(UTC)
    arrivals.note(db, place, [7], at=at)
    (arrival,) = arrivals.list_due(db, place, at=at)
    last = dataclasses.replace(arrival, attempts=arrivals.MAX_ATTEMPTS)
    arrivals.fail(db, settings, last, raw, ValueError("no <such> thing"), at=at)
    return next(mail for mail in mails.list_all(db, agent) if mail.is_untaken)


def test_a_mail_that_could_not_be_taken_is_seen_and_tried_again(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    mail = set_aside(settings, db, cast.dan, letter().replace(b"\n", b"\r\n"))
    sign_in(client, db, cast.dan)
    assert "could not be taken in" in client.get("/en/desk/mail").text
    page = client.get(f"/en/desk/mail/{mail.id}").text
    assert "<h1>Collar</h1>" in page and "ValueError: no &lt;such&gt; thing" in page
    assert client.get(f"/en/desk/mail/{mail.id}/original.eml").data.endswith(b"is back.")
    refused = client.post(f"/en/desk/mail/{mail.id}/attach", data={"number": "1001"})
    assert refused.status_code == 422
    assert client.post(f"/en/desk/mail/{mail.id}/attempt").status_code == 303
    assert "next look into the mailbox" in client.get(f"/en/desk/mail/{mail.id}").text


def test_one_that_never_came_has_a_page_too(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    mail = set_aside(settings, db, cast.dan, None)
    sign_in(client, db, cast.dan)
    assert "est dans la boîte, non lu" in client.get(f"/fr/desk/mail/{mail.id}").text
    assert client.post(f"/fr/desk/mail/{mail.id}/discard").status_code == 303
    assert client.post(f"/fr/desk/mail/{mail.id}/attempt").status_code == 422
