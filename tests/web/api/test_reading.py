"""What programs read: no more than a page shows their person, in shapes that last."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.files.store import FileStore
from kbsearch.messages.webhooks import journal
from kbsearch.site import exporting
from kbsearch.tickets import Ticket, tags
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.filing import copies
from tests.conftest import Cast
from tests.kit.programs import Program, program
from tests.kit.requests import attach, file
from tests.kit.web import publish_articles


@pytest.fixture
def ticket(db: SqliteDatabase, cast: Cast, store: FileStore) -> Ticket:
    """Alice's, with Bob in copy, a file, an answer of Dan's and a note."""
    attach(db, cast.alice, store, "key-of-the-request")
    filed = file(
        db,
        cast.alice,
        subject="Une vache perdue",
        description="Depuis **mardi**.",
        key="key-of-the-request",
        software="icownect",
    )
    copies.add(db, cast.alice, filed, "bob@acme.example")
    replies.reply(db, cast.dan, filed, ReplyForm("key-of-the-answer", "Laquelle ?"))
    replies.note(db, cast.dan, filed, ReplyForm("key-of-the-note", "CANARI-NOTE"))
    return filed


def asked(app: Flask, db: SqliteDatabase, viewer: Viewer) -> Program:
    return program(app, db, viewer)


def test_a_ticket_is_the_line_of_the_export(
    app: Flask, db: SqliteDatabase, settings: Settings, cast: Cast, ticket: Ticket, tmp_path: Path
):
    exporting.export(settings, db, tmp_path / "out")
    (line,) = (tmp_path / "out/tickets.jsonl").read_text("utf-8").splitlines()
    answer = asked(app, db, cast.dan).get(f"/tickets/{ticket.number}").json
    assert answer is not None
    assert answer.pop("url").endswith(f"/fr/requests/{ticket.id}")
    assert answer.pop("id") == ticket.id
    (attachment,) = answer.pop("attachments")
    assert attachment.keys() == {"id", "name", "size", "type"}
    exported = json.loads(line)
    for name in ("events", "filed_by"):  # what was done to it: /events tells programs
        assert exported.pop(name)
    assert exported.pop("attachments")[0]["name"] == attachment["name"]
    for message, kept in zip(answer["messages"], exported["messages"], strict=True):
        assert message.pop("id") and message.pop("attachments") == kept.pop("attachments") == []
    assert answer.pop("tags") == []
    assert answer == exported
    assert answer["requester"] == "alice@acme.example" and answer["cc"] == ["bob@acme.example"]


def test_customers_read_no_note_and_no_address_that_no_page_shows(
    app: Flask, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    for viewer in (cast.alice, cast.bob):
        answer = asked(app, db, viewer).get(f"/tickets/{ticket.number}")
        assert answer.json is not None
        assert "CANARI-NOTE" not in answer.text and "dan@support.example" not in answer.text
        assert [message["author"] for message in answer.json["messages"]] == ["Dan Leroy"]
    bobs = asked(app, db, cast.bob).get(f"/tickets/{ticket.number}").json
    assert bobs is not None
    assert (bobs["requester"], bobs["cc"]) == ("Alice Martin", ["bob@acme.example"])


def test_what_one_may_not_see_is_what_is_not_there(
    app: Flask, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    chloes = asked(app, db, cast.chloe)
    hidden = chloes.get(f"/tickets/{ticket.number}")
    missing = chloes.get("/tickets/999999")
    assert (hidden.status_code, hidden.data) == (404, missing.data)
    assert chloes.get("/tickets?scope=organisation").json == {"tickets": [], "next": None}
    for path in ("/people", "/organisations", "/organisations/acme", "/tickets?view=all"):
        assert chloes.get(path).status_code == 404


def test_lists_go_on_where_their_cursor_says(app: Flask, db: SqliteDatabase, cast: Cast):
    filed = [file(db, cast.alice, subject=f"Demande {n}").number for n in range(5)]
    for viewer in (cast.alice, cast.dan):
        caller, path, numbers = asked(app, db, viewer), "/tickets?limit=2", []
        while path:
            page = caller.get(path).json
            assert page is not None
            numbers += [ticket["number"] for ticket in page["tickets"]]
            path = f"/tickets?limit=2&cursor={page['next']}" if page["next"] else ""
        assert numbers == filed[::-1]


def test_lists_have_the_filters_of_the_pages(
    app: Flask, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    other = file(db, cast.chloe, subject="Autre chose")
    lifecycle.assign(db, cast.dan, other, cast.dan.person_id)
    tags.change(db, cast.dan, ticket.id, add=["vip"])
    dans = asked(app, db, cast.dan)
    for query, expected in (
        ("", [other, ticket]),
        ("?view=waiting", [ticket]),
        ("?organisation=acme", [ticket]),
        ("?assignee=dan@support.example", [other]),
        ("?assignee=nobody", [ticket]),
        ("?product=icownect", [ticket]),
        ("?q=vache", [ticket]),
        ("?status=new,open", [other]),
        ("?scope=mine", []),
        ("?tag=VIP", [ticket]),
        ("?tag=vip,facture", []),
        ("?tag=vip&status=pending&organisation=acme", [ticket]),
        ("?tag=vip&organisation=globex&scope=all", []),
    ):
        listed = dans.get(f"/tickets{query}").json
        assert listed is not None
        numbers = [line["number"] for line in listed["tickets"]]
        assert numbers == [line.number for line in expected], query
    copied = asked(app, db, cast.bob).get("/tickets?scope=copied").json
    assert copied is not None
    assert [line["number"] for line in copied["tickets"]] == [ticket.number]


def test_files_are_for_those_who_read_the_ticket(
    app: Flask, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    alices = asked(app, db, cast.alice)
    answer = alices.get(f"/tickets/{ticket.number}").json
    assert answer is not None
    path = f"/attachments/{answer['attachments'][0]['id']}"
    bytes_of_it = alices.get(path)
    assert bytes_of_it.status_code == 200 and bytes_of_it.data
    assert "sandbox" in bytes_of_it.headers["Content-Security-Policy"]
    assert asked(app, db, cast.chloe).get(path).status_code == 404


def test_articles_are_listed_and_read_by_those_they_are_for(
    app: Flask, db: SqliteDatabase, settings: Settings, cast: Cast
):
    publish_articles(settings, db)
    listed = {
        who: {
            card["slug"]
            for card in (asked(app, db, getattr(cast, who)).get("/articles?lang=fr").json or {})[
                "articles"
            ]
        }
        for who in ("alice", "chloe", "dan")
    }
    assert "globex" not in listed["alice"]
    assert listed["chloe"] == listed["dan"] == {"mot-de-passe", "contrat", "globex"}
    alices = asked(app, db, cast.alice)
    article = alices.get("/articles/fr/mot-de-passe").json
    assert article is not None
    assert article["title"] == "Réinitialiser son mot de passe"
    assert "## Demander un lien" in article["markdown"] and "<h2" in article["html"]
    hidden, missing = (alices.get(f"/articles/fr/{slug}") for slug in ("globex", "nothing"))
    assert (hidden.status_code, hidden.data) == (404, missing.data)
    first = alices.get("/articles?limit=1").json
    assert first is not None and len(first["articles"]) == 1
    rest = alices.get(f"/articles?cursor={first['next']}").json
    assert rest is not None
    paths = [card["path"] for card in first["articles"] + rest["articles"]]
    assert paths == sorted(set(paths)) and len(paths) == 3


def test_search_is_that_of_the_site(app: Flask, db: SqliteDatabase, settings: Settings, cast: Cast):
    publish_articles(settings, db)
    answer = asked(app, db, cast.alice).get("/search?q=mot+de+passe&lang=fr&limit=1").json
    assert answer is not None
    assert [hit["id"] for hit in answer["hits"]] == ["fr/compte/mot-de-passe"]
    assert "CANARI-8" not in asked(app, db, cast.alice).get("/search?q=Globex").text
    assert asked(app, db, cast.alice).get("/similar?number=1").status_code == 404
    assert asked(app, db, cast.dan).get("/similar?number=1").status_code == 404
    similar = asked(app, db, cast.dan).post("/similar", {"subject": "vache perdue"})
    assert similar.status_code == 200


def test_events_are_what_webhooks_are_sent_for_whoever_may_know(
    app: Flask, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    kinds = {
        who: [
            event["type"] for event in (asked(app, db, viewer).get("/events").json or {})["events"]
        ]
        for who, viewer in vars(cast).items()
        if viewer.person_id
    }
    customers = ["ticket.opened", "ticket.cc_added", "ticket.replied", "ticket.status_changed"]
    assert kinds["alice"] == kinds["bob"] == customers
    assert kinds["chloe"] == kinds["wendy"] == []
    assert kinds["dan"] == kinds["root"] == [*customers, "ticket.noted"]


def test_a_receiver_catches_up_from_its_cursor(
    app: Flask, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    dans = asked(app, db, cast.dan)
    whole = dans.get("/events").json
    assert whole is not None
    piece, told, cursor = None, [], ""
    while piece != []:
        answer = dans.get(f"/events?limit=2&after={cursor}").json
        assert answer is not None
        piece, cursor = answer["events"], answer["next"]
        told += piece
    assert told == whole["events"] and cursor == whole["next"]
    replies.reply(db, cast.alice, ticket, ReplyForm("key-of-the-news", "La blanche."))
    news = dans.get(f"/events?after={cursor}").json
    assert news is not None
    assert [event["type"] for event in news["events"]] == [
        "ticket.replied",
        "ticket.status_changed",
    ]
    assert dans.get("/events?after=nonsense").status_code == 422


def test_what_is_no_ticket_is_for_those_whose_business_it_is(
    app: Flask, db: SqliteDatabase, settings: Settings, cast: Cast
):
    publish_articles(settings, db)
    (settings.content_path / "articles/fr/compte/neuf.md").write_text("---\ntitle: Neuf\n---\n.\n")
    publish_articles(settings, db)
    for viewer, expected in ((cast.alice, []), (cast.wendy, ["article.published"])):
        answer = asked(app, db, viewer).get("/events").json
        assert answer is not None
        assert [event["type"] for event in answer["events"]] == expected
    later = datetime.now(UTC) + journal.KEEP + timedelta(minutes=1)
    assert journal.forget_old(db, at=later) == 1


def test_the_directory_is_that_of_the_administration(app: Flask, db: SqliteDatabase, cast: Cast):
    dans, roots = asked(app, db, cast.dan), asked(app, db, cast.root)
    seen = dans.get("/people").json
    assert seen is not None
    assert {person["role"] for person in seen["people"]} == {"customer"}
    everybody = roots.get("/people").json
    assert everybody is not None and len(everybody["people"]) == 6
    first = roots.get("/people?limit=4").json
    assert first is not None
    rest = roots.get(f"/people?cursor={first['next']}").json
    assert rest is not None and first["people"] + rest["people"] == everybody["people"]
    alice = dans.get(f"/people/{cast.alice.person_id}").json
    assert alice is not None and alice["email"] == "alice@acme.example"
    assert dans.get(f"/people/{cast.root.person_id}").status_code == 404
    assert dans.get("/organisations").status_code == 404
    acme = roots.get("/organisations/acme").json
    assert acme is not None and acme["products"] == ["icownect"]
    listed = roots.get("/organisations?limit=1").json
    assert listed is not None and listed["next"] == "acme"
    for viewer, slugs in ((cast.alice, ["icownect"]), (cast.dan, ["cervo-atelier", "icownect"])):
        sold = asked(app, db, viewer).get("/products").json
        assert sold is not None and [product["slug"] for product in sold["products"]] == slugs


def test_what_was_not_changed_is_not_sent_again(
    app: Flask, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    alices, path = asked(app, db, cast.alice), f"/tickets/{ticket.number}"
    etag = alices.get(path).headers["ETag"]
    again = alices.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    replies.reply(db, cast.dan, ticket, ReplyForm("key-of-the-other", "Retrouvée."))
    assert alices.get(path, headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/tickets/0", 404),
        ("/tickets/99999999999999999999", 404),
        ("/tickets/x", 404),
        ("/tickets?limit=0", 422),
        ("/tickets?limit=١", 422),
        ("/tickets?limit=" + "9" * 5000, 422),
        ("/tickets?cursor=x", 422),
        ("/tickets?statu=new", 422),
        ("/tickets?status=new,odd", 422),
        ("/search", 422),
        ("/search?q=" + "x" * 5000, 422),
        ("/search?q=%00", 422),
        ("/search?q=a&kind=odd", 422),
        ("/articles/xx/a", 404),
        ("/articles/fr/%00", 404),
        ("/attachments/%00", 404),
        ("/people/%00", 404),
        ("/nothing", 404),
    ],
)
def test_what_makes_no_sense_is_refused_as_a_problem(
    app: Flask, db: SqliteDatabase, cast: Cast, path: str, status: int
):
    answer = asked(app, db, cast.root).get(path)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None
    assert answer.json.keys() - {"errors"} == {"type", "title", "status", "detail"}
    assert "api." not in answer.json["detail"]


@pytest.mark.parametrize(
    ("body", "mimetype", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"subject": NaN}', "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"subject": 1}', "application/json", 422),
        (b'{"subject": "\\ud800"}', "application/json", 422),
        (b'{"subject": "a", "odd": 1}', "application/json", 422),
        (b'{"subject": "a", "limit": true}', "application/json", 422),
        (b'{"subject": "a", "limit": 1e400}', "application/json", 422),
        (b"subject=a", "application/x-www-form-urlencoded", 415),
        (b"", "", 415),
        (b'{"subject": "' + b"x" * 1_000_001 + b'"}', "application/json", 413),
    ],
)
def test_a_body_is_looked_at_before_anything_is_done(
    app: Flask, db: SqliteDatabase, cast: Cast, body: bytes, mimetype: str, status: int
):
    dans = asked(app, db, cast.dan)
    answer = dans.call("POST", "/similar", data=body, content_type=mimetype)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"


def test_problems_are_in_the_language_of_whoever_asks(app: Flask, db: SqliteDatabase, cast: Cast):
    dans = asked(app, db, cast.dan)
    french, english = (
        (dans.get("/tickets?limit=0", headers={"Accept-Language": language}).json or {})
        for language in ("fr", "en")
    )
    assert french["type"] == english["type"] and french["detail"] != english["detail"]
    assert [error["pointer"] for error in french["errors"]] == ["/limit"]
