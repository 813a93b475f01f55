"""The widget in a page of another site, with a strict policy of its own, in a real browser."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from waitress.server import create_server

from kbsearch import create_app
from kbsearch.access import OPERATOR
from kbsearch.announcements import editing
from kbsearch.announcements.editing import AnnouncementFields
from kbsearch.config import Settings
from kbsearch.database.migrations import migrate
from kbsearch.database.sqlite import SqliteDatabase
from tests.browser.test_accessibility import violations
from tests.conftest import introduce
from tests.kit.providers import free_port
from tests.kit.web import publish_articles
from tests.people.accounts.single_sign_on.test_handovers import SECRET, sign
from tests.people.accounts.single_sign_on.test_handovers import said as claims

PAGE = """<!doctype html><html lang="fr"><title>Troupeau</title><h1>Troupeau</h1>
<a href="{help}/fr/" data-kbsearch>Une question ?</a>
<script src="{help}/widget.js" data-product="icownect" data-version="4.2" data-jwt-url="/jwt">
</script></html>"""


@dataclass(frozen=True)
class Application:
    """The vendor's own, and the help centre beside it."""

    port: int
    help: str
    db: SqliteDatabase


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    port, help_port = free_port(), free_port()
    home = f"http://127.0.0.1:{help_port}"
    settings = Settings(
        site=tmp_path_factory.mktemp("widget"),
        base_url=home,
        widget_origins=(f"http://localhost:{port}",),
        jwt_shared_secret=SECRET,
    )
    db = SqliteDatabase(settings.database_path)
    migrate(db)
    introduce(db)
    publish_articles(settings, db)
    server: Any = create_server(create_app(settings, db), host="127.0.0.1", port=help_port)
    pages = ThreadingHTTPServer(("127.0.0.1", port), pages_of(home))
    threads = [
        threading.Thread(target=run, daemon=True) for run in (server.run, pages.serve_forever)
    ]
    for thread in threads:
        thread.start()
    yield Application(port, home, db)
    pages.shutdown()
    pages.server_close()
    server.close()
    for thread in threads:
        thread.join(timeout=5)
    db.close()


def pages_of(home: str) -> type[BaseHTTPRequestHandler]:
    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            frames = "" if self.path.startswith("/frameless") else f"frame-src {home}; "
            policy = f"default-src 'none'; script-src {home}; {frames}connect-src 'self'"
            is_token = self.path == "/jwt"
            text = sign(claims(email="alice@acme.example")) if is_token else PAGE.format(help=home)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain" if is_token else "text/html")
            self.send_header("Content-Security-Policy", policy)
            self.send_header("Require-Trusted-Types-For", "'script'")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Pages


@pytest.fixture
def visit(browser: Browser, application: Application) -> Iterator[Callable[..., Page]]:
    contexts = []

    def open_page(url: str, **options: Any) -> Page:
        context = browser.new_context(**{"locale": "fr", **options})
        contexts.append(context)
        page = context.new_page()
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_a_customer_finds_reads_and_asks_without_leaving(
    visit: Callable[..., Page], application: Application
):
    told = AnnouncementFields(title_fr="Colliers muets", product="icownect", version_to="4.2")
    editing.publish(
        application.db, OPERATOR, editing.add(application.db, OPERATOR, told), by_mail=False
    )
    page = visit(f"http://localhost:{application.port}/herd/7?secret=1")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    button = page.get_by_role("button", name="Aide")
    button.press("Enter")
    frame = page.frame_locator("iframe")
    field = frame.get_by_role("searchbox", name="Rechercher")
    expect(field).to_be_focused()
    page.keyboard.type("contrat")
    frame.get_by_role("link", name="Lire son contrat").press("Enter")
    expect(frame.get_by_text("CANARI-7")).to_be_visible()
    expect(frame.get_by_role("heading", name="Lire son contrat")).to_be_focused()
    frame.get_by_role("button", name="Envoyer une demande").press("Enter")
    expect(frame.get_by_label("Version")).to_have_value("4.2")
    origin = f"http://localhost:{application.port}"
    expect(frame.get_by_label("Page où vous étiez")).to_have_value(f"{origin}/herd/7")
    frame.get_by_label("Description").fill("Une vache manque.")
    expect(frame.get_by_text("Colliers muets")).to_be_visible()
    frame.get_by_label("Version").fill("5.0")
    frame.get_by_label("Version").press("Tab")
    expect(frame.get_by_text("Colliers muets")).to_be_hidden()
    frame.get_by_label("Version").fill("4.2")
    frame.get_by_label("Version").press("Tab")
    frame.get_by_role("button", name="J’ai aussi ce problème").press("Enter")
    expect(frame.get_by_text("vous serez averti")).to_be_visible()
    expect(frame.get_by_label("Description")).to_have_value("Une vache manque.")
    frame.get_by_label("Sujet").fill("")
    frame.get_by_role("button", name="Envoyer la demande").press("Enter")
    expect(frame.get_by_role("alert").first).to_contain_text("n’est pas partie")
    expect(frame.get_by_label("Description")).to_have_value("Une vache manque.")
    frame.get_by_label("Sujet").fill("Vache perdue")
    frame.get_by_label("Criticité").select_option("minor")
    frame.get_by_role("button", name="Envoyer la demande").press("Enter")
    expect(frame.get_by_role("link", name="La suivre dans le centre d’aide")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(button).to_be_focused()
    (ticket,) = application.db.query("SELECT description FROM tickets")
    assert ticket["description"].endswith(f"Page\N{NO-BREAK SPACE}: {origin}/herd/7")
    assert [text for text in complaints if "422" not in text] == []  # the refusal above


@pytest.mark.parametrize("address", ["http://localhost:{}/frameless", "http://127.0.0.1:{}/"])
def test_where_frames_are_refused_a_link_is_left(
    visit: Callable[..., Page], application: Application, address: str
):
    """By the page's own policy, and by ours where its origin is not listed."""
    page = visit(address.format(application.port))
    page.get_by_role("link", name="Une question ?").click()
    expect(page.get_by_role("alert")).to_contain_text("ne peut pas s’afficher")
    link = page.get_by_role("link", name="Ouvrir dans un nouvel onglet")
    expect(link).to_be_focused()
    assert link.get_attribute("href") == f"{application.help}/fr/"


def test_its_frame_is_accessible_on_a_phone(visit: Callable[..., Page], application: Application):
    page = visit(f"{application.help}/widget?lang=fr", viewport={"width": 320, "height": 640})
    page.get_by_role("searchbox").fill("mot de passe")
    expect(page.get_by_role("link", name="Réinitialiser")).to_be_visible()
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        assert violations(page) == []
    page.get_by_role("link", name="Réinitialiser").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
