"""To a provider and back, and handed over by another application, in a real browser."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from playwright.sync_api import Browser, Page, expect
from waitress.server import create_server

from kbsearch import create_app, people
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database.migrations import migrate
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import PersonFields, organisations
from kbsearch.people.accounts import sessions
from kbsearch.people.accounts.single_sign_on import identities
from kbsearch.people.organisations import OrganisationFields
from tests.browser.test_accessibility import violations
from tests.kit.providers import CLIENT, SUBJECT, free_port, real_provider

SECRET = "a secret of at least thirty-two bytes"


@dataclass(frozen=True)
class Portal:
    """A site that offers both kinds of single sign-on."""

    url: str
    db: SqliteDatabase


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    folder: Path = tmp_path_factory.mktemp("portal")
    port = free_port()
    with real_provider() as issuer:
        settings = Settings(
            site=folder,
            base_url=f"http://127.0.0.1:{port}",
            site_name="Aide Acme",
            support_phone="01 23 45 67 89",
            oidc_issuer=issuer,
            oidc_client_id=CLIENT,
            oidc_client_secret="secret",
            oidc_name="Acme",
            jwt_shared_secret=SECRET,
        )
        db = SqliteDatabase(settings.database_path)
        migrate(db)
        organisations.add(db, OPERATOR, OrganisationFields("Acme"))
        for email, name in (("alice@acme.example", "Alice Martin"), ("bob@acme.example", "Bob D")):
            people.add(db, OPERATOR, PersonFields(email=email, name=name, organisations=["acme"]))
        identities.bind(db, OPERATOR, people.find(db, "alice@acme.example"), issuer, SUBJECT)
        server: Any = create_server(
            create_app(settings, db), host="127.0.0.1", port=port, threads=4
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield Portal(settings.base_url, db)
        server.close()
        thread.join(timeout=5)
        db.close()


@pytest.fixture
def visit(browser: Browser, portal: Portal) -> Iterator[Callable[..., Page]]:
    """Open a page of the portal in a context of its own; a CSP violation fails the test."""
    contexts = []
    refused: list[str] = []

    def open_page(path: str, *, person: str = "", **options: Any) -> Page:
        context = browser.new_context(base_url=portal.url, **{"locale": "fr", **options})
        contexts.append(context)
        if person:
            person_id = people.find(portal.db, person).id
            token = sessions.open_session(portal.db, person_id)
            context.add_cookies([{"name": "kb", "value": token, "url": portal.url}])
        page = context.new_page()
        page.on(
            "console", lambda said: refused.append(said.text) if "policy" in said.text else None
        )
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert refused == []


def token(name: str, email: str) -> str:
    claims = {"iat": int(time.time()), "jti": str(time.time_ns()), "name": name, "email": email}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET))


def test_signing_in_at_the_provider_leads_back_to_where_one_was_going(visit: Callable[..., Page]):
    page = visit("/fr/login?next=/fr/requests/new%3Fsubject%3Dimprimante")
    page.get_by_role("link", name="Se connecter avec Acme").click()
    page.get_by_role("button", name=SUBJECT).click()
    page.wait_for_url("**/fr/requests/new?subject=imprimante")
    expect(page.get_by_text("Alice Martin")).to_be_visible()
    page.get_by_text("Alice Martin").click()
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.get_by_text("Alice Martin")).to_have_count(0)


def test_a_form_to_the_provider_would_be_stopped(browser: Browser, portal: Portal):
    """Why it is a link that leads there: `form-action 'self'` holds for redirects as well."""
    context = browser.new_context(base_url=portal.url)
    page = context.new_page()
    page.goto("/fr/")
    with page.expect_console_message(lambda said: "form-action" in said.text):
        page.evaluate(
            """() => { const form = document.createElement('form');
              form.action = '/fr/login/sso'; document.body.append(form); form.submit(); }"""
        )
    assert page.url == f"{portal.url}/fr/"
    context.close()


def test_whoever_turns_back_at_the_provider_tries_again(visit: Callable[..., Page]):
    page = visit("/fr/login/sso")
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("La connexion n’a pas abouti")
    page.get_by_role("link", name="Se connecter avec Acme").click()
    page.get_by_role("button", name=SUBJECT).click()
    page.wait_for_url("**/fr/")
    expect(page.get_by_text("Alice Martin")).to_be_visible()


def test_somebody_the_site_does_not_know_is_told_whom_to_call(visit: Callable[..., Page]):
    page = visit("/fr/login/sso")
    page.get_by_placeholder("sub").fill("somebody-else")
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_role("main").get_by_role("link", name="01 23 45 67 89")).to_be_visible()
    expect(page.get_by_text("aucun compte ouvert")).to_be_visible()


def test_a_form_of_another_application_signs_in(visit: Callable[..., Page], portal: Portal):
    page = visit("/fr/")
    page.goto("about:blank")
    fields = {"jwt": token("Alice Martin", "alice@acme.example"), "return_to": "/fr/requests/new"}
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    page.set_content(
        f'<form method="post" action="{portal.url}/access/jwt">{inputs}<button>Aide</button></form>'
    )
    page.get_by_role("button", name="Aide").click()
    page.wait_for_url("**/fr/requests/new")
    expect(page.get_by_text("Alice Martin")).to_be_visible()


def test_another_application_cannot_slip_an_account_under_somebody_at_work(
    visit: Callable[..., Page], portal: Portal
):
    page = visit("/fr/", person="bob@acme.example")
    page.goto("about:blank")
    given = token("Alice Martin", "alice@acme.example")
    page.set_content(
        f'<form method="post" action="{portal.url}/access/jwt"><input name="jwt" value="{given}">'
        "<button>Aide</button></form>"
    )
    page.get_by_role("button", name="Aide").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Changer de compte")
    page.get_by_role("link", name="Rester connecté en tant que Bob D").click()
    expect(page.get_by_text("Bob D")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Continuer en tant que Alice Martin").click()
    expect(page.get_by_text("Alice Martin")).to_be_visible()


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_its_pages_are_accessible(visit: Callable[..., Page], language: str, width: int):
    given = token("Alice Martin", "alice@acme.example")
    page = visit(
        f"/access/jwt?jwt={given}",
        person="bob@acme.example",
        viewport={"width": width, "height": 800},
        reduced_motion="reduce",
        locale=language,
    )
    problems = []
    for path in (page.url, "/login/sso/callback"):
        page.goto(path)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            problems += [f"{path} {theme}: {found}" for found in violations(page)]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("html").get_attribute("lang") == language
    assert problems == []
