"""Coming in, in a real browser: invited, with a mailed code, having forgotten, in mid-form."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.people import PersonFields, viewers
from kbsearch.people.accounts import choosing, second_factor, sessions
from tests.browser.conftest import Live
from tests.kit.mail import code_in, latest, link_in
from tests.kit.signing import PASSWORD, totp, with_password, with_totp

ANOTHER = "une autre phrase longue"


@pytest.fixture
def settings(live: Live) -> Settings:
    settings: Settings = live.app.extensions["kbsearch"].settings
    return settings


@pytest.fixture(autouse=True)
def fresh_limits(live: Live) -> Iterator[None]:
    """The journeys of one browser after the other come from one address."""
    yield
    live.db.execute("DELETE FROM attempts")
    for person in people.list_all(live.db):
        second_factor.remove_totp(live.db, person.id)


def is_signed_in(page: Page, name: str) -> None:
    expect(page.locator(".menu summary")).to_contain_text(name)


def give_password(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_label("Adresse e-mail").fill(email)
    page.get_by_label("Mot de passe", exact=True).fill(password)
    page.get_by_role("button", name="Continuer").click()


def give_code(page: Page, code: str) -> None:
    expect(page.get_by_label("Code de vérification")).to_be_focused()
    page.keyboard.type(code)
    page.keyboard.press("Enter")


def test_an_invitation_a_password_and_in(
    visit: Callable[..., Page], live: Live, settings: Settings
):
    email = "eve@acme.example"
    people.add(
        live.db, OPERATOR, PersonFields(email=email, name="Ève Roux", organisations=["acme"])
    )
    choosing.invite(live.db, OPERATOR, people.find(live.db, email))
    page = visit(link_in(latest(settings, live.db)))
    expect(page.get_by_role("heading", name="Bienvenue, Ève Roux")).to_be_visible()
    password = page.get_by_label("Nouveau mot de passe")
    password.fill(PASSWORD)
    page.get_by_role("button", name="Afficher le mot de passe").click()
    expect(password).to_have_attribute("type", "text")
    page.get_by_role("button", name="Masquer le mot de passe").click()
    expect(password).to_have_attribute("type", "password")
    page.get_by_label("Répétez le mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Choisir ce mot de passe").click()
    is_signed_in(page, "Ève Roux")


def test_from_a_page_through_password_and_code_back_to_it_and_out(
    visit: Callable[..., Page], live: Live, settings: Settings
):
    with_password(live.db, "alice@acme.example")
    page = visit(f"/fr/requests/{live.ticket}")
    give_password(page, "alice@acme.example", "pas le bon du tout")
    expect(page.locator("#problem")).to_be_focused()
    page.get_by_role("link", name="L’adresse ou le mot de passe").click()
    expect(page.get_by_label("Adresse e-mail")).to_be_focused()
    expect(page.get_by_label("Adresse e-mail")).to_have_value("alice@acme.example")
    give_password(page, "alice@acme.example")
    give_code(page, code_in(latest(settings, live.db)))
    expect(page).to_have_url(f"{live.url}/fr/requests/{live.ticket}")
    is_signed_in(page, "Alice Martin")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.get_by_role("link", name="Se connecter")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("Code jamais reçu")).to_have_count(0)


def test_it_all_works_without_javascript(
    visit: Callable[..., Page], live: Live, settings: Settings
):
    with_totp(settings, live.db, "dan@support.example")
    page = visit("/fr/", java_script_enabled=False)
    page.get_by_role("link", name="Se connecter").click()
    give_password(page, "dan@support.example")
    page.get_by_label("Code de vérification").fill(totp())
    page.get_by_role("button", name="Se connecter").click()
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.get_by_role("link", name="Se connecter")).to_be_visible()


def test_a_lost_phone_and_a_recovery_code(
    visit: Callable[..., Page], live: Live, settings: Settings
):
    dan = with_totp(settings, live.db, "dan@support.example")
    code, *_ = second_factor.make_recovery_codes(live.db, dan.id)
    page = visit("/fr/login")
    give_password(page, "dan@support.example")
    page.get_by_role("link", name="Utiliser un code de secours").click()
    page.get_by_label("Code de secours").fill(code)
    page.get_by_role("button", name="Se connecter").click()
    is_signed_in(page, "Dan Leroy")


def test_a_forgotten_password(visit: Callable[..., Page], live: Live, settings: Settings):
    with_password(live.db, "alice@acme.example")
    page = visit("/fr/login")
    page.get_by_role("link", name="Mot de passe oublié").click()
    page.get_by_label("Adresse e-mail").fill("alice@acme.example")
    page.get_by_role("button", name="Envoyer le lien").click()
    expect(page.get_by_role("heading", name="Consultez vos e-mails")).to_be_visible()
    page.goto(link_in(latest(settings, live.db)))
    page.get_by_role("button", name="Continuer").click()
    give_code(page, code_in(latest(settings, live.db)))
    page.get_by_label("Nouveau mot de passe").fill(ANOTHER)
    page.get_by_label("Répétez le mot de passe").fill(ANOTHER)
    page.get_by_role("button", name="Choisir ce mot de passe").click()
    expect(page.locator(".note")).to_contain_text("Votre mot de passe est changé")
    give_password(page, "alice@acme.example", ANOTHER)
    give_code(page, code_in(latest(settings, live.db)))
    is_signed_in(page, "Alice Martin")


def test_a_session_that_ends_in_the_middle_of_a_form(
    visit: Callable[..., Page], live: Live, settings: Settings
):
    """The page is of the test; the form, the sign-in and the way back are those of the site."""
    with_password(live.db, "alice@acme.example")
    page = visit("/fr/requests/new", person="alice@acme.example")
    page.evaluate(
        """() => {
          const form = document.createElement("form");
          form.method = "post";
          form.action = "/fr/form-of-the-test";
          form.innerHTML = '<input name="subject" value="Imprimante"><textarea name="body">' +
            'ligne 1\\nligne 2</textarea><input name="key" value="k1"><button>ok</button>';
          document.querySelector("main").replaceChildren(form);
        }"""
    )
    live.db.execute("UPDATE sessions SET seen_at = '2020-01-01T00:00:00Z'")
    page.get_by_role("button", name="ok").click()
    expect(page.get_by_text("Ce que vous avez écrit est conservé")).to_be_visible()
    give_password(page, "alice@acme.example")
    give_code(page, code_in(latest(settings, live.db)))
    expect(page.get_by_text("ligne 2")).to_be_visible()
    page.get_by_role("button", name="L’envoyer maintenant").click()
    expect(page.locator("pre")).to_have_text("Imprimante|ligne 1\r\nligne 2|k1|Alice Martin")


def test_signing_in_on_one_screen_is_seen_on_the_other(
    visit: Callable[..., Page], live: Live, settings: Settings
):
    """Two browsers of one person: the code of the first is nothing in the second."""
    with_password(live.db, "alice@acme.example")
    first, second = visit("/fr/login"), visit("/fr/login")
    give_password(first, "alice@acme.example")
    expect(first.get_by_label("Code de vérification")).to_be_visible()
    code_of_first = code_in(latest(settings, live.db))
    give_password(second, "alice@acme.example")
    expect(second.get_by_label("Code de vérification")).to_be_visible()
    code_of_second = code_in(latest(settings, live.db))
    if code_of_first != code_of_second:
        give_code(second, code_of_first)
        expect(second.locator("#problem")).to_contain_text("Ce code n’est pas le bon")
    give_code(first, code_of_first)
    is_signed_in(first, "Alice Martin")
    viewer = viewers.find(live.db, "alice@acme.example")
    assert sessions.list_sessions(live.db, viewer.person_id or "")
