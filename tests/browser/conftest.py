"""A real server, a real Chromium, and pages that must raise no error and no CSP violation."""

import os
import shutil
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from markupsafe import escape
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from waitress.server import create_server

from kbsearch import create_app, people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.config import Settings
from kbsearch.database.migrations import migrate
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.people import PersonFields, organisations, viewers
from kbsearch.people.accounts import sessions
from kbsearch.people.organisations import OrganisationFields, products
from kbsearch.people.organisations.products import ProductFields
from kbsearch.web.render import person
from tests.kit.web import ARTICLES, add_ticket, publish_articles, write_articles

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# Without windows to draw, the same Chromium takes a third of the time for a page.
CHROMIUM = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

# Everything Markdown can give, in one page.
TORTURE = """
---
title: Tout ce qu’un article peut contenir
audience: everyone
tags: [essai]
product: [icownect]
version: "4.x"
---
Une introduction avec du `code`, ++ctrl+k++, du **gras** et une note[^1].

## Un tableau très large

| Colonne | Une autre | Encore une | Et une | Puis une | Enfin |
|---|---:|:---:|---|---|---|
| valeurtrèslongueettoutattachée | 12 | oui | valeurlongue | valeurlongue | valeurlongue |

## Du code

```python
def longue(argument_un, argument_deux, argument_trois, argument_quatre, argument_cinq): # fin
    return "une chaîne" + str(42)
```

## Des listes

- [x] fait
- [ ] à faire

1. un
2. deux

Terme
:   sa définition

### Une sous-section

> [!WARNING]
> Attention.

!!! tip "Un titre"
    Un conseil.

=== "Windows"
    Sous Windows.

=== "Linux"
    Sous Linux.

> Une citation, et [un lien](https://example.org/page).

## Une image

![Un carré de couleur](carre.png "La légende")

[^1]: La note.
"""


@dataclass(frozen=True)
class Live:
    """The running site and what the tests need to know of it."""

    url: str
    app: Flask
    db: SqliteDatabase
    ticket: str


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def somebody_else(live: Live) -> Viewer:
    """A customer whose requests are in nobody's way: lists of other tests count theirs."""
    try:
        return viewers.find(live.db, "quentin@acme.example")
    except NotFound:
        people.add(
            live.db, OPERATOR, PersonFields(email="quentin@acme.example", name="Quentin Roux")
        )
        return viewers.find(live.db, "quentin@acme.example")


def square() -> bytes:
    """A picture, as a PNG file."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    head = struct.pack(">IIBBBBB", 640, 400, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x90" * 640) * 400)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def take_form() -> str:
    """A form for people only, as those of the site are; it says what arrived, from whom."""
    sent = request.form
    told = (sent["subject"], sent["body"], sent["key"], person().name)
    return f"<pre>{escape('|'.join(told))}</pre>"


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    settings = Settings(
        site=folder,
        site_name="Aide Acme",
        default_audience="everyone",
        undo_seconds=0,  # tests that look at what was sent do not wait for it
        support_phone="01 23 45 67 89",
        support_email="aide@support.example",
    )
    db = SqliteDatabase(settings.database_path)
    migrate(db)
    products.add(db, OPERATOR, ProductFields("iCownect"))
    organisations.add(db, OPERATOR, OrganisationFields("Acme", products=["icownect"]))
    people.add(
        db,
        OPERATOR,
        PersonFields(email="alice@acme.example", name="Alice Martin", organisations=["acme"]),
    )
    people.add(
        db, OPERATOR, PersonFields(email="dan@support.example", name="Dan Leroy", role="agent")
    )
    people.add(
        db, OPERATOR, PersonFields(email="root@support.example", name="Root", role="administrator")
    )
    alice = viewers.find(db, "alice@acme.example")
    ticket = add_ticket(db, ("agents", f"user:{alice.person_id}"))
    db.execute("UPDATE counters SET value = 2000 WHERE name = 'ticket'")  # its number is 1042
    write_articles(settings.content_path, {"fr/essais/tout.md": TORTURE} | ARTICLES)
    (settings.content_path / "articles" / "fr" / "essais" / "carre.png").write_bytes(square())
    publish_articles(settings, db)
    with serving(settings, db, ticket) as there:
        yield there


@contextmanager
def serving(settings: Settings, db: SqliteDatabase, ticket: str) -> Iterator[Live]:
    """A server of that site, for as long as it is looked at."""
    app = create_app(settings, db)
    app.add_url_rule("/fr/form-of-the-test", "machines.form", take_form, methods=["POST"])
    server: Any = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield Live(f"http://127.0.0.1:{server.effective_port}", app, db, ticket)
    server.close()
    thread.join(timeout=5)
    db.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("KBSEARCH_CHROMIUM", path), args=ARGUMENTS
        )
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser, live: Live) -> Iterator[Callable[..., Page]]:
    """Open a page of the site in a context of its own; what its console says is checked."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        unsent = message.text.startswith(
            (
                "htmx:sendError",
                "htmx:afterRequest",
                "htmx:sendAbort",
                "Response Status Error Code 503",
            )
        )
        expected = any(
            part in message.text for part in ("status of 4", "status of 503", "net::ERR")
        )
        if message.type in ("error", "warning") and not expected and not unsent:
            complaints.append(message.text)

    def open_page(path: str = "/fr/", *, person: str = "", **options: Any) -> Page:
        options.setdefault("viewport", {"width": 1280, "height": 900})
        context = browser.new_context(base_url=live.url, **options)
        contexts.append(context)
        if person:
            viewer = viewers.find(live.db, person)
            assert viewer.person_id
            token = sessions.open_session(live.db, viewer.person_id)
            context.add_cookies([{"name": "kb", "value": token, "url": live.url}])
        page = context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
