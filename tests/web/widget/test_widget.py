"""The widget: for the pages that are named, with a pass and never a cookie."""

import gzip
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from kbsearch import create_app, people
from kbsearch.access import Viewer
from kbsearch.announcements import editing, following
from kbsearch.announcements.editing import AnnouncementFields
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.people.accounts import widget_passes
from tests.conftest import Cast
from tests.kit.web import publish_articles, sign_in
from tests.people.accounts.single_sign_on.test_handovers import SECRET, sign
from tests.people.accounts.single_sign_on.test_handovers import said as claims

ORIGINS = ("https://app.example", "https://other.example:8443")
MOST_BYTES = 6_000  # compressed, before it is opened


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(site=tmp_path, widget_origins=ORIGINS, jwt_shared_secret=SECRET)


@pytest.fixture
def frame(settings: Settings, db: Database, cast: Cast) -> FlaskClient:
    publish_articles(settings, db)
    return create_app(settings, db).test_client()


def pass_of(settings: Settings, db: Database, viewer: Viewer, *, age: timedelta = timedelta()):
    made = utc_now() - age
    secret = widget_passes.make(settings, people.find(db, viewer.email), at=made)
    return {"Authorization": f"Bearer {secret}"}


def test_without_a_named_page_there_is_none(settings: Settings, db: Database):
    client = create_app(replace(settings, widget_origins=()), db).test_client()
    for path in ("/widget.js", "/widget", "/widget/search?q=a"):
        assert client.get(path).status_code == 404


def test_any_page_loads_the_script_and_it_is_small(frame: FlaskClient):
    answer = frame.get("/widget.js")
    assert answer.content_type.startswith("text/javascript")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Ouvrir dans un nouvel onglet" in answer.text and "Open in a new tab" in answer.text
    assert 0 < len(gzip.compress(answer.data)) <= MOST_BYTES


def test_only_the_named_pages_may_frame_it(frame: FlaskClient):
    policy = frame.get("/widget").headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors https://app.example https://other.example:8443")
    for path in ("/fr/", "/fr/login", "/widget/requests/new"):
        assert "frame-ancestors 'none'" in frame.get(path).headers["Content-Security-Policy"]


def test_whoever_a_cookie_names_is_a_stranger_in_it(frame: FlaskClient, db: Database, cast: Cast):
    for viewer in (cast.alice, cast.root):
        sign_in(frame, db, viewer)
        assert frame.get("/widget/articles/fr/contrat").status_code == 404
        assert frame.get("/widget/articles/fr/mot-de-passe").status_code == 200
        answer = frame.post("/widget/requests", data={"subject": "a"})
        assert answer.status_code in (401, 403)


def test_the_application_says_who_is_there_once(frame: FlaskClient, cast: Cast):
    form = {"jwt": sign(claims(email="alice@acme.example"))}
    answer = frame.post("/widget/identity", data=form)
    headers = {"Authorization": f"Bearer {answer.text}"}
    assert "CANARI-7" in frame.get("/widget/articles/fr/contrat", headers=headers).text
    assert frame.get("/widget/articles/fr/globex", headers=headers).status_code == 404
    assert frame.post("/widget/identity", data=form).status_code == 403
    assert frame.post("/widget/identity", data={"jwt": "a.b.c"}).status_code == 403
    assert "kb=" not in str(answer.headers)


def test_nobody_of_the_staff_comes_in_by_it(
    frame: FlaskClient, settings: Settings, db: Database, cast: Cast
):
    form = {"jwt": sign(claims(email="dan@support.example"))}
    assert frame.post("/widget/identity", data=form).status_code == 403
    headers = pass_of(settings, db, cast.dan)
    assert frame.get("/widget/search?q=mot", headers=headers).status_code == 401


def test_a_pass_ends_with_its_hour_and_with_the_account(
    frame: FlaskClient, settings: Settings, db: Database, cast: Cast
):
    fresh = pass_of(settings, db, cast.alice)
    old = pass_of(settings, db, cast.alice, age=widget_passes.LIFETIME)
    path = "/widget/articles/fr/contrat"
    assert frame.get(path, headers=fresh).status_code == 200
    assert frame.get(path, headers=old).status_code == 401
    longer = f"{fresh['Authorization']}9"
    for secret in (longer, "Bearer x", "Bearer a.b.c", "Bearer \xff.\xff"):
        assert frame.get(path, headers={"Authorization": secret}).status_code == 401
    people.disable(db, cast.root, people.find(db, cast.alice.email))
    assert frame.get(path, headers=fresh).status_code == 401


def test_a_request_says_from_which_page_it_was_sent(
    frame: FlaskClient, settings: Settings, db: Database, cast: Cast
):
    headers = pass_of(settings, db, cast.alice)
    page = "https://app.example/herd/7"
    form = frame.get(
        f"/widget/requests/new?software=icownect&version=4.2&page={page}&lang=en", headers=headers
    ).text
    assert f'value="{page}"' in form and 'value="4.2"' in form
    values = {"subject": "Lost", "description": "A cow", "severity": "minor", "page": page}
    sent = frame.post("/widget/requests?lang=en", data=values, headers=headers)
    assert sent.status_code == 200 and "has been sent" in sent.text
    (ticket,) = db.query("SELECT description, requester_id FROM tickets")
    assert ticket["description"] == f"A cow\n\nPage: {page}"
    assert ticket["requester_id"] == cast.alice.person_id


def test_what_is_refused_stays_as_it_was_typed(
    frame: FlaskClient, settings: Settings, db: Database, cast: Cast
):
    headers = pass_of(settings, db, cast.alice)
    values = {"subject": "", "description": "A <cow>", "severity": "minor", "page": "https://x/"}
    refused = frame.post("/widget/requests?lang=en", data=values, headers=headers)
    assert refused.status_code == 422
    assert "A &lt;cow&gt;</textarea>" in refused.text and 'value="https://x/"' in refused.text
    assert 'aria-invalid="true"' in refused.text
    assert db.query("SELECT 1 FROM tickets") == []


def test_a_known_problem_takes_the_place_of_a_request(
    frame: FlaskClient, settings: Settings, db: Database, cast: Cast
):
    told = AnnouncementFields(title_en="Lost cows", product="icownect", version_to="4.2")
    problem = editing.add(db, cast.dan, told)
    assert problem.title("en") not in frame.get("/widget/search?q=lost+cows&lang=en").text
    editing.publish(db, cast.dan, problem, by_mail=False)
    headers = pass_of(settings, db, cast.alice)
    for path in ("search?q=lost+cows", "requests/new?software=icownect&version=4.2"):
        assert "Lost cows" in frame.get(f"/widget/{path}&lang=en", headers=headers).text
        assert "Lost cows" not in frame.get(f"/widget/{path}&lang=en").text
    chosen = "/widget/announcements?lang=en&software=icownect&version="
    assert "Lost cows" in frame.get(f"{chosen}4.1", headers=headers).text
    assert "Lost cows" not in frame.get(f"{chosen}4.3", headers=headers).text
    follow = f"/widget/announcements/{problem.id}/following?lang=en"
    typed = {"subject": "Lost", "description": "A <cow>", "software": "icownect", "version": "4.2"}
    assert frame.post(follow, data=typed).status_code in (401, 403)
    answer = frame.post(follow, data=typed, headers=headers).text
    assert "you will be told when it is fixed" in answer and "A &lt;cow&gt;</textarea>" in answer
    assert [one.is_affected for one in following.list_followers(db, cast.dan, problem)] == [True]
    assert db.query("SELECT 1 FROM tickets") == []


def test_a_stranger_searches_what_everybody_reads(frame: FlaskClient):
    assert "Réinitialiser" in frame.get("/widget/search?q=mot+de+passe&lang=fr").text
    assert "contrat" not in frame.get("/widget/search?q=contrat&lang=fr").text.casefold()
    form = frame.get("/widget/requests/new?subject=Mot&lang=fr").text
    assert "/fr/requests/new?subject=Mot" in form and "textarea" not in form


def test_who_is_named_is_logged_and_gets_no_session(frame: FlaskClient, db: Database, cast: Cast):
    frame.post("/widget/identity", data={"jwt": sign(claims(email="alice@acme.example"))})
    kinds = [row["kind"] for row in db.query("SELECT kind FROM security_log")]
    assert kinds[-1] == "sign_in.succeeded"
    assert db.query("SELECT 1 FROM sessions") == []
