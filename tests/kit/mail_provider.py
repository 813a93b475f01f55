"""A provider of tokens for mail, as a process of its own: it checks PKCE, takes each refresh token
once, and may withdraw its consent. A refresh token that comes twice ends them all.
"""

import base64
import hashlib
import json
import secrets
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

USER = "support@acme.example"
CLIENT, SECRET = "help-centre", "s3cret"


@dataclass
class Provider:
    """What it knows; `seen` counts what it was asked for, by grant."""

    lifetime: int = 3600
    delay: float = 0.0  # seconds before each answer
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    access: set[str] = field(default_factory=set)
    refresh: set[str] = field(default_factory=set)
    seen: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    gate: threading.Event = field(default_factory=threading.Event)

    def authorize(self, asked: dict[str, str]) -> str:
        """Somebody consents: the address that the browser is sent back to."""
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256" and asked["scope"]
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: dict[str, str]) -> dict[str, Any]:
        kind = form["grant_type"]
        self.seen[kind] = self.seen.get(kind, 0) + 1
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return {"error": "invalid_client"}
        if kind == "client_credentials":
            return self._given(with_refresh=False)
        if kind == "authorization_code":
            asked = self.codes.pop(form["code"], None)
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if asked is None or asked["code_challenge"] != challenge:
                return {"error": "invalid_grant", "error_description": "code or verifier"}
            if asked["redirect_uri"] != form["redirect_uri"]:
                return {"error": "invalid_grant", "error_description": "redirect_uri"}
            return self._given()
        if form["refresh_token"] not in self.refresh:
            self.withdraw()
            return {"error": "invalid_grant", "error_description": "used, revoked or unknown"}
        self.refresh.remove(form["refresh_token"])
        return self._given()

    def _given(self, *, with_refresh: bool = True) -> dict[str, Any]:
        given: dict[str, Any] = {"access_token": secrets.token_urlsafe(), "token_type": "Bearer"}
        self.access.add(given["access_token"])
        if with_refresh:
            given["refresh_token"] = secrets.token_urlsafe()
            self.refresh.add(given["refresh_token"])
        return {**given, "expires_in": self.lifetime}

    def withdraw(self) -> None:
        self.refresh.clear()
        self.access.clear()

    def respond(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        with self.lock:
            if path == "/token":
                return self.token(form)
            if path == "/introspect":
                is_active = form.get("token") in self.access
                return {"active": is_active, "username": USER if is_active else ""}
            if path == "/withdraw":
                self.withdraw()
            if path == "/set":
                self.lifetime = int(form.get("lifetime", self.lifetime))
                self.delay = float(form.get("delay", self.delay))
            return dict(self.seen)


def main(port: str) -> None:
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = dict(parse_qsl(urlsplit(self.path).query))
            self.send_response(302)
            self.send_header("Location", provider.authorize(asked))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            said = provider.respond(self.path, dict(parse_qsl(body)))
            provider.gate.wait(provider.delay if self.path == "/token" else 0)
            answer = json.dumps(said).encode()
            self.send_response(400 if "error" in said else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
