"""The form of a request as it is filled in and sent, by whom it may be, and what is kept."""

import http.client
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from waitress.server import create_server

from kbsearch import create_app, limits, tickets
from kbsearch.access import OPERATOR, Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.form_fields import FormField
from kbsearch.people import organisations
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.organisations import OrganisationFields, products
from kbsearch.people.organisations.products import ProductFields
from kbsearch.tickets import field_editing
from kbsearch.tickets import files as attachments
from kbsearch.tickets.filing import drafts
from tests.conftest import Cast
from tests.kit.requests import PNG
from tests.kit.waiting import HUNG
from tests.kit.web import HTMX, add_ticket, sign_in

FORM = {
    "subject": "Le bracelet est perdu",
    "description": "Il ne répond plus depuis hier.",
    "severity": "minor",
}
KEY = "key-of-a-form"


@pytest.fixture
def signed_in(client: FlaskClient, db: SqliteDatabase, cast: Cast) -> FlaskClient:
    """The browser of Alice."""
    sign_in(client, db, cast.alice)
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    return client


def filed(db: SqliteDatabase, viewer: Viewer, location: str) -> tickets.Ticket:
    return tickets.find(db, viewer, location.split("/")[-1].partition("?")[0])


def test_a_script_files_a_request_with_its_files_in_one_post(
    signed_in: FlaskClient, db: SqliteDatabase, alice: Viewer
):
    sent = {
        **FORM,
        "software": "icownect",
        "version": "4.2.1",
        "severity": "major",
        "cc": "bob@acme.example",
        "files": [(BytesIO(PNG), "écran.png"), (BytesIO(b"une ligne\n"), "journal.txt")],
    }
    answer = signed_in.post("/fr/requests/new", data=sent)
    assert answer.status_code == 303
    ticket = filed(db, alice, answer.location)
    assert (ticket.subject, ticket.product, ticket.version) == (
        FORM["subject"],
        "icownect",
        "4.2.1",
    )
    assert ticket.severity == "major"
    assert [copy.email for copy in ticket.copies] == ["bob@acme.example"]
    assert {file.name for file in ticket.files} == {"écran.png", "journal.txt"}
    page = signed_in.get(answer.location).text
    assert f"#{ticket.number}" in page


def test_what_is_wrong_is_told_and_everything_is_kept(
    signed_in: FlaskClient, db: SqliteDatabase, alice: Viewer
):
    sent = {**FORM, "subject": " ", "key": KEY, "files": [(BytesIO(PNG), "écran.png")]}
    answer = signed_in.post("/fr/requests/new", data=sent)
    assert answer.status_code == 422
    assert FORM["description"] in answer.text
    assert "écran.png" in answer.text
    assert 'href="#subject"' in answer.text
    draft = drafts.find(db, alice, KEY)
    assert draft.fields["description"] == FORM["description"]
    assert [file.name for file in draft.files] == ["écran.png"]


def test_a_form_in_place_is_a_piece_of_the_page(signed_in: FlaskClient):
    piece = signed_in.get("/fr/requests/new?subject=x", headers=HTMX).text
    assert "<html" not in piece
    assert 'name="subject"' in piece


def field(page: str, name: str) -> str:
    """The tag of a field."""
    found = re.search(rf'<(input|textarea|select)\b[^>]*\bname="{name}"[^>]*>[^<]*', page)
    assert found, name
    return found[0]


def test_an_address_fills_the_form_in(signed_in: FlaskClient):
    said = "subject=Bracelet&description=Perdu&software=icownect&version=4.2&severity=blocking"
    page = signed_in.get(f"/fr/requests/new?{said}&cc=bob@acme.example").text
    assert 'value="Bracelet"' in field(page, "subject")
    assert "Perdu" in field(page, "description")
    assert '<option value="icownect" selected>' in page
    assert 'value="4.2"' in field(page, "version")
    assert re.search(r'value="blocking" checked', page)
    assert 'value="bob@acme.example"' in field(page, "cc")


def test_what_makes_no_sense_in_an_address_is_dropped_and_nothing_is_sent(
    signed_in: FlaskClient, db: SqliteDatabase
):
    query = {
        "subject": '"><script>alert(1)</script>\x00\u202e' + "x" * 400,
        "description": "</textarea><b>" + "y" * 70_000,
        "software": "cervo-atelier",
        "severity": "urgent",
        "cc": "bob@acme.example, not an address, <i>",
        "requester": "chloe@globex.example",
        "confidential": "1",
        "key": "key-of-the-sender",
        "organisation": "globex",
    }
    page = signed_in.get("/fr/requests/new", query_string=query).text
    assert "<script>alert" not in page
    assert "</textarea><b>" not in page
    assert "\u202e" not in page
    assert field(page, "description").count("y") < 64_000
    assert 'value="cervo-atelier"' not in page
    assert not re.search(r'name="severity"[^>]* checked', page)
    assert 'value="bob@acme.example"' in field(page, "cc")
    assert 'value="key-of-the-sender"' not in page
    assert 'name="organisation"' not in page
    assert "checked" not in field(page, "confidential")
    assert db.query("SELECT 1 FROM tickets") == db.query("SELECT 1 FROM drafts") == []


def test_the_only_software_of_a_customer_stands_in_the_form(
    signed_in: FlaskClient, db: SqliteDatabase, alice: Viewer
):
    def chosen(query: str = "") -> str:
        form = signed_in.get(f"/fr/requests/new{query}").text
        choices = form.partition('name="software"')[2].partition("</select>")[0]
        return "".join(re.findall(r'value="([^"]*)" selected', choices))

    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(products=["icownect"])
    )
    assert chosen() == "icownect"
    products.add(db, OPERATOR, ProductFields("Troupeau", "troupeau"))
    both = OrganisationFields(products=["icownect", "troupeau"])
    organisations.edit(db, OPERATOR, organisations.find(db, "acme"), both)
    assert chosen() == "" and chosen("?software=troupeau") == "troupeau"
    refused = signed_in.post(
        "/fr/requests/new", data={**FORM, "software": "-", "subject": "", "key": KEY}
    )
    assert 'value="-" selected' in refused.text, "that it is about none of them stays chosen"
    sent = signed_in.post("/fr/requests/new", data={**FORM, "software": "-", "key": KEY})
    assert filed(db, alice, sent.headers["Location"]).product is None


def test_a_form_decides_nothing_that_is_not_the_sender_s_to_decide(
    signed_in: FlaskClient, db: SqliteDatabase, alice: Viewer
):
    sent = {
        **FORM,
        "requester": "chloe@globex.example",
        "status": "closed",
        "number": "1",
        "assignee": "dan@support.example",
        "requester_id": "x",
        "created_at": "2001-01-01T00:00:00Z",
    }
    ticket = filed(db, alice, signed_in.post("/fr/requests/new", data=sent).location)
    assert (ticket.requester_id, ticket.status, ticket.assignee) == (alice.person_id, "new", None)
    assert ticket.created_at > "2026"
    for name, value in (("organisation", "globex"), ("software", "cervo-atelier")):
        answer = signed_in.post("/fr/requests/new", data={**FORM, name: value})
        assert answer.status_code == 422
    answer = signed_in.post("/fr/requests/new", data={**FORM, "cc": "chloe@globex.example"})
    assert answer.status_code == 422
    assert 'href="#cc"' in answer.text


def test_a_stranger_is_shown_the_way_in_and_whom_to_call(client: FlaskClient):
    page = client.get("/fr/requests/new?subject=%3Cb%3Ebloqu%C3%A9%0A+&version=4").text
    assert "<dd>&lt;b&gt;bloqué</dd>" in page
    back = re.search(r'class="button" href="/fr/login\?next=([^"]+)"', page)
    assert back
    assert unquote(back[1]) == "/fr/requests/new?subject=<b>bloqué%0A+&version=4" or (
        "subject" in unquote(back[1]) and "version=4" in unquote(back[1])
    )
    answer = client.post("/fr/requests/new", data=FORM)
    assert answer.status_code == 303
    assert answer.location.startswith("/fr/login")


def test_a_session_that_ended_keeps_the_form_and_the_files_for_its_person(
    signed_in: FlaskClient, db: SqliteDatabase, cast: Cast
):
    signed_in.post(f"/fr/requests/drafts/{KEY}/files", data=upload(PNG, "écran.png"))
    db.execute("UPDATE sessions SET expires_at = '2020-01-01T00:00:00Z'")
    saving = signed_in.post(f"/fr/requests/drafts/{KEY}", data=FORM, headers=HTMX)
    assert saving.headers["HX-Redirect"].startswith("/fr/login")
    sent = {**FORM, "key": KEY}
    assert signed_in.post("/fr/requests/new", data=sent).location.endswith("next=/fr/login/kept")
    sign_in(signed_in, db, cast.alice)
    again = signed_in.post("/fr/login/kept")
    assert (again.status_code, again.location) == (307, "/fr/requests/new")
    ticket = filed(db, cast.alice, signed_in.post("/fr/requests/new", data=sent).location)
    assert [file.name for file in ticket.files] == ["écran.png"]


def test_the_same_form_sent_again_is_the_same_request(signed_in: FlaskClient, db: SqliteDatabase):
    def send() -> str:
        sent = {**FORM, "key": KEY, "files": [(BytesIO(PNG), "écran.png")]}
        return str(signed_in.post("/fr/requests/new", data=sent).location)

    assert send() == send()
    assert len(db.query("SELECT 1 FROM tickets")) == 1
    assert len(db.query("SELECT 1 FROM attachments WHERE ticket_id IS NOT NULL")) == 1


def test_five_times_at_once_is_one_request(app: Flask, db: SqliteDatabase, alice: Viewer):
    assert alice.person_id
    cookie = f"kb={accounts.open_session(db, alice.person_id)}"
    server: Any = create_server(app, host="127.0.0.1", port=0, threads=5)

    def serve() -> None:
        with suppress(OSError):  # its socket is closed under it
            server.run()

    threading.Thread(target=serve, daemon=True).start()
    body = "".join(
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in {**FORM, "key": KEY}.items()
    )
    file = 'name="files"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nune ligne\n\r\n'
    body += f"--B\r\nContent-Disposition: form-data; {file}--B--\r\n"
    headers = {
        "Cookie": cookie,
        "Sec-Fetch-Site": "same-origin",
        "Content-Type": "multipart/form-data; boundary=B",
    }

    def send(_: int) -> tuple[int, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", server.effective_port, timeout=HUNG)
        connection.request("POST", "/fr/requests/new", body.encode(), headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, answer.getheader("Location")

    with ThreadPoolExecutor(5) as senders:
        answers = set(senders.map(send, range(5)))
    server.close()
    assert {status for status, _ in answers} == {303}
    assert len(answers) == 1
    rows = db.query("SELECT id FROM tickets")
    assert len(rows) == 1
    assert [file.name for file in tickets.find(db, alice, rows[0]["id"]).files] == ["a.txt"]


def upload(content: bytes, name: str) -> dict[str, Any]:
    return {"files": [(BytesIO(content), name)]}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", b"<script>alert(1)</script>"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>"),
        ("photo.png", b"<html>not a picture"),
        ("program.txt", b"MZ\x90\x00\x03\x00\x00\x00"),
        ("empty.txt", b""),
    ],
)
def test_a_hostile_file_is_refused_in_one_line_and_the_form_stays(
    signed_in: FlaskClient, db: SqliteDatabase, name: str, content: bytes
):
    answer = signed_in.post(
        f"/fr/requests/drafts/{KEY}/files", data=upload(content, name), headers=HTMX
    )
    assert answer.status_code == 422
    assert answer.content_type.startswith("text/plain")
    assert 0 < len(answer.text) < 300
    refused = signed_in.post("/fr/requests/new", data={**FORM, **upload(content, name)})
    assert refused.status_code == 422
    assert FORM["description"] in refused.text
    assert db.query("SELECT 1 FROM attachments") == db.query("SELECT 1 FROM tickets") == []


def test_a_file_is_in_the_list_at_once_and_can_be_taken_back(
    signed_in: FlaskClient, db: SqliteDatabase, alice: Viewer
):
    path = f"/fr/requests/drafts/{KEY}/files"
    line = signed_in.post(path, data=upload(b"a\n", "../<b>a.txt"), headers=HTMX).text
    file = drafts.find(db, alice, KEY).files[0]
    assert f'data-file="{file.id}"' in line
    assert "<b>" not in line
    assert signed_in.post(f"{path}/{file.id}/remove", headers=HTMX).status_code == 204
    answer = signed_in.post(f"{path}/{file.id}/remove", data=FORM)
    assert answer.status_code == 404
    assert attachments.list_unsent(db, alice, KEY) == []


def test_a_draft_comes_back_and_can_be_thrown_away(
    signed_in: FlaskClient, db: SqliteDatabase, alice: Viewer
):
    saved = signed_in.post(f"/fr/requests/drafts/{KEY}", data=FORM, headers=HTMX)
    assert (saved.status_code, saved.text) == (204, "")
    assert f'href="/fr/requests/new?draft={KEY}"' in signed_in.get("/fr/requests/new").text
    page = signed_in.get(f"/fr/requests/new?draft={KEY}").text
    assert FORM["description"] in page
    assert f'value="{KEY}"' in page
    assert FORM["subject"] in signed_in.get("/fr/requests/drafts").text
    assert signed_in.post(f"/fr/requests/drafts/{KEY}/discard").status_code == 303
    assert drafts.list_all(db, alice) == []


def test_nobody_chose_a_severity_but_the_one_who_sends(
    signed_in: FlaskClient, db: SqliteDatabase, alice: Viewer
):
    answer = signed_in.post("/fr/requests/new", data={**FORM, "severity": "", "key": KEY})
    assert answer.status_code == 422
    assert "Indiquez la criticité" in answer.text
    assert FORM["description"] in answer.text
    sent = {**FORM, "severity": "major", "key": KEY}
    ticket = filed(db, alice, signed_in.post("/fr/requests/new", data=sent).location)
    assert ticket.severity == "major"


def test_software_is_asked_for_where_the_site_says_so(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    client = create_app(replace(settings, software_required=True), db).test_client()
    sign_in(client, db, cast.alice)
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    answer = client.post("/fr/requests/new", data={**FORM, "key": KEY})
    assert answer.status_code == 422
    assert "Choisissez le logiciel concerné." in answer.text
    assert re.search(r'<select id="software"[^>]* required', answer.text)
    sent = {**FORM, "software": "icownect", "key": KEY}
    assert client.post("/fr/requests/new", data=sent).status_code == 303
    acme = organisations.find(db, "acme")
    organisations.edit(db, OPERATOR, acme, OrganisationFields("Acme", products=[]))
    assert client.post("/fr/requests/new", data=FORM).status_code == 303, "nothing to choose"


def test_nothing_typed_is_no_draft(signed_in: FlaskClient, db: SqliteDatabase, alice: Viewer):
    sent = {"subject": " ", "description": "", "severity": "minor", "key": KEY}
    signed_in.post(f"/fr/requests/drafts/{KEY}", data=sent, headers=HTMX)
    assert drafts.list_all(db, alice) == []


def test_the_drafts_and_files_of_somebody_do_not_exist_for_another(
    signed_in: FlaskClient, client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    signed_in.post(f"/fr/requests/drafts/{KEY}", data=FORM)
    signed_in.post(f"/fr/requests/drafts/{KEY}/files", data=upload(PNG, "écran.png"))
    file = drafts.find(db, cast.alice, KEY).files[0]
    for outsider in (cast.bob, cast.chloe, cast.dan):
        sign_in(client, db, outsider)
        assert client.get(f"/fr/requests/new?draft={KEY}").status_code == 404
        assert client.post(f"/fr/requests/drafts/{KEY}/discard").status_code == 404
        removal = f"/fr/requests/drafts/{KEY}/files/{file.id}/remove"
        assert client.post(removal).status_code == 404
        assert FORM["subject"] not in client.get("/fr/requests/drafts").text
    assert drafts.find(db, cast.alice, KEY).files == (file,)


def test_a_reply_is_kept_with_its_request_for_those_who_read_it(
    signed_in: FlaskClient, db: SqliteDatabase, cast: Cast
):
    ticket = add_ticket(db, ("agents", f"user:{cast.alice.person_id}"))
    sent = {"ticket": ticket, "body": "Toujours pareil."}
    answer = signed_in.post(f"/fr/requests/drafts/{KEY}", data=sent)
    assert answer.location == f"/fr/requests/{ticket}#reply"
    draft = drafts.find_reply(db, cast.alice, tickets.find(db, cast.alice, ticket))
    assert draft
    assert draft.fields == {"body": "Toujours pareil."}
    assert signed_in.get(f"/fr/requests/new?draft={KEY}").location == answer.location
    sign_in(signed_in, db, cast.chloe)
    assert signed_in.post(f"/fr/requests/drafts/{KEY}", data=sent).status_code == 404


def test_after_the_contract_there_is_an_explanation_and_the_text_is_kept(
    signed_in: FlaskClient, db: SqliteDatabase, alice: Viewer
):
    acme = organisations.find(db, "acme")
    organisations.edit(db, OPERATOR, acme, OrganisationFields(contract_ends="2020-01-31"))
    page = signed_in.get("/fr/requests/new").text
    assert "31 janvier 2020" in page
    assert '<textarea name="description"' not in page and 'id="description"' not in page
    answer = signed_in.post("/fr/requests/new", data={**FORM, "key": KEY})
    assert answer.status_code == 422
    assert "31 janvier 2020" in answer.text
    assert drafts.find(db, alice, KEY).fields["subject"] == FORM["subject"]
    assert db.query("SELECT 1 FROM tickets") == []


def test_an_agent_files_for_a_customer(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.dan)
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    assert 'name="requester"' in client.get("/fr/requests/new").text
    sent = {**FORM, "requester": "chloe@globex.example", "software": "cervo-atelier"}
    ticket = filed(db, cast.dan, client.post("/fr/requests/new", data=sent).location)
    assert (ticket.requester_id, ticket.organisation_slug) == (cast.chloe.person_id, "globex")


def test_a_closed_request_can_be_gone_on_with(
    signed_in: FlaskClient, db: SqliteDatabase, alice: Viewer
):
    closed = add_ticket(
        db, ("agents", f"user:{alice.person_id}"), status="closed", closed_at="2026-10-20T09:00:00Z"
    )
    page = signed_in.get(f"/fr/requests/new?follows={closed}").text
    assert "Code jamais reçu" in field(page, "subject")
    sent = {**FORM, "follows": closed}
    ticket = filed(db, alice, signed_in.post("/fr/requests/new", data=sent).location)
    assert ticket.follows
    assert ticket.follows.id == closed
    solved = add_ticket(db, (f"user:{alice.person_id}",), number=1043)
    assert signed_in.get(f"/fr/requests/new?follows={solved}").status_code == 422
    assert signed_in.get("/fr/requests/new?follows=nothing").status_code == 404


def test_products_ask_for_what_they_need(settings: Settings, db: SqliteDatabase, cast: Cast):
    floor = FormField("floor", {"fr": "Étage"}, "choice", ("icownect",), True, ("1", "2"))
    room = FormField("room", {"fr": "Salle"}, products=("icownect",), when=("floor", ("2",)))
    field_editing.take_over(db, OPERATOR, (floor, room))
    client = create_app(settings, db).test_client()
    sign_in(client, db, cast.alice)
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"

    def asked(**sent: str) -> set[str]:
        piece = client.post("/fr/requests/fields", data=sent, headers=HTMX).text
        return set(re.findall(r'name="fields\.(\w+)"', piece))

    assert asked() == set()
    assert asked(software="icownect") == {"floor"}
    assert asked(**{"software": "icownect", "fields.floor": "2"}) == {"floor", "room"}
    page = client.post("/fr/requests/fields", data={"software": "icownect"}).text
    assert "<h1>" in page and 'name="fields.floor"' in page
    answer = client.post("/fr/requests/new", data={**FORM, "software": "icownect"})
    assert answer.status_code == 422
    assert 'href="#fields-floor"' in answer.text
    sent = {
        **FORM,
        "software": "icownect",
        "fields.floor": "2",
        "fields.room": "B",
        "fields.x": "y",
    }
    ticket = filed(db, cast.alice, client.post("/fr/requests/new", data=sent).location)
    assert ticket.fields == {"floor": "2", "room": "B"}


def test_what_is_too_long_is_refused_unread_and_other_forms_stay_small(signed_in: FlaskClient):
    def status(path: str, size: int) -> int:
        environ = {"CONTENT_LENGTH": str(size)}
        kind = "multipart/form-data; boundary=B"
        return signed_in.post(path, content_type=kind, environ_overrides=environ).status_code

    assert status(f"/fr/requests/drafts/{KEY}/files", attachments.MAX_BYTES + 1_500_000) == 413
    assert status("/fr/requests/new", 11 * attachments.MAX_BYTES) == 413
    assert status("/fr/account", 1_500_000) == 413
    assert status("/fr/visits", 30_000) == 413


def test_somebody_files_so_many_requests_an_hour(
    signed_in: FlaskClient, db: SqliteDatabase, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    few = replace(limits.REQUESTS_OF_CUSTOMER, windows=((2, limits.HOURS),))
    monkeypatch.setattr(limits, "REQUESTS_OF_CUSTOMER", few)
    answers = [
        signed_in.post("/fr/requests/new", data={**FORM, "key": f"{KEY}-{n}"}) for n in (1, 2)
    ]
    again = signed_in.post("/fr/requests/new", data={**FORM, "key": f"{KEY}-1"})
    assert [answer.status_code for answer in (*answers, again)] == [303] * 3
    refused = signed_in.post("/fr/requests/new", data={**FORM, "key": f"{KEY}-3"})
    assert refused.status_code == 429 and FORM["description"] in refused.text
    assert drafts.find(db, cast.alice, f"{KEY}-3").fields["subject"] == FORM["subject"]
    sign_in(signed_in, db, cast.dan)
    for n in (4, 5, 6):
        form = {**FORM, "key": f"{KEY}-{n}", "requester": cast.alice.email}
        assert signed_in.post("/fr/requests/new", data=form).status_code == 303
