"""An administrator at work, and what a customer sees of it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.people import PersonFields, organisations
from kbsearch.people.organisations import OrganisationFields, branding
from kbsearch.people.organisations.branding import LookFields
from tests.browser.conftest import Live, square
from tests.browser.test_accessibility import violations
from tests.kit.writers import png

ROOT = "root@support.example"
VIOLET = "rgb(75, 63, 181)"  # #4b3fb5: as it is, it can be read on white


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    path = tmp_path / "logo.png"
    path.write_bytes(square())
    return path


def test_an_organisation_comes_in_with_its_look_and_its_first_person(
    live: Live, visit: Callable[..., Page], logo: Path
):
    page = visit("/fr/admin", person=ROOT)
    page.get_by_role("link", name="Organisations").first.click()
    page.get_by_role("link", name="Ajouter une organisation").click()
    page.get_by_role("textbox", name="Nom (obligatoire)").fill("Umbrella")
    page.get_by_label("Téléphone de l’assistance").fill("01 77 77 77 77")
    page.get_by_label("iCownect").check()
    page.get_by_label("Logo").set_input_files(logo)
    page.get_by_label("Couleur").fill("#4b3fb5")
    expect(page.locator(".look.light .button")).to_have_css("background-color", VIOLET)
    page.get_by_label("Mot d’accueil en français").fill("Bonjour **Umbrella**")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_role("status").filter(has_text="Enregistré.")).to_be_visible()

    page.get_by_role("link", name="Ajouter une personne").click()
    page.get_by_label("E-mail").fill("zoe@umbrella.example")
    page.get_by_label("Nom").fill("Zoé Umbrella")
    expect(page.get_by_label("Umbrella", exact=True)).to_be_checked()
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Zoé Umbrella")
    zoe = people.find(live.db, "zoe@umbrella.example")
    asked = live.db.query("SELECT subject FROM outbox WHERE kind = 'person.invited'")
    assert [row["subject"] for row in asked] == [zoe.id]

    home = visit("/fr/", person="zoe@umbrella.example")
    expect(home.locator("main")).to_contain_text("Bonjour Umbrella")
    expect(home.locator(".products")).to_have_text("iCownect")
    expect(home.locator("footer")).to_contain_text("01 77 77 77 77")
    expect(home.locator("#search button")).to_have_css("background-color", VIOLET)
    drawn: int = home.get_by_role("img", name="Umbrella").evaluate("image => image.naturalWidth")
    assert drawn == 640
    for theme in ("light", "dark"):
        home.emulate_media(color_scheme=theme, reduced_motion="reduce")
        assert violations(home) == []


def test_a_logo_moves_nothing_when_it_arrives(live: Live, visit: Callable[..., Page], logo: Path):

    added = organisations.add(live.db, OPERATOR, OrganisationFields("Wide"))
    branding.dress(live.db, OPERATOR, added.id, LookFields(logo=logo.read_bytes()))
    people.add(
        live.db, OPERATOR, PersonFields(email="w@wide.example", name="W", organisations=["wide"])
    )
    page = visit("/fr/accessibility", person="w@wide.example")
    page.route("**/logo/*", lambda route: None)  # it never arrives
    place = "document.querySelector('.brand span').getBoundingClientRect().x"
    arrived = page.evaluate(place)
    page.goto("/fr/accessibility?again", wait_until="commit")
    page.wait_for_selector(".brand span")
    assert page.evaluate("document.querySelector('.brand img').complete") is False
    assert page.evaluate(place) == arrived


def test_a_wide_logo_is_whole_on_a_phone(live: Live, visit: Callable[..., Page]):
    added = organisations.add(live.db, OPERATOR, OrganisationFields("Broad"))
    branding.dress(live.db, OPERATOR, added.id, LookFields(logo=png(600, 150)))
    fields = PersonFields(email="b@broad.example", name="B", organisations=["broad"])
    people.add(live.db, OPERATOR, fields)
    phone = {"width": 320, "height": 640}
    page = visit("/fr/accessibility", person="b@broad.example", viewport=phone)
    right = "document.querySelector('{}').getBoundingClientRect().right"
    assert page.evaluate(right.format(".brand img")) <= page.evaluate(right.format(".brand"))


def test_the_list_of_people_follows_what_is_typed(visit: Callable[..., Page]):
    page = visit("/fr/admin/people", person=ROOT)
    page.get_by_label("Nom ou e-mail").press_sequentially("martin")
    expect(page.locator("#people tbody tr")).to_have_count(1)
    expect(page.locator("#kb-status")).to_have_text("1 personne")
    expect(page.get_by_label("Nom ou e-mail")).to_be_focused()
    expect(page).to_have_url(re.compile(r"q=martin&role=&organisation=&state=$"))
    page.get_by_label("Rôle").select_option("agent")
    expect(page.locator("#people")).to_contain_text("Personne ne correspond.")
    page.reload()
    expect(page.get_by_label("Nom ou e-mail")).to_have_value("martin")


def test_the_lists_work_without_javascript(visit: Callable[..., Page]):
    page = visit("/fr/admin/people", person=ROOT, java_script_enabled=False)
    page.get_by_label("Rôle").select_option("agent")
    page.get_by_role("button", name="Filtrer").click()
    expect(page.locator("#people tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Dan Leroy").click()
    expect(page.get_by_label("Nom")).to_have_value("Dan Leroy")


def test_a_refused_form_puts_the_focus_on_what_is_wrong(visit: Callable[..., Page]):
    page = visit("/fr/admin/people/new", person=ROOT)
    page.get_by_label("E-mail").fill("nobody")
    page.get_by_label("Nom").fill("Kept")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.locator("#problem")).to_be_focused()
    expect(page.get_by_label("Nom")).to_have_value("Kept")
    page.locator("#problem a").click()
    expect(page.get_by_label("E-mail")).to_be_focused()
    expect(page.get_by_label("E-mail")).to_have_attribute("aria-invalid", "true")
    assert violations(page) == []


@pytest.mark.parametrize("width", [320, 1280])
def test_what_can_be_pressed_is_large_enough(visit: Callable[..., Page], width: int):
    page = visit("/fr/admin/people/new", person=ROOT, viewport={"width": width, "height": 800})
    small: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('button, .button, .areas a, .desk-bar a, .box')]
          .filter(e => e.offsetParent && !e.closest('dialog'))
          .filter(e => e.getBoundingClientRect().height < 44).map(e => e.textContent.trim())"""
    )
    assert small == []
