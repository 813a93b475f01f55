"""What applications send by themselves: codes, renewals, what they give back, what thieves try."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kbsearch import audit, people
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import PersonFields
from kbsearch.people.accounts import applications, personal_tokens
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.accounts.applications import grants, renewals
from kbsearch.people.accounts.applications.grants import Redemption
from kbsearch.web.api.door import PACES, Paces
from kbsearch.web.api.pace import Pace
from tests.conftest import Cast
from tests.kit.applications import API, HOME, MCP, VERIFIER, Robot
from tests.kit.web import sign_in


@pytest.fixture
def robot(client: FlaskClient, db: SqliteDatabase, cast: Cast) -> Robot:
    accounts.mark_proved(db, sign_in(client, db, cast.alice))
    return Robot.registered(client)


def knock(robot: Robot, path: str = "/mcp", method: str = "tools/list") -> TestResponse:
    """Use the token there."""
    headers = {"Authorization": f"Bearer {robot.tokens['access_token']}"}
    if path != "/mcp":
        return robot.client.get(path, headers=headers)
    return robot.client.post(path, json={"id": 1, "method": method}, headers=headers)


def error_of(answer: TestResponse) -> str:
    assert answer.status_code in (400, 401) and answer.json is not None, answer.text
    assert answer.json["error_description"].isascii()
    return str(answer.json["error"])


def test_a_code_becomes_a_token_of_its_person(robot: Robot, db: SqliteDatabase, cast: Cast):
    answer = robot.redeem(robot.code())
    assert answer.headers["Cache-Control"] == "no-store"
    assert robot.tokens.keys() == {
        *("access_token", "token_type", "expires_in", "refresh_token", "scope"),
    }
    assert (robot.tokens["scope"], robot.tokens["expires_in"]) == ("search read write", 3600)
    assert knock(robot).status_code == 200
    secret = robot.tokens["access_token"]
    holder = personal_tokens.holder_of(db, secret, personal_tokens.ASSISTANTS)
    assert holder is not None and holder.viewer.person_id == cast.alice.person_id


def test_only_hashes_are_kept(robot: Robot, db: SqliteDatabase):
    code = robot.code()
    robot.redeem(code)
    tables = ("personal_tokens", "application_codes", "application_renewals", "security_log")
    rows = str([db.query(f"SELECT * FROM {table}") for table in tables])  # noqa: S608
    secrets = (code, robot.tokens["access_token"], robot.tokens["refresh_token"])
    assert not any(secret in rows for secret in secrets)


def test_its_person_may_let_it_do_less(robot: Robot):
    params = {"name": "file_request", "arguments": {"subject": "a", "description": "b"}}
    message = {"id": 1, "method": "tools/call", "params": params}
    for scope, granted in (
        ("search", "search"),
        ("read", "search read"),
        ("write", "search read write"),
    ):
        robot.let_in(scope=scope)
        assert robot.tokens["scope"] == granted
        headers = {"Authorization": f"Bearer {robot.tokens['access_token']}"}
        answer = robot.client.post("/mcp", json=message, headers=headers)
        assert answer.json is not None and answer.json["result"]["isError"] is (scope != "write")


def test_it_opens_what_it_was_asked_for_and_nothing_else(robot: Robot):
    robot.let_in()
    assert knock(robot).status_code == 200
    refused = knock(robot, "/api/v1/me")
    assert refused.status_code == 401 and 'error="invalid_token"' in refused.headers[CHALLENGE]
    robot.let_in(resource=API)
    assert (knock(robot).status_code, knock(robot, "/api/v1/me").status_code) == (401, 200)
    assert knock(robot, "/api/v2/users/me").status_code in (401, 404)
    robot.let_in(resource=[MCP, API])
    assert (knock(robot).status_code, knock(robot, "/api/v1/me").status_code) == (200, 200)
    robot.let_in(resource=None)
    assert (knock(robot).status_code, knock(robot, "/api/v1/me").status_code) == (200, 401)


CHALLENGE = "WWW-Authenticate"


@pytest.mark.parametrize(("path", "resource"), [("/mcp", "/mcp"), ("/api/v1/me", "/api/v1")])
def test_who_is_refused_learns_where_to_ask(client: FlaskClient, path: str, resource: str):
    answer = client.open(path, method="POST" if path == "/mcp" else "GET")
    assert answer.status_code == 401
    metadata = f"http://127.0.0.1:8080/.well-known/oauth-protected-resource{resource}"
    assert f'resource_metadata="{metadata}"' in answer.headers[CHALLENGE]
    document = client.get(metadata).json
    assert document is not None
    assert document["resource"] == f"http://127.0.0.1:8080{resource}"
    (server,) = document["authorization_servers"]
    described = client.get(f"{server}/.well-known/oauth-authorization-server").json
    assert described is not None and described["issuer"] == server
    assert described["code_challenge_methods_supported"] == ["S256"]


def test_one_that_only_reads_learns_what_writing_takes(robot: Robot):
    robot.let_in(scope="read", resource=API)
    headers = {"Authorization": f"Bearer {robot.tokens['access_token']}"}
    answer = robot.client.post("/api/v1/tickets", json={}, headers=headers)
    assert answer.status_code == 403
    assert 'error="insufficient_scope", scope="write"' in answer.headers[CHALLENGE]


WRONG_EXCHANGES: list[tuple[dict[str, Any], str]] = [
    ({"code_verifier": "w" * 43}, "invalid_grant"),
    ({"code_verifier": "v" * 42}, "invalid_grant"),
    ({"code_verifier": None}, "invalid_request"),
    ({"code_verifier": ""}, "invalid_grant"),
    ({"redirect_uri": "http://127.0.0.1:1/callback"}, "invalid_grant"),
    ({"redirect_uri": ""}, "invalid_grant"),
    ({"code": "unknown"}, "invalid_grant"),
    ({"code": None}, "invalid_request"),
    ({"client_id": "unknown"}, "invalid_client"),
    ({"client_id": None}, "invalid_request"),
    ({"grant_type": "password"}, "unsupported_grant_type"),
    ({"resource": "https://other.example/mcp"}, "invalid_target"),
    ({"resource": API}, "invalid_target"),
    ({"code": ["a", "b"]}, "invalid_request"),
]


def test_a_wrong_exchange_gets_nothing(robot: Robot, db: SqliteDatabase):
    code = robot.code()
    for changes, error in WRONG_EXCHANGES:
        assert error_of(robot.redeem(code, **changes)) == error, changes
    assert personal_tokens.list_all(db) == []


def test_a_code_is_good_once_and_shown_twice_takes_all_back(
    robot: Robot, db: SqliteDatabase, cast: Cast
):
    code = robot.code()
    assert robot.redeem(code).status_code == 200
    assert error_of(robot.redeem(code)) == "invalid_grant"
    assert knock(robot).status_code == 401
    assert error_of(robot.renew(robot.tokens["refresh_token"])) == "invalid_grant"
    kinds = [event.kind for event in audit.list_of(db, str(cast.alice.person_id))]
    assert "token.misused" in kinds


def test_the_code_of_one_application_is_nothing_to_another(robot: Robot):
    code, other = robot.code(), Robot.registered(robot.client)
    assert error_of(other.redeem(code)) == "invalid_grant"
    robot.redeem(code)
    assert error_of(other.renew(robot.tokens["refresh_token"])) == "invalid_grant"
    other.client.post("/oauth/revoke", data={"client_id": other.id, **returned(robot)})
    assert knock(robot).status_code == 200


def test_a_code_is_over_after_a_minute(robot: Robot, db: SqliteDatabase):
    code, application = robot.code(), applications.find(db, robot.id)
    late = datetime.now(UTC) + grants.LIFETIME
    with pytest.raises(applications.Declined):
        grants.redeem(db, application, Redemption(code, VERIFIER, HOME, ""), at=late)
    assert grants.forget_expired(db, at=late) == 1


def test_a_renewal_gives_new_secrets_for_old(robot: Robot):
    old = robot.let_in().tokens
    assert robot.renew(old["refresh_token"], resource=MCP).status_code == 200
    assert robot.tokens["access_token"] != old["access_token"]
    assert robot.tokens["scope"] == old["scope"]
    assert knock(robot).status_code == 200
    robot.tokens, new = old, robot.tokens
    assert knock(robot).status_code == 401, "the secret of before opens nothing"
    assert error_of(robot.renew(new["refresh_token"], resource=API)) == "invalid_target"


def test_a_renewal_used_twice_ends_the_whole_family(robot: Robot, db: SqliteDatabase):
    stolen = robot.let_in().tokens["refresh_token"]
    robot.renew(stolen)
    assert error_of(robot.renew(stolen)) == "invalid_grant"
    assert knock(robot).status_code == 401
    assert error_of(robot.renew(robot.tokens["refresh_token"])) == "invalid_grant"
    assert personal_tokens.list_all(db) == []


def test_a_secret_is_good_for_an_hour_and_a_renewal_for_a_month(robot: Robot, db: SqliteDatabase):
    robot.let_in()
    now, application = datetime.now(UTC), applications.find(db, robot.id)
    secret, renewal = robot.tokens["access_token"], robot.tokens["refresh_token"]
    door = personal_tokens.ASSISTANTS
    assert personal_tokens.holder_of(db, secret, door, at=now + timedelta(minutes=59))
    assert personal_tokens.holder_of(db, secret, door, at=now + timedelta(minutes=61)) is None
    month = personal_tokens.UNUSED_LIFETIME
    with pytest.raises(applications.Declined):
        renewals.renew(db, application, renewal, at=now + month)
    pair = renewals.renew(db, application, renewal, at=now + month - timedelta(minutes=1))
    assert applications.forget_unused(db, at=now + 3 * month) == 0, "it still holds something"
    for months in range(2, 13):
        moment = now + months * month - timedelta(hours=months)
        pair = renewals.renew(db, application, pair.renewal, at=moment)
    assert (
        personal_tokens.find(db, pair.token.id).expires_at
        <= str((now + timedelta(366)).date()) + "Z"
    )


@pytest.mark.parametrize("way", ["disabled", "another role"])
def test_a_closed_account_and_another_role_end_it_at_once(
    robot: Robot, db: SqliteDatabase, cast: Cast, way: str
):
    code = robot.let_in().code()
    alice = people.find(db, cast.alice.email)
    if way == "disabled":
        people.disable(db, cast.root, alice)
    else:
        people.edit(db, cast.root, alice, PersonFields(role="agent"))
    assert knock(robot).status_code == 401
    assert error_of(robot.renew(robot.tokens["refresh_token"])) == "invalid_grant"
    assert error_of(robot.redeem(code)) == "invalid_grant"


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_an_application_gives_back_what_it_holds(
    robot: Robot, db: SqliteDatabase, cast: Cast, which: str
):
    robot.let_in()
    form = {"client_id": robot.id, "token": robot.tokens[which]}
    assert robot.client.post("/oauth/revoke", data=form).status_code == 200
    assert robot.client.post("/oauth/revoke", data=form).status_code == 200, "once is enough"
    assert knock(robot).status_code == 401 and personal_tokens.list_all(db) == []
    kinds = {event.kind for event in audit.list_of(db, str(cast.alice.person_id))}
    assert "token.returned" in kinds


def test_an_application_that_asks_again_replaces_what_it_had(robot: Robot, db: SqliteDatabase):
    first = robot.let_in().tokens
    robot.let_in(scope="read")
    assert len(personal_tokens.list_all(db)) == 1
    assert error_of(robot.renew(first["refresh_token"])) == "invalid_grant"


def test_what_is_no_registration_is_refused(client: FlaskClient):
    for body in (b"", b"[]", b"{", b"\xff", b"[" * 30_000):
        answer = client.post("/oauth/register", data=body, content_type="application/json")
        assert error_of(answer) == "invalid_client_metadata", body[:9]


def test_guessing_is_slowed_down(app: Flask, client: FlaskClient):
    robot = Robot.registered(client)
    app.extensions[PACES] = Paces(*[Pace(3)] * 3)
    statuses = [robot.renew("wrong").status_code for _ in range(4)]
    assert statuses == [400, 400, 400, 429]


def returned(robot: Robot) -> dict[str, str]:
    return {"token": robot.tokens["refresh_token"]}
