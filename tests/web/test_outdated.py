"""Two people save one thing: the second is shown what the first wrote, and overwrites knowingly."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kbsearch import people, revisions
from kbsearch.access import OPERATOR
from kbsearch.articles import gaps
from kbsearch.articles.gaps import signals as gap_signals
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Outdated
from kbsearch.people import notification_choices, organisations
from kbsearch.people.organisations import products
from kbsearch.people.organisations.products import ProductFields
from kbsearch.search.ranking import Search
from kbsearch.tickets.conversation import lifecycle, satisfaction
from kbsearch.tickets.desk import saved_replies
from kbsearch.tickets.desk.saved_replies import SavedReplyFields
from tests.conftest import Cast
from tests.kit.forms import Form, Forms
from tests.kit.requests import file
from tests.kit.web import publish_articles
from tests.people.organisations.test_branding import png
from tests.web.admin.test_admin import add_webhook
from tests.web.tickets.test_held_replies import visit
from tests.web.writing.test_gaps import look_for

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
    reply = saved_replies.add(
        db, cast.dan, SavedReplyFields(language="fr", name="Merci", body="Merci bien")
    )
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


def send(client: FlaskClient, form: Form, **changes: Any) -> TestResponse:
    sent: dict[str, Any] = {}
    for name, text in form.fields:
        sent.setdefault(name, []).append(text)
    return client.post(form.action, data={**sent, **changes})


def there(client: FlaskClient, path: str, name: str) -> list[str]:
    """What a field holds now."""
    values = [text for field, text in open_form(client, path).fields if field == name]
    return [text.strip() for text in values]


def differences(answer: TestResponse) -> str:
    """What a conflict says: what was sent, and what is there."""
    return unescape(answer.text).partition('class="differences"')[2].partition("</ul>")[0]


def test_the_second_of_two_is_told_and_may_overwrite(
    app: Flask, db: SqliteDatabase, cast: Cast, thing: Thing, path: str
):
    client = visit(app, db, vars(cast)[thing.who])
    first, second = open_form(client, path), open_form(client, path)
    assert send(client, first, **{thing.field: thing.one}).status_code == 303
    answer = send(client, second, **{thing.field: thing.two})
    assert answer.status_code == 409
    told = differences(answer)
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


def test_what_one_is_told_of_is_chosen_once(app: Flask, db: SqliteDatabase, cast: Cast):
    dan, path = visit(app, db, cast.dan), "/fr/account/notifications"
    first, second = open_form(dan, path), open_form(dan, path)
    others = [text for name, text in first.fields if name == "wanted"][1:]
    assert send(dan, first, wanted=others, digest="daily").status_code == 303
    answer = send(dan, second, digest="hourly")
    assert answer.status_code == 409
    told = differences(answer)
    assert "vous avez indiqué Regroupés, un par heure au plus" in told
    assert "il y a maintenant Regroupés, un chaque matin" in told
    assert "vous avez indiqué oui, il y a maintenant non" in told
    assert notification_choices.digest(db, str(cast.dan.person_id)) == "daily"
    assert send(dan, form_of(answer, path)).status_code == 303
    assert notification_choices.digest(db, str(cast.dan.person_id)) == "hourly"
    assert all(
        notification_choices.find(db, cast.dan)[(event, "mail")]
        for event in notification_choices.STAFF_EVENTS
    )


def test_what_becomes_of_a_gap_is_decided_once(
    app: Flask, db: SqliteDatabase, settings: Settings, cast: Cast
):
    publish_articles(settings, db)
    moment = datetime.now(UTC)
    for viewer in (cast.alice, cast.bob):
        look_for(db, viewer, "imprimante bloquée", moment - timedelta(hours=2))
    gap_signals.take(db, Search(settings, db), at=moment)
    wendy, dan = (visit(app, db, viewer) for viewer in (cast.wendy, cast.dan))
    path = "/fr/desk/gaps/G-1"
    first, second = open_form(wendy, path), open_form(dan, path)
    assert send(wendy, first, state="dismissed", reason=ONE).status_code == 303
    answer = send(dan, second, state="dismissed", reason=TWO)
    assert answer.status_code == 409
    assert ONE in differences(answer) and TWO in differences(answer)
    assert gaps.find(db, cast.dan, 1).reason == ONE
    assert send(dan, form_of(answer, path)).status_code == 303
    assert gaps.find(db, cast.dan, 1).reason == TWO
    assert send(wendy, open_form(wendy, path), state="open").status_code == 303


@pytest.mark.parametrize("is_by_mail", [False, True])
def test_an_answer_is_rated_once(app: Flask, db: SqliteDatabase, cast: Cast, is_by_mail: bool):
    ticket = file(db, cast.alice)
    lifecycle.solve(db, cast.alice, ticket)
    lifecycle.set_status(db, cast.dan, ticket, "closed")
    token = satisfaction.ask(db, ticket.id, str(cast.alice.person_id))
    alice, paths = visit(app, db, cast.alice), [f"/fr/requests/{ticket.id}/satisfaction"]
    paths.insert(0 if is_by_mail else 1, f"/fr/satisfaction/{token}")
    first, second = (open_form(alice, path) for path in paths)
    assert send(alice, first, rating="good", why=ONE).status_code == 303
    answer = send(alice, second, rating="bad", why=TWO)
    assert answer.status_code == 409
    told = differences(answer)
    assert "vous avez indiqué pas satisfaisante, il y a maintenant satisfaisante" in told
    assert ONE in told and TWO in told
    assert satisfaction.peek(db, token).why == ONE
    assert send(alice, form_of(answer, paths[1])).status_code == 303
    assert satisfaction.peek(db, token).why == TWO


def test_of_two_logos_the_second_is_chosen_knowingly(app: Flask, db: SqliteDatabase, cast: Cast):
    root, acme = visit(app, db, cast.root), organisations.find(db, "acme")
    path = f"/fr/admin/organisations/{acme.id}"
    first, second, third = (open_form(root, path) for _ in range(3))
    assert send(root, first, logo=(BytesIO(png(40)), "one.png")).status_code == 303
    answer = send(root, second, logo=(BytesIO(png(50)), "two.png"))
    assert answer.status_code == 409
    assert "vous avez indiqué une image, il y a maintenant une image" in differences(answer)
    assert logo_width(db) == 40
    again = form_of(answer, path)
    assert send(root, again, logo=(BytesIO(png(50)), "two.png")).status_code == 303
    assert logo_width(db) == 50
    assert send(root, third).status_code == 303
    assert logo_width(db) == 50


def logo_width(db: SqliteDatabase) -> int:
    logo = organisations.find(db, "acme").look.logo
    assert logo is not None
    return logo.width
