"""What chat rooms want to be sent: one composer for each kind, from the address of the room.

The addresses have the form that Apprise gave them. Nothing is sent here.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from kbsearch.database import new_id
from kbsearch.errors import Invalid

HOST = re.compile(r"([\w.-]+|\[[0-9a-f:.]+\])(?::\d+)?", re.ASCII | re.IGNORECASE)
LABEL = re.compile(r"[a-z0-9-]+", re.ASCII | re.IGNORECASE)
TOPIC = "kbsearch"  # Zulip takes no message without one
DEVICE = "kbsearch"  # of Matrix: without a name, each message would add one to the account


@dataclass(frozen=True)
class Call:
    """A request over HTTP that a room understands."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    method: str = "POST"


@dataclass(frozen=True)
class Address:
    """The parts of `kind://user:password@host/path#room?options`; Invalid where there are none."""

    kind: str
    user: str
    password: str
    host: str  # of Slack and the like the first token: its letters are as they were typed
    path: tuple[str, ...]
    room: str
    query: str

    @classmethod
    def of(cls, url: str) -> "Address":
        try:
            parts = urlsplit(url)
        except ValueError:
            raise Invalid("room.unknown") from None
        user_info, _, host = parts.netloc.rpartition("@")
        user, _, password = user_info.partition(":")
        path = tuple(unquote(part) for part in parts.path.split("/") if part)
        room = unquote(parts.fragment.partition("?")[0]).strip("/")
        return cls(parts.scheme, unquote(user), unquote(password), host, path, room, parts.query)

    @property
    def server(self) -> str:
        """The server of one's own that it names."""
        return f"{'https' if self.kind.endswith('s') else 'http'}://{self._site()[0]}"

    @property
    def host_name(self) -> str:
        """Its name without the port."""
        return self._site()[1]

    def _site(self) -> re.Match[str]:
        match = HOST.fullmatch(self.host)
        if not match:
            raise Invalid("room.unknown")
        return match

    def tokens(self, count: int) -> tuple[str, ...]:
        """The first parts of an address that names no host; what follows them is the room."""
        parts = (self.host, *self.path)[:count]
        if len(parts) < count or not all(parts):
            raise Invalid("room.unknown")
        return parts


def first(url: str, text: str) -> Call:
    """The request that says a text in a room, or that has to come before it."""
    address = Address.of(url)
    if address.kind not in COMPOSERS:
        raise Invalid("room.unknown")
    return COMPOSERS[address.kind](address, text)


def _slack(address: Address, text: str) -> Call:
    path = _path(*address.tokens(3))
    room = address.room and f"#{address.room}"
    named = {"channel": room or "".join(address.path[2:3]), "username": address.user}
    return _json(f"https://hooks.slack.com/services/{path}", {"text": text, **_given(named)})


def _mattermost(address: Address, text: str) -> Call:
    if not address.path:
        raise Invalid("room.unknown")
    *folders, token = address.path
    named = {"channel": address.room, "username": address.user}
    url = f"{address.server}/{_path(*folders, 'hooks', token)}"
    return _json(url, {"text": text, **_given(named)})


def _rocket_chat(address: Address, text: str) -> Call:
    """`rockets://tokenA/tokenB@host#room`: as the user's part has a slash, it is cut here."""
    first_token, second = address.tokens(2)
    token, _, host = second.partition("@")
    if not token:
        raise Invalid("room.unknown")
    named = {"channel": address.room and f"#{address.room}"}
    url = f"{replace(address, host=host).server}/hooks/{_path(first_token, token)}"
    return _json(url, {"text": text, **_given(named)})


def _discord(address: Address, text: str) -> Call:
    url = f"https://discord.com/api/webhooks/{_path(*address.tokens(2))}"
    return _json(url, {"content": text, "allowed_mentions": {"parse": []}})


def _google_chat(address: Address, text: str) -> Call:
    space, key, token = address.tokens(3)
    query = urlencode({"key": key, "token": token})
    return _json(f"https://chat.googleapis.com/v1/spaces/{_path(space)}/messages?{query}",
                 {"text": text})  # fmt: skip


def _teams(address: Address, text: str) -> Call:
    """By the address that Teams gives, with the kind for its https, or by its two tokens."""
    if len(address.path) < 2:
        raise Invalid("room.unknown")
    if len(address.path) == 2:
        workflow, signature = address.path
        path = _path("workflows", workflow, "triggers", "manual", "paths", "invoke")
        query = urlencode(
            {"api-version": "2016-06-01", "sp": "/triggers/manual/run", "sv": "1.0",
             "sig": signature}
        )  # fmt: skip
    else:
        path, query = _path(*address.path), address.query
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "TextBlock", "text": text, "wrap": True}],
    }
    attached = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return _json(f"{address.server}/{path}?{query}", {"type": "message", "attachments": [attached]})


def _zulip(address: Address, text: str) -> Call:
    if not (LABEL.fullmatch(address.host) and address.user and address.path):
        raise Invalid("room.unknown")
    site = f"{address.host}.zulipchat.com"
    bot = address.user if "@" in address.user else f"{address.user.removesuffix('-bot')}-bot@{site}"
    stream = "".join(address.path[1:2]) or address.room or "general"
    form = {"type": "stream", "to": stream, "topic": TOPIC, "content": text}
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": f"Basic {b64encode(f'{bot}:{address.path[0]}'.encode()).decode()}",
    }
    return Call(f"https://{site}/api/v1/messages", urlencode(form).encode(), headers)


def _matrix(address: Address, _text: str) -> Call:
    return matrix_joining(address) if not address.password else matrix_signing_in(address)


def matrix_signing_in(address: Address) -> Call:
    """What is answered with a token, to an account with a password."""
    _matrix_room(address)
    who = {"type": "m.id.user", "user": address.user}
    account = {"type": "m.login.password", "identifier": who, "password": address.password}
    return _json(f"{_matrix_site(address)}/login", {**account, "device_id": DEVICE})


def matrix_joining(address: Address, token: str = "") -> Call:
    """What is answered with the identity of the room; nothing happens to those who are in it."""
    if not (token or address.user):
        raise Invalid("room.unknown")
    url = f"{_matrix_site(address)}/join/{_path(_matrix_room(address))}"
    return _json(url, {}, token or address.user)


def matrix_saying(address: Address, token: str, room_id: str, text: str) -> Call:
    """What says it, to those who are in the room."""
    path = _path("rooms", room_id, "send", "m.room.message", new_id())
    url = f"{_matrix_site(address)}/{path}"
    call = _json(url, {"msgtype": "m.text", "body": text}, token or address.user)
    return Call(call.url, call.body, call.headers, method="PUT")


def _matrix_site(address: Address) -> str:
    return f"{address.server}/_matrix/client/v3"


def _matrix_room(address: Address) -> str:
    room = (address.room and f"#{address.room}") or "".join(address.path[:1])
    if not room:
        raise Invalid("room.unknown")
    named = room if room[0] in "#!" else f"#{room}"
    return named if ":" in named else f"{named}:{address.host_name}"


def _json(url: str, content: Mapping[str, Any], token: str = "") -> Call:
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return Call(url, json.dumps(content).encode(), headers)


def _given(named: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in named.items() if value}


def _path(*parts: str) -> str:
    return "/".join(quote(part, safe="") for part in parts)


COMPOSERS: Mapping[str, Callable[[Address, str], Call]] = {
    "discord": _discord,
    "gchat": _google_chat,
    "matrix": _matrix,
    "matrixs": _matrix,
    "mmost": _mattermost,
    "mmosts": _mattermost,
    "rocket": _rocket_chat,
    "rockets": _rocket_chat,
    "slack": _slack,
    "workflows": _teams,
    "zulip": _zulip,
}
