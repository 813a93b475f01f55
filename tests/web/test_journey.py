"""One request from sign-in to its answer and beyond, over each engine."""

import pytest
from flask import Flask

from kbsearch.config import Settings
from kbsearch.database import Database
from tests.conftest import Cast
from tests.kit.mail import carry, code_in, latest, letters, text_of
from tests.kit.search import follow
from tests.kit.signing import PASSWORD, with_password
from tests.kit.web import publish_articles, sign_in

pytestmark = pytest.mark.both_engines


def test_from_sign_in_to_the_answer_and_the_search_that_finds_it(
    app: Flask, settings: Settings, db: Database, cast: Cast
):
    publish_articles(settings, db)
    with_password(db, "alice@acme.example")
    alice, dan = app.test_client(), app.test_client()
    for client in (alice, dan):
        client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    assert "Réinitialiser" in alice.get("/fr/search?q=mot+de+passe").text

    credentials = {"email": "alice@acme.example", "password": PASSWORD}
    assert alice.post("/fr/login", data=credentials).location.startswith("/fr/login/code")
    code = code_in(latest(settings, db))
    assert alice.post("/fr/login/code", data={"code": code}).status_code == 303
    words = {"subject": "Collier muet", "description": "Plus rien\ndepuis hier, 100 % sûr."}
    form = {**words, "severity": "minor"}
    filed = alice.post("/fr/requests/new", data={**form, "software": "icownect"})
    assert filed.status_code == 303
    page = alice.get(filed.location)
    assert page.status_code == 200 and "Collier muet" in page.text

    sign_in(dan, db, cast.dan)
    number = filed.location.split("/")[-1].partition("?")[0]
    assert "Collier muet" in dan.get("/fr/desk").text
    answer = {"body": "Changez la pile du collier zirconium.", "form_key": "k"}
    assert dan.post(f"/fr/requests/{number}/messages", data=answer).status_code == 303
    solved = alice.post(f"/fr/requests/{number}/status", data={"status": "solved"})
    assert solved.status_code == 303
    db.execute("UPDATE outbox SET due_at = created_at")
    carry(settings, db)
    assert "zirconium" in text_of(letters(settings)[-1])
    follow(settings, db)
    assert "Collier muet" in alice.get("/fr/search?q=pile+zirconium").text
    assert "Collier muet" not in app.test_client().get("/fr/search?q=pile+zirconium").text

    refused = alice.post("/fr/requests/new", data={**form, "subject": "a", "version": "1\0"})
    assert refused.status_code < 500
    assert alice.get("/fr/search?q=a%00b").status_code < 500
