"""Error pages: in the visitor's language, with the search and the way to a person."""

import logging
import re
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import create_app
from kbsearch.config import LANGUAGES, Settings
from kbsearch.database import Busy
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, TooMany
from kbsearch.web import render


def failing(app: Flask, problem: BaseException) -> FlaskClient:
    """A client of the application, whose search fails like this."""

    class Failing:
        def ask(self, *_: object) -> None:
            raise problem

    site: render.WebSite = app.extensions["kbsearch"]
    app.extensions["kbsearch"] = replace(site, search=Failing())  # type: ignore[arg-type]
    return app.test_client()


@pytest.mark.parametrize(
    ("path", "language", "told"),
    [
        ("/fr/nowhere", "fr", "Page introuvable"),
        ("/en/nowhere", "en", "Page not found"),
        ("/nowhere", "fr", "Page introuvable"),
        ("/en/articles", "en", "Page not found"),
    ],
)
def test_a_missing_page_speaks_the_language_of_its_address(
    client: FlaskClient, path: str, language: str, told: str
):
    answer = client.get(path)
    assert answer.status_code == 404
    assert f'<html lang="{language}"' in answer.text
    assert told in answer.text


def test_every_error_offers_the_search_and_a_person(settings: Settings, db: SqliteDatabase):
    app = create_app(replace(settings, support_phone="01 23 45 67 89"), db)
    client = app.test_client()
    answers = [client.get("/fr/nowhere"), client.post("/fr/"), client.get("/fr/logout")]
    answers.append(client.post("/fr/logout", headers={"Sec-Fetch-Site": "cross-site"}))
    answers.append(failing(app, RuntimeError("bang")).get("/fr/search?q=mot"))
    for answer in answers:
        assert answer.status_code >= 400
        assert 'action="/fr/search"' in answer.text
        assert "01 23 45 67 89" in answer.text
        assert answer.text.count("<h1") == 1


def test_a_defect_is_a_number_to_the_visitor_and_a_story_in_the_log(
    app: Flask, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.ERROR):
        answer = failing(app, RuntimeError("the secret reason")).get("/en/search?q=a")
    assert answer.status_code == 500
    assert "the secret reason" not in answer.text
    incident = re.search(r"mention this number: ([0-9a-f]{8})", answer.text)
    assert incident is not None
    assert f"incident {incident[1]}: GET /<lang>/search" in caplog.text
    assert "the secret reason" in caplog.text


def test_the_error_page_needs_no_database(
    app: Flask, client: FlaskClient, db: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> list[object]:
        raise OSError("disk gone")

    monkeypatch.setattr(db, "query", broken)
    client.set_cookie("kb", "x")
    answer = client.get("/fr/")
    assert answer.status_code == 500
    assert "Une erreur s’est produite de notre côté" in answer.text


def test_a_database_held_by_another_writer_asks_for_patience(app: Flask):
    answer = failing(app, Busy("locked")).get("/fr/search?q=a")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_a_limit_says_when_to_come_back(app: Flask):
    answer = failing(app, TooMany("web.not_found", retry_after=90)).get("/fr/search?q=a")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "90"


def test_what_a_problem_says_is_text(app: Flask):
    problem = Invalid("person.not_found", email="<script>alert(1)</script>")
    answer = failing(app, problem).get("/fr/search?q=a")
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_error_page_is_compiled_before_anything_fails(client: FlaskClient, language: str):
    templates = client.application.extensions["kbsearch"].languages[language].templates
    assert templates.cache is not None
    there = {name for _, name in templates.cache}
    assert "shared/problem.html" in there
    assert client.get(f"/{language}/no-such-page").status_code == 404
    assert {name for _, name in templates.cache} == there


def test_a_template_is_compiled_once_for_all_languages(client: FlaskClient):
    languages = client.application.extensions["kbsearch"].languages.values()
    roots = {each.templates.get_template("layout.html").root_render_func for each in languages}
    assert len(roots) == len(languages) == 2
    assert len({root.__code__ for root in roots}) == 1
