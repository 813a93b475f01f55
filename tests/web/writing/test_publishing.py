"""Changing a published article in the browser, publishing it, and meeting what others did."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import create_app
from kbsearch.articles.publishing.publish import publish
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from tests.conftest import Cast
from tests.kit.web import HTMX
from tests.kit.writers import PAGE, article, commit, git, repository, write
from tests.web.writing.test_articles import signed_in

LIVE = "/en/articles/page"
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
FIELD = re.compile(r'<input id="(title|slug|summary|version)" name="\w+" value="([^"]*)"')
BODY = re.compile(r'<textarea id="article-body"[^>]*>\n(.*?)</textarea>', re.DOTALL)
ACTION = re.compile(r'<form class="form" id="article-form" action="([^"]+)"')


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, default_audience="everyone")


@pytest.fixture
def content(settings: Settings, db: SqliteDatabase) -> Path:
    content = repository(settings)
    write(content, PAGE, article("Charge it", "One.\n\nTwo.", more="owner: dan # his\n"))
    commit(content)
    publish(db, settings)
    return content


@pytest.fixture
def wendy(db, cast: Cast, app: Flask, content) -> FlaskClient:
    return signed_in(app, db, cast.wendy)


def form_of(page: str) -> tuple[str, dict[str, str]]:
    """Where the editor sends, and what it would send as it is."""
    action, body = ACTION.search(page), BODY.search(page)
    assert action and body
    fields = {
        name: unescape(value) for name, value in (*HIDDEN.findall(page), *FIELD.findall(page))
    }
    return action[1], {**fields, "body": unescape(body[1]), "audience": "everyone"}


def opened(client: FlaskClient) -> tuple[str, dict[str, str]]:
    """The editor, as the link on the article opens it."""
    link = re.search(r'href="(/en/desk/articles/new\?article=[^"]+)"', client.get(LIVE).text)
    assert link
    return form_of(client.get(link[1]).text)


def test_two_clicks_change_a_word_that_everybody_reads(wendy, app, db, cast, content):
    url, form = opened(wendy)
    assert (form["title"], form["body"]) == ("Charge it", "One.\n\nTwo.")
    assert db.query("SELECT 1 FROM article_drafts") == [], "reading changes nothing"
    answer = wendy.post(f"{url}/publication", data={**form, "body": "One.\n\nSecond."})
    assert answer.location == f"{LIVE}?published=1"
    assert "The article is published." in wendy.get(answer.location).text
    alice = signed_in(app, db, cast.alice)
    page = alice.get(f"{LIVE}?published=1").text
    assert "<p>Second.</p>" in page and "is published" not in page and "/desk/" not in page
    text = git(content, "show", f"main:{PAGE}")
    assert text.startswith("---\ntitle: Charge it\naudience: everyone\nowner: dan # his\n---\n")


def test_a_writer_decides_what_those_who_follow_are_told(wendy, db, content):
    url, form = opened(wendy)
    wendy.post(f"{url}/publication", data={**form, "body": "One.\n\n2.", "minor": "1", "note": "N"})
    assert git(content, "log", "-1", "--format=%B", "main") == "Charge it\n\nTypo: yes"
    assert db.query("SELECT 1 FROM article_news") == []
    url, form = opened(wendy)
    said = {"body": "One.\n\nThree.", "note": "It takes\n\nSolves-Ticket: 7\0 an hour."}
    refused = wendy.post(f"{url}/publication", data={**form, **said, "title": ""})
    assert refused.status_code == 422 and 'value="It takes' in refused.text
    long = wendy.post(f"{url}/publication", data={**form, "body": "3.", "note": "x" * 301})
    assert long.status_code == 422 and "at most 300 characters" in long.text
    wendy.post(f"{url}/publication", data={**form, **said})
    message = git(content, "log", "-1", "--format=%B", "main")
    assert message == "Charge it\n\nFor-Readers: It takes Solves-Ticket: 7 an hour."
    (told,) = db.query("SELECT note FROM article_news")
    assert told["note"] == "It takes Solves-Ticket: 7 an hour."


def test_who_only_answers_requests_proposes(db, cast, app, content):
    dan = signed_in(app, db, cast.dan)
    url, form = opened(dan)
    page = dan.get("/en/desk/articles/new?article=en/guide/page").text
    assert "/publication" not in page and "/branch" in page
    assert dan.post(f"{url}/publication", data=form).status_code == 403
    answer = dan.post(f"{url}/branch", data={**form, "title": "By Dan"})
    assert answer.location == "/en/preview/draft/page/?proposed=1"
    assert "/branches/publication" not in dan.get(answer.location).text
    wendy = signed_in(app, db, cast.wendy)
    page = wendy.get("/en/preview/draft/page/").text
    fields = dict(HIDDEN.findall(page))
    publication = "/en/desk/articles/branches/publication"
    assert wendy.post(publication, data={**fields, "commit": "0" * 40}).status_code == 409
    answer = wendy.post(publication, data=fields)
    assert answer.location == f"{LIVE}?published=1"
    assert "By Dan" in wendy.get(LIVE).text


def test_where_articles_are_reviewed_nobody_is_offered_to_publish_their_own(
    db, cast, settings, content
):
    app = create_app(replace(settings, article_review=True), db)
    wendy = signed_in(app, db, cast.wendy)
    url, form = opened(wendy)
    page = wendy.get("/en/desk/articles/new?article=en/guide/page").text
    assert "/publication" not in page
    assert wendy.post(f"{url}/publication", data={**form, "body": "2."}).status_code == 403
    wendy.post(f"{url}/branch", data={**form, "body": "2."})
    assert "/branches/publication" not in wendy.get("/en/preview/draft/page/").text
    root = signed_in(app, db, cast.root)
    assert "/branches/publication" in root.get("/en/preview/draft/page/").text


def test_nobody_else_opens_it(db, cast, app, content):
    for viewer in (cast.alice, cast.chloe):
        client = signed_in(app, db, viewer)
        assert client.get("/en/desk/articles/new?article=en/guide/page").status_code == 404
        answer = client.post("/en/desk/articles/drafts/draft-key-9/publication", data={})
        assert answer.status_code == 404
    assert "/desk/articles" not in app.test_client().get(LIVE).text


def test_another_site_publishes_nothing(wendy, content):
    url, form = opened(wendy)
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    answer = wendy.post(f"{url}/publication", data={**form, "body": "2."}, headers=elsewhere)
    assert answer.status_code == 403
    assert "Two." in git(content, "show", f"main:{PAGE}")


def test_errors_are_listed_and_what_was_typed_stays(wendy, content):
    url, form = opened(wendy)
    body = "Typed & kept. [Read](gone.md)"
    page = wendy.post(f"{url}/publication", data={**form, "body": body})
    assert page.status_code == 422
    assert "Nothing is published" in page.text
    assert f"<strong>{PAGE}:7</strong> <code>broken-link</code>" in page.text
    assert form_of(page.text)[1]["body"] == body


def test_somebody_elses_text_is_shown_beside_mine_and_solved_there(wendy, content):
    url, form = opened(wendy)
    write(content, PAGE, article("Charge it well", "One.\n\nTheirs."))
    commit(content)
    page = wendy.post(f"{url}/publication", data={**form, "body": "Zero.\n\nOne.\n\nMine."})
    assert page.status_code == 409
    assert "<mark>Theirs.</mark>" in page.text and "<mark>Mine.</mark>" in page.text
    assert "<p>One.</p>" in page.text, "what neither changed is not marked"
    url, both = form_of(page.text)
    assert (both["title"], both["body"]) == ("Charge it well", "Zero.\n\nOne.\n\nMine.")
    typed = wendy.post(url, data=both, headers=HTMX)
    assert typed.status_code == 200
    assert wendy.post(f"{url}/publication", data=both).location == f"{LIVE}?published=1"
    assert git(content, "show", f"main:{PAGE}").endswith("Mine.")


def test_what_was_begun_is_gone_on_with(wendy, content):
    url, form = opened(wendy)
    wendy.post(url, data={**form, "body": "Half a sen"}, headers=HTMX)
    answer = wendy.get("/en/desk/articles/new?article=en/guide/page")
    assert answer.location == url
    assert "Half a sen" in wendy.get(url).text
    assert "Charge it" in wendy.get("/en/desk/articles").text


def test_files_that_somebody_has_open_are_not_overwritten(wendy, content):
    url, form = opened(wendy)
    write(content, PAGE, "half a sentence")
    page = wendy.post(f"{url}/publication", data={**form, "body": "Mine."})
    assert page.status_code == 422 and "would be overwritten" in page.text
    assert (content / PAGE).read_text() == "half a sentence"


def test_findings_are_said_of_the_line_that_is_typed(wendy, content):
    url, form = opened(wendy)
    page = wendy.post(url, data={**form, "body": "One.\n\n[Read](gone.md)"}, headers=HTMX).text
    assert 'data-line="3">line 3</a></strong> <code>broken-link</code>' in page


def test_a_branch_is_talked_about_on_its_page(db, cast, app, content):
    dan = signed_in(app, db, cast.dan)
    url, form = opened(dan)
    dan.post(f"{url}/branch", data={**form, "title": "By Dan"})
    wendy = signed_in(app, db, cast.wendy)
    page = wendy.get("/en/preview/draft/page/").text
    assert 'value="approved"' in page
    fields = {**dict(HIDDEN.findall(page)), "verdict": "changes"}
    comments = "/en/desk/articles/branches/comments"
    answer = wendy.post(comments, data={**fields, "body": " "})
    assert answer.status_code == 422 and "Say what you think of it" in answer.text
    answer = wendy.post(comments, data={**fields, "body": "Mine <b>", "commit": "0" * 40})
    assert answer.status_code == 409 and "Mine &lt;b&gt;</textarea>" in answer.text
    answer = wendy.post(comments, data={**fields, "body": "Say <which>."})
    assert answer.location == "/en/preview/draft/page/#comments"
    page = dan.get("/en/preview/draft/page/").text
    assert "Say &lt;which&gt;." in page and "asks for changes" in page
    assert 'value="approved"' not in page, "nobody approves their own"
