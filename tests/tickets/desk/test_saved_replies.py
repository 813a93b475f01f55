"""Saved replies: who has them, what is filled in, and how they reach an answer."""

import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.tickets.desk import saved_replies
from kbsearch.tickets.desk.saved_replies import FIELDS, SavedReplyFields
from tests.conftest import Cast, take_over
from tests.kit.requests import file
from tests.kit.web import publish_articles, sign_in

SAME = {"Sec-Fetch-Site": "same-origin"}


def test_fields_are_filled_in_for_the_request(settings: Settings, db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice, subject="Collar", software="icownect", version="4.2")
    body = "\n".join(f"{field}={{{{ {field} }}}}" for field in FIELDS)
    reply = saved_replies.add(db, cast.dan, SavedReplyFields(language="en", name="All", body=body))
    told = saved_replies.filled(settings, cast.dan, ticket, reply)
    assert told.splitlines() == [
        "requester.name=Alice Martin",
        "requester.first_name=Alice",
        f"request.number={ticket.number}",
        "request.subject=Collar",
        f"request.url=http://127.0.0.1:8080/{ticket.language}/requests/{ticket.id}",
        "product=iCownect",
        "version=4.2",
        "agent.name=Dan Leroy",
        "agent.first_name=Dan",
        "site=kbsearch",
    ]


def test_what_a_customer_typed_is_no_field(settings: Settings, db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice, subject="{{ agent.name }}")
    reply = saved_replies.add(
        db, cast.dan, SavedReplyFields(language="fr", name="S", body="{{request.subject}}")
    )
    assert saved_replies.filled(settings, cast.dan, ticket, reply) == "{{ agent.name }}"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"name": " "}, "name_invalid"),
        ({"name": "x" * 81}, "name_invalid"),
        ({"body": " \n"}, "body_invalid"),
        ({"body": "x" * 20_001}, "body_invalid"),
        ({"body": "{{password}}"}, "field_unknown"),
        ({"body": "{{ requester.__class__ }}"}, "field_unknown"),
        ({"body": "{{}}"}, "field_unknown"),
        ({"language": "de"}, "language_unknown"),
        ({"name": "THANKS"}, "name_taken"),
    ],
)
def test_a_wrong_one_is_refused(db: SqliteDatabase, cast: Cast, changes: dict[str, Any], key: str):
    usual: dict[str, Any] = {"language": "en", "name": "Other", "body": "Hello"}
    saved_replies.add(
        db, cast.dan, SavedReplyFields(language="en", name="Thanks", body="Thank you")
    )
    with pytest.raises(Invalid, match=key):
        saved_replies.add(db, cast.dan, SavedReplyFields(**{**usual, **changes}))


def test_agents_share_them_and_nobody_else_has_any(db: SqliteDatabase, cast: Cast):
    reply = saved_replies.add(
        db, cast.dan, SavedReplyFields(language="en", name="Thanks", body="Thank you")
    )
    edited = saved_replies.edit(
        db, cast.root, reply, SavedReplyFields(language="en", name="Thanks", body="Ta")
    )
    assert saved_replies.find(db, cast.dan, reply.id) == edited
    for viewer in (cast.alice, cast.wendy, cast.nobody):
        with pytest.raises(NotFound):
            saved_replies.list_all(db, viewer)
        with pytest.raises(NotFound):
            saved_replies.remove(db, viewer, reply)
    saved_replies.remove(db, cast.dan, reply)
    with pytest.raises(NotFound):
        saved_replies.find(db, cast.dan, reply.id)


def test_the_language_of_the_request_comes_first(db: SqliteDatabase, cast: Cast):
    for language, name in (("en", "Thanks"), ("fr", "Merci (thanks)"), ("fr", "Autre")):
        saved_replies.add(
            db, cast.dan, SavedReplyFields(language=language, name=name, body=f"{name}!")
        )
    found = saved_replies.search(db, cast.dan, "than", "fr", 8)
    assert [reply.name for reply in found] == ["Merci (thanks)", "Thanks"]


def test_they_are_kept_on_a_page_and_inserted_without_script(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    ticket = file(db, cast.alice)
    sign_in(client, db, cast.dan)
    values = {"language": "en", "name": "Thanks", "body": "Hello {{requester.first_name}},"}
    added = client.post("/en/desk/replies", data=values, headers=SAME)
    assert added.location == "/en/desk/replies?done=added"
    wrong = client.post("/en/desk/replies", data={**values, "body": "{{x}}"}, headers=SAME)
    assert wrong.status_code == 422
    assert "There is no field {{x}}" in wrong.text and ">\n{{x}}</textarea>" in wrong.text
    page = client.get(f"/en/desk/replies?for={ticket.number}").text
    found = re.search(r'href="(/en/requests/[^"]+\?saved=[^"#]+)', page)
    assert found
    assert "Hello Alice," in client.get(found[1]).text
    (reply,) = saved_replies.list_all(db, cast.dan)
    gone = client.post(f"/en/desk/replies/{reply.id}", data={"remove": "1"}, headers=SAME)
    assert gone.location == "/en/desk/replies?done=removed"
    assert "Hello Alice," not in client.get(found[1]).text
    assert client.get("/en/desk/replies?for=999999").status_code == 404


def test_what_customers_may_not_open_is_offered_and_cannot_be_inserted(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    take_over(db, number=900, requester=None)
    ticket = file(db, cast.alice)
    saved_replies.add(
        db, cast.dan, SavedReplyFields(language="fr", name="Bonjour", body="Bonjour {{agent.name}}")
    )
    sign_in(client, db, cast.dan)
    address = f"/fr/desk/tickets/{ticket.number}/insertions"
    told = client.get(f"{address}?kind=reply&q=bonj", headers={"HX-Request": "true"}).text
    assert 'data-text="Bonjour Dan Leroy"' in told
    assert "Rien ne correspond." in client.get(f"{address}?kind=reply&q=zzz").text
    assert "Rien ne correspond." in client.get(f"{address}?kind=article&q=").text
    sign_in(client, db, cast.alice)
    assert client.get(f"{address}?kind=reply&q=bonj").status_code == 404


def test_articles_are_offered_by_the_ranking_of_the_search_box(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    publish_articles(settings, db)
    ticket = file(db, cast.alice)
    sign_in(client, db, cast.dan)
    address = f"/fr/desk/tickets/{ticket.number}/insertions"
    told = client.get(f"{address}?kind=article&q=mot+de+passe").text
    assert 'data-text="[Réinitialiser son mot de passe](http://' in told
    (source,) = re.findall(r'data-source="([^"]*mot-de-passe[^"]*)"', told)
    said = client.get(source)
    assert said.content_type == "text/plain; charset=utf-8"
    assert said.text.endswith(
        "[Réinitialiser son mot de passe](http://127.0.0.1:8080/fr/articles/mot-de-passe)"
    )
    path = source.partition("/articles/")[2]
    assert said.text in unescape(client.get(f"/fr/requests/{ticket.id}?article={path}").text)
