"""The screens of the administration: for whom they exist, what they show, what they change."""

import io
import re
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import outbox, people, rules
from kbsearch.access import OPERATOR, Viewer
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages import webhooks
from kbsearch.messages.webhooks import deliveries
from kbsearch.messages.webhooks.deliveries import Outcome
from kbsearch.people import Person, organisations, viewers
from kbsearch.people.accounts import personal_tokens
from kbsearch.people.accounts.personal_tokens import TokenFields
from kbsearch.people.organisations import Organisation, products
from kbsearch.promises import calendars, targets
from kbsearch.site import erasure_certificates
from kbsearch.site.importing import table_imports
from kbsearch.site.importing.table_imports import TableFile
from kbsearch.tickets import field_editing, teams
from kbsearch.tickets import fields as ticket_fields
from kbsearch.tickets.field_editing import FieldForm
from kbsearch.tickets.teams import TeamFields
from tests.conftest import Cast, take_over
from tests.kit.promises import keep, promise
from tests.kit.rules import rule
from tests.kit.web import HTMX, sign_in
from tests.people.organisations.test_branding import png

ORIGIN = {"Sec-Fetch-Site": "same-origin"}
FOR_AGENTS = {
    "admin.overview",
    "admin.list_people",
    "admin.new_person",
    "admin.add_person",
    "admin.show_person",
    "admin.invite_person",
    "admin.reach_person_again",
}


def send(client: FlaskClient, address: str, **values: Any) -> Any:
    return client.post(f"/fr/admin/{address}", data=values, headers=ORIGIN)


def acme(db: SqliteDatabase) -> Organisation:
    return organisations.find(db, "acme")


def alice(db: SqliteDatabase) -> Person:
    return people.find(db, "alice@acme.example")


def routes(app: Flask, db: SqliteDatabase, *, missing: bool = False) -> dict[str, tuple[str, str]]:
    """Every route of the administration: its method and an address of something that exists."""
    ids = {
        "organisation": acme(db).id,
        "product": products.find(db, "icownect").id,
        "person": alice(db).id,
    }
    ids["webhook"], delivery = add_webhook(app, db)
    ids["calendar"], ids["target"] = promised(db)
    root = viewers.find(db, "root@support.example")
    herds = teams.list_all(db, root) or [teams.add(db, root, TeamFields("Herds"))]
    ids["team"] = herds[0].id
    fields = ticket_fields.definitions(db, root) or [
        field_editing.add(db, root, FieldForm("Herd size", kind="number"))
    ]
    ids["field"] = fields[0].id
    ids["rule"] = (rules.list_all(db, root) or [rule(db, is_on=False)])[0].id
    ids["erasure"] = erasure_certificates.issue(db, root, "gone@acme.example", {}).id
    ids["table"] = uploaded_table(app, db)
    token, _ = personal_tokens.add(db, OPERATOR, alice(db), TokenFields("robot"))
    take_over(db, tags=["vip"])
    found = {}
    for route in app.url_map.iter_rules():
        if route.endpoint.startswith("admin."):
            noun = next((each for each in ids if each in route.endpoint), "person")
            values = {"lang": "fr"}
            if "id" in route.arguments:
                values["id"] = "unknown" if missing else ids[noun]
            if "delivery" in route.arguments:
                values["delivery"] = "unknown" if missing else delivery
            if "token" in route.arguments:
                values["token"] = "unknown" if missing else token.id
            if "page" in route.arguments:
                values["page"] = "unknown" if missing else "site"
            if route.endpoint == "admin.show_tag":
                values["name"] = "unknown" if missing else "vip"
            address = app.url_map.bind("127.0.0.1").build(route.endpoint, values)
            method = "POST" if "POST" in (route.methods or ()) else "GET"
            found[route.endpoint] = (method, address)
    for way in ("admin.ask_for_mail_consent", "admin.keep_mail_consent"):  # only with a provider
        del found[way]
    assert len(found) > 18
    return found


def uploaded_table(app: Flask, db: SqliteDatabase) -> str:
    """A table of people that was handed over; the same one when there is one."""
    root, settings = viewers.find(db, "root@support.example"), app.extensions["kbsearch"].settings
    found = table_imports.list_all(db, root)
    if not found:
        file = TableFile("people.csv", io.BytesIO(b"email;name\na@b.example;A B\n"), "people")
        found = [table_imports.upload(db, root, settings, file)]
    return found[0].id


def add_webhook(app: Flask, db: SqliteDatabase) -> tuple[str, str]:
    """A webhook and something sent to it; the same one when there is one."""
    root = viewers.find(db, "root@support.example")
    found = webhooks.list_all(db, root)
    if not found:
        settings = app.extensions["kbsearch"].settings
        found = [webhooks.add(db, root, settings, "https://a.example/", ["ticket.opened"])]
        webhooks.test(db, root, found[0])
        due = deliveries.claim(db)
        assert due is not None
        outcome = Outcome(500, response='{"error": "' + "x" * 500 + '"}', problem="status")
        deliveries.record(db, due, outcome)
    return found[0].id, deliveries.of_webhook(db, found[0].id)[-1].id


def promised(db: SqliteDatabase) -> tuple[str, str]:
    """A calendar and a target; the same ones when they are there."""
    if not targets.list_all(db):
        promise(db, keep(db), first_answer="4")
    return calendars.list_all(db)[0].id, targets.list_all(db)[0].id


def outsiders(cast: Cast) -> dict[str, Viewer]:
    return {"alice": cast.alice, "wendy": cast.wendy, "nobody": cast.nobody}


@pytest.mark.parametrize("who", ["alice", "wendy", "nobody"])
def test_for_others_nothing_of_it_exists(app: Flask, db: SqliteDatabase, cast: Cast, who: str):
    viewer = outsiders(cast)[who]
    client = app.test_client()
    if viewer.is_signed_in:
        sign_in(client, db, viewer)
    before = [db.query(f"SELECT * FROM {name}") for name in ("people", "organisations", "products")]  # noqa: S608
    there, missing = routes(app, db), routes(app, db, missing=True)
    for endpoint, (method, address) in there.items():
        answer = client.open(address, method=method, headers=ORIGIN)
        other = missing[endpoint][1]
        assert answer.status_code == 404, endpoint
        told = client.open(other, method=method, headers=ORIGIN)
        assert unquote(answer.text).replace(address, other) == unquote(told.text), endpoint
    after = [db.query(f"SELECT * FROM {name}") for name in ("people", "organisations", "products")]  # noqa: S608
    assert before == after


def test_agents_have_the_pages_of_customers_and_no_other(
    app: Flask, client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.dan)
    for endpoint, (method, address) in routes(app, db).items():
        status = client.open(address, method=method, headers=ORIGIN).status_code
        assert (status != 404) == (endpoint in FOR_AGENTS), endpoint


def test_administrators_have_every_page(
    app: Flask, client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.root)
    for endpoint, (method, address) in routes(app, db).items():
        if method == "GET":
            assert client.get(address).status_code == 200, endpoint


def test_the_header_leads_those_there_who_may_go(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    for viewer, shown in ((cast.root, True), (cast.dan, True), (cast.wendy, False)):
        sign_in(client, db, viewer)
        assert ("/fr/admin" in client.get("/fr/").text) == shown
    assert client.get("/fr/admin").status_code == 404
    sign_in(client, db, cast.dan)
    assert client.get("/fr/admin").headers["Location"] == "/fr/admin/people"


def test_the_overview_counts_and_says_what_is_wrong(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.root)
    page = client.get("/fr/admin").text
    counted = dict(re.findall(r"<dt>(?:<a[^>]*>)?([^<]+)(?:</a>)?</dt><dd>(\d+)</dd>", page))
    assert (counted["Organisations"], counted["Personnes"]) == ("2", "6")
    assert "Le worker ne tourne pas" in page
    assert "Lancez kbsearch serve" in page, "the remedy too"
    steps = re.findall(r"<li( class=\"done\")?><span class=\"mark\"", page)
    assert steps == sorted(steps) and len(set(steps)) == 2, "what is to do comes first"


def test_an_organisation_is_taken_in_with_its_look(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.root)
    answer = send(
        client,
        "organisations",
        name="Initech",
        slug="",
        contract_starts="2026-01-01",
        contract_ends="2026-12-31",
        products=["icownect", "cervo-atelier"],
        phone="+33 1 00 00 00 00",
        sharing="people",
        trusted_devices="yes",
        accent="#336699",
        welcome_fr="Bonjour *Initech*",
        welcome_en="",
        logo=(io.BytesIO(png()), "logo.png"),
    )
    added = organisations.find(db, "initech")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/fr/admin/organisations/{added.id}?saved=1"
    assert (added.contract_starts, added.contract_ends) == ("2026-01-01", "2026-12-31")
    assert added.products == ("cervo-atelier", "icownect")
    assert (added.phone, added.sharing, added.trusted_devices) == (
        "+33 1 00 00 00 00",
        "people",
        True,
    )
    assert (added.look.accent, added.look.welcome_fr) == ("#336699", "Bonjour *Initech*")
    assert added.look.logo is not None
    page = client.get(answer.headers["Location"]).text
    assert 'value="#336699"' in page and f"/logo/{added.look.logo.hash}" in page


def shown_values(**changes: Any) -> dict[str, Any]:
    return {"name": "Acme", "slug": "acme", "sharing": "nobody", **changes}


def test_an_organisation_is_changed_and_its_logo_taken_away(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.root)
    address = f"organisations/{acme(db).id}"
    logo = (io.BytesIO(png()), "l.png")
    send(client, address, **shown_values(logo=logo, sharing="people", followers="bob@acme.example"))
    assert acme(db).look.logo
    assert organisations.followers(db, acme(db)) == ("bob@acme.example",)
    assert acme(db).products == (), "no box is ticked"
    send(client, address, **shown_values(name="Acme SA"))
    assert acme(db).look.logo, "a form without a file leaves the logo"
    send(client, address, **shown_values(no_logo="yes"))
    assert acme(db).look.logo is None


@pytest.mark.parametrize(
    ("wrong", "field", "told"),
    [
        ({"name": ""}, "name", "1 à 200"),
        ({"slug": "globex"}, "slug", "déjà pris"),
        ({"contract_ends": "soon"}, "contract_ends", "pas une date"),
        ({"phone": "x"}, "phone", "téléphone"),
        ({"sharing": "world"}, "sharing", "world"),
        ({"followers": "chloe@globex.example"}, "sharing", "pas de cette organisation"),
        ({"products": "unknown"}, "products", "unknown"),
        ({"accent": "red"}, "accent", "pas une couleur"),
        ({"logo": (io.BytesIO(b"<svg/>"), "logo.png")}, "logo", "PNG, JPEG ou WebP"),
    ],
)
def test_what_is_refused_is_said_beside_its_field_and_everything_kept(
    client: FlaskClient,
    db: SqliteDatabase,
    cast: Cast,
    wrong: dict[str, Any],
    field: str,
    told: str,
):
    sign_in(client, db, cast.root)
    before = acme(db)
    values = shown_values(name="Kept & <b>", welcome_en="Kept too")
    answer = send(client, f"organisations/{before.id}", **{**values, **wrong})
    assert answer.status_code == 422
    assert "<title>Erreur" in answer.text
    assert f'<a href="#{field}">' in answer.text
    assert f'id="{field}"' in answer.text
    summary = re.search(r'role="alert"[^>]*>(.*?)</div>', answer.text, re.DOTALL)
    assert summary is not None and told in summary[1]
    assert "Kept too" in answer.text
    assert "<b>" not in answer.text
    assert acme(db) == before, "nothing of it is kept"


def test_only_the_fields_of_the_form_are_written(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.root)
    before = acme(db)
    send(
        client,
        f"organisations/{before.id}",
        **shown_values(id="other", created_at="1970", logo_hash="x", organisation_id="x"),
    )
    row = db.query("SELECT * FROM organisations WHERE id = :id", {"id": before.id})[0]
    assert (row["slug"], row["logo_hash"]) == ("acme", None)
    assert row["created_at"] != "1970"


def test_lists_are_filtered_as_one_types(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.root)
    for address, kept, gone in (
        ("organisations?q=glob", "Globex", "Acme"),
        ("people?q=chlo", "Chloé Petit", "Alice Martin"),
        ("people?role=agent", "Dan Leroy", "Alice Martin"),
        ("people?organisation=acme", "Bob Durand", "Chloé Petit"),
    ):
        page = client.get(f"/fr/admin/{address}")
        piece = client.get(f"/fr/admin/{address}", headers=HTMX)
        for answer in (page, piece):
            rows = answer.text.split("<tbody>")[1]
            assert kept in rows and gone not in rows, address
        assert "<html" in page.text and "<html" not in piece.text
        assert 'hx-swap-oob="innerHTML"' in piece.text, "the count is announced"


def test_a_page_of_the_list_that_makes_no_sense_is_the_first(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.root)
    for page in ("0", "-1", "x", "99999999", "²"):
        assert client.get(f"/fr/admin/people?page={page}&state=maybe").status_code == 200


def test_a_person_is_taken_in_and_invited(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.root)
    db.execute("DELETE FROM outbox")
    answer = send(
        client,
        "people",
        email="Eve@acme.example",
        name="Eve",
        role="writer",
        organisations="acme",
        language="en",
        invited="yes",
    )
    eve = people.find(db, "eve@acme.example")
    assert answer.headers["Location"] == f"/fr/admin/people/{eve.id}?done=added-invited"
    assert (eve.role, eve.organisations, eve.language) == ("writer", ("acme",), "en")
    task = outbox.claim(db)
    assert task is not None
    assert (task.kind, task.subject) == ("person.invited", eve.id)
    assert (
        "Le compte est ouvert, et son invitation est envoyée."
        in client.get(answer.headers["Location"]).text
    )


def test_an_agent_cannot_give_a_role(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.dan)
    page = client.get("/fr/admin/people/new").text
    assert 'name="role"' not in page and 'name="email"' in page
    answer = send(
        client,
        "people",
        email="eve@acme.example",
        name="Eve",
        role="administrator",
        password_hash="x",
        disabled_at="",
        id="mine",
    )
    eve = people.find(db, "eve@acme.example")
    assert answer.status_code == 303
    assert eve.role == "customer"
    assert eve.id != "mine"
    assert db.query("SELECT password_hash AS h FROM people WHERE id = :id", {"id": eve.id}) == [
        {"h": None}
    ]


def test_an_agent_sees_a_customer_and_can_only_invite(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.dan)
    page = client.get(f"/fr/admin/people/{alice(db).id}").text
    main = page.split("<main")[1].split("</main>")[0]
    assert re.findall(r'<form action="([^"]*)"', main) == [
        f"/fr/admin/people/{alice(db).id}/invitation"
    ]
    root = people.find(db, "root@support.example")
    hidden = client.get(f"/fr/admin/people/{root.id}")
    unknown = client.get("/fr/admin/people/unknown")
    assert hidden.status_code == unknown.status_code == 404
    assert hidden.text.replace(root.id, "unknown") == unknown.text


def test_a_person_that_is_refused_stays_in_the_form(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.root)
    values = {"name": "Kept", "role": "customer", "organisations": "acme"}
    answer = send(client, "people", email="ALICE@acme.example", **values)
    assert answer.status_code == 422
    assert '<a href="#email">' in answer.text
    assert 'value="Kept"' in answer.text
    assert re.search(r'value="acme" checked', answer.text)


def test_an_account_is_closed_and_opened_again(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.root)
    send(client, f"people/{alice(db).id}/state", state="closed")
    assert alice(db).disabled_at
    assert "fermé" in client.get(f"/fr/admin/people/{alice(db).id}").text
    refused = send(client, f"people/{alice(db).id}/invitation")
    assert refused.status_code == 422
    send(client, f"people/{alice(db).id}/state", state="open")
    assert alice(db).disabled_at is None


def test_the_last_administrator_can_be_neither_closed_nor_demoted(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.root)
    root = people.find(db, "root@support.example")
    closed = send(client, f"people/{root.id}/state", state="closed")
    demoted = send(client, f"people/{root.id}", name="Root", role="agent")
    for answer in (closed, demoted):
        assert answer.status_code == 422
        assert "dernier compte administrateur" in answer.text
    assert people.find(db, root.email) == root
    assert client.get("/fr/admin").status_code == 200, "still signed in"


def test_a_product_has_its_versions_one_a_line(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.root)
    answer = send(
        client, "products", name="Lumen", versions="7.0.1\r\n\r\n6.9\r\n", where_fr="Aide"
    )
    lumen = products.find(db, "lumen")
    assert answer.headers["Location"] == f"/fr/admin/products/{lumen.id}?saved=1"
    assert (lumen.versions, lumen.where_fr) == (("7.0.1", "6.9"), "Aide")
    send(client, f"products/{lumen.id}", name="Lumen", slug="other", versions="7.1\n7.0.1")
    assert products.find(db, "lumen").versions == ("7.1", "7.0.1")
    refused = send(client, f"products/{lumen.id}", name="Lumen", versions="x" * 61)
    assert refused.status_code == 422
    assert '<a href="#versions">' in refused.text and "x" * 61 in refused.text


def test_a_colour_is_tried_before_it_is_kept(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.root)
    piece = client.get("/fr/admin/look?accent=%23336699", headers=HTMX).text
    assert '<link rel="stylesheet" href="/theme/preview.css?accent=336699">' in piece
    assert "stylesheet" not in client.get("/fr/admin/look?accent=%2333", headers=HTMX).text
    assert client.get("/theme/preview.css?accent=336699").text.startswith(".look{--accent")
    assert client.get("/theme/preview.css?accent=red;}").status_code == 404
