"""Letting an application in: who is asked what, and that nothing leaves without their click."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import people
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people.accounts import personal_tokens
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.accounts.personal_tokens import MOST_TOKENS, TokenFields
from tests.conftest import Cast
from tests.kit.applications import API, HOME, MCP, Robot, parameters
from tests.kit.web import sign_in


@pytest.fixture
def robot(client: FlaskClient, db: SqliteDatabase, cast: Cast) -> Robot:
    """An application, in the browser of Alice, who has just signed in."""
    accounts.mark_proved(db, sign_in(client, db, cast.alice))
    return Robot.registered(client)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fr", ("Laisser entrer Robot", "comme assistant")),
        ("en", ("Let Robot in?", "as an assist")),
    ],
)
def test_the_page_says_who_asks_and_for_what(robot: Robot, language: str, words: tuple[str, ...]):
    robot.client.set_cookie("kb-language", language)
    page = robot.ask()
    assert page.status_code == 200
    for word in (*words, "alice@acme.example", "127.0.0.1:33418"):
        assert word in page.text
    assert ("API" in page.text) is False
    assert "API" in robot.ask(resource=API).text


def test_a_name_is_text_whatever_is_in_it(robot: Robot):
    evil = Robot.registered(robot.client, client_name='<img src=x onerror=alert(1)>"')
    assert "<img src=x" not in evil.ask().text and "&lt;img" in evil.ask().text


def test_the_code_goes_back_with_the_state_and_our_name(robot: Robot):
    answer = robot.decide(robot.ask(), scope="write")
    fields = parameters(answer)
    assert set(fields) == {"code", "state", "iss"}
    assert (fields["state"], fields["iss"]) == ("a state", "http://127.0.0.1:8080")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_whoever_says_no_sends_back_nothing_else(robot: Robot):
    fields = parameters(robot.decide(robot.ask(), deny="1", scope="write"))
    assert fields["error"] == "access_denied" and "code" not in fields


def test_the_browser_may_follow_the_answer_of_the_form_there_and_nowhere_else(robot: Robot):
    policy = robot.ask().headers["Content-Security-Policy"]
    assert "form-action 'self' http://127.0.0.1:33418;" in policy
    assert "frame-ancestors 'none'" in policy


WRONG: list[tuple[dict[str, object], str]] = [
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": None}, "unsupported_response_type"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"scope": "everything"}, "invalid_scope"),
    ({"resource": "https://other.example/mcp"}, "invalid_target"),
    ({"resource": "http://127.0.0.1:8080/"}, "invalid_target"),
    ({"resource": "http://127.0.0.1:8080/mcp/more"}, "invalid_target"),
    ({"resource": [MCP, "https://other.example/"]}, "invalid_target"),
    ({"state": ["one", "two"]}, "invalid_request"),
]


def test_what_is_asked_wrongly_is_told_to_the_person_who_may_go_back(robot: Robot):
    for changes, code in WRONG:
        page = robot.ask(**changes)
        assert page.status_code == 400 and "Location" not in page.headers, changes
        assert f'href="{HOME}?error={code}&amp;' in page.text, changes


STRAY: list[dict[str, object]] = [
    {"client_id": "unknown"},
    {"client_id": None},
    {"client_id": ["one", "two"]},
    {"redirect_uri": "https://evil.example/"},
    {"redirect_uri": "//evil.example"},
    {"redirect_uri": HOME + "?next=https://evil.example/"},
    {"redirect_uri": "http://127.0.0.1:33418@evil.example/callback"},
    {"redirect_uri": [HOME, "https://evil.example/"]},
]


def test_nobody_is_sent_or_shown_the_way_to_an_address_that_is_not_its_own(robot: Robot):
    for changes in STRAY:
        page = robot.ask(**changes)
        assert page.status_code == 400 and "Location" not in page.headers, changes
        assert "evil.example" not in page.text, changes


def test_the_decision_is_checked_as_the_page_was(robot: Robot):
    page = robot.ask()
    narrowed = Robot.registered(robot.client)
    assert narrowed.decide(narrowed.ask(scope="read"), scope="write").status_code == 422
    for wrong in (
        "redirect_uri=http%3A%2F%2F127.0.0.1%3A33418%2Fcallback",
        f"client_id={robot.id}",
    ):
        page.data = page.data.replace(wrong.encode(), wrong.partition("=")[0].encode() + b"=x")
    assert robot.decide(page, scope="write").status_code == 400


def test_another_site_cannot_click(robot: Robot):
    path = robot.ask().request.full_path
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {},
    ):
        answer = robot.client.post(path, data={"scope": "write"}, headers=headers)
        assert answer.status_code == 403, headers


def test_a_stranger_signs_in_first_and_comes_back(client: FlaskClient, cast: Cast):
    robot = Robot.registered(client)
    for answer in (robot.ask(), robot.ask(scope="everything"), robot.ask(client_id="unknown")):
        assert answer.headers["Location"].startswith("/fr/login?next=/oauth/authorize%3F")


def test_password_and_code_are_asked_for_where_they_were_not_given_lately(
    robot: Robot, db: SqliteDatabase, cast: Cast
):
    page = robot.ask()
    session = robot.client.get_cookie("kb")
    assert session is not None
    accounts.mark_proved(db, session.value, at=datetime.now(UTC) - timedelta(minutes=11))
    for answer in (robot.ask(), robot.decide(page)):
        back = answer.headers["Location"]
        assert back.startswith("/fr/account/confirm?next=/oauth/authorize%3F")
        assert "/oauth/authorize?" in robot.client.get(back).text


def test_who_has_too_many_tokens_gives_no_other(robot: Robot, db: SqliteDatabase, cast: Cast):
    alice = people.find(db, cast.alice.email)
    for number in range(MOST_TOKENS):
        personal_tokens.add(db, cast.alice, alice, TokenFields(f"robot {number}"))
    answer = robot.decide(robot.ask(), scope="read")
    assert answer.status_code == 422 and "Location" not in answer.headers


def test_it_is_shown_and_ended_like_any_token(
    robot: Robot, app: Flask, db: SqliteDatabase, cast: Cast
):
    robot.let_in()
    token = personal_tokens.list_of(db, str(cast.alice.person_id))[0]
    page = robot.client.get("/en/account/security").text
    assert "Robot" in page and "Application" in page and "as an assistant" in page
    administrator = app.test_client()
    sign_in(administrator, db, cast.root)
    there = f"/fr/admin/people/{cast.alice.person_id}"
    assert "Robot" in administrator.get(there).text
    removal = f"{there}/tokens/{token.id}/removal"
    headers = {"Sec-Fetch-Site": "same-origin"}
    assert administrator.post(removal, headers=headers).status_code == 303
    assert robot.renew(robot.tokens["refresh_token"]).status_code == 400
