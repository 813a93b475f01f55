"""The help centre as files, opened from the disk: searched, read, followed."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from kbsearch.config import Settings
from kbsearch.site import static_site
from tests.browser.conftest import Live


@pytest.fixture(scope="module")
def folder(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("static") / "out"
    static_site.write(Settings(), live.db, folder)
    return folder


@pytest.mark.parametrize("width", [1280, 320])
def test_it_is_searched_read_and_followed_from_the_disk(browser: Browser, folder: Path, width: int):
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda problem: problems.append(str(problem)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.goto((folder / "index.html").as_uri())
    page.wait_for_url("**/fr/index.html")
    page.locator("#q").fill("ARTICLE peut contènir")
    page.locator("#q").press("Enter")
    page.wait_for_url("**/search.html?q=*")
    link = page.locator("#results a").first
    expect(link).to_have_text("Tout ce qu’un article peut contenir")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    link.click()
    expect(page.locator("h1")).to_have_text("Tout ce qu’un article peut contenir")
    assert page.evaluate("document.querySelector('.prose img').naturalWidth") > 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".crumbs a").last.click()
    page.wait_for_url("**/categories/*.html")
    page.locator(".brand").click()
    page.wait_for_url("**/fr/index.html")
    assert problems == []
    context.close()
