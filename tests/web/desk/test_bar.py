"""What the staff has on every page, where it begins, and how it stays in a view of the queue."""

import re

import pytest
from flask.testing import FlaskClient

from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import viewers
from kbsearch.tickets import Ticket
from kbsearch.tickets.conversation import lifecycle
from tests.conftest import Cast
from tests.kit.requests import file
from tests.kit.web import sign_in

OWN = {"Sec-Fetch-Site": "same-origin"}
BAR = re.compile(r'<nav class="desk-bar".*?</nav>', re.DOTALL)
LINK = re.compile(r'<a href="([^"]+)"[^>]*>([^<]*)')
FORM = re.compile(r'action="(/fr/requests/[^"]+)" method="post"')


def bar(client: FlaskClient, path: str = "/fr/") -> str:
    match = BAR.search(client.get(path).text)
    return match[0] if match else ""


def test_each_role_of_the_staff_has_its_places(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.dan)
    for_agents = LINK.findall(bar(client))
    assert for_agents[:3] == [
        ("/fr/desk", "Demandes à traiter "),
        ("/fr/desk/mail", "Courrier entrant "),
        ("/fr/desk/articles", "Articles"),
    ]
    assert ("/fr/admin/people", "Administration") in for_agents
    sign_in(client, db, cast.root)
    assert ("/fr/admin", "Administration") in LINK.findall(bar(client))
    sign_in(client, db, cast.wendy)
    assert [url for url, _ in LINK.findall(bar(client))] == ["/fr/desk/articles", "/fr/desk/gaps"]
    for url, _ in LINK.findall(bar(client)):
        assert client.get(url).status_code == 200
    sign_in(client, db, cast.alice)
    assert bar(client) == ""


def test_it_counts_what_waits_and_marks_where_one_is(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    first, _ = (file(db, cast.alice, subject=subject) for subject in ("Une", "Deux"))
    sign_in(client, db, cast.dan)
    assert re.search(
        r'/fr/desk" aria-current="page">[^<]*<span class="n">2<', bar(client, "/fr/desk")
    )
    lifecycle.solve(db, cast.dan, first)
    assert '<span class="n">1</span>' in bar(client, "/fr/desk/mail")
    assert '/fr/desk/mail" aria-current="page"' in bar(client, "/fr/desk/mail")


def test_whoever_signs_in_begins_with_their_work(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    for viewer, page in ((cast.dan, "/fr/desk"), (cast.alice, "/fr/")):
        sign_in(client, db, viewer)
        assert client.get("/fr/login").location == page
        assert client.get("/fr/login?next=/fr/account").location == "/fr/account"
    sign_in(client, db, cast.wendy)
    assert client.get(client.get("/fr/login").location).location == "/fr/desk/articles"


def test_customers_see_how_many_of_their_requests_have_news(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    ticket = file(db, cast.alice, subject="Une")
    sign_in(client, db, cast.alice)
    header = r'<a class="mine" href="/fr/requests">.*?</a>'
    client.post(f"/fr/requests/{ticket.id}/seen", data={"activity": ticket.activity}, headers=OWN)
    before = re.search(header, client.get("/fr/").text)
    assert before and "badge" not in before[0]
    lifecycle.solve(db, cast.dan, ticket)
    after = re.search(header, client.get("/fr/").text)
    assert after and '<strong class="badge" aria-hidden="true">1</strong>' in after[0]
    assert "1 nouvelle" in after[0]


@pytest.fixture
def three(db: SqliteDatabase, cast: Cast) -> list[Ticket]:
    return [file(db, cast.alice, subject=f"Demande {number}") for number in (1, 2, 3)]


def test_every_form_of_a_request_stays_in_the_view(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, three: list[Ticket]
):
    sign_in(client, db, cast.dan)
    path = f"/fr/requests/{three[0].id}?view=mine&sort=age"
    actions = FORM.findall(client.get(path).text)
    assert len(actions) >= 4
    assert all(action.endswith("?view=mine&amp;sort=age") for action in actions), actions
    news = (
        f"/fr/requests/{three[0].id}/news?activity={three[0].activity}&amp;view=mine&amp;sort=age"
    )
    assert news in client.get(path).text, "what is fetched later stays in it too"
    taken = client.post(
        f"/fr/requests/{three[0].id}/assignee?view=mine&sort=age",
        data={"assignee": cast.dan.person_id},
        headers=OWN,
    )
    assert taken.location == path
    sign_in(client, db, cast.alice)
    actions = FORM.findall(client.get(path).text)
    assert actions and not any("?" in action for action in actions), "a customer has no queue"


def test_after_an_answer_the_next_one_is_offered(
    client: FlaskClient, db: SqliteDatabase, settings: Settings, cast: Cast, three: list[Ticket]
):
    sign_in(client, db, cast.dan)
    answer = client.post(
        f"/fr/requests/{three[0].id}/messages?view=todo",
        data={"key": "key-of-an-answer", "body": "Voici.", "status": "pending", "send": "reply"},
        headers=OWN,
    )
    assert answer.location == f"/fr/requests/{three[0].id}?view=todo&done=answered#c1"
    page = client.get(answer.location).text
    assert f'data-next href="/fr/requests/{three[1].id}?view=todo"' in page
    assert f"#{three[1].number} Demande 2" in page
    solved = client.post(
        f"/fr/requests/{three[1].id}/status", data={"status": "solved"}, headers=OWN
    )
    assert solved.location.endswith("?done=solved")
    page = client.get(solved.location).text
    assert f'data-next href="/fr/requests/{three[2].id}?view=todo"' in page
    last = client.post(f"/fr/requests/{three[2].id}/status", data={"status": "solved"}, headers=OWN)
    page = client.get(last.location).text
    assert "Il ne reste rien dans cette vue." in page
    assert 'href="/fr/desk?view=todo" data-next' in page


def test_a_conversation_says_the_time_of_day_where_one_is(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    ticket = file(db, cast.alice, subject="Une")
    db.execute("UPDATE tickets SET created_at = '2026-07-14T12:05:00Z'")
    for zone, hour in (("Europe/Paris", "14:05"), ("America/Montreal", "08:05")):
        db.execute(
            "UPDATE people SET time_zone = :zone WHERE id = :id",
            {"zone": zone, "id": cast.alice.person_id},
        )
        sign_in(client, db, viewers.find(db, "alice@acme.example"))
        assert f"14 juillet 2026, {hour}</time>" in client.get(f"/fr/requests/{ticket.id}").text


def test_one_person_has_one_role_in_a_conversation(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    ticket = file(db, cast.alice, subject="Une")
    sign_in(client, db, cast.alice)
    path = f"/fr/requests/{ticket.id}/messages"
    assert (
        client.post(path, data={"key": "key-of-an-answer", "body": "Moi."}, headers=OWN).status_code
        == 303
    )
    roles = re.findall(r'<span class="role">([^<]+)', client.get(f"/fr/requests/{ticket.id}").text)
    assert roles == ["Demandeur", "Demandeur"]
