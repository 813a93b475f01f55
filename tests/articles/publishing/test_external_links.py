"""Links to other sites: asked for on a real server, kept, told, and left alone where it is busy."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kbsearch.articles.publishing import external_links
from kbsearch.articles.publishing.external_links import LinkRounds, LinkState
from kbsearch.articles.publishing.publish import publish
from kbsearch.articles.writing import reusing
from kbsearch.clock import now, stored, utc_now
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard
from tests.kit.writers import article, write

STATUS = {"/good": 200, "/moved": 301, "/gone": 410, "/missing": 404, "/closed": 403, "/ill": 500}


class Site(BaseHTTPRequestHandler):
    """Another site: it counts what it is asked, and one of its pages knows no HEAD."""

    asked: list[str] = []

    def do_HEAD(self) -> None:
        self.answer(404 if self.path == "/no-head" else STATUS[self.path])

    def do_GET(self) -> None:
        self.answer(STATUS.get(self.path, 200))

    def answer(self, status: int) -> None:
        self.asked.append(f"{self.command} {self.path}")
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def other() -> Iterator[str]:
    Site.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_each_address_is_asked_once_and_only_what_is_gone_is_told(db, cast, settings, other):
    settings = replace(settings, default_audience="everyone")
    links = " ".join(f"[a]({other}{path})" for path in (*STATUS, "/no-head", "/good#part"))
    own = f"[own]({settings.base_url}/x) [private](http://10.0.0.1/)"
    write(settings.content_path, "articles/en/guide/page.md", article("Page", f"{links} {own}"))
    publish(db, settings)
    rounds = LinkRounds(db, settings, Guard(Exceptions.of(["127.0.0.1"])))
    rests = [rounds.step() for _ in range(len(STATUS) + 3)]
    assert rests[-1] == external_links.IDLE_SECONDS > rests[0]
    assert Site.asked.count("HEAD /good") == 1 and "GET /no-head" in Site.asked
    outcomes = {
        state.url.removeprefix(other): state.outcome for state in external_links.states(db).values()
    }
    assert outcomes == {
        **dict.fromkeys(("/good", "/moved", "/no-head"), "good"),
        **dict.fromkeys(("/gone", "/missing"), "broken"),
        **dict.fromkeys(("/closed", "/ill", "http://10.0.0.1/"), "unsure"),
    }
    broken = reusing.list_broken_links(db, cast.dan, settings)
    assert [each.state.url.removeprefix(other) for each in broken] == ["/gone", "/missing"]
    assert [card.title for card in broken[0].articles] == ["Page"]
    write(settings.content_path, "articles/en/guide/page.md", article("Page", "No link."))
    publish(db, settings)
    assert rounds.step() == external_links.IDLE_SECONDS
    assert external_links.states(db) == {}, "nothing leads there any more"


def test_what_was_good_rests_for_a_week_and_what_was_not_for_a_day():
    before = stored(utc_now() - timedelta(days=2))
    known = {
        "https://a.example/": LinkState("https://a.example/", "good", "200", before),
        "https://b.example/": LinkState("https://b.example/", "broken", "404", before),
        "https://c.example/": LinkState("https://c.example/", "unsure", "503", now()),
    }
    urls = [*known, "https://d.example/"]
    assert external_links.due(urls, known) == ["https://b.example/", "https://d.example/"]


def test_several_hosts_are_asked_at_once_and_the_command_tells_what_is_gone(settings, other):
    urls = [f"{other}{path}" for path in ("/good", "/gone")]
    guard = Guard(Exceptions.of(["127.0.0.1"]))
    states = external_links.ask_all(guard, urls, pause=0)
    assert [state.outcome for state in states] == ["good", "broken"]
