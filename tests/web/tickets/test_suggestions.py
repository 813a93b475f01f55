"""What may answer a form: asked with all of it, read in place, solved before anything is sent."""

import re

import pytest
from flask.testing import FlaskClient

from kbsearch import tickets
from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.insights import deflection
from kbsearch.search.learning import visits as analytics
from kbsearch.tickets import changes as ticket_changes
from kbsearch.tickets.filing import drafts
from tests.conftest import Cast
from tests.kit.web import HTMX, add_ticket, publish_articles, sign_in

FORM = {
    "subject": "mot de passe",
    "description": "Je ne reçois pas le lien.",
    "severity": "minor",
    "key": "form-key-1",
}
YEAR = ("2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z")


@pytest.fixture
def signed_in(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
) -> FlaskClient:
    """The browser of Alice, with articles to find and a past request of hers."""
    with db.atomic():
        revision = ticket_changes.reserve_revisions(db, 1)
        add_ticket(db, ("agents", f"user:{cast.alice.person_id}"), revision=revision)
    publish_articles(settings, db)
    sign_in(client, db, cast.alice)
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    return client


def targets(page: str) -> list[str]:
    return re.findall(r'data-target="([^"]+)"', page)


def suggest(client: FlaskClient, **said: str) -> list[str]:
    page = client.post("/fr/requests/suggestions", data=said, headers=HTMX).text
    assert "<html" not in page
    return targets(page)


def test_every_part_of_the_form_is_asked(signed_in: FlaskClient):
    assert suggest(signed_in, subject="mot de passe")[0] == "fr/compte/mot-de-passe"
    assert suggest(signed_in, description="choisir un mot de passe")[0] == "fr/compte/mot-de-passe"
    pasted = "Traceback\n" + "at x.y.z(unknown)\n" * 3_000 + "Message : ERR-1042"
    assert "1042" in suggest(signed_in, subject="Panne", description=pasted)
    assert suggest(signed_in, subject=" ", software="icownect", version="4.2") == []


def test_the_software_raises_and_hides_nothing(signed_in: FlaskClient):
    assert "fr/compte/mot-de-passe" in suggest(signed_in, subject="passe", software="nothing")
    assert "fr/compte/contrat" in suggest(signed_in, subject="contrat", software="icownect")


def test_nobody_is_suggested_what_they_may_not_read(
    signed_in: FlaskClient, db: SqliteDatabase, cast: Cast
):
    said = {"subject": "code ERR-1042", "description": "procédure de Globex CANARI-8"}
    assert "1042" in suggest(signed_in, **said)
    assert "fr/compte/globex" not in suggest(signed_in, **said)
    sign_in(signed_in, db, cast.chloe)
    assert "1042" not in suggest(signed_in, **said)
    assert "fr/compte/globex" in suggest(signed_in, **said)


def test_strangers_are_suggested_nothing(client: FlaskClient):
    answer = client.post("/fr/requests/suggestions", data=FORM, headers=HTMX)
    assert answer.headers["HX-Redirect"].startswith("/fr/login")


def test_the_first_suggestions_come_with_the_page(signed_in: FlaskClient):
    page = signed_in.get("/fr/requests/new?subject=mot+de+passe").text
    assert "fr/compte/mot-de-passe" in targets(page)
    assert "réponses possibles" in page or "réponse possible" in page


def test_the_section_that_answers_is_read_in_place(signed_in: FlaskClient):
    path = "/fr/requests/suggestions/article/mot-de-passe?language=fr"
    section = signed_in.get(f"{path}&section=demander-un-lien", headers=HTMX).text
    assert "Le lien arrive par e-mail" in section
    assert "douze caractères" not in section
    assert 'href="/fr/articles/mot-de-passe#demander-un-lien"' in section
    beginning = signed_in.get(path, headers=HTMX).text
    assert "Demandez un lien" in beginning
    assert "arrive par e-mail" not in beginning
    assert signed_in.get(f"{path}&section=nothing").status_code == 404
    hidden = "/fr/requests/suggestions/article/globex"
    assert signed_in.get(hidden).status_code == 404


def test_a_past_request_is_read_at_its_solution(
    signed_in: FlaskClient, db: SqliteDatabase, cast: Cast
):
    ticket = db.query("SELECT id FROM tickets")[0]["id"]
    path = f"/fr/requests/suggestions/request/{ticket}"
    read = signed_in.get(path, headers=HTMX).text
    assert "<strong>corrigé</strong>" in read
    assert "NOTE-CANARI" not in read
    sign_in(signed_in, db, cast.chloe)
    missing = signed_in.get("/fr/requests/suggestions/request/nothing")
    assert (signed_in.get(path).status_code, missing.status_code) == (404, 404)


def test_without_javascript_suggestions_stand_between_the_form_and_its_sending(
    signed_in: FlaskClient, db: SqliteDatabase, alice: Viewer
):
    sent = {**FORM, "severity": "major", "description": "Je ne\n reçois <b>rien</b>."}
    page = signed_in.post("/fr/requests/new", data={**sent, "step": "suggestions"}).text
    assert "fr/compte/mot-de-passe" in targets(page)
    assert f'href="/fr/requests/new?draft={FORM["key"]}"' in page
    assert db.query("SELECT 1 FROM tickets WHERE form_key IS NOT NULL") == []
    kept = re.findall(r'<textarea name="(\w+)" hidden>\n([^<]*)</textarea>', page)
    assert ("severity", "major") in kept
    assert ("description", "Je ne\n reçois &lt;b&gt;rien&lt;/b&gt;.") in kept
    answer = signed_in.post("/fr/requests/new", data=sent)
    ticket = tickets.find(db, alice, answer.location.split("/")[-1].partition("?")[0])
    assert ticket.severity == "major"


def test_what_solves_it_is_recorded_and_can_be_undone_and_the_draft_stays(
    signed_in: FlaskClient, db: SqliteDatabase, alice: Viewer
):
    signed_in.post("/fr/visits", data={"q": "mot de passe", "results": "1"})
    sent = {**FORM, "target": "fr/compte/mot-de-passe"}
    said = signed_in.post("/fr/requests/suggestions/solved", data=sent, headers=HTMX).text
    assert drafts.find(db, alice, FORM["key"]).fields["subject"] == FORM["subject"]
    event = re.search(r'name="event" value="([^"]+)"', said)
    assert event
    assert deflection.ledger(deflection.visits(db, *YEAR)).confirmed == 1
    back = signed_in.post(
        "/fr/requests/suggestions/undo", data={**FORM, "event": event[1]}, headers=HTMX
    )
    assert "fr/compte/mot-de-passe" in targets(back.text)
    assert deflection.ledger(deflection.visits(db, *YEAR)).confirmed == 0
    page = signed_in.post("/fr/requests/suggestions/solved", data=sent).text
    assert "<html" in page
    undone = signed_in.post("/fr/requests/suggestions/undo", data={"key": FORM["key"]})
    assert undone.location == f"/fr/requests/new?draft={FORM['key']}"


def test_a_visit_that_files_all_the_same_has_failed(signed_in: FlaskClient, db: SqliteDatabase):
    signed_in.post("/fr/visits", data={"q": "code", "results": "2", "shown": ["1042"]})
    signed_in.post("/fr/visits", data={"opened": "1042"})
    found = deflection.ledger(deflection.visits(db, *YEAR))
    assert (found.searches, found.visits, found.assumed, found.failed) == (1, 1, 1, 0)
    signed_in.post("/fr/requests/new", data=FORM)
    assert deflection.ledger(deflection.visits(db, *YEAR)).failed == 1
    kinds = [row["kind"] for row in db.query("SELECT kind FROM visit_events ORDER BY position")]
    assert kinds == ["searched", "shown", "opened", "filed"]
    assert len(db.query("SELECT 1 FROM visits")) == 1


def test_agents_and_prefetches_are_not_counted_and_nonsense_is_harmless(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    told = {"q": "code", "results": "2"}
    client.post("/fr/visits", data=told, headers={"Sec-Purpose": "prefetch;prerender"})
    sign_in(client, db, cast.dan)
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    client.post("/fr/visits", data=told)
    assert db.query("SELECT 1 FROM visits") == []
    sign_in(client, db, cast.alice)
    nonsense = {"q": "x" * 5_000, "results": "²", "product": "p" * 900, "shown": ["a b", "<" * 500]}
    assert client.post("/fr/visits", data=nonsense).status_code == 204
    row = db.query("SELECT text, results FROM visit_events")[0]
    assert (row["text"], row["results"]) == ("x" * analytics.MAX_TEXT, 0)
    assert len(db.query("SELECT 1 FROM visit_events")) == 1


def test_a_search_on_its_way_records_nothing(signed_in: FlaskClient, db: SqliteDatabase):
    signed_in.get("/fr/search?q=mot", headers=HTMX)
    signed_in.get("/fr/search?q=mot")
    signed_in.get("/fr/articles/mot-de-passe?h=mot")
    assert db.query("SELECT 1 FROM visits") == []


def test_the_notice_after_sending_has_what_may_help_meanwhile(
    signed_in: FlaskClient, db: SqliteDatabase, cast: Cast
):
    location = signed_in.post("/fr/requests/new", data=FORM).location
    page = signed_in.get(location).text
    number = db.query("SELECT number FROM tickets WHERE form_key IS NOT NULL")[0]["number"]
    assert f"n°\xa0{number}" in page
    assert "fr/compte/mot-de-passe" in targets(page)
    assert str(number) not in targets(page)
    assert "En attendant" not in signed_in.get(location.partition("?")[0]).text
