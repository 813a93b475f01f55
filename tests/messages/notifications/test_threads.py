from email import message_from_bytes

from kbsearch import tickets
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages.notifications import reply_addresses, threads
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.incoming import letter, receiving, take
from tests.kit.requests import file, later


def events(db: SqliteDatabase, ticket_id: str) -> list[str]:
    rows = db.query(
        "SELECT id FROM ticket_events WHERE ticket_id = :id ORDER BY revision", {"id": ticket_id}
    )
    return [row["id"] for row in rows]


def test_the_mails_of_a_request_name_those_before_them(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    site = receiving(settings)
    ticket = file(db, cast.alice)
    replies.note(db, cast.dan, ticket, ReplyForm(new_id(), "Hidden"), at=later(minutes=1))
    to = reply_addresses.make(site, ticket.number, cast.alice.person_id or "")
    take(site, db, letter("alice@acme.example", to, message_id="hers@acme.example"))
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Good."), at=later(hours=1))
    kinds = {row["id"]: row["kind"] for row in db.query("SELECT id, kind FROM ticket_events")}
    public = [id for id in events(db, ticket.id) if kinds[id] != "ticket.noted"]
    last = [id for id in public if kinds[id] == "ticket.replied"][-1]
    ours = [threads.message_id_for(site, id) for id in public[: public.index(last)]]
    expected = [ours[0], "<hers@acme.example>", *ours[1:]]
    before = threads.before(db, site, last)
    assert before.references == tuple(expected)
    assert before.answers == "<hers@acme.example>"
    assert threads.before(db, site, public[0]) == threads.Before()
    for reference in (*expected, threads.message_id_for(site, last)):
        assert threads.number_of(db, site, reference.strip("<>")) == ticket.number
    assert threads.number_of(db, site, f"{last}@evil.example") is None


def test_a_request_that_came_by_mail_has_the_writers_id_as_its_root(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    site = receiving(settings)
    take(site, db, letter(message_id="root@acme.example"))
    ticket = tickets.find(db, cast.dan, db.query("SELECT id FROM tickets")[0]["id"])
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Which?"), at=later(hours=1))
    last = events(db, ticket.id)[-1]
    opened = events(db, ticket.id)[0]
    assert threads.before(db, site, opened).answers == "<root@acme.example>", "its confirmation"
    root = ("<root@acme.example>", threads.message_id_for(site, opened))
    assert threads.before(db, site, last).references[:2] == root


def test_a_long_conversation_names_its_root_and_the_latest_twenty(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    site = receiving(settings)
    ticket = file(db, cast.alice)
    for place in range(30):
        replies.reply(
            db, cast.alice, ticket, ReplyForm(new_id(), f"{place}"), at=later(minutes=place)
        )
    ids = [threads.message_id_for(site, id) for id in events(db, ticket.id)]
    before = threads.before(db, site, events(db, ticket.id)[-1])
    assert before.references == (ids[0], *ids[-21:-1])
    assert before.answers == ids[-2]


def test_an_id_is_one_for_ever_and_ours(settings: Settings):
    site = receiving(settings)
    first = threads.message_id_for(site, "abc")
    assert first == threads.message_id_for(site, "abc") == "<abc@help.support.example>"
    mail = message_from_bytes(letter(message_id=first.strip("<>")))
    assert mail["Message-ID"] == first
