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
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search.learning import visits as analytics
from kbsearch.search.ranking import Search
from tests.conftest import Cast
from tests.kit.web import publish_articles, sign_in

NOW = datetime.now(UTC)
SETTLED = NOW - timedelta(minutes=59)
BOARD = "/fr/desk/gaps"
GAP = f"{BOARD}/G-1"


def look_for(
    db: SqliteDatabase, viewer: Viewer, text: str, at: datetime, *, network: str = ""
) -> None:
    visit = analytics.visit(db, viewer, at=at, network=network)
    analytics.searched(db, visit, text, results=0, at=at)


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
    ("addresses", "guests"),
    [
        (["192.0.2.7", "192.0.2.7", "192.0.2.7"], 1),
        (["192.0.2.7", "192.0.2.7", "192.0.2.200", "::ffff:192.0.2.9"], 1),
        (["2001:db8:1:2::3", "2001:db8:1:ff00::4"], 1),
        (["192.0.2.7", "198.51.100.7", "2001:db8:1::3", "2001:db8:2::3"], 4),
    ],
)
def test_guests_of_one_network_count_once_and_are_nobody_known(
    app: Flask, db: SqliteDatabase, settings: Settings, addresses: list[str], guests: int
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
    (gap,) = db.query("SELECT people, guests, is_shown FROM gaps WHERE title LIKE 'tondeuse%'")
    assert gap == {"people": 0, "guests": guests, "is_shown": int(guests > 1)}
    kept = db.query("SELECT network FROM visits UNION SELECT who FROM gap_signals")
    assert not any(address[:7] in str(kept) for address in addresses)


def test_a_page_of_a_gap_names_the_article_that_is_hidden(client: FlaskClient):
    page = client.get(f"{BOARD}/G-2").text
    assert "Masquée par les droits d’accès" in page
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
        look_for(db, ANONYMOUS, "=cmd|calc", SETTLED)
    gap_signals.take(db, Search(settings, db), at=NOW)
    answer = client.get(f"{BOARD}?format=csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "recherches-sans-reponse-" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))
    assert [row[:4] for row in rows[1:]] == [
        ["G-1", "<b>imprimante</b> bloquée", "2", "0"],
        ["G-4", "'=cmd|calc", "0", "2"],
    ]


def test_a_gap_of_guests_stands_below_those_of_people_however_many_they_are(
    settings: Settings, client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    for number in range(5):
        look_for(db, ANONYMOUS, "tondeuse muette", SETTLED, network=f"n{number}")
    look_for(db, cast.alice, "collier perdu", SETTLED)
    look_for(db, ANONYMOUS, "collier perdu", SETTLED, network="n1")
    gap_signals.take(db, Search(settings, db), at=NOW)
    page = client.get(BOARD).text
    order = [page.index(text) for text in ("imprimante", "collier perdu", "tondeuse muette")]
    assert order == sorted(order)
    people, below = page.split("<h2", 1)
    assert "collier" in people and "1 réseau de visiteurs" in people
    assert 'id="guests-title">Visiteurs seuls <span class="n">1</span>' in below
    assert "5 réseaux de visiteurs" in below and "collier" not in below
    assert "tondeuse" not in client.get(f"{BOARD}?shelf=hidden").text
    file = client.get(f"{BOARD}?format=csv").text.removeprefix("\ufeff")
    rows = [row[1:4] for row in csv.reader(io.StringIO(file), delimiter=";")]
    assert rows == [
        ["Ce qui a été tapé", "Personnes", "Réseaux de visiteurs"],
        ["<b>imprimante</b> bloquée", "2", "0"],
        ["collier perdu", "1", "1"],
        ["tondeuse muette", "0", "5"],
    ]
    english = client.get("/en/desk/gaps").text
    assert "Guests alone" in english and "5 networks of guests" in english
    (gap,) = db.query("SELECT number FROM gaps WHERE guests = 5")
    own = client.get(f"{BOARD}/G-{gap['number']}").text
    assert "5 réseaux de visiteurs ne l’ont pas trouvé" in own


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
