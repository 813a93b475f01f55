"""What people do on the page of a request: who may, what is kept, and what nobody else learns."""

from collections.abc import Callable
from dataclasses import replace
from html import unescape
from io import BytesIO

import pytest
from flask.testing import FlaskClient

from kbsearch import limits, people, tickets
from kbsearch.access import OPERATOR, Viewer
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import notification_choices as preferences
from kbsearch.people import organisations
from kbsearch.people.organisations import OrganisationFields
from kbsearch.tickets import Ticket, tags
from kbsearch.tickets.conversation import lifecycle, replies, satisfaction
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.filing import copies, drafts
from tests.conftest import Cast
from tests.kit.requests import PNG, file
from tests.kit.web import HTMX, sign_in

KEY = "key-of-a-reply"
ROUTES = {
    "messages": {"body": "Une réponse", "key": KEY},
    "status": {"status": "solved"},
    "cc": {"add": "bob@acme.example"},
    "fields": {"version": "4.9"},
    "assignee": {"assignee": ""},
    "seen": {"activity": "1"},
    "satisfaction": {"rating": "good"},
}

Browser = Callable[[Viewer], FlaskClient]


@pytest.fixture
def ticket(db: SqliteDatabase, cast: Cast) -> Ticket:
    """A request of Alice's, which her colleagues do not see unless they are in copy."""
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(sharing="nobody")
    )
    return file(db, cast.alice, software="icownect", version="4.2")


@pytest.fixture
def browser(client: FlaskClient, db: SqliteDatabase) -> Browser:
    """The browser of somebody."""
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"

    def open_for(viewer: Viewer) -> FlaskClient:
        sign_in(client, db, viewer)
        return client

    return open_for


def test_a_colleague_in_copy_answers_with_a_file_in_one_post(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    copies.add(db, cast.alice, ticket, "bob@acme.example")
    sent = {"body": "Voici **l’écran**", "key": KEY, "files": (BytesIO(PNG), "écran.png")}
    answer = browser(cast.bob).post(f"/fr/requests/{ticket.id}/messages", data=sent)
    assert answer.status_code == 303
    assert answer.location == f"/fr/requests/{ticket.id}#c1"
    page = browser(cast.alice).get(answer.location).text
    assert "Voici <strong>l’écran</strong>" in page
    assert 'width="640" height="480" alt="écran.png"' in page
    assert "Alice Martin a mis Bob Durand en copie" in page


@pytest.mark.parametrize("outsider", ["bob", "chloe", "wendy"])
def test_for_outsiders_a_request_is_missing_whatever_they_try(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket, outsider: str
):
    client = browser(getattr(cast, outsider))
    before = tickets.find(db, cast.dan, ticket.id)
    for route, sent in ROUTES.items():
        hidden, missing = (
            client.post(f"/fr/requests/{id}/{route}", data=sent) for id in (ticket.id, "nothing")
        )
        assert hidden.status_code == missing.status_code == 404, route
        assert hidden.text.replace(ticket.id, "nothing") == missing.text, route
    for route in ("", "/news?activity=0", "/satisfaction"):
        hidden, missing = (
            client.get(f"/fr/requests/{id}{route}", headers=HTMX if "news" in route else {})
            for id in (ticket.id, "nothing")
        )
        assert hidden.status_code == missing.status_code == 404, route
        assert hidden.text.replace(ticket.id, "nothing") == missing.text, route
    assert tickets.find(db, cast.dan, ticket.id) == before


def test_strangers_sign_in_first_and_change_nothing(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    before = tickets.find(db, cast.dan, ticket.id)
    for route, sent in ROUTES.items():
        answer = client.post(f"/fr/requests/{ticket.id}/{route}", data=sent)
        assert (answer.status_code, "/login" in answer.location) == (303, True), route
    polled = client.get(f"/fr/requests/{ticket.id}/news?activity=0", headers=HTMX)
    assert polled.status_code == 204
    assert tickets.find(db, cast.dan, ticket.id) == before


def test_those_in_copy_read_and_answer_but_have_no_say(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    copies.add(db, cast.alice, ticket, "bob@acme.example")
    client = browser(cast.bob)
    for route in ("status", "cc", "fields", "assignee", "satisfaction"):
        answer = client.post(f"/fr/requests/{ticket.id}/{route}", data=ROUTES[route])
        assert answer.status_code == 403, route
    page = client.get(f"/fr/requests/{ticket.id}").text
    assert "Marquer comme résolu" not in page
    answer = client.post(f"/fr/requests/{ticket.id}/cc", data={"leave": "1"})
    assert answer.location == "/fr/requests/cc"
    assert client.get(f"/fr/requests/{ticket.id}").status_code == 404


def test_a_note_is_for_agents_whatever_button_sends_it(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    url = f"/fr/requests/{ticket.id}"
    for n, marks in enumerate(({"internal": "1", "send": "reply"}, {"send": "note"})):
        sent = {"body": "NOTE-CANARI", "key": f"{KEY}-{n}", **marks}
        assert browser(cast.dan).post(f"{url}/messages", data=sent).status_code == 303
    assert "NOTE-CANARI" in browser(cast.dan).get(url).text
    alice = browser(cast.alice)
    assert "NOTE-CANARI" not in alice.get(url).text
    shown = tickets.find(db, cast.alice, ticket.id)
    since = f"{url}/news?activity={shown.activity}"
    assert alice.get(since, headers=HTMX).status_code == 204
    forged = {"body": "une note ?", "key": f"{KEY}-2", "internal": "1"}
    assert alice.post(f"{url}/messages", data=forged).status_code == 403


def test_an_answer_sets_the_status_and_news_are_announced(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    url = f"/fr/requests/{ticket.id}"
    sent = {"body": "Redémarrez.", "key": KEY, "status": "open", "send": "reply"}
    browser(cast.dan).post(f"{url}/messages", data=sent)
    assert tickets.find(db, cast.alice, ticket.id).status == "open"
    bar = browser(cast.alice).get(f"{url}/news?activity={ticket.activity}", headers=HTMX)
    assert "1 nouvelle réponse" in bar.text
    assert "#c1" in bar.text


def test_a_late_answer_is_kept_and_says_so(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    replies.reply(db, cast.dan, ticket, ReplyForm("key-of-dan", "Redémarrez."))
    sent = {"body": "Toujours rien.", "key": KEY, "activity": str(ticket.activity)}
    client = browser(cast.alice)
    answer = client.post(f"/fr/requests/{ticket.id}/messages", data=sent)
    assert answer.location == f"/fr/requests/{ticket.id}?meanwhile=1#c2"
    page = client.get(answer.location).text
    assert "Entre-temps" in page
    assert "Toujours rien." in page


def test_what_cannot_be_sent_is_kept(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    lifecycle.solve(db, cast.alice, ticket)
    lifecycle.set_status(db, cast.dan, ticket, "closed")
    sent = {"body": "Encore un mot", "key": KEY}
    answer = browser(cast.alice).post(f"/fr/requests/{ticket.id}/messages", data=sent)
    assert answer.status_code == 422
    assert "créez un suivi" in answer.text
    assert "Créer un suivi" in answer.text
    assert drafts.find(db, cast.alice, KEY).fields["body"] == "Encore un mot"


def test_solved_with_the_answer_and_opened_again(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    url, client = f"/fr/requests/{ticket.id}", browser(cast.alice)
    client.post(f"{url}/messages", data={"body": "Merci", "key": KEY, "status": "solved"})
    assert tickets.find(db, cast.alice, ticket.id).status == "solved"
    assert "Alice Martin a marqué la demande comme résolue" in client.get(url).text
    client.post(f"{url}/status", data={"status": "open"})
    assert tickets.find(db, cast.alice, ticket.id).status == "open"
    assert client.post(f"{url}/status", data={"status": "pending"}).status_code == 403
    assert client.post(f"{url}/status", data={"status": "lost"}).status_code == 422


def test_an_agent_marks_the_solution_and_takes_the_request(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    said = replies.reply(db, cast.dan, ticket, ReplyForm(KEY, "Redémarrez."))
    replies.reply(db, cast.dan, ticket, ReplyForm(f"{KEY}-2", "Et bonne journée."))
    client, url = browser(cast.dan), f"/fr/requests/{ticket.id}"
    client.post(f"{url}/assignee", data={"assignee": cast.dan.person_id})
    client.post(f"{url}/status", data={"status": "solved", "message": said.message_id})
    found = tickets.find(db, cast.alice, ticket.id)
    assert (found.assignee, found.status) == ("Dan Leroy", "solved")
    assert [message.solution for message in found.messages] == [True, False]


def test_two_corrections_at_once_lose_nothing(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    url = f"/fr/requests/{ticket.id}/fields"
    stale = str(ticket.edition)
    browser(cast.dan).post(url, data={"version": "5.0-of-dan", "edition": stale})
    client = browser(cast.alice)
    refused = client.post(url, data={"version": "4.3-of-alice", "edition": stale})
    assert refused.status_code == 409
    assert "4.3-of-alice" in refused.text
    assert "5.0-of-dan" in refused.text
    found = tickets.find(db, cast.alice, ticket.id)
    assert found.version == "5.0-of-dan"
    client.post(url, data={"version": "4.3-of-alice", "edition": str(found.edition)})
    assert tickets.find(db, cast.alice, ticket.id).version == "4.3-of-alice"


def test_tags_are_typed_and_taken_off_in_the_form_of_agents(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    url = f"/fr/requests/{ticket.id}/fields"
    dans = browser(cast.dan)
    dans.post(url, data={"new_tags": "VIP, facture"})
    page = dans.get(f"/fr/requests/{ticket.id}").text
    assert 'name="tags_shown" value="facture vip"' in page
    assert 'name="tags" value="vip" checked' in page
    assert "Dan Leroy a ajouté des étiquettes\u00a0: facture, vip." in unescape(page)
    tags.change(db, cast.root, ticket.id, add=["urgent"])  # meanwhile
    form = {"tags_shown": "facture vip", "tags": "vip"}
    refused = dans.post(url, data={**form, "new_tags": "b " + "a" * 81})
    assert refused.status_code == 422 and f"b {'a' * 81}" in refused.text
    assert "plus de 80 caractères" in refused.text
    for tag, state in (("facture", ""), ("urgent", " checked"), ("vip", " checked")):
        assert f'name="tags" value="{tag}"{state}>' in refused.text
    dans.post(url, data={**form, "new_tags": ""})
    assert tickets.find(db, cast.dan, ticket.id).tags == ("urgent", "vip")
    browser(cast.alice).post(url, data={"new_tags": "mine", "tags_shown": "urgent vip"})
    assert tickets.find(db, cast.dan, ticket.id).tags == ("urgent", "vip")
    hers = browser(cast.alice).get(f"/fr/requests/{ticket.id}").text
    assert "urgent" not in hers and "tiquette" not in hers and "new_tags" not in hers


def test_only_the_named_fields_are_taken(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    forged = {
        "version": "4.9",
        "subject": "forged",
        "organisation": "globex",
        "requester_id": cast.bob.person_id,
        "status": "closed",
        "assignee_id": cast.alice.person_id,
    }
    browser(cast.alice).post(f"/fr/requests/{ticket.id}/fields", data=forged)
    found = tickets.find(db, cast.alice, ticket.id)
    assert found.version == "4.9"
    assert (found.subject, found.organisation_slug) == (ticket.subject, "acme")
    assert (found.requester_id, found.status, found.assignee) == (
        cast.alice.person_id,
        "new",
        None,
    )
    assert found.confidential == ticket.confidential


def test_an_address_of_a_stranger_tells_nothing(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    client, url = browser(cast.alice), f"/fr/requests/{ticket.id}/cc"
    known, unknown = (
        client.post(url, data={"add": address})
        for address in ("chloe@globex.example", "other@globex.example")
    )
    assert known.status_code == unknown.status_code == 422
    assert client.post(url, data={"add": "bob@acme.example"}).status_code == 303
    assert client.post(url, data={"remove": "bob@acme.example"}).status_code == 303
    assert tickets.find(db, cast.alice, ticket.id).copies == ()


def test_seen_is_told_by_the_page_and_never_ahead(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    client, url = browser(cast.alice), f"/fr/requests/{ticket.id}"
    client.post(f"{url}/seen", data={"activity": "999999"})
    replies.reply(db, cast.dan, ticket, ReplyForm(KEY, "Redémarrez."))
    visits = "SELECT activity FROM ticket_visits WHERE person_id = :me AND ticket_id = :id"
    row = db.query(visits, {"me": cast.alice.person_id, "id": ticket.id})[0]
    assert row["activity"] == ticket.activity
    client.get(url)
    assert db.query(visits, {"me": cast.alice.person_id, "id": ticket.id})[0] == row


def test_a_preview_runs_nothing(browser: Browser, cast: Cast):
    typed = {"body": "**gras** <script>alert(1)</script> [x](javascript:alert(1))"}
    piece = browser(cast.alice).post("/fr/requests/preview", data=typed, headers=HTMX).text
    assert "<strong>gras</strong>" in piece
    assert "<script" not in piece
    assert 'href="javascript' not in piece


@pytest.mark.parametrize("length", [64_001, 300_000])
def test_a_preview_of_what_is_too_long_to_send_says_so(browser: Browser, cast: Cast, length: int):
    typed = {"body": "[" * length}
    answer = browser(cast.alice).post("/fr/requests/preview", data=typed, headers=HTMX)
    assert answer.status_code == 422
    assert "Pas plus de 64" in answer.text
    assert len(answer.text) < 200


def test_satisfaction_is_asked_of_the_requester_once_closed(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    url, client = f"/fr/requests/{ticket.id}/satisfaction", browser(cast.alice)
    assert client.post(url, data={"rating": "good"}).status_code == 422
    lifecycle.solve(db, cast.alice, ticket)
    lifecycle.set_status(db, cast.dan, ticket, "closed")
    assert url in client.get(f"/fr/requests/{ticket.id}").text
    assert client.post(url, data={"why": "rien"}).status_code == 422
    assert client.post(url, data={"rating": "bad", "why": "Trop long"}).status_code == 303
    said = satisfaction.find(db, cast.alice, ticket)
    assert said is not None
    assert (said.is_good, said.why) == (False, "Trop long")


def test_the_link_of_a_mail_asks_and_its_form_answers(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    lifecycle.solve(db, cast.alice, ticket)
    lifecycle.set_status(db, cast.dan, ticket, "closed")
    token = satisfaction.ask(db, ticket.id, cast.alice.person_id or "")
    page = client.get(f"/fr/satisfaction/{token}")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert satisfaction.peek(db, token).is_good is None
    clicked = client.get(f"/fr/satisfaction/{token}?rating=bad").text
    assert 'value="bad" checked' in clicked, "one click in the mail, one here"
    assert satisfaction.peek(db, token).is_good is None, "scanners of mail follow links"
    answer = client.post(f"/fr/satisfaction/{token}", data={"rating": "good"})
    assert answer.status_code == 303
    assert satisfaction.peek(db, token).is_good is True
    assert client.get("/fr/satisfaction/forged").status_code == 404


def test_the_thanks_promise_a_mail_to_those_who_want_one(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    client = browser(cast.alice)
    page = client.get(f"/fr/requests/{ticket.id}?thanks=1").text
    assert "vous répondra ici et par e-mail" in page
    preferences.decline(db, str(cast.alice.person_id), "ticket.replied")
    page = client.get(f"/fr/requests/{ticket.id}?thanks=1").text
    assert "vous répondra ici." in page


def test_whoever_looks_after_it_stays_named_though_their_account_is_closed(
    browser: Browser, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    lifecycle.assign(db, cast.dan, ticket, cast.dan.person_id)
    page = browser(cast.root).get(f"/fr/requests/{ticket.id}").text
    people.disable(db, OPERATOR, people.find(db, "dan@support.example"))
    closed = browser(cast.root).get(f"/fr/requests/{ticket.id}").text
    chosen = f'<option value="{cast.dan.person_id}" selected>Dan Leroy</option>'
    assert page.count(chosen) == closed.count(chosen) == 1
    other = file(db, cast.alice)
    assert str(cast.dan.person_id) not in browser(cast.root).get(f"/fr/requests/{other.id}").text


def test_a_customer_answers_so_often_an_hour(
    browser: Browser, cast: Cast, ticket: Ticket, monkeypatch: pytest.MonkeyPatch
):
    few = replace(limits.REPLIES_OF_CUSTOMER, windows=((1, limits.HOURS),))
    monkeypatch.setattr(limits, "REPLIES_OF_CUSTOMER", few)
    path = f"/fr/requests/{ticket.id}/messages"
    alice = browser(cast.alice)
    assert alice.post(path, data={"body": "Une", "key": f"{KEY}-1"}).status_code == 303
    refused = alice.post(path, data={"body": "Encore une", "key": f"{KEY}-2"})
    assert refused.status_code == 429 and "Encore une" in refused.text
