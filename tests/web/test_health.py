"""What monitoring, browsers and crawlers get."""

import json
import shutil
import xml.etree.ElementTree as xml
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from kbsearch import create_app
from kbsearch.clock import now
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people.accounts import sessions as accounts
from kbsearch.version import __version__
from kbsearch.web import health
from tests.conftest import Cast
from tests.kit.web import publish_articles, sign_in

ATOM = "{http://www.w3.org/2005/Atom}"
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


@pytest.fixture
def public(settings: Settings, db: SqliteDatabase, cast: Cast) -> FlaskClient:
    """A site open to crawlers, with its articles live."""
    open_settings = replace(
        settings,
        default_audience="everyone",
        base_url="https://aide.example",
        security_contact="mailto:security@support.example",
        metrics_token="open-sesame",
    )
    publish_articles(open_settings, db)
    return create_app(open_settings, db).test_client()


def get(client: FlaskClient, path: str, **headers: str):
    return client.get(path, base_url="https://aide.example", headers=headers)


def test_healthz_asks_the_database_nothing(
    client: FlaskClient, db: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(db, "query", lambda *_: pytest.fail("the database was asked"))
    assert client.get("/healthz").status_code == 200


def test_the_machine_itself_may_ask_by_its_own_name(public: FlaskClient):
    def status(path: str, host: str) -> int:
        return public.get(path, headers={**BEARER, "Host": host}).status_code

    for host in ("127.0.0.1:8080", "localhost"):
        assert [status(path, host) for path in ("/healthz", "/metrics", "/fr/")] == [200, 200, 400]
    for host in ("evil.example", "[", "127.0.0.1.evil.example"):
        assert status("/healthz", host) == 400


BEARER = {"Authorization": "Bearer open-sesame"}


@pytest.fixture
def watched(settings: Settings, db: SqliteDatabase, cast: Cast) -> FlaskClient:
    """A site with a metrics token."""
    return create_app(replace(settings, metrics_token="open-sesame"), db).test_client()


def test_readyz_is_ready_once_all_is_there(
    watched: FlaskClient, settings: Settings, db: SqliteDatabase
):
    answer = watched.get("/readyz", headers=BEARER)
    assert answer.status_code == 503
    assert answer.json is not None and answer.json["ready"] is False
    publish_articles(settings, db)
    db.insert("state", {"name": "worker_seen", "value": now()})
    answer = watched.get("/readyz", headers=BEARER)
    assert answer.json is not None
    assert (answer.status_code, answer.json["ready"], answer.json["index"]) == (200, True, True)
    assert answer.json["commit"] and answer.json["version"]


def test_readyz_is_not_ready_once_the_process_is_about_to_stop(
    settings: Settings, db: SqliteDatabase
):
    publish_articles(settings, db)
    db.insert("state", {"name": "worker_seen", "value": now()})
    app = create_app(replace(settings, metrics_token="open-sesame"), db)
    assert app.test_client().get("/readyz").status_code == 200
    health.leave(app)
    answer = app.test_client().get("/readyz", headers=BEARER)
    assert answer.json is not None
    assert (answer.status_code, answer.json["ready"], answer.json["leaving"]) == (503, False, True)
    assert app.test_client().get("/healthz").status_code == 200


def test_readyz_sends_nobody_away_while_the_database_answers_for_a_cluster(
    settings: Settings, db: SqliteDatabase
):
    pytest.importorskip("opensearchpy")
    publish_articles(settings, db)
    db.insert("state", {"name": "worker_seen", "value": now()})
    nobody = "opensearch+http://127.0.0.1:9/away"
    away = replace(settings, index=nobody, metrics_token="open-sesame")
    shutil.copytree(settings.index_path, away.index_path)
    answer = create_app(away, db).test_client().get("/readyz", headers=BEARER)
    assert answer.json is not None
    assert (answer.status_code, answer.json["ready"], answer.json["index"]) == (200, True, False)


def test_readyz_tells_strangers_yes_or_no_and_nothing_else(
    watched: FlaskClient, settings: Settings, db: SqliteDatabase
):
    said = [watched.get("/readyz")]
    publish_articles(settings, db)
    said.append(watched.get("/readyz"))
    db.insert("state", {"name": "worker_seen", "value": now()})
    wrong = {"Authorization": "Bearer open-sesam"}
    said += [watched.get("/readyz"), watched.get("/readyz", headers=wrong)]
    assert [(answer.status_code, answer.text) for answer in said] == [
        (503, "no\n"),
        (503, "no\n"),
        (200, "yes\n"),
        (200, "yes\n"),
    ]
    assert len({tuple(name for name, _ in answer.headers) for answer in said}) == 1


def test_without_a_metrics_token_no_bearer_opens_the_details(client: FlaskClient, cast: Cast):
    for sent in ("Bearer ", "Bearer", "Bearer None"):
        assert client.get("/readyz", headers={"Authorization": sent}).text == "no\n"


@pytest.mark.parametrize("name", ["alice", "dan", "wendy"])
def test_readyz_tells_nobody_but_administrators_why(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, name: str
):
    sign_in(client, db, getattr(cast, name))
    assert client.get("/readyz").text == "no\n"
    sign_in(client, db, cast.root)
    answer = client.get("/readyz")
    assert answer.json is not None and answer.json["index"] is False


def test_an_administrator_who_owes_a_second_factor_is_told_nothing(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    assert cast.root.person_id is not None
    token = accounts.open_session(db, cast.root.person_id, enrolling=True)
    client.set_cookie("kb", token)
    assert client.get("/readyz").text == "no\n"


def test_readyz_says_when_the_worker_is_silent(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    publish_articles(settings, db)
    db.insert("state", {"name": "worker_seen", "value": "2026-01-01T00:00:00Z"})
    assert client.get("/readyz").status_code == 503


def test_readyz_names_the_commit_that_was_refused(watched: FlaskClient, db: SqliteDatabase):
    refused = {"commit": "bad1dea", "refused_at": now(), "findings": []}
    db.insert("state", {"name": "refused_publication", "value": json.dumps(refused)})
    answer = watched.get("/readyz", headers=BEARER)
    assert answer.json is not None and answer.json["refused_commit"] == "bad1dea"


def test_readyz_survives_a_broken_database(
    watched: FlaskClient, db: SqliteDatabase, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> list[object]:
        raise OSError("disk gone")

    monkeypatch.setattr(db, "query", broken)
    answer = watched.get("/readyz", headers=BEARER)
    assert answer.status_code == 503
    assert answer.json == {"ready": False, "database": False}
    answer = watched.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "no\n")


def test_pages_and_errors_tell_strangers_neither_version_nor_commit(
    public: FlaskClient, db: SqliteDatabase
):
    live = db.query("SELECT commit_id FROM publications")[0]["commit_id"]
    pages = ("/fr/", "/fr/search?q=passe", "/fr/articles/mot-de-passe", "/fr/login", "/nothing")
    machines = ("/healthz", "/metrics", "/feed.fr.atom", "/sitemap.xml", "/robots.txt")
    for path in (*pages, *machines):
        answer = get(public, path)
        told = f"{answer.headers}{answer.text}"
        assert live not in told and live[:16] not in told, path
        assert "Server" not in answer.headers and "X-Powered-By" not in answer.headers
        assert f"kbsearch {__version__}" not in told and f"kbsearch/{__version__}" not in told


def test_metrics_are_for_whoever_holds_the_token(public: FlaskClient, client: FlaskClient):
    assert client.get("/metrics").status_code == 404
    assert get(public, "/metrics").status_code == 404
    assert get(public, "/metrics", Authorization="Bearer é").status_code == 404
    answer = get(public, "/metrics", Authorization="Bearer open-sesame")
    assert answer.status_code == 200
    assert "kbsearch_articles 4.0" in answer.text


def test_a_closed_site_tells_crawlers_to_stay_out(client: FlaskClient, db: SqliteDatabase):
    assert client.get("/robots.txt").text == "User-agent: *\nDisallow: /\n"
    assert "noindex" in client.get("/fr/").headers["X-Robots-Tag"]
    for path in ("/sitemap.xml", "/feed.fr.atom"):
        assert client.get(path).status_code == 404


def test_an_open_site_lists_what_strangers_may_read(public: FlaskClient):
    assert "Sitemap: https://aide.example/sitemap.xml" in get(public, "/robots.txt").text
    assert "X-Robots-Tag" not in get(public, "/fr/").headers
    places = [
        place.text
        for place in xml.fromstring(get(public, "/sitemap.xml").text).iter(f"{SITEMAP}loc")
    ]
    assert places == [
        "https://aide.example/fr/articles/mot-de-passe",
        "https://aide.example/en/articles/reset-your-password",
    ]


def test_the_feed_is_atom_in_the_language_asked(public: FlaskClient):
    answer = get(public, "/feed.en.atom")
    feed = xml.fromstring(answer.text)
    assert answer.content_type.startswith("application/atom+xml")
    assert [title.text for title in feed.findall(f"{ATOM}entry/{ATOM}title")] == [
        "Reset your password"
    ]


def test_a_category_and_a_product_have_feeds_of_their_own(public: FlaskClient, db: SqliteDatabase):
    (shown,) = db.query("SELECT category FROM articles WHERE slug = 'mot-de-passe'")
    page = get(public, f"/fr/categories/{shown['category']}").text
    address = f"/feed.fr.atom?category={shown['category']}"
    assert f'href="{address}"' in page
    feed = xml.fromstring(get(public, address).text)
    assert [link.get("href") for link in feed.findall(f"{ATOM}entry/{ATOM}link")] == [
        "https://aide.example/fr/articles/mot-de-passe"
    ]
    of_team = db.query("SELECT category, products FROM articles WHERE audience = 'agents'")
    for nothing in ("category=unknown", "product=unknown", "category=%25", "product=%22"):
        assert get(public, f"/feed.fr.atom?{nothing}").status_code == 404
    for row in of_team:
        answer = get(public, f"/feed.fr.atom?category={row['category']}")
        assert row["category"] == shown["category"] or answer.status_code == 404


def test_browsers_can_search_from_their_address_bar(client: FlaskClient):
    told = xml.fromstring(client.get("/opensearch.en.xml").text)
    name = told.find("{*}ShortName")
    url = told.find("{*}Url")
    assert name is not None and name.text and len(name.text) <= 16
    assert url is not None
    assert url.get("template") == "http://127.0.0.1:8080/en/search?q={searchTerms}"


def test_the_manifest_has_icons_that_exist(client: FlaskClient):
    manifest = client.get("/manifest.webmanifest").json
    assert manifest is not None
    for icon in manifest["icons"]:
        assert client.get(icon["src"]).content_type.startswith("image/")


def test_security_txt_is_there_when_somebody_answers_it(public: FlaskClient, client: FlaskClient):
    assert client.get("/.well-known/security.txt").status_code == 404
    told = get(public, "/.well-known/security.txt").text
    assert told.startswith("Contact: mailto:security@support.example\nExpires: 20")
