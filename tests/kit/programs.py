"""Programs, as the tests of the API send them: with the token of somebody."""

from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kbsearch import people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.database import Database
from kbsearch.people.accounts import personal_tokens
from kbsearch.people.accounts.personal_tokens import TokenFields

HOST = "help.acme.example"
BASE_URL = f"https://{HOST}"  # of sites whose clients build whole addresses


@dataclass(frozen=True)
class Program:
    """Something that calls the API as somebody; without a token, as nobody."""

    client: FlaskClient
    secret: str = ""

    def call(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        headers |= more.pop("headers", {})
        return self.client.open(
            f"/api/v1{path}", method=method, headers=headers, buffered=True, **more
        )

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.call("GET", path, **more)

    def post(self, path: str, body: object = None, **more: Any) -> TestResponse:
        return self.call("POST", path, **({"json": body} | more))

    def patch(self, path: str, body: object, **more: Any) -> TestResponse:
        return self.call("PATCH", path, json=body, **more)

    def delete(self, path: str) -> TestResponse:
        return self.call("DELETE", path)


def program(app: Flask, db: Database, viewer: Viewer, fields: TokenFields | None = None) -> Program:
    """A program that acts as somebody, reading and writing unless fields say otherwise."""
    client = app.test_client()
    if viewer.person_id is None:
        return Program(client)
    person = people.find(db, viewer.email)
    wanted = fields or TokenFields("robot", may_write=True)
    _, secret = personal_tokens.add(db, OPERATOR, person, wanted)
    return Program(client, secret)
