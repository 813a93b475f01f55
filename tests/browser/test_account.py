"""The account in a real browser: the authenticator, recovery codes, sessions, and every page."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pyotp
import pytest
from playwright.sync_api import Page, expect

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.people import PersonFields, viewers
from kbsearch.people.accounts import mobiles, passwords, second_factor, sessions
from tests.browser.conftest import Live
from tests.browser.test_accessibility import violations

EVE = "eve@acme.example"
PASSWORD = "correct horse battery staple"
AT_FIRST = ("", "/mobile", "/notifications", "/data", "/security", "/password", "/totp", "/confirm")
UNDER_WAY = ("/mobile", "/security", "/totp")
SET_UP = ("", "/notifications", "/security", "/totp")


@pytest.fixture
def eve(live: Live) -> Iterator[str]:
    """Somebody of Acme with a password and no authenticator; her id."""
    person = people.add(
        live.db, OPERATOR, PersonFields(email=EVE, name="Eve Garnier", organisations=["acme"])
    )
    passwords.keep(live.db, person, passwords.hash(PASSWORD))
    yield person.id
    for table in (
        "sessions", "authenticators", "authenticator_offers", "recovery_codes", "trusted_devices",
        "mobile_requests", "notification_choices", "pending_sign_ins", "memberships",
        "known_browsers",
    ):  # fmt: skip
        live.db.execute(f"DELETE FROM {table} WHERE person_id = :id", {"id": person.id})  # noqa: S608
    live.db.execute("DELETE FROM people WHERE id = :id", {"id": person.id})


def prove(page: Page, live: Live) -> None:
    """As if the person had given password and code a moment ago."""
    (cookie,) = [kept for kept in page.context.cookies() if kept["name"] == "kb"]
    sessions.mark_proved(live.db, cookie["value"])


def set_up(page: Page) -> tuple[str, list[str]]:
    """Set up an authenticator by hand; its secret and the recovery codes."""
    page.goto("/fr/account/totp")
    page.get_by_role("button", name="Commencer").click()
    secret = page.locator("#key").inner_text().replace(" ", "")
    page.get_by_label("Code", exact=True).fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Confirmer").click()
    expect(page.locator("#recovery code")).to_have_count(10)
    return secret, page.locator("#recovery code").all_inner_texts()


def test_an_authenticator_is_set_up_and_asked_for(live: Live, visit: Callable[..., Page], eve: str):
    page = visit("/fr/account", person=EVE)
    prove(page, live)
    secret, codes = set_up(page)
    assert violations(page) == []
    page.get_by_role("link", name="Je les ai gardés").click()
    expect(page.get_by_text("Il reste 10 codes de secours")).to_be_visible()
    page.goto("/fr/account/totp")
    assert secret not in page.content().replace(" ", "")

    live.db.execute("UPDATE sessions SET proved_at = NULL WHERE person_id = :id", {"id": eve})
    live.db.execute("UPDATE authenticators SET last_step = 0 WHERE person_id = :id", {"id": eve})
    page.goto("/fr/account/password")
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Continuer").click()
    page.get_by_label("Code", exact=True).fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Continuer").click()
    page.wait_for_url("**/account/password")

    live.db.execute("UPDATE sessions SET proved_at = NULL WHERE person_id = :id", {"id": eve})
    page.goto("/fr/account/totp")
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Continuer").click()
    page.get_by_label("Code", exact=True).fill(codes[0])
    page.get_by_label("C’est un code de secours").check()
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_text("Il reste 9 codes de secours")).to_be_visible()


def test_who_has_set_it_up_signs_in_with_its_codes(
    live: Live, visit: Callable[..., Page], eve: str
):
    page = visit("/fr/account", person=EVE)
    prove(page, live)
    secret, codes = set_up(page)
    page.locator(".menu summary").click()
    page.locator(".menu").get_by_role("button", name="Se déconnecter").click()
    for code, name in ((pyotp.TOTP(secret).now(), "code"), (codes[0], "recovery")):
        live.db.execute("UPDATE authenticators SET last_step = 0")  # no wait for the next one
        page.context.clear_cookies()
        page.goto("/fr/login")
        page.locator("[name=email]").fill(EVE)
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("[name=password]").press("Enter")
        page.wait_for_url("**/login/code")
        if name == "recovery":
            page.get_by_text("code de secours").click()
        page.locator("[name=code]").fill(code)
        page.locator("[name=code]").press("Enter")
        expect(page.locator(".menu summary")).to_have_text("Eve Garnier")


def test_a_passkey_is_added_signs_in_alone_and_counts_after_a_password(
    live: Live, visit: Callable[..., Page], eve: str, monkeypatch: pytest.MonkeyPatch
):
    """In Chromium's own virtual authenticator; passkeys want a name, not a number, as address."""
    address = live.url.replace("127.0.0.1", "localhost")
    site = live.app.extensions["kbsearch"]
    settings = replace(site.settings, base_url=address)
    monkeypatch.setitem(live.app.extensions, "kbsearch", replace(site, settings=settings))
    page = visit(f"{address}/fr/login")
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    device = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
    }
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": device})
    session = sessions.open_session(live.db, eve)
    sessions.mark_proved(live.db, session)
    page.context.add_cookies([{"name": "kb", "value": session, "url": address}])
    page.goto(f"{address}/fr/account/passkeys")
    page.get_by_label("Nom").fill("Portable")
    page.get_by_role("button", name="Ajouter une clé d’accès").click()
    expect(page.get_by_text("La clé d’accès est ajoutée.")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Gérer Portable").click()
    expect(page.get_by_label("Nom")).to_have_value("Portable")
    assert violations(page) == []

    for is_after_password in (False, True):
        page.context.clear_cookies()
        page.goto(f"{address}/fr/login")
        if is_after_password:
            page.locator("[name=email]").fill(EVE)
            page.locator("[name=password]").fill(PASSWORD)
            page.locator("[name=password]").press("Enter")
            page.wait_for_url("**/login/code")
        page.get_by_role("button", name="Utiliser une clé d’accès").click()
        expect(page.locator(".menu summary")).to_have_text("Eve Garnier")


def test_codes_can_be_copied(live: Live, visit: Callable[..., Page], eve: str):
    page = visit("/fr/account", person=EVE, permissions=["clipboard-read", "clipboard-write"])
    prove(page, live)
    _, codes = set_up(page)
    page.get_by_role("button", name="Copier les codes").click()
    expect(page.locator("#kb-status")).to_have_text("Copié")
    assert page.evaluate("navigator.clipboard.readText()") == "\n".join(codes)


def test_another_session_is_ended_from_here(live: Live, visit: Callable[..., Page], eve: str):
    there = visit("/fr/", person=EVE)
    here = visit("/fr/account/security", person=EVE)
    expect(there.locator(".menu summary")).to_have_text("Eve Garnier")
    expect(here.locator(".places li")).to_have_count(2)
    prove(here, live)
    here.get_by_role("button", name="Terminer", exact=False).first.click()
    expect(here.get_by_role("status").first).to_have_text("Cette session est déconnectée.")
    there.reload()
    expect(there.locator(".menu summary")).to_have_count(0)
    here.reload()
    expect(here.locator(".places li")).to_have_count(1)


def test_a_mistake_is_where_the_focus_goes(live: Live, visit: Callable[..., Page], eve: str):
    page = visit("/fr/account/mobile", person=EVE)
    page.get_by_label("Numéro de mobile").fill("01 23 45 67 89")
    page.get_by_role("button", name="Envoyer un code").click()
    expect(page.locator("#problem")).to_be_focused()
    page.locator("#problem a").click()
    expect(page.get_by_label("Numéro de mobile")).to_be_focused()
    assert violations(page) == []


def test_a_single_key_does_nothing_for_who_says_so(
    live: Live, visit: Callable[..., Page], eve: str
):
    page = visit("/fr/account", person=EVE)
    page.keyboard.press("?")
    expect(page.locator("#kb-shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_label("Raccourcis à une seule touche").uncheck()
    page.get_by_role("button", name="Enregistrer").click()
    page.wait_for_url("**done=saved")
    page.keyboard.press("?")
    page.keyboard.press("/")
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(page.locator("#palette")).to_be_visible()


@pytest.mark.parametrize(("language", "width"), [("fr", 320), ("en", 1280)])
def test_every_page_of_the_account_is_accessible(
    live: Live, visit: Callable[..., Page], eve: str, language: str, width: int
):
    page = visit(
        "/fr/account",
        person=EVE,
        viewport={"width": width, "height": 800},
        reduced_motion="reduce",
    )
    viewer = viewers.find(live.db, EVE)
    problems: list[str] = []

    def look(state: str, paths: tuple[str, ...]) -> None:
        for path in paths:
            page.goto(f"/{language}/account{path}")
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                found = violations(page)
                problems.extend(f"{path} {state} {theme}: {each}" for each in found)
            wide: int = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                problems.append(f"{path} {state}: {wide} px wide on a screen of {width}")

    prove(page, live)
    look("at first", AT_FIRST)
    mobiles.ask(live.db, viewer, "06 12 34 56 78")
    second_factor.offer_totp(live.db, live.app.extensions["kbsearch"].settings, eve)
    second_factor.trust_device(live.db, eve, user_agent="iPhone Safari")
    sessions.open_session(live.db, eve, "Windows Firefox")
    look("under way", UNDER_WAY)
    settings = live.app.extensions["kbsearch"].settings
    second_factor.set_totp(live.db, settings, eve, pyotp.random_base32())
    second_factor.make_recovery_codes(live.db, eve)
    live.db.execute(
        "UPDATE people SET mobile = '+33612345678', mobile_verified_at = created_at WHERE id = :id",
        {"id": eve},
    )
    look("set up", SET_UP)
    assert problems == []
