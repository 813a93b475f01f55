"""Following in the browser: the button of a page, the list of the account, the secret feed."""

from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.articles import feed_addresses, follows, news
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.site import erasing, own_data
from tests.conftest import Cast
from tests.kit.web import HTMX, publish_articles, sign_in, write_articles

PAGE = "/fr/articles/mot-de-passe"
SUBJECT = "fr/compte/mot-de-passe"
HERE = {"Sec-Fetch-Site": "same-origin"}
ATOM = "{http://www.w3.org/2005/Atom}"
NEW = {
    "fr/compte/secret.md": """
        ---
        title: CANARI-NEUF
        audience: org:globex
        ---
        Pour Globex.
        """,
    "fr/compte/neuf.md": """
        ---
        title: Un & neuf
        audience: customers
        ---
        Le texte.
        """,
}


@pytest.fixture
def alice(client: FlaskClient, db: Database, settings: Settings, cast: Cast) -> FlaskClient:
    publish_articles(settings, db)
    sign_in(client, db, cast.alice)
    return client


def press(client: FlaskClient, following: str, **said: str):
    headers = {**HERE, **(HTMX if said.pop("htmx", "") else {})}
    usual = {"kind": "article", "subject": SUBJECT, "following": following}
    return client.post("/fr/following", data={**usual, **said}, headers=headers)


def test_one_presses_and_presses_again(alice: FlaskClient, db: Database, cast: Cast):
    assert "Suivre cet article" in alice.get(PAGE).text
    answer = press(alice, "yes")
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert "Ne plus suivre" in alice.get(PAGE).text
    fragment = press(alice, "no", htmx="yes").text
    assert fragment.startswith("<form") and "Suivre cet article" in fragment
    assert 'hx-swap-oob="innerHTML">Vous ne suivez plus' in fragment
    assert follows.list_mine(db, cast.alice) == []
    for page, word in (("categories/compte", "cette catégorie"), ("products/icownect", "logiciel")):
        assert word in alice.get(f"/fr/{page}").text.partition('id="follow"')[2]


def test_what_makes_no_sense_is_said(alice: FlaskClient):
    assert press(alice, "yes", subject="fr/compte/none").status_code == 404
    assert press(alice, "yes", subject="fr/compte/globex").status_code == 404
    assert press(alice, "no", kind="x").status_code == 422
    assert press(alice, "no", subject="\0").status_code == 303


@pytest.mark.parametrize("language", ["", "de", "\\evil.example"])
def test_a_product_is_followed_in_a_language_there_is(
    alice: FlaskClient, db: Database, cast: Cast, language: str
):
    assert press(alice, "yes", kind="product", subject="fr/icownect").status_code == 303
    wrong = {"kind": "product", "subject": f"{language}/icownect"}
    assert press(alice, "yes", **wrong).status_code == 404
    assert press(alice, "no", **wrong).location == "/fr/account/following"
    assert [each.subject for each in follows.list_mine(db, cast.alice)] == ["fr/icownect"]


def test_a_stranger_has_no_button(client: FlaskClient, db: Database, settings: Settings):
    publish_articles(settings, db)
    assert 'id="follow"' not in client.get(PAGE).text
    answer = press(client, "yes")
    assert (answer.status_code, "/login" in (answer.location or "")) == (303, True)


def test_the_list_has_all_and_each_can_be_heard_of_otherwise(
    alice: FlaskClient, db: Database, cast: Cast, settings: Settings
):
    for kind, subject in (
        ("article", SUBJECT),
        ("article", "en/compte/mot-de-passe"),
        ("category", "fr/compte"),
        ("product", "fr/icownect"),
    ):
        follows.follow(db, cast.alice, kind, subject)
    text = alice.get("/fr/account/following").text
    for url in (PAGE, "/en/articles/reset-your-password", "/fr/categories/compte"):
        assert f'href="{url}"' in text
    assert '<a href="/en/articles/reset-your-password" lang="en" hreflang="en">' in text
    first, *others = follows.list_mine(db, cast.alice)
    ways = {f"way-{first.id}": "weekly", "way-unknown": "feed"}
    assert alice.post("/fr/account/following", data=ways, headers=HERE).status_code == 303
    assert [each.way for each in follows.list_mine(db, cast.alice)] == ["weekly", *["mail"] * 3]
    assert (
        alice.post("/fr/account/following", data={"way-x": "pigeon"}, headers=HERE).status_code
        == 422
    )
    alice.post(f"/fr/account/following/{first.id}/removal", headers=HERE)
    assert follows.list_mine(db, cast.alice) == others
    assert [line["subject"] for line in own_data.collect(db, cast.alice)["articles_followed"]] == [
        each.subject for each in others
    ]


def test_what_is_open_no_more_has_no_name(
    alice: FlaskClient, db: Database, cast: Cast, settings: Settings
):
    follows.follow(db, cast.chloe, "article", "fr/compte/globex")
    db.execute("UPDATE follows SET person_id = :id", {"id": cast.alice.person_id})
    text = alice.get("/fr/account/following").text
    assert "Globex" not in text and "globex" not in text
    assert "Un contenu qui n’est plus là" in text


def feed_of(client: FlaskClient) -> str:
    """Make an address; its path."""
    answer = client.post("/fr/account/following/feed", headers=HERE)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    return "/feed/fr/" + answer.text.partition("/feed/fr/")[2].partition("<")[0]


def test_a_feed_has_the_news_of_what_one_follows_and_may_read(
    alice: FlaskClient, db: Database, cast: Cast, settings: Settings
):
    follows.follow(db, cast.alice, "category", "fr/compte")
    path = feed_of(alice)
    stranger = alice.application.test_client()
    assert ElementTree.fromstring(stranger.get(path).data).findall(f"{ATOM}entry") == []
    write_articles(settings.content_path, NEW)
    publish_articles(settings, db)
    answer = stranger.get(path)
    (entry,) = ElementTree.fromstring(answer.data).findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title") == "Un & neuf"
    assert entry.findtext(f"{ATOM}summary") == "Nouvel article"
    assert "CANARI" not in answer.text and path not in answer.text
    assert answer.content_type == "application/atom+xml; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert news.list_followed(db, cast.bob, 9) == []


def test_whatever_is_wrong_with_a_feed_the_answer_is_the_same(
    alice: FlaskClient, db: Database, cast: Cast, caplog: pytest.LogCaptureFixture
):
    first, second = feed_of(alice), feed_of(alice)
    stranger = alice.application.test_client()
    assert stranger.get(second).status_code == 200
    answers = [
        stranger.get(path) for path in (first, "/feed/fr/x.atom", f"/feed/en/{'x' * 999}.atom")
    ]
    assert alice.post("/fr/account/following/feed/removal", headers=HERE).status_code == 303
    answers.append(stranger.get(second))
    third = feed_of(alice)
    people.disable(db, OPERATOR, people.find(db, "alice@acme.example"))
    answers.append(stranger.get(third))
    varying = ("X-Request-Id", "Date")
    told = {
        (answer.status_code, answer.data)
        + tuple(line for line in answer.headers if line[0] not in varying)
        for answer in answers
    }
    assert len(told) == 1 and answers[0].status_code == 404
    tokens = [path.rpartition("/")[2].removesuffix(".atom") for path in (first, second, third)]
    assert not any(token in caplog.text for token in tokens)
    kept = [str(row) for table in ("feed_addresses", "security_log") for row in db.rows(table)]
    assert kept and not any(token in line for token in tokens for line in kept)


def test_an_erased_person_leaves_nothing_of_it(
    alice: FlaskClient, db: Database, cast: Cast, settings: Settings
):
    follows.follow(db, cast.alice, "article", SUBJECT)
    feed_addresses.make(db, cast.alice)
    assert own_data.collect(db, cast.alice)["feed_address_made_at"]
    erasing.erase(db, OPERATOR, settings, "alice@acme.example")
    assert [*db.rows("follows"), *db.rows("feed_addresses")] == []
