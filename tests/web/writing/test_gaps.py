"""The gap board in the browser: for the staff, with what to do about each gap."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch.access import ANONYMOUS, Viewer
from kbsearch.articles.gaps import signals as gap_signals
from kbsearch.config import Settings
from kbsearch.database import SqliteDatabase
from kbsearch.search.learning import visits as analytics
from kbsearch.search.ranking import Search
from tests.conftest import Cast
from tests.kit.web import publish_articles, sign_in

NOW = datetime.now(UTC)
BOARD = "/fr/desk/gaps"
GAP = f"{BOARD}/G-1"


def look_for(db: SqliteDatabase, viewer: Viewer, text: str, at: datetime, results: int = 0) -> None:
    visit = analytics.visit(db, viewer, at=at)
    analytics.searched(db, visit, text, results=results, at=at)


@pytest.fixture(autouse=True)
def board(settings: Settings, db: SqliteDatabase, cast: Cast, client: FlaskClient) -> None:
    """Two people missed the same, three may not read what answers them, one typed something."""
    publish_articles(settings, db)
    at = NOW - timedelta(hours=2)
    for viewer in (cast.alice, cast.bob):
        look_for(db, viewer, "<b>imprimante</b> bloquée", at)
    for viewer in (cast.alice, cast.bob, ANONYMOUS):
        look_for(db, viewer, "procédure globex", at + timedelta(seconds=40))
    look_for(db, cast.chloe, "=seule", at + timedelta(seconds=80))
    gap_signals.take(db, Search(settings, db), at=NOW)
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    sign_in(client, db, cast.wendy)


def test_the_board_shows_what_several_miss_and_apart_what_permission_hides(client: FlaskClient):
    page = client.get(BOARD).text
    assert "&lt;b&gt;imprimante&lt;/b&gt; bloquée" in page and f'href="{GAP}"' in page
    assert "aucun résultat" in page
    assert "globex" not in page and "=seule" not in page
    assert "1 autre texte n’a été tapé que par une seule personne" in page
    hidden = client.get(f"{BOARD}?shelf=hidden").text
    assert "procédure globex" in hidden and "imprimante" not in hidden


@pytest.mark.parametrize(
    ("addresses", "people"),
    [
        (["192.0.2.7", "192.0.2.7", "192.0.2.200", "::ffff:192.0.2.9"], 1),
        (["2001:db8:1:2::3", "2001:db8:1:ff00::4"], 1),
        (["192.0.2.7", "198.51.100.7", "2001:db8:1::3", "2001:db8:2::3"], 4),
    ],
)
def test_guests_of_one_network_are_one_person(
    app: Flask, db: SqliteDatabase, settings: Settings, addresses: list[str], people: int
):
    guest = app.test_client(use_cookies=False)
    for address in addresses:
        answer = guest.post(
            "/fr/visits",
            data={"q": "tondeuse muette", "results": "0"},
            headers={"Sec-Fetch-Site": "same-origin"},
            environ_base={"REMOTE_ADDR": address},
        )
        assert answer.status_code == 204
    gap_signals.take(db, Search(settings, db), at=datetime.now(UTC) + timedelta(hours=2))
    (gap,) = db.query("SELECT people FROM gaps WHERE title LIKE 'tondeuse%'")
    assert gap["people"] == people
    kept = db.query("SELECT network FROM visits UNION SELECT who FROM gap_signals")
    assert not any(address[:7] in str(kept) for address in addresses)


def test_a_page_of_a_gap_names_the_article_that_is_hidden(client: FlaskClient):
    page = client.get(f"{BOARD}/G-2").text
    assert "Masqué par les droits" in page
    assert '<a href="/fr/articles/globex">La procédure de Globex</a>' in page
    assert "org:globex" in page


def test_writing_the_article_takes_along_the_words_and_the_gap(client: FlaskClient):
    page = client.get(GAP).text
    (link,) = re.findall(r'href="(/fr/desk/articles/new\?[^"]+)"', page)
    asked = parse_qs(urlsplit(link.replace("&amp;", "&")).query)
    assert asked["gap"] == ["G-1"] and asked["language"] == ["fr"]
    assert asked["phrases"] == ["<b>imprimante</b> bloquée"]
    assert "Closes-Gap: G-1" in page


def test_a_gap_is_dismissed_with_a_reason_and_put_back(client: FlaskClient):
    refused = client.post(GAP, data={"state": "dismissed", "reason": " "})
    assert refused.status_code == 422 and 'role="alert"' in refused.text
    answer = client.post(GAP, data={"state": "dismissed", "reason": "Hors sujet"})
    assert answer.headers["Location"] == f"{GAP}?done=dismissed"
    assert "Hors sujet" in client.get(f"{BOARD}?shelf=dismissed").text
    assert "imprimante" not in client.get(BOARD).text
    client.post(GAP, data={"state": "open"})
    assert "imprimante" in client.get(BOARD).text


@pytest.mark.parametrize("address", ["https://aide.example/fr/articles/mot-de-passe#x", ""])
def test_an_article_that_answers_is_named_and_told_how_to_be_found(
    client: FlaskClient, address: str
):
    sent = {"state": "answered", "article": "fr/compte/mot-de-passe", "address": address}
    assert client.post(GAP, data=sent).status_code == 303
    page = client.get(GAP).text
    assert "Réinitialiser son mot de passe" in page
    assert "pas dans les 20 premiers" in page
    assert "articles/fr/compte/mot-de-passe.md" in page
    assert "trouvable_par:\n  - &#34;&lt;b&gt;imprimante&lt;/b&gt; bloquée&#34;" in page


@pytest.mark.parametrize("sent", [{"state": "answered", "address": "/fr/articles/rien"}, {}])
def test_what_cannot_be_done_is_said_and_stays_typed(client: FlaskClient, sent: dict[str, str]):
    answer = client.post(GAP, data=sent)
    assert answer.status_code == 422
    assert sent.get("address", "") in answer.text
    assert "imprimante" in client.get(BOARD).text


def test_the_board_is_a_file_too_in_which_nothing_is_a_formula(
    settings: Settings, client: FlaskClient, db: SqliteDatabase
):
    for _ in range(2):
        look_for(db, ANONYMOUS, "=cmd|calc", NOW - timedelta(minutes=59))
    gap_signals.take(db, Search(settings, db), at=NOW)
    answer = client.get(f"{BOARD}?format=csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "manques-" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row[:3] for row in rows[1:]] in (
        [["G-4", "'=cmd|calc", "2"], ["G-1", "<b>imprimante</b> bloquée", "2"]],
        [["G-1", "<b>imprimante</b> bloquée", "2"], ["G-4", "'=cmd|calc", "2"]],
    )


def test_customers_and_strangers_find_no_board(app: Flask, db: SqliteDatabase, cast: Cast):
    stranger, alice = app.test_client(), app.test_client()
    sign_in(alice, db, cast.alice)
    missing = alice.get(f"{BOARD}/G-99").text
    for address in (BOARD, GAP, f"{BOARD}?format=csv"):
        assert alice.get(address).status_code == 404
        assert stranger.get(address).headers["Location"].startswith("/fr/login")
    assert alice.get(GAP).text.replace("G-1", "") == missing.replace("G-99", "")


def test_an_unknown_gap_is_not_found(client: FlaskClient):
    for name in ("G-999", "G-3", "42", "G-x"):
        assert client.get(f"{BOARD}/{name}").status_code == 404
