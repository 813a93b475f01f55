"""Whatever an administrator changes in the browser stands in the security log, in two languages."""

import ast
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import audit, people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.messages import webhooks
from kbsearch.people import PersonFields, organisations
from kbsearch.people.accounts import closing, personal_tokens
from kbsearch.people.accounts.personal_tokens import TokenFields
from kbsearch.people.organisations import OrganisationFields, products
from kbsearch.people.organisations.products import ProductFields
from kbsearch.promises import calendars, targets
from kbsearch.site.importing import table_imports
from kbsearch.site.importing.table_imports import TableFile
from kbsearch.tickets import field_editing, tags, teams
from kbsearch.tickets.field_editing import FieldForm
from kbsearch.tickets.teams import TeamFields
from kbsearch.web.admin import security_log
from tests.conftest import Cast
from tests.kit.imports import modules, ours
from tests.kit.promises import keep, promise
from tests.kit.requests import file
from tests.kit.rules import rule
from tests.kit.security_log import added_by
from tests.kit.web import sign_in
from tests.people.organisations.test_branding import png

RECORDERS = {
    "record",
    "act",
    "change",
    "_note",
    "_tell",
    "_changed",
    "_log",
    "_set_disabled",
}  # they pass a kind on
KIND = re.compile(r"[a-z_]+\.[a-z_]+")
ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True)
class Change:
    """A form of the administration, and the kind of row it leaves."""

    endpoint: str
    kind: str
    form: Mapping[str, object] = field(default_factory=dict)
    noun: str = ""


ACME = {"name": "Acme", "sharing": "nobody", "products": "icownect"}
CALENDAR = {
    "name": "Office",
    "zone": "Europe/Paris",
    **dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), "9:00-18:00"),
}
RULE = {
    "name": "Urgent",
    "moment": "unanswered",
    "hours": "4",
    "if_severity": "blocking",
    "then_assignee": "next",
    "then_status": "open",
}
PEOPLE = b"email\na@b.example\n"
CHANGES = [
    Change("add_organisation", "organisation.added", {"name": "Umbrella", "sharing": "nobody"}),
    Change("save_organisation", "organisation.changed", ACME, "organisation"),
    Change(
        "save_organisation",
        "look.changed",
        {**ACME, "sharing": "everyone", "accent": "#123456"},
        "organisation",
    ),
    Change(
        "save_budget",
        "budget.changed",
        {"budget_hours": "10", "budget_span": "year", "budget_shown": "yes"},
        "organisation",
    ),
    Change("rename_tag", "tag.renamed", {"name": "vip", "new_name": "gold"}),
    Change("rename_tag", "tag.merged", {"name": "vip", "new_name": "facture", "merge": "yes"}),
    Change("remove_tag", "tag.removed", {"name": "vip"}),
    Change("save_settings", "settings.changed", {"site_name": "Aide"}, "settings"),
    Change("add_field", "field.added", {"label_fr": "Lot", "kind": "text", "in_form": "yes"}),
    Change("save_field", "field.changed", {"label_fr": "Cause", "required": "yes"}, "field"),
    Change("move_field", "field.moved", {"way": "down"}, "field"),
    Change("archive_or_restore_field", "field.archived", {"state": "archived"}, "field"),
    Change("archive_or_restore_field", "field.restored", {}, "archived-field"),
    Change("add_team", "team.added", {"name": "Flocks", "way": "in_turn"}),
    Change("save_team", "team.changed", {"name": "Herds", "way": "least_busy"}, "team"),
    Change("archive_or_restore_team", "team.archived", {"state": "archived"}, "team"),
    Change("archive_or_restore_team", "team.restored", {"state": "active"}, "archived-team"),
    Change("add_rule", "rule.added", {**RULE, "name": "Other"}),
    Change("save_rule", "rule.changed", {**RULE, "if_status": "new"}, "rule"),
    Change("switch_rule", "rule.switched_on", {"state": "on"}, "rule"),
    Change("switch_rule", "rule.switched_off", {"state": "off"}, "rule-on"),
    Change("move_rule", "rule.moved", {"direction": "down"}, "rule"),
    Change("remove_rule", "rule.removed", {}, "rule"),
    Change("add_calendar", "calendar.added", {**CALENDAR, "name": "Night"}),
    Change("save_calendar", "calendar.changed", {**CALENDAR, "friday": ""}, "calendar"),
    Change(
        "archive_or_restore_calendar", "calendar.archived", {"state": "archived"}, "spare-calendar"
    ),
    Change("archive_or_restore_calendar", "calendar.restored", {}, "archived-calendar"),
    Change("add_target", "target.added", {"severity": "major", "first_answer": "4"}),
    Change("save_target", "target.changed", {"first_answer": "2"}, "target"),
    Change("archive_or_restore_target", "target.archived", {"state": "archived"}, "target"),
    Change("archive_or_restore_target", "target.restored", {}, "archived-target"),
    Change("add_product", "product.added", {"name": "Troupeau"}),
    Change("save_product", "product.changed", {"name": "iCownect", "versions": "5.0"}, "product"),
    Change("enable_or_disable_product", "product.disabled", {"state": "disabled"}, "product"),
    Change("enable_or_disable_product", "product.enabled", {}, "disabled-product"),
    Change(
        "enable_or_disable_organisation",
        "organisation.disabled",
        {"state": "disabled"},
        "empty-organisation",
    ),
    Change("enable_or_disable_organisation", "organisation.enabled", {}, "disabled-organisation"),
    Change(
        "add_person",
        "person.added",
        {"name": "Eve", "email": "eve@acme.example", "role": "agent"},
    ),
    Change("save_person", "person.changed", {"name": "Bob Durand", "role": "agent"}, "person"),
    Change("limit_person", "person.limited", {"limit_products": "icownect"}, "agent"),
    Change("open_or_close", "person.disabled", {"state": "closed"}, "person"),
    Change("open_or_close", "person.enabled", {"state": "open"}, "person"),
    Change("enter_address", "address.entered", {"new_email": "new@acme.example"}, "person"),
    Change(
        "upload_table", "table.uploaded", {"file": (BytesIO(PEOPLE), "p.csv"), "rows": "people"}
    ),
    Change("remove_table", "table.removed", {}, "table"),
    Change("plan_invitations", "invitations.planned", {"per_hour": "60"}),
    Change("invite_person", "person.invited", {}, "person"),
    Change("end_sessions", "sessions.ended", {}, "person"),
    Change("reset_second_factor", "second_factor.reset", {}, "person"),
    Change("revoke_token", "token.revoked", {}, "token"),
    Change("add_webhook", "webhook.added", {"url": "https://b.example/", "kinds": "ticket.opened"}),
    Change("save_webhook", "webhook.changed", {"kinds": "ticket.solved"}, "webhook"),
    Change("change_webhook_secret", "webhook.secret_changed", {}, "webhook"),
    Change("enable_or_disable_webhook", "webhook.disabled", {"state": "disabled"}, "webhook"),
    Change("enable_or_disable_webhook", "webhook.enabled", {"state": "enabled"}, "webhook"),
]
NO_CHANGE = {
    "check_table": "changes nothing but how a table is read",
    "start_table": "leaves a row where a table was checked, as tests of tables show",
    "stop_table": "leaves what has come",
    "rehearse_invitations": "sends a letter to whoever asks",
    "remind_invited": "leaves a row where somebody is to be reminded, as tests of inviting show",
    "test_webhook": "sends an event that means nothing",
    "send_webhook_delivery_again": "sends what was sent",
    "dismiss_news": "says that it was read",
    "send_test_mail": "sends a letter to whoever asks",
    "ask_for_mail_consent": "leads to the provider; what it answers is kept by another page",
    "reach_person_again": "leaves a row where mail did not arrive, as tests of addresses show",
}


@pytest.fixture
def ids(settings: Settings, db: SqliteDatabase, cast: Cast) -> dict[str, str]:
    """The things to change, by noun."""
    webhook = webhooks.add(db, cast.root, settings, "https://a.example/t0ken", ["ticket.opened"])
    bob = people.find(db, "bob@acme.example")
    tags.change(db, cast.root, file(db, cast.bob).id, add=["vip", "facture"])
    rest = teams.add(db, cast.root, TeamFields("Rest"))
    cause, _, gone = (
        field_editing.add(db, cast.root, FieldForm(label, kind="text"))
        for label in ("Why", "Where", "Gone")
    )
    field_editing.archive(db, cast.root, gone)
    office, spare, old = (keep(db, name) for name in ("Office", "Spare", "Old"))
    calendars.archive(db, cast.root, old)
    first = promise(db, office, first_answer="4")
    second = promise(db, severity="minor", solution="8")
    targets.archive(db, cast.root, second)
    token, _ = personal_tokens.add(db, OPERATOR, bob, TokenFields("robot"))
    other = products.add(db, cast.root, ProductFields("Other"))
    initech = organisations.add(db, cast.root, OrganisationFields("Initech"))
    table = TableFile("p.csv", BytesIO(PEOPLE), "people")
    return {
        "table": table_imports.upload(db, cast.root, settings, table).id,
        "disabled-product": products.disable(db, cast.root, other).id,
        "empty-organisation": organisations.add(db, cast.root, OrganisationFields("Empty")).id,
        "disabled-organisation": closing.disable(db, cast.root, initech).id,
        "organisation": organisations.find(db, "acme").id,
        "product": products.find(db, "icownect").id,
        "person": str(cast.bob.person_id),
        "agent": str(cast.dan.person_id),
        "webhook": webhook.id,
        "token": token.id,
        "settings": "site",
        "field": cause.id,
        "archived-field": gone.id,
        "calendar": office.id,
        "spare-calendar": spare.id,
        "archived-calendar": old.id,
        "target": first.id,
        "archived-target": second.id,
        "team": teams.add(db, cast.root, TeamFields("Herds")).id,
        "rule": rule(db, name="Urgent", is_on=False).id,
        "rule-on": rule(db, name="Late").id,
        "archived-team": teams.archive(db, cast.root, rest).id,
        "": "",
    }


def page(client: FlaskClient, language: str = "en", query: str = "") -> str:
    return unescape(client.get(f"/{language}/admin/log{query}").text)


def sender(
    app: Flask, client: FlaskClient, change: Change, ids: Mapping[str, str]
) -> Callable[[], object]:
    """What sends the form."""
    named = {"id": ids[change.noun]} if change.noun else {}
    if change.noun == "token":
        named = {"id": ids["person"], "token": ids["token"]}
    if change.noun == "settings":
        named = {"page": "site"}
    values = {"lang": "fr", **named}
    address = app.url_map.bind("127.0.0.1").build(f"admin.{change.endpoint}", values, "POST")

    def send() -> None:
        assert client.post(address, data=change.form, headers=ORIGIN).status_code < 400

    return send


@pytest.mark.parametrize("change", CHANGES, ids=[change.kind for change in CHANGES])
def test_each_change_of_an_administrator_is_a_row_that_can_be_read(
    app: Flask,
    client: FlaskClient,
    db: SqliteDatabase,
    cast: Cast,
    ids: dict[str, str],
    change: Change,
):
    sign_in(client, db, cast.root)
    (event,) = added_by(db, sender(app, client, change, ids))
    assert (event.kind, event.actor_id) == (change.kind, cast.root.person_id)
    with app.test_request_context("/fr/"):
        words = security_log.kind_name(event.kind)
    french, english = page(client, "fr"), page(client)
    assert words in french and words not in english and event.kind not in french + english
    for shown in (french, english):
        assert shown.count("Root</td>") >= 1
        assert "t0ken" not in shown


def test_no_form_of_the_administration_is_forgotten(app: Flask):
    forms = {
        rule.endpoint.removeprefix("admin.")
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("admin.") and "POST" in (rule.methods or ())
    }
    assert forms == {change.endpoint for change in CHANGES} | NO_CHANGE.keys() & forms


def test_a_change_shows_what_was_and_what_is_in_words(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    acme = organisations.find(db, "acme")
    fields = OrganisationFields(
        sharing="people", followers=["bob@acme.example"], contract_ends="2026-12-31"
    )
    organisations.edit(db, cast.root, acme, fields)
    people.edit(
        db, OPERATOR, people.find(db, "bob@acme.example"), PersonFields("Robert", role="agent")
    )
    sign_in(client, db, cast.root)
    shown = page(client)
    for text in (
        "everybody of the organisation → the people it names",
        "People named: – → Robert",
        "Last day: – → December 31, 2026",
        "Role: Customer → Agent",
        "The command line",
    ):
        assert text in shown
    assert "Client → Agent" in page(client, "fr")
    assert "La ligne de commande" in page(client, "fr")


def test_sign_ins_are_shown_when_they_are_asked_for(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    audit.record(db, "sign_in.failed", person_id=cast.alice.person_id, network="192.0.2.7")
    sign_in(client, db, cast.root)
    assert "Sign-in failed" not in page(client)
    assert "Sign-in failed" in page(client, query="?all=1")


def test_an_erased_person_has_no_name_in_it(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    audit.record(db, "person.changed", person_id="gone", actor_id=cast.root.person_id)
    sign_in(client, db, cast.root)
    assert "Erased account" in page(client)


def test_the_log_has_pages(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    for _ in range(security_log.PAGE_LENGTH + 1):
        audit.record(db, "site.restored")
    sign_in(client, db, cast.root)
    assert "page=2" in page(client)
    assert "page=1" in page(client, query="?page=2")
    assert "Nothing happened yet." in page(client, query="?page=9")


def test_nobody_else_reads_it(db: SqliteDatabase, cast: Cast):
    def read(viewer: Viewer) -> object:
        return audit.list_kinds(db, viewer, (), limit=1)

    assert read(cast.root)
    for outsider in (cast.alice, cast.dan, cast.wendy, cast.nobody):
        with pytest.raises(NotFound, match="web.not_found"):
            read(outsider)


def test_a_logo_is_a_picture(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.root)
    acme = organisations.find(db, "acme").id
    form = {**ACME, "logo": (io.BytesIO(png()), "logo.png")}
    client.post(f"/fr/admin/organisations/{acme}", data=form, headers=ORIGIN)
    assert "Logo: – → A picture" in page(client)


def test_every_kind_that_is_recorded_has_words(app: Flask):
    kinds = set(recorded_kinds())
    assert len(kinds) > 40
    with app.test_request_context("/en/"):
        assert {kind for kind in kinds if security_log.kind_name(kind) == kind} == set()
    assert kinds >= security_log.CHANGES


def recorded_kinds() -> Iterator[str]:
    """The kinds of events in the calls of modules that know the log, by what they look like."""
    for name, path in modules().items():
        if "audit" not in ours(path) or name == "audit":
            continue
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] in RECORDERS:
                texts = (str(part.value) for part in call.args if isinstance(part, ast.Constant))
                yield from filter(KIND.fullmatch, texts)
