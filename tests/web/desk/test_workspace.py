"""A request stands in the view it was opened from, and leads where its agent wants to go."""

import re

import pytest
from flask.testing import FlaskClient

from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.tickets import Ticket
from kbsearch.tickets.desk import choices
from kbsearch.tickets.filing import drafts
from tests.conftest import Cast
from tests.kit.requests import file
from tests.kit.web import HTMX, sign_in

OWN = {"Sec-Fetch-Site": "same-origin"}
BESIDE = re.compile(r'<nav class="beside".*?</nav>', re.DOTALL)


@pytest.fixture
def three(db: SqliteDatabase, cast: Cast) -> list[Ticket]:
    return [file(db, cast.alice, subject=f"Demande {number}") for number in (1, 2, 3)]


def answer(client: FlaskClient, ticket: Ticket, **fields: str) -> str:
    """Where an agent's answer leads."""
    sent = {"key": f"key-of-{ticket.number}", "body": "Voici.", "send": "reply", **fields}
    path = f"/fr/requests/{ticket.id}/messages?view=todo&sort=age"
    return str(client.post(path, data=sent, headers=OWN).location)


def test_the_view_stands_beside_a_request(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, three: list[Ticket]
):
    sign_in(client, db, cast.dan)
    page = client.get(f"/fr/requests/{three[1].id}?view=all&sort=number").text
    links = re.findall(r'<li><a href="([^"]+)"( aria-current="page")?', BESIDE.findall(page)[0])
    assert links == [
        (f"/fr/requests/{ticket.id}?view=all&amp;sort=number", current)
        for ticket, current in zip(reversed(three), ("", ' aria-current="page"', ""), strict=True)
    ]
    alone = client.get(f"/fr/requests/{three[1].id}").text
    assert "À faire" in BESIDE.findall(alone)[0], "whoever comes from nowhere has what is to do"
    sign_in(client, db, cast.alice)
    assert not BESIDE.search(client.get(f"/fr/requests/{three[1].id}").text)


def test_what_follows_an_answer_is_chosen_once(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, three: list[Ticket]
):
    first, second, third = three
    sign_in(client, db, cast.dan)
    view = "?view=todo&sort=age"
    assert answer(client, first, after="next") == (
        f"/fr/requests/{second.id}{view}&left={first.number}"
    )
    page = client.get(f"/fr/requests/{second.id}{view}&left={first.number}").text
    assert f"Votre réponse à #{first.number} est partie." in page
    assert '<option value="next" selected>' in page
    path = f"/fr/requests/{second.id}/status{view}"
    solved = client.post(path, data={"status": "solved"}, headers=OWN)
    assert solved.location == f"/fr/requests/{third.id}{view}&left={second.number}"
    assert f"#{second.number} est résolue." in client.get(solved.location).text
    assert answer(client, third, after="back") == f"/fr/desk{view}&left={third.number}"
    assert answer(client, first, send="note", key="key-of-a-note", internal="1").endswith("#c2")
    assert choices.find(db, cast.dan).after_answer == "back"
    assert choices.find(db, cast.root).after_answer == "stay", "each has their own"
    answer(client, first, after="elsewhere", key="key-of-another")
    assert choices.find(db, cast.dan).after_answer == "back"


def test_an_answer_is_called_back_from_the_page_that_follows(
    client: FlaskClient, db: SqliteDatabase, settings: Settings, cast: Cast, three: list[Ticket]
):
    sign_in(client, db, cast.dan)
    page = client.get(answer(client, three[0], hold="1", after="next")).text
    assert f"Votre réponse à #{three[0].number} part dans quelques secondes." in page
    undo = re.search(r'class="undo" action="([^"]+)".*?name="key" value="([^"]+)"', page)
    assert undo
    path = undo[1].replace("&amp;", "&")
    back = client.post(path, data={"key": undo[2]}, headers=OWN)
    assert back.location.startswith(f"/fr/requests/{three[0].id}?view=todo&sort=age")
    assert drafts.find(db, cast.dan, undo[2]).fields["body"] == "Voici."
    sign_in(client, db, cast.root)
    assert "Votre réponse" not in client.get(f"/fr/requests/{three[1].id}?left=999999").text


def test_what_stands_beside_a_request_stays_in_the_view_without_a_script(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, three: list[Ticket]
):
    sign_in(client, db, cast.dan)
    view = "?view=mine&sort=age"
    url = f"/fr/desk/tickets/{three[0].number}/similar"
    assert (
        f'{url}{view.replace("&", "&amp;")}"'
        in client.get(f"/fr/requests/{three[0].id}{view}").text
    )
    said = client.post(f"{url}/{three[1].number}{view}", data={"kind": "duplicate"}, headers=OWN)
    assert said.location == url + view
    page = client.get(url + view).text
    actions = re.findall(r'(?:action|href)="(/fr/(?:requests|desk/tickets)/[^"]+)"', page)
    assert actions and all("view=mine" in action for action in actions), actions


def test_the_side_has_who_asks_and_one_form(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, three: list[Ticket]
):
    sign_in(client, db, cast.dan)
    url = f"/fr/requests/{three[0].id}"
    page = client.get(url).text
    assert "2 autres demandes, 2 non résolues" in page and "mailto:alice@acme.example" in page
    form = {
        "edition": str(three[0].edition),
        "status_shown": "new",
        "assignee_shown": "",
        "status": "pending",
        "assignee": str(cast.dan.person_id),
        "severity": "blocking",
    }
    assert client.post(f"{url}/fields?view=todo", data=form, headers=OWN).location == (
        f"{url}?view=todo"
    )
    page = client.get(url).text
    assert '<option value="pending" selected>' in page
    assert f'<option value="{cast.dan.person_id}" selected>Dan Leroy' in page
    overtaken = client.post(f"{url}/fields", data=form | {"status": "open"}, headers=OWN)
    assert overtaken.status_code == 409
    assert "Statut : vous avez indiqué Ouverte, il y a maintenant En attente du client" in (
        overtaken.text.replace("\u00a0", " ")
    )
    assert '<option value="open" selected>' in overtaken.text, "what was chosen is kept"
    sign_in(client, db, cast.alice)
    assert 'class="requester"' not in client.get(url).text


def test_a_number_opens_its_request_from_the_queue_and_the_palette(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, three: list[Ticket]
):
    ticket = three[0]
    sign_in(client, db, cast.dan)
    sent = client.get(f"/fr/desk?view=mine&q=%23{ticket.number}")
    assert sent.location == f"/fr/requests/{ticket.id}?view=mine"
    palette = f"/fr/search?palette=1&q={ticket.number}"
    first = re.findall(r'data-url="([^"]+)"', client.get(palette, headers=HTMX).text)[0]
    assert first == f"/fr/requests/{ticket.id}"
    named = client.get("/fr/search?palette=1&q=acme", headers=HTMX).text
    assert 'data-url="/fr/desk?view=all&amp;organisation=acme"' in named
    assert 'data-url="/fr/desk?view=all&amp;q=alice%40acme.example"' in named
    sign_in(client, db, cast.chloe)
    assert "desk?view" not in client.get("/fr/search?palette=1&q=acme", headers=HTMX).text


def test_a_customer_on_the_telephone_is_found_by_what_they_say(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    db.execute("UPDATE people SET mobile = '+33612345678' WHERE id = :id",
               {"id": cast.alice.person_id})  # fmt: skip
    sign_in(client, db, cast.dan)
    found = client.get("/fr/desk/customers?requester=acme").text
    assert 'data-customer="alice@acme.example"' in found and "bob@acme.example" in found
    asked = file(db, cast.alice, subject="Collier muet")
    chosen = client.get("/fr/desk/customers?requester=alice@acme.example").text
    assert "data-customer" not in chosen
    for known in (f"/admin/people/{cast.alice.person_id}", "Acme", "+33612345678", asked.subject):
        assert known in chosen, "what one wants to know while somebody speaks"
    for words, is_told in (("0601020304", True), ("", False), ("eve@nowhere.example", False)):
        customers = client.get(f"/fr/desk/customers?requester={words}").text
        assert ("Aucun client connu" in customers) is is_told
    form = client.get("/fr/requests/new?phone=06+12+34+56+78").text
    assert re.search(r'name="requester"[^>]* value="alice@acme.example"', form)
    assert re.search(r'name="by_phone"[^>]* checked', form)
    assert not re.search(r'name="by_phone"[^>]* checked', client.get("/fr/requests/new").text)
    unknown = client.get("/fr/requests/new?phone=0799999999").text
    assert re.search(r'name="requester"[^>]* value="0799999999"', unknown), "it is kept"
    typed = {"key": "key-of-a-call", "requester": "alice martin", "subject": "Panne",
             "description": "Plus rien.", "severity": "minor", "by_phone": "1"}  # fmt: skip
    sent = client.post("/fr/requests/new", data=typed, headers=OWN)
    assert sent.status_code == 303
    (filed,) = db.query("SELECT requester_id, channel FROM tickets WHERE subject = 'Panne'")
    assert filed == {"requester_id": cast.alice.person_id, "channel": "phone"}
    page = client.get(sent.headers["Location"]).text
    assert "par téléphone" in page and "est ouverte pour Alice Martin" in page
    assert "fermer ma demande" not in page, "it is not the agent's"
    refused = client.post(
        "/fr/requests/new", data=typed | {"key": "key-of-more", "requester": "acme"}, headers=OWN
    )
    assert refused.status_code == 422 and 'value="acme"' in refused.text
    sign_in(client, db, cast.alice)
    assert 'name="requester"' not in client.get("/fr/requests/new?phone=0612345678").text
    client.post("/fr/requests/new", data={**typed, "key": "key-of-a-customer", "requester": ""},
                headers=OWN)  # fmt: skip
    newest = db.query("SELECT channel FROM tickets ORDER BY number DESC LIMIT 1")
    assert newest == [{"channel": "web"}], "customers say nothing of the telephone"
