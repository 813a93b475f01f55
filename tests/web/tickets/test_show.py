"""A past request as it is read, and the way to support."""

from flask.testing import FlaskClient

from kbsearch.database.sqlite import SqliteDatabase
from tests.conftest import Cast
from tests.kit.web import add_ticket, sign_in


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
