"""Gateways of text messages by Apprise: a real one, on sockets that are watched."""

import json
import socket
import time
from typing import Any

import pytest
import requests
from apprise.manager_plugins import NotificationManager

from kbsearch.messages.delivery import apprise_gateways
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard
from tests.kit.receivers import receiver
from tests.kit.waiting import HUNG

NUMBER = "+33612345678"
TOKENS = f"{'a' * 32}/{'b' * 32}/{NUMBER}"
FORMS = (
    f"://user:password@127.0.0.1:9/{TOKENS}?verify=no",
    f"://127.0.0.1:9/{TOKENS}?verify=no&redirect=yes",
    f"://127.0.0.1:9/{'c' * 26}/{NUMBER}",
    f"://AC{'a' * 32}:{'b' * 32}@{NUMBER}/{NUMBER}9",
)

pytestmark = pytest.mark.usefixtures("unguarded")


def gateway(port: int) -> str:
    return f"smseagle://token@127.0.0.1:{port}/{NUMBER}?verify=no"


def test_a_gateway_that_was_opened_is_told_the_number_and_the_text():
    with receiver() as kind:
        kind.answers += [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"]
        apprise_gateways.send(Guard(Exceptions.of(["127.0.0.1"])), gateway(kind.port), "Code 1")
        (_, body), *_ = kind.received
    assert NUMBER[1:] in body.decode() and "Code 1" in json.dumps(json.loads(body))


def test_a_redirect_is_not_followed():
    with receiver() as other, receiver() as kind:
        to = f"http://127.0.0.1:{other.port}/"
        kind.answers += [f"HTTP/1.1 307 No\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()]
        taken = apprise_gateways.send(
            Guard(Exceptions.of(["127.0.0.1"])), gateway(kind.port), "Code 1"
        )
        assert (taken, len(kind.received), other.received) == (False, 1, [])


def test_no_service_of_the_library_goes_where_the_guard_does_not(monkeypatch: pytest.MonkeyPatch):
    asked: list[Any] = []
    seen: list[str] = []

    def refuse(*given: Any, **_: Any) -> Any:
        asked.append(given)
        raise OSError("no connection may be opened here")

    def resolve(host: str, port: int) -> list[str]:
        seen.append(host)
        return ["127.0.0.1"]

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(time, "sleep", lambda _: None)  # between two messages it waits by the clock
    guard = Guard(resolve=resolve)
    services = NotificationManager()
    services.load_modules()
    schemes = sorted(services.schemas())
    for scheme in schemes:
        for form in FORMS:
            try:
                apprise_gateways.send(guard, scheme + form, "Code 1")
            except ValueError:
                continue
    assert len(schemes) > 200
    assert len(seen) > 100, "the guard was asked, or nothing was tried"
    assert asked == []


def test_what_nobody_holds_to_the_guard_goes_nowhere():
    with receiver() as kind:
        apprise_gateways.send(Guard(), gateway(kind.port), "Code 1")
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{kind.port}/", timeout=HUNG)
        assert kind.received == []


@pytest.mark.parametrize("url", ["nope://x", "mailto://a:b@gmail.com", "smpp://u:p@127.0.0.1/1/2"])
def test_what_is_no_gateway_over_http_is_refused(url: str):
    with pytest.raises(ValueError, match="Apprise"):
        apprise_gateways.send(Guard(), url, "Code 1")
