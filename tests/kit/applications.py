"""An application that asks people to let it in, as tests drive it: plain HTTP, no browser."""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

HOME = "http://127.0.0.1:33418/callback"
HERE = {"Sec-Fetch-Site": "same-origin"}
MCP, API = ("http://127.0.0.1:8080/mcp", "http://127.0.0.1:8080/api/v1")
VERIFIER = "v" * 43
ACTION = re.compile(r'<form action="(/oauth/authorize[^"]*)"')


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass
class Robot:
    """It has registered, and knows the secrets it was given."""

    client: FlaskClient  # of the browser of whoever lets it in
    id: str
    tokens: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def registered(cls, client: FlaskClient, **metadata: object) -> "Robot":
        described = {"client_name": "Robot", "redirect_uris": [HOME], **metadata}
        answer = client.post("/oauth/register", json=described)
        assert answer.status_code == 201 and answer.json is not None, answer.text
        return cls(client, answer.json["client_id"])

    def ask(self, **changes: object) -> TestResponse:
        """The page on which somebody decides; a parameter of None is left out."""
        usual = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": HOME,
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            "scope": "search read write",
            "state": "a state",
            "resource": MCP,
        }
        query = {name: text for name, text in (usual | changes).items() if text is not None}
        return self.client.get("/oauth/authorize", query_string=query)

    def decide(self, page: TestResponse, **fields: str) -> TestResponse:
        """What a click on the page's button sends."""
        action = ACTION.search(page.text)
        assert action is not None, page.text
        return self.client.post(unescape(action[1]), data=fields, headers=HERE)

    def code(self, *, scope: str = "write", **changes: object) -> str:
        """The code of somebody who lets it in."""
        return parameters(self.decide(self.ask(**changes), scope=scope))["code"]

    def redeem(self, code: str, /, **changes: object) -> TestResponse:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": VERIFIER,
            "redirect_uri": HOME,
            "client_id": self.id,
        }
        return self._exchange(fields | changes)

    def renew(self, renewal: str, **changes: object) -> TestResponse:
        fields = {"grant_type": "refresh_token", "refresh_token": renewal, "client_id": self.id}
        return self._exchange(fields | changes)

    def let_in(self, *, scope: str = "write", **changes: object) -> "Robot":
        """Go all the way; its tokens are there afterwards."""
        self.redeem(self.code(scope=scope, **changes))
        return self

    def _exchange(self, fields: dict[str, object]) -> TestResponse:
        data = {name: text for name, text in fields.items() if text is not None}
        answer = self.client.post("/oauth/token", data=data)
        if answer.status_code == 200 and answer.json is not None:
            self.tokens = answer.json
        return answer


def parameters(answer: TestResponse) -> dict[str, str]:
    """What an answer sends the browser to the application with."""
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"].startswith(HOME), answer.headers["Location"]
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {name: texts[0] for name, texts in query.items()}
