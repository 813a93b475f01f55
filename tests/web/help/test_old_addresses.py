"""Addresses of the system that was here before, as a browser asks for them."""

from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient

from kbsearch.articles.publishing.publish import publish
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from tests.kit.web import write_articles

OLD = {
    "fr/compte/mot-de-passe.md": """
        ---
        title: Réinitialiser son mot de passe
        audience: everyone
        alias: [/hc/fr/articles/360001-Mot-de-passe, /docs/Mot-de-passe]
        ---
        Demandez un lien.
        """,
    "fr/compte/globex.md": """
        ---
        title: La procédure de Globex
        audience: org:globex
        alias: [/hc/fr/articles/360002-Globex, /docs/globex]
        ---
        Pour Globex.
        """,
}


@pytest.fixture(autouse=True)
def site(settings: Settings, db: SqliteDatabase) -> None:
    write_articles(settings.content_path, OLD)
    publish(db, settings)


@pytest.mark.parametrize(
    "old",
    [
        "/hc/fr/articles/360001-Mot-de-passe",
        "/hc/fr-fr/articles/360001-mot-de-passe-perdu",
        "/hc/articles/360001",
        "/docs/mot-de-passe/",
        "/docs/Mot-de-passe.html",
    ],
)
def test_an_old_address_leads_for_good_to_where_the_article_is(client: FlaskClient, old: str):
    answer = client.get(old)
    assert (answer.status_code, answer.location) == (301, "/fr/articles/mot-de-passe")
    assert client.head(old).status_code == 301


@pytest.mark.parametrize(
    ("hidden", "unknown"),
    [("/hc/fr/articles/360002-Globex", "/hc/fr/articles/360009"), ("/docs/globex", "/docs/other")],
)
def test_an_article_one_may_not_read_was_never_there(
    client: FlaskClient, hidden: str, unknown: str
):
    answers = [client.get(address) for address in (hidden, unknown)]
    told = [unquote(f"{answer.status} {answer.location} {answer.text}") for answer in answers]
    assert "301" not in told[0]
    assert told[0].replace(hidden, unknown) == told[1]


def test_what_is_sent_to_an_old_address_goes_nowhere(client: FlaskClient):
    assert client.post("/docs/mot-de-passe").status_code == 404
