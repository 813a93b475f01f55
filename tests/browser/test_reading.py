"""Reading: contents, copying, enlarging, printing, themes, and what a first view costs."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

SHIFTS = """() => new Promise(done => {
  let sum = 0;
  new PerformanceObserver(list => { for (const e of list.getEntries()) sum += e.value; })
    .observe({type: 'layout-shift', buffered: true});
  setTimeout(() => done(sum), 400);
})"""


@pytest.fixture(scope="module")
def article() -> str:
    return "/fr/articles/tout"


def test_the_contents_follow_the_reader(visit: Callable[..., Page], article: str):
    page = visit(article, viewport={"width": 1280, "height": 500})
    contents = page.locator(".toc nav")
    expect(contents).to_be_visible()
    page.locator("#une-image").scroll_into_view_if_needed()
    page.evaluate("document.getElementById('une-image').scrollIntoView()")
    expect(contents.locator("[aria-current]")).to_have_text("Une image")


def test_on_a_phone_the_contents_wait_folded(visit: Callable[..., Page], article: str):
    page = visit(article, viewport={"width": 320, "height": 700})
    expect(page.locator(".toc nav")).to_be_hidden()
    page.locator(".toc summary").click()
    expect(page.locator(".toc nav")).to_be_visible()


def test_code_can_be_copied(visit: Callable[..., Page], article: str):
    page = visit(article, permissions=["clipboard-read", "clipboard-write"])
    page.locator(".code-frame").first.hover()
    page.get_by_role("button", name="Copier").first.click()
    expect(page.get_by_role("button", name="Copié")).to_be_visible()
    expect(page.locator("#kb-status")).to_have_text("Copié")
    copied: str = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("def longue(") and copied.endswith("str(42)")


def test_an_image_can_be_enlarged_by_keyboard(visit: Callable[..., Page], article: str):
    page = visit(article)
    page.locator(".enlarge").focus()
    assert page.evaluate("document.querySelector('.enlarge img').naturalWidth") == 640
    page.keyboard.press("Enter")
    expect(page.locator("#kb-enlarged img")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#kb-enlarged")).to_be_hidden()
    assert page.evaluate("document.activeElement.className") == "enlarge"


def test_searched_words_are_brought_into_view(visit: Callable[..., Page], article: str):
    page = visit(f"{article}?h=linux", viewport={"width": 1280, "height": 500})
    expect(page.locator(".prose mark").first).to_be_in_viewport()
    page.get_by_role("link", name="Retirer le surlignage").click()
    expect(page.locator(".prose mark")).to_have_count(0)


def test_print_keeps_the_article_alone(visit: Callable[..., Page], article: str):
    page = visit(article)
    page.emulate_media(media="print", color_scheme="dark")
    for chrome in (".top", ".bottom", ".toc", ".after", ".crumbs"):
        expect(page.locator(chrome)).to_be_hidden()
    expect(page.locator("article h1")).to_be_visible()
    spelled: str = page.evaluate(
        "getComputedStyle(document.querySelector('.prose a.external'), '::after').content"
    )
    assert "example.org" in spelled
    assert page.evaluate(
        "getComputedStyle(document.querySelector('.prose .scroll')).overflowX"
    ) in ("visible", "clip")


def test_a_theme_can_be_chosen_without_javascript(visit: Callable[..., Page]):
    page = visit("/fr/accessibility", java_script_enabled=False, color_scheme="light")
    page.get_by_role("button", name="Sombre").click()
    expect(page).to_have_url(page.url)
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.url.endswith("/fr/accessibility")


def test_the_language_can_be_changed_where_one_is(visit: Callable[..., Page]):
    page = visit("/fr/articles/mot-de-passe")
    page.get_by_role("button", name="English").click()
    assert page.url.endswith("/en/articles/reset-your-password")
    expect(page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.parametrize("path", ["/fr/", "/fr/search?q=passe", "/fr/articles/tout?h=linux"])
@pytest.mark.parametrize("width", [320, 1280])
def test_a_first_view_is_light_and_does_not_move(visit: Callable[..., Page], path: str, width: int):
    page = visit("/healthz", viewport={"width": width, "height": 800})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path)
    shift: float = page.evaluate(SHIFTS)
    assert shift <= 0.02
    pictures = [url for url in asked if "/media/" in url]
    assert len(asked) - len(pictures) <= 5, asked
    assert all(url.startswith(page.url.split("/fr/")[0]) for url in asked)


def test_results_move_nothing_above_them(visit: Callable[..., Page]):
    page = visit("/fr/", viewport={"width": 1280, "height": 800})
    place = "document.getElementById('q').getBoundingClientRect().top"
    before: float = page.evaluate(place)
    page.locator("#q").press_sequentially("passe", delay=30)
    page.wait_for_selector("#results[data-total]")
    assert page.evaluate(place) == before
