"""Two people save one thing: the second is shown what the first wrote, and overwrites knowingly."""

from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kbsearch import people, revisions
from kbsearch.access import OPERATOR
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Outdated
from kbsearch.people import organisations
from kbsearch.people.organisations import products
from kbsearch.people.organisations.products import ProductFields
from kbsearch.tickets.desk import saved_replies
from tests.conftest import Cast
from tests.web.admin.test_admin import add_webhook
from tests.web.test_nonsense import Form, Forms
from tests.web.tickets.test_held_replies import visit

ONE, TWO = "Le premier texte", "Un tout autre texte"


@dataclass(frozen=True)
class Thing:
    """What can be edited: whose page it has, and the field that both change."""

    who: str
    place: str
    field: str
    one: str = ONE
    two: str = TWO


THINGS = {
    "profile": Thing("alice", "account", "name"),
    "profile's zone": Thing("alice", "account", "time_zone", "Africa/Dakar", "Asia/Tokyo"),
    "organisation": Thing("root", "admin/organisations/{organisation}", "name"),
    "contract": Thing(
        "root", "admin/organisations/{organisation}", "contract_ends", "2027-01-31", "2028-01-31"
    ),
    "look": Thing("root", "admin/organisations/{organisation}", "welcome_fr"),
    "person": Thing("root", "admin/people/{person}", "name"),
    "role": Thing("root", "admin/people/{person}", "role", "agent", "writer"),
    "product": Thing("root", "admin/products/{product}", "versions", "5.0\n4.2", "6.0"),
    "saved reply": Thing("dan", "desk/replies/{reply}", "body"),
    "webhook": Thing(
        "root", "admin/webhooks/{webhook}", "kinds", "ticket.solved", "article.published"
    ),
}


@pytest.fixture(params=THINGS.values(), ids=list(THINGS))
def thing(request: pytest.FixtureRequest) -> Thing:
    found: Thing = request.param
    return found


@pytest.fixture
def path(app: Flask, db: SqliteDatabase, cast: Cast, thing: Thing) -> str:
    reply = saved_replies.add(db, cast.dan, language="fr", name="Merci", body="Merci bien")
    names = {
        "organisation": organisations.find(db, "acme").id,
        "person": people.find(db, "bob@acme.example").id,
        "product": products.find(db, "icownect").id,
        "reply": reply.id,
        "webhook": add_webhook(app, db)[0],
    }
    return f"/fr/{thing.place.format(**names)}"


def open_form(client: FlaskClient, path: str) -> Form:
    """The form of a page, as it stands in it."""
    return form_of(client.get(path), path)


def form_of(answer: TestResponse, path: str) -> Form:
    return next(each for each in Forms(answer.text).found if each.action == path and each.fields)


def send(client: FlaskClient, form: Form, **changes: str) -> TestResponse:
    sent: dict[str, Any] = {}
    for name, text in form.fields:
        sent.setdefault(name, []).append(text)
    return client.post(form.action, data={**sent, **changes})


def there(client: FlaskClient, path: str, name: str) -> list[str]:
    """What a field holds now."""
    values = [text for field, text in open_form(client, path).fields if field == name]
    return [text.strip() for text in values]


def test_the_second_of_two_is_told_and_may_overwrite(
    app: Flask, db: SqliteDatabase, cast: Cast, thing: Thing, path: str
):
    client = visit(app, db, vars(cast)[thing.who])
    first, second = open_form(client, path), open_form(client, path)
    assert send(client, first, **{thing.field: thing.one}).status_code == 303
    answer = send(client, second, **{thing.field: thing.two})
    assert answer.status_code == 409
    told = unescape(answer.text).partition('class="differences"')[2].partition("</ul>")[0]
    assert thing.one in told
    assert thing.two in told
    assert there(client, path, thing.field) == [thing.one]
    assert send(client, form_of(answer, path)).status_code == 303
    assert there(client, path, thing.field) == [thing.two]


def test_a_change_that_both_made_is_no_conflict(
    app: Flask, db: SqliteDatabase, cast: Cast, thing: Thing, path: str
):
    client = visit(app, db, vars(cast)[thing.who])
    first, second = open_form(client, path), open_form(client, path)
    for form in (first, second, open_form(client, path)):
        assert send(client, form, **{thing.field: thing.one}).status_code == 303


def test_a_mistake_in_between_makes_no_older_page_newer(app: Flask, db: SqliteDatabase, cast: Cast):
    root, product = visit(app, db, cast.root), products.find(db, "icownect")
    path = f"/fr/admin/products/{product.id}"
    mine = open_form(root, path)
    products.edit(db, OPERATOR, product, ProductFields(where_fr=ONE))
    refused = send(root, mine, name="", where_fr=TWO)
    assert refused.status_code == 422
    assert send(root, form_of(refused, path), name="iCownect").status_code == 409


def test_a_command_shows_no_page_and_is_not_held_up(db: SqliteDatabase, cast: Cast):
    product = products.find(db, "icownect")
    seen = revisions.of(products.texts(product))
    products.edit(db, OPERATOR, product, ProductFields(name=ONE))
    with pytest.raises(Outdated) as problem:
        products.edit(db, OPERATOR, product, ProductFields(name=TWO), revision=seen)
    assert problem.value.differences == {"name": (TWO, ONE)}
    assert products.edit(db, OPERATOR, product, ProductFields(name=TWO)).name == TWO
