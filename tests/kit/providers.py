"""OpenID Connect providers to test against: a real one, and one that says whatever it is told."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from tests.kit.waiting import HUNG, listens, until

SUBJECT = "248289761001"
ALICE = {"sub": SUBJECT, "email": "alice@acme.example", "email_verified": True}
CLIENT = "help-centre"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def real_provider() -> Iterator[str]:
    """oidc-provider-mock as a process of its own; its issuer."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce"]
    command += ["--user-claims", json.dumps(ALICE)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    def is_up() -> bool:
        assert process.poll() is None, "the provider did not start"
        return listens(port)

    until(is_up)


class Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def sign_in_there(address: str, **form: str) -> str:
    """Fill in the provider's page; the address it sends the browser back to."""
    sent = Request(address, data=urlencode(form).encode())
    with pytest.raises(HTTPError) as answer:  # a redirect that is not followed
        build_opener(Stay).open(sent, timeout=HUNG)
    with answer.value as redirect:
        return str(redirect.headers["Location"])


def _open_gate() -> threading.Event:
    gate = threading.Event()
    gate.set()
    return gate


@dataclass
class Puppet:
    """A provider that does as it is told, down to lies; `asked` are the paths it was asked for."""

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    metadata: dict[str, Any] = field(default_factory=dict)  # over the usual
    answer: dict[str, Any] = field(default_factory=dict)  # of the token endpoint, over the usual
    status: int = 200
    user_info: dict[str, Any] = field(default_factory=dict)
    id_token: str = ""
    gate: threading.Event = field(default_factory=_open_gate)  # it answers while this is set
    asked: list[str] = field(default_factory=list)
    form: dict[str, str] = field(default_factory=dict)
    authorization: str | None = None

    def published(self) -> dict[str, Any]:
        usual = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return {**usual, **self.metadata}

    def claims(self, nonce: str, /, **changes: Any) -> dict[str, Any]:
        """Good claims but for the changes; None takes one away."""
        now = int(time.time())
        usual = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **ALICE,
        }
        return {name: v for name, v in {**usual, **changes}.items() if v is not None}

    def sign(
        self, claims: dict[str, Any], key: RSAKey | OctKey | None = None, **header: Any
    ) -> str:
        header = {"alg": "RS256", "kid": "one", **header}
        return jwt.encode(header, claims, key or self.key, algorithms=[header["alg"]])

    def respond(self, path: str) -> tuple[int, dict[str, Any]]:
        self.asked.append(path)
        self.gate.wait(HUNG)
        if path == "/jwks":
            return 200, KeySet([self.key]).as_dict(private=False)  # type: ignore[return-value]
        if path == "/token":
            usual = {"id_token": self.id_token, "access_token": "access", "token_type": "Bearer"}
            return self.status, {**usual, **self.answer}
        if path == "/userinfo":
            return 200, self.user_info
        return 200, self.published()


@contextmanager
def puppet_provider() -> Iterator[Puppet]:
    """The puppet on a socket of its own."""
    puppet = Puppet()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(*puppet.respond(urlsplit(self.path).path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            puppet.form = dict(parse_qsl(body))
            puppet.authorization = self.headers["Authorization"]
            self._send(*puppet.respond(self.path))

        def _send(self, status: int, said: dict[str, Any]) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # whoever asked did not wait
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        puppet.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield puppet
        server.shutdown()
        thread.join(timeout=HUNG)


def sent_along(address: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
