"""A past request as it is read, and the way to support."""

import re

from flask import Flask
from flask.testing import FlaskClient

from kbsearch.clock import utc_now
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.tickets.conversation import lifecycle
from tests.conftest import Cast
from tests.kit.promises import promise
from tests.kit.requests import file
from tests.kit.web import add_ticket, sign_in


def state_of(client: FlaskClient, url: str) -> str:
    """The words on where a request stands."""
    state = re.search(r'<p id="state"[^>]*>(.*?)</p>', client.get(url).text)
    assert state
    return re.sub(r"<[^>]*>", "", state[1])


def test_a_requester_reads_the_conversation_and_its_solution(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    ticket = add_ticket(db, ("agents", f"user:{cast.alice.person_id}"))
    sign_in(client, db, cast.alice)
    page = client.get(f"/fr/requests/{ticket}").text
    assert "Code jamais reçu" in page
    assert "Majeure\xa0: une étape ne peut pas être terminée" in page
    assert "<strong>ERR-1042</strong>" in page
    assert "Le numéro a été <strong>corrigé</strong>" in page
    assert 'href="#c2">Aller à la solution' in page
    assert page.index("Quel téléphone") < page.index("Le numéro a été")


def test_a_request_just_received_says_so_and_what_is_promised(
    app: Flask, client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    ticket = file(db, cast.alice, at=utc_now())
    sign_in(client, db, cast.alice)
    state = state_of(client, f"/fr/requests/{ticket.id}")
    assert state.startswith("Reçue Envoyée il y a")
    assert "elle attend une première réponse" in state
    assert "promise" not in state, "there is no target"
    promise(db, first_answer="4")
    promise(db, severity="minor", solution="8")
    assert "Réponse promise d’ici le" in state_of(client, f"/fr/requests/{ticket.id}")
    assert "An answer is promised by" in state_of(client, f"/en/requests/{ticket.id}")
    db.execute("UPDATE tickets SET created_at = '2026-01-01T00:00:00Z'")
    assert "promise" not in state_of(client, f"/fr/requests/{ticket.id}"), "it is late"
    lifecycle.assign(db, cast.dan, ticket, cast.dan.person_id)
    assert "L’assistance s’en occupe" in state_of(client, f"/fr/requests/{ticket.id}")
    sign_in(client, db, cast.dan)
    assert state_of(client, f"/fr/requests/{ticket.id}").startswith("Nouvelle")


def test_what_people_wrote_is_never_html(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    ticket = add_ticket(db, ("agents",))
    sign_in(client, db, cast.dan)
    assert "<script>alert" not in client.get(f"/fr/requests/{ticket}").text


def test_internal_notes_are_for_agents(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    ticket = add_ticket(db, ("agents", f"user:{cast.alice.person_id}"))
    sign_in(client, db, cast.alice)
    assert "NOTE-CANARI" not in client.get(f"/fr/requests/{ticket}").text
    sign_in(client, db, cast.dan)
    page = client.get(f"/fr/requests/{ticket}").text
    assert "NOTE-CANARI" in page
    assert "Note interne" in page


def test_for_an_outsider_a_request_does_not_exist(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    ticket = add_ticket(db, ("agents", f"user:{cast.alice.person_id}"))
    for outsider, status in ((None, 303), (cast.chloe, 404)):
        if outsider is not None:
            sign_in(client, db, outsider)
        missing, hidden = (client.get(f"/fr/requests/{id}") for id in ("nothing", ticket))
        assert hidden.status_code == missing.status_code == status
        assert hidden.text.replace(ticket, "nothing") == missing.text
        told = [answer.headers.get("Location", "") for answer in (hidden, missing)]
        assert told[0].replace(ticket, "nothing") == told[1]
