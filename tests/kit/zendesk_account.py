"""A live Zendesk account of invented people on a port of this machine, with a live one's moods."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.kit import zendesk_export
from tests.kit.requests import PNG

TOKEN = "dan@support.example/token:5ecret"
BASIC = "Basic ZGFuQHN1cHBvcnQuZXhhbXBsZS90b2tlbjo1ZWNyZXQ="
CDN = "/cdn/lamp.png"
KEYS = {"attachments": "article_attachments"}  # of lists that are not named by their address


@dataclass
class Mood:
    """What is answered once instead of what was asked for."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    missing: int = 0  # so many bytes of it are announced and do not come


@dataclass
class ZendeskAccount:
    """What an account holds, what it was asked, and its moods by the start of an address."""

    port: int = 0
    tickets: list[dict[str, Any]] = field(default_factory=list)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    users: list[dict[str, Any]] = field(default_factory=lambda: list(zendesk_export.USERS))
    guide: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # by address
    moods: dict[str, list[Mood]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)  # addresses that were told the token
    per_page: int = 2

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def furnish(self, count: int) -> None:
        """So many tickets of two comments each, a picture in the first."""
        for number in range(1, count + 1):
            picture = {"id": 60000 + number, "file_name": "lamp.png", "size": len(PNG)}
            picture["content_url"] = f"{self.url}/attachments/token/{number}/?name=lamp.png"
            opening = zendesk_export.comment(2 * number, "<p>It blinks.</p>", attachments=[picture])
            note = zendesk_export.comment(2 * number + 1, "<p>Ours</p>", public=False)
            self.put(zendesk_export.ticket(number), [opening, note])

    def put(self, ticket: dict[str, Any], comments: list[dict[str, Any]]) -> None:
        """A ticket that is new or has changed: what changed comes once more, at the end."""
        self.tickets.append(ticket)
        self.comments[ticket["id"]] = comments

    def answer(self, path: str, query: dict[str, list[str]]) -> Mood:
        mood = next((m for begin, m in self.moods.items() if path.startswith(begin) and m), None)
        if mood:
            return mood.pop(0)
        if path.startswith("/attachments/token/"):
            return Mood(302, {"Location": CDN.replace("/cdn", f"http://localhost:{self.port}/cdn")})
        if path == CDN or path.startswith("/hc/article_attachments/"):
            return Mood(body=PNG)
        page = self.page(path.removeprefix("/api/v2/").removesuffix(".json"), query)
        return Mood(404) if page is None else Mood(body=json.dumps(page).encode())

    def page(self, name: str, query: dict[str, list[str]]) -> dict[str, Any] | None:
        if name == "incremental/tickets/cursor":
            return self.cut("tickets", self.tickets, query)
        if name == "incremental/users/cursor":
            return self.cut("users", self.users, query)
        if name == "incremental/organizations":
            return {"organizations": zendesk_export.ORGANISATIONS, "end_of_stream": True}
        if name == "macros":
            return {"macros": [{"id": 1, "title": "Ask for the lot"}], "next_page": None}
        if name == "help_center/locales" and self.guide:
            return {"locales": ["fr", "en-us"], "default_locale": "fr"}
        if name in self.guide:
            key = name.rpartition("/")[2]
            return self.cut_list(KEYS.get(key, key), self.guide[name], query)
        if name.startswith("tickets/"):
            return self.cut_list("comments", self.comments[int(name.split("/")[1])], query, 1)
        return None

    def cut_list(
        self, key: str, rows: list[dict[str, Any]], query: dict[str, list[str]], size: int = 2
    ) -> dict[str, Any]:
        """A page of a list, which says where the next one is also at its end."""
        offset = int(query.get("page[after]", ["0"])[0])
        end = offset + size
        return {
            key: rows[offset:end],
            "meta": {"has_more": end < len(rows), "after_cursor": str(end)},
            "links": {"next": f"https://elsewhere.example/x?page[after]={end}"},
        }

    def cut(
        self, key: str, rows: list[dict[str, Any]], query: dict[str, list[str]]
    ) -> dict[str, Any]:
        offset = int(query["cursor"][0].removesuffix("==")) if "cursor" in query else 0
        end = min(offset + self.per_page, len(rows))
        after = {"after_cursor": f"{end}==", "end_of_stream": end == len(rows)}
        return {key: rows[offset:end], "after_url": "https://elsewhere.example/", **after}


@contextmanager
def zendesk_account(count: int = 0) -> Iterator[ZendeskAccount]:
    """An account with so many tickets, as long as it is asked."""
    account = ZendeskAccount()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            account.asked.append(self.path)
            own = self.headers["Host"] == f"127.0.0.1:{account.port}"
            authorization = self.headers["Authorization"]
            if not own and authorization:
                account.strangers.append(self.path)
            mood = account.answer(parts.path, parse_qs(parts.query))
            if own and authorization != BASIC:
                mood = Mood(401)
            self.send_response(mood.status)
            for name, value in mood.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(mood.body)))
            self.end_headers()
            self.wfile.write(mood.body[: len(mood.body) - mood.missing])

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    account.port = server.server_address[1]
    account.furnish(count)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield account
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
