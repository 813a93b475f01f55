"""Searching as people do it: keys, announcements, the Back button, a slow or absent network."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from kbsearch.search import Results
from tests.browser.conftest import Live
from tests.kit.web import hit, script

FOCUSED = "document.activeElement.id || document.activeElement.textContent.trim()"


@contextmanager
def scripted(live: Live, results: Results, delay: float = 0.0) -> Iterator[None]:
    """The search of the running site answers this for a while."""
    site = live.app.extensions["kbsearch"]
    script(live.app, results, delay)
    try:
        yield
    finally:
        live.app.extensions["kbsearch"] = replace(site)


@pytest.fixture
def many(live: Live) -> Iterator[None]:
    hits = tuple(hit(f"Résultat {n}") for n in (1, 2, 3))
    with scripted(live, Results(hits, 3)):
        yield


def search(page: Page, text: str) -> None:
    page.locator("#q").press_sequentially(text, delay=20)
    page.wait_for_selector("#results[data-total]")


def test_results_come_while_typing_and_the_address_can_be_shared(visit: Callable[..., Page]):
    page = visit("/fr/")
    search(page, "reinitialiser")
    expect(page.locator("#results .hit h3").first).to_contain_text("Réinitialiser")
    expect(page).to_have_url(f"{page.url.split('/fr/')[0]}/fr/search?q=reinitialiser")
    expect(page).to_have_title("reinitialiser\xa0: recherche – Aide Acme")
    assert page.evaluate(FOCUSED) == "q"
    page.reload()
    expect(page.locator("#q")).to_have_value("reinitialiser")
    expect(page.locator("#results .hit h3").first).to_contain_text("Réinitialiser")


def test_twenty_keys_are_few_requests_and_one_announcement(visit: Callable[..., Page], many: None):
    page = visit("/fr/")
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.url) if "search?" in request.url else None
    )
    page.evaluate(
        """() => { window.told = []; for (const id of ['kb-status', 'kb-alert']) {
          const region = document.getElementById(id);
          const listen = () => region.textContent && told.push(`${id}: ${region.textContent}`);
          new MutationObserver(listen).observe(region, {childList: true, subtree: true});
        } }"""
    )
    # typed inside of the page: on a busy machine, keys sent from here come too far apart
    page.evaluate(
        """async text => { const field = document.getElementById('q');
          for (const letter of text) {
            field.value += letter;
            field.dispatchEvent(new Event('input', {bubbles: true}));
            await new Promise(done => setTimeout(done, 50));
          } }""",
        "réinitialiser le mot",
    )
    page.wait_for_selector("#results[data-total]")
    page.wait_for_timeout(1600)
    assert len(asked) <= 3
    assert page.evaluate("told") == ["kb-status: 3 résultats"]


def test_no_result_is_announced_at_once_and_opens_the_way_to_support(
    visit: Callable[..., Page], live: Live
):
    with scripted(live, Results((), 0)):
        page = visit("/fr/")
        assert page.locator("#kb-alert").text_content() == ""
        search(page, "zzzz")
        expect(page.locator("#kb-alert")).to_have_text("Aucun résultat", timeout=800)
        expect(page.locator("#no-result a.button")).to_have_attribute(
            "href", "/fr/requests/new?subject=zzzz"
        )
        expect(page.locator("#no-result a[href^='tel:']")).to_be_visible()


def test_back_from_an_article_shows_the_whole_results_page(visit: Callable[..., Page]):
    page = visit("/fr/")
    search(page, "reinitialiser")
    page.locator("#results .hit h3 a").first.click()
    expect(page.locator("article h1")).to_be_visible()
    page.go_back()
    expect(page.locator("header.top")).to_be_visible()
    expect(page.locator("#q")).to_have_value("reinitialiser")
    expect(page.locator("#results .hit h3").first).to_be_visible()
    expect(page.locator("#results .hit h3 a").first).to_be_focused()


def test_back_from_results_typed_at_home_is_home(visit: Callable[..., Page]):
    page = visit("/fr/")
    page.locator("#q").press_sequentially("reinitialiser", delay=20)
    expect(page).to_have_url(re.compile(r"/fr/search\?q=reinitialiser$"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"/fr/$"))
    expect(page.locator("#q")).to_have_value("")
    expect(page.get_by_role("heading", level=1)).to_have_text("Comment pouvons-nous vous aider ?")
    page.go_forward()
    expect(page.locator("#q")).to_have_value("reinitialiser")
    expect(page.locator("#results .hit h3").first).to_be_visible()
    page.locator("#q").press("ArrowDown")
    expect(page.locator("#results .hit h3 a").first).to_be_focused()


def test_back_from_a_filter_shows_the_whole_page_too(visit: Callable[..., Page]):
    page = visit("/fr/search?q=passe&product=icownect")
    page.locator(".facets [aria-current]").first.click()
    expect(page.locator(".facets [aria-current]")).to_have_count(0)
    assert page.evaluate("document.activeElement !== document.body")
    page.go_back()
    expect(page.locator("header.top")).to_be_visible()
    expect(page.locator(".facets [aria-current]")).to_have_count(1)


def test_arrows_walk_through_the_results(visit: Callable[..., Page], many: None):
    page = visit("/fr/")
    search(page, "mot")
    page.keyboard.press("ArrowDown")
    assert "Résultat 1" in page.evaluate(FOCUSED)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert "Résultat 3" in page.evaluate(FOCUSED)
    page.keyboard.press("ArrowUp")
    assert "Résultat 2" in page.evaluate(FOCUSED)
    page.keyboard.press("Escape")
    assert page.evaluate(FOCUSED) == "q"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert page.evaluate(FOCUSED) == "q"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("article h1")).to_be_visible()


def test_delete_deletes_one_character(visit: Callable[..., Page]):
    page = visit("/fr/")
    page.locator("#q").press_sequentially("mot")
    page.keyboard.press("Home")
    page.keyboard.press("Delete")
    expect(page.locator("#q")).to_have_value("ot")


def test_slash_goes_to_the_field_unless_somebody_types(visit: Callable[..., Page]):
    page = visit("/fr/")
    page.locator(".brand").focus()
    page.keyboard.press("/")
    assert page.evaluate(FOCUSED) == "q"
    page.keyboard.type("a/b")
    expect(page.locator("#q")).to_have_value("a/b")
    page.evaluate("document.activeElement.blur()")
    azerty = {"key": "/", "code": "Period", "shiftKey": True}
    page.dispatch_event("body", "keydown", azerty)
    assert page.evaluate(FOCUSED) == "q"


def test_the_palette_opens_closes_and_gives_the_focus_back(visit: Callable[..., Page]):
    page = visit("/fr/accessibility")
    page.locator(".brand").focus()
    for opening, closing in (("Control+k", "Control+k"), ("Meta+k", "Escape"), ("/", "Escape")):
        page.keyboard.press(opening)
        assert page.evaluate(FOCUSED) == "palette-field"
        page.keyboard.press(closing)
        expect(page.locator("#palette")).to_be_hidden()
        assert "Aide Acme" in page.evaluate(FOCUSED)
    page.locator("#kb-opener").click()
    expect(page.locator("#palette")).to_be_visible()


def test_the_palette_is_a_combobox(visit: Callable[..., Page], many: None):
    page = visit("/fr/accessibility")
    page.keyboard.press("Control+k")
    field = page.locator("#palette-field")
    field.press_sequentially("mot", delay=20)
    page.wait_for_selector("#option-3")
    expect(field).to_have_attribute("aria-expanded", "true")
    expect(field).to_have_attribute("aria-activedescendant", "option-1")
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "option-2")
    expect(page.locator("#option-2")).to_have_attribute("aria-selected", "true")
    assert page.evaluate(FOCUSED) == "palette-field"
    page.keyboard.press("Home")
    page.keyboard.press("Delete")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("X")
    expect(field).to_have_value("oXt")
    page.wait_for_timeout(400)
    page.keyboard.press("ArrowUp")
    expect(field).to_have_attribute("aria-activedescendant", "option-all")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("article h1")).to_be_visible()


def test_a_question_mark_lists_the_shortcuts(visit: Callable[..., Page]):
    page = visit("/fr/accessibility")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Raccourcis clavier")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("?")
    expect(page.locator("#kb-shortcuts")).to_be_hidden()


def test_slow_results_dim_the_old_ones_and_replace_nothing(
    visit: Callable[..., Page], live: Live, many: None
):
    page = visit("/fr/search?q=mot")
    with scripted(live, Results((hit("Autre"),), 1), delay=1.2):
        page.locator("#q").press_sequentially("2")
        page.wait_for_selector("#results.dim .hit")
        expect(page.locator("#results .hit")).to_have_count(3)
        page.wait_for_selector("#results:not(.dim)")
        expect(page.locator("#results .hit")).to_have_count(1)


def test_without_network_the_page_says_so_and_keeps_what_was_typed(
    visit: Callable[..., Page], many: None
):
    page = visit("/fr/search?q=mot")
    page.context.set_offline(True)
    page.locator("#q").press("End")
    page.locator("#q").press_sequentially("s clés", delay=20)
    notice = page.locator("#unavailable")
    expect(notice).to_be_visible()
    expect(page.locator("#kb-alert")).to_have_text("La recherche est indisponible pour le moment.")
    expect(notice.get_by_role("link", name="Réessayer")).to_have_attribute(
        "href", "/fr/search?q=mots%20cl%C3%A9s"
    )
    expect(page.locator("#results .hit")).to_have_count(3)
    page.context.set_offline(False)
    page.locator("#q").press_sequentially("2")
    expect(notice).to_be_hidden()


def test_nothing_of_a_session_stays_in_the_browser(visit: Callable[..., Page]):
    page = visit("/fr/", person="alice@acme.example")
    search(page, "passe")
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    page.get_by_text("Alice Martin").click()
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.get_by_text("Alice Martin")).to_have_count(0)
    page.go_back()
    expect(page.get_by_text("Alice Martin")).to_have_count(0)


def test_the_search_needs_no_javascript(visit: Callable[..., Page]):
    page = visit("/fr/", java_script_enabled=False)
    page.locator("#q").fill("reinitialiser")
    page.locator("#q").press("Enter")
    expect(page.locator("#results .hit h3").first).to_contain_text("Réinitialiser")
    page.locator("#results .hit h3 a").first.click()
    expect(page.locator("article h1")).to_be_visible()
