"""Below an article: voting, with and without htmx, and what the staff sees there."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import limits
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.limits import Limit
from tests.conftest import Cast
from tests.kit.web import HTMX, publish_articles, sign_in

ARTICLE = "/fr/articles/mot-de-passe"
HERE = f"{ARTICLE}/feedback"


@pytest.fixture(autouse=True)
def site(settings: Settings, db: SqliteDatabase, cast: Cast, client: FlaskClient) -> None:
    publish_articles(settings, db)
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"


def pressed(page: str) -> dict[str, bool]:
    found = re.findall(r'id="feedback-(yes|no)"[^>]*aria-pressed="(\w+)"', page)
    return {name: state == "true" for name, state in found}


def votes(db: SqliteDatabase) -> list[tuple[int, str, str]]:
    rows = db.query("SELECT helped, reason, words FROM article_votes ORDER BY at, id")
    return [(row["helped"], row["reason"], row["words"]) for row in rows]


def test_a_vote_without_javascript_leads_back_to_the_article(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.alice)
    page = client.get(ARTICLE).text
    assert pressed(page) == {"yes": False, "no": False}
    assert "Pourquoi" not in page
    answer = client.post(HERE, data={"helped": "no", "h": "mot & passe"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{ARTICLE}?h=mot+%26+passe#feedback"
    page = client.get(ARTICLE).text
    assert pressed(page) == {"yes": False, "no": True}
    client.post(HERE, data={"helped": "no", "reason": "incomplete", "words": "Et sur Mac ?"})
    page = client.get(ARTICLE).text
    assert "Et sur Mac ?" in page and re.search(r'value="incomplete" checked', page)
    assert votes(db) == [(0, "incomplete", "Et sur Mac ?")]
    client.post(HERE, data={"helped": ""})
    assert votes(db) == []


def test_a_vote_in_place_is_told_and_keeps_the_buttons(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.alice)
    answer = client.post(HERE, data={"helped": "yes"}, headers=HTMX)
    assert answer.status_code == 200
    assert 'id="kb-status" hx-swap-oob="innerHTML">Merci.' in answer.text
    assert pressed(answer.text) == {"yes": True, "no": False}
    section = answer.text[answer.text.index("<form") : answer.text.index("</section>")]
    page = client.get(ARTICLE).text
    assert re.sub(r"\s+", " ", section).strip() in re.sub(r"\s+", " ", page)
    undone = client.post(HERE, data={"helped": ""}, headers=HTMX).text
    assert "Votre réponse est annulée." in undone
    assert 'id="feedback-undo"' not in undone


def test_a_guest_votes_once_a_visit(client: FlaskClient, db: SqliteDatabase, app: Flask):
    client.post(HERE, data={"helped": "yes"})
    client.post(HERE, data={"helped": "no", "reason": "other"})
    assert votes(db) == [(0, "other", "")]
    assert pressed(client.get(ARTICLE).text) == {"yes": False, "no": True}
    stranger = app.test_client()
    assert pressed(stranger.get(ARTICLE).text) == {"yes": False, "no": False}
    stranger.post(HERE, data={"helped": "yes"})
    assert len(votes(db)) == 2


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_is_refused_stays_typed(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, headers: dict[str, str]
):
    sign_in(client, db, cast.alice)
    typed = {"helped": "no", "reason": "outdated", "words": "CANARI " + "x" * 1_000}
    answer = client.post(HERE, data=typed, headers=headers)
    assert answer.status_code == 422
    assert "CANARI" in answer.text and 'role="alert"' in answer.text
    assert re.search(r'value="outdated" checked', answer.text)
    assert votes(db) == []
    assert client.post(HERE, data={"helped": "no", "reason": "zzz"}).status_code == 422


@pytest.mark.parametrize(("headers", "status"), [({}, 429), (HTMX, 422)])
def test_a_flood_of_votes_is_stopped_and_nothing_typed_is_lost(
    client: FlaskClient,
    db: SqliteDatabase,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
    status: int,
):
    monkeypatch.setattr(limits, "VOTES_FROM_NETWORK", Limit("vote.network", ((1, limits.HOURS),)))
    client.post(HERE, data={"helped": "yes"})
    again = {"helped": "no", "words": "CANARI"}
    answer = client.post(HERE, data=again, headers=headers)
    assert answer.status_code == status
    assert "CANARI" in answer.text
    assert votes(db) == [(1, "", "")]


def test_the_vote_is_on_the_article_that_is_read_in_whatever_language(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.alice)
    assert 'action="/en/articles/contrat/feedback"' in client.get("/en/articles/contrat").text
    answer = client.post("/en/articles/contrat/feedback", data={"helped": "yes"}, headers=HTMX)
    assert "Thank you" in answer.text
    assert [row["path"] for row in db.query("SELECT path FROM article_votes")] == [
        "fr/compte/contrat"
    ]


def test_the_road_to_a_person_takes_along_what_was_searched(client: FlaskClient):
    page = client.get(f"{ARTICLE}?h=lien+jamais+re%C3%A7u").text
    assert 'href="/fr/requests/new?subject=lien%20jamais%20re%C3%A7u"' in page
    vote, road = page.index('id="feedback"'), page.index('id="kb-person"')
    assert vote < page.index("</section>", vote) < road


def test_an_article_of_others_takes_no_vote(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.alice)
    for slug in ("globex", "nowhere"):
        answer = client.post(f"/fr/articles/{slug}/feedback", data={"helped": "yes"})
        assert answer.status_code == 404
    assert votes(db) == []


def test_writers_read_the_votes_where_the_article_is(
    client: FlaskClient, app: Flask, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.alice)
    client.post(HERE, data={"helped": "no", "reason": "outdated", "words": "<b>Menu</b> changé"})
    assert "L’avis des lecteurs" not in client.get(ARTICLE).text
    writer = app.test_client()
    sign_in(writer, db, cast.wendy)
    for address in (ARTICLE, "/fr/desk/articles/fr/mot-de-passe/feedback"):
        page = writer.get(address).text
        assert "&lt;b&gt;Menu&lt;/b&gt; changé" in page, address
        assert "n’est plus à jour" in page, address
        assert "Trop peu pour conclure" in page, address
        assert "Alice" not in page, address
    assert 'id="feedback-yes"' not in writer.get(ARTICLE).text
    assert "Réinitialiser son mot de passe" in writer.get("/fr/desk/feedback").text
    for path in ("feedback", "articles/fr/mot-de-passe/feedback"):
        assert client.get(f"/fr/desk/{path}").status_code == 404
