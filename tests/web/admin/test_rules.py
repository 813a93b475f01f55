"""Administrators make rules in the browser, try them, put them in order, switch them on and off."""

from html import unescape

import pytest
from flask.testing import FlaskClient

from kbsearch import rules
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people.organisations import products
from kbsearch.tickets.desk import saved_replies
from kbsearch.tickets.desk.saved_replies import SavedReplyFields
from tests.conftest import Cast
from tests.kit.forms import Forms
from tests.kit.promises import keep
from tests.kit.requests import file
from tests.kit.rules import follow, rule
from tests.kit.web import sign_in

ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def root(client: FlaskClient, db: SqliteDatabase, cast: Cast) -> FlaskClient:
    sign_in(client, db, cast.root)
    return client


def test_a_rule_is_made_tried_and_switched_on_and_off(
    root: FlaskClient, db: SqliteDatabase, cast: Cast
):
    cow, _ = file(db, cast.alice), file(db, cast.alice, subject="A bell", description="Rings")
    assert "There is no rule yet" in root.get("/en/admin/rules").text
    form = {"name": "Cows", "moment": "opened", "if_words": "cow", "then_add_tags": "cows"}
    added = root.post("/en/admin/rules", data=form, headers=ORIGIN)
    assert added.status_code == 303
    trial = unescape(root.get(added.location).text)
    assert "Saved." in trial and "it would have changed 1." in trial
    assert f"#{cow.number}" in trial and "Tags added: cows" in trial
    (made,) = rules.list_all(db, cast.root)
    assert not made.is_on
    address = f"/en/admin/rules/{made.id}/state"
    done = root.post(address, data={"state": "on"}, headers=ORIGIN)
    assert "The rule is switched on." in root.get(done.location).text
    assert rules.find(db, cast.root, made.id).is_on
    done = root.post(address, data={"state": "off"}, headers=ORIGIN)
    assert "The rule is switched off." in root.get(done.location).text
    assert not rules.find(db, cast.root, made.id).is_on


def test_its_form_shows_all_that_was_said_and_keeps_it(
    root: FlaskClient, db: SqliteDatabase, cast: Cast
):
    office, dan = keep(db), str(cast.dan.person_id)
    reply = saved_replies.add(db, cast.dan, SavedReplyFields("en", "Taken", "We have it"))
    when = {
        "words": ["cow\nbell"], "tags": ["a b"], "without_tags": ["c"], "status": ["new", "open"],
        "severity": ["minor"], "channel": ["web"], "organisation": ["acme"], "open": [office.id],
        "product": [products.list_all(db)[0].slug], "looked_after": ["no"], "team": ["none"],
    }  # fmt: skip
    then = {
        "severity": ["major"], "assignee": [dan], "status": ["pending"], "add_tags": ["d"],
        "note": ["Look"], "reply": [reply.id], "tell_people": [dan], "webhook": ["yes"],
    }  # fmt: skip
    made = rule(db, "unchanged", hours="24", when=when, then=then, name="All")
    page = root.get(f"/en/admin/rules/{made.id}").text
    sent = fields_of(page)
    assert root.post(f"/en/admin/rules/{made.id}", data=sent, headers=ORIGIN).status_code == 303
    assert rules.find(db, cast.root, made.id) == made


def test_what_was_not_said_is_not_said_by_saving_it(
    root: FlaskClient, db: SqliteDatabase, cast: Cast
):
    made = rule(db)
    sent = fields_of(root.get(f"/en/admin/rules/{made.id}").text)
    assert root.post(f"/en/admin/rules/{made.id}", data=sent, headers=ORIGIN).status_code == 303
    assert rules.find(db, cast.root, made.id) == made


def fields_of(page: str) -> dict[str, list[str]]:
    """What the form of a rule sends when nothing in it is touched."""
    form = next(form for form in Forms(page).found if "if_words" in form.names)
    sent: dict[str, list[str]] = {}
    for name, value in form.fields:
        sent.setdefault(name, []).append(value)
    return sent


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"name": "", "then_webhook": "yes"}, "1 to 80"),
        ({"name": "A"}, "does nothing"),
        ({"name": "A", "moment": "unanswered", "then_webhook": "yes"}, "whole number"),
        ({"name": "A", "then_team": "x"}, "There is no such team"),
        ({"name": "A", "if_status": "x", "then_webhook": "yes"}, "choose again"),
        ({"name": "A", "if_words": "a\n" * 60_000, "then_webhook": "yes"}, "50 lines"),
        ({"name": "A", "then_note": "b" * 200_000}, "No more than 4000"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    root: FlaskClient, form: dict[str, str], told: str
):
    typed = {"moment": "opened", **form}
    refused = root.post("/en/admin/rules", data=typed, headers=ORIGIN)
    assert refused.status_code == 422
    page = unescape(refused.text)
    assert told in page and 'role="alert"' in page
    assert all(value.strip()[:50] in page for value in form.values() if value.isprintable())


def test_their_order_is_changed_without_a_script(root: FlaskClient, db: SqliteDatabase, cast: Cast):
    first, second = rule(db, name="First"), rule(db, name="Second")
    form = {"direction": "up"}
    done = root.post(f"/en/admin/rules/{second.id}/place", data=form, headers=ORIGIN)
    page = root.get(done.location).text
    assert page.index("Second</a>") < page.index("First</a>")
    root.post(f"/en/admin/rules/{first.id}/remove", headers=ORIGIN)
    assert [each.name for each in rules.list_all(db, cast.root)] == ["Second"]
    assert root.get(f"/en/admin/rules/{first.id}").status_code == 404


def test_agents_read_at_each_request_which_rule_did_what_and_customers_do_not(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, settings: Settings
):
    reply = saved_replies.add(db, cast.dan, SavedReplyFields("en", "Taken", "We have it"))
    rule(db, name="CANARY", then={"add_tags": ["cows"], "severity": ["major"], "reply": [reply.id]})
    ticket = file(db, cast.alice)
    follow(db, settings)
    sign_in(client, db, cast.dan)
    page = unescape(client.get(f"/en/requests/{ticket.id}").text)
    assert "1 rule was at work" in page and "Tags added: cows · Answer: Taken" in page
    assert "The rule “CANARY” added tags: cows." in page
    sign_in(client, db, cast.alice)
    page = unescape(client.get(f"/en/requests/{ticket.id}").text)
    assert "We have it" in page and "Support team" in page and "CANARY" not in page
