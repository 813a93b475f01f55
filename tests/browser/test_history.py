"""Lists of requests as people use them: typed in, narrowed, left and come back to."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from kbsearch.people import viewers
from tests.browser.conftest import Live
from tests.kit.requests import file

Visit = Callable[..., Page]
ALICE = "alice@acme.example"
SUBJECTS = {"Imprimante bloquée", "Imprimante muette", "Collier égaré"}
PRINTERS = {subject for subject in SUBJECTS if subject.startswith("Imprimante")}


@pytest.fixture(scope="module", autouse=True)
def filed(live: Live) -> None:
    alice = viewers.find(live.db, ALICE)
    for subject in SUBJECTS:
        file(live.db, alice, subject=subject)


@pytest.fixture
def page(visit: Visit) -> Page:
    """Alice's requests in her browser."""
    return visit("/fr/requests", person=ALICE)


def rows(page: Page) -> set[str]:
    return set(page.locator("#list tbody th a").all_inner_texts())


def look_for(page: Page, text: str, found: int) -> None:
    """Wait for the last answer too: an earlier one may list as many rows."""
    page.locator("#find").press_sequentially(text, delay=20)
    expect(page).to_have_url(re.compile(rf"[?&]q={text}(&|$)"))
    expect(page.locator("#list tbody tr")).to_have_count(found)


def test_rows_follow_what_is_typed_and_the_address_can_be_shared(page: Page):
    look_for(page, "imprimante", found=2)
    assert rows(page) == PRINTERS
    assert page.evaluate("document.activeElement.id") == "find"
    page.reload()
    expect(page.locator("#find")).to_have_value("imprimante")
    assert rows(page) == PRINTERS


def test_what_was_typed_is_kept_in_another_list(page: Page):
    look_for(page, "imprimante", found=2)
    page.locator("#lists a[href*='/requests/cc']").click()
    page.wait_for_url("**/requests/cc?*")
    expect(page.locator("#find")).to_have_value("imprimante")


def test_a_row_opens_at_the_first_press_after_typing(page: Page):
    """Leaving the field asks for nothing: the row under the pointer stays where it is."""
    look_for(page, "muette", found=1)
    page.get_by_role("link", name="Imprimante muette").hover()
    with page.expect_navigation(url=re.compile(r"/fr/requests/[\w-]{16}$")):
        page.mouse.down()
        page.wait_for_timeout(400)  # a slow finger: an answer would have come
        page.mouse.up()


def test_a_status_chosen_while_an_answer_is_late_narrows_what_was_typed(page: Page):
    late: list[Route] = []
    page.route(
        lambda url: "q=imprimante" in url and "status=" not in url, lambda route: late.append(route)
    )
    with page.expect_request(lambda request: "q=imprimante" in request.url):
        page.locator("#find").fill("imprimante")
    page.locator("#status-new").click()
    expect(page.locator("#status-new")).to_have_attribute("aria-current", "true")
    expect(page).to_have_url(re.compile(r"/fr/requests\?status=new&q=imprimante$"))
    assert rows(page) == PRINTERS
    assert len(late) == 1
    late.pop().abort()


def test_back_returns_to_the_list_as_it_was(page: Page):
    look_for(page, "imprimante", found=2)
    page.get_by_role("link", name="Imprimante muette").click()
    page.wait_for_url(re.compile(r"/fr/requests/[\w-]{16}$"))
    page.go_back()
    expect(page.locator("#find")).to_have_value("imprimante")
    assert rows(page) == PRINTERS
    expect(page.locator("h1")).to_have_text("Mes demandes")


def test_lists_work_without_javascript(visit: Visit):
    page = visit("/fr/requests", person=ALICE, java_script_enabled=False)
    page.locator("#status-new").click()
    page.locator("#find").fill("imprimante")
    page.get_by_role("button", name="Filtrer").click()
    assert rows(page) == PRINTERS
    expect(page.locator("#status-new")).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Effacer les filtres").click()
    expect(page.locator("#find")).to_have_value("")
    assert len(rows(page)) > len(PRINTERS), "those of other tests too, a page of them"
