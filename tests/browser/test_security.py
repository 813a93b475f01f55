"""What the browser itself enforces: other sites' forms, scripts that are not ours, old sessions."""

from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.people import PersonFields
from tests.browser.conftest import Live


def test_a_form_of_another_site_changes_nothing(visit: Callable[..., Page], live: Live):
    page = visit("/fr/", person="alice@acme.example")
    page.goto("about:blank")
    page.set_content(f'<form method="post" action="{live.url}/fr/logout"><button>x</button></form>')
    with page.expect_response("**/fr/logout") as answered:
        page.get_by_role("button").click()
    assert answered.value.status == 403
    page.goto(f"{live.url}/fr/")
    expect(page.get_by_text("Alice Martin")).to_be_visible()


def test_a_script_that_is_not_ours_does_not_run(browser: Browser, live: Live):
    context = browser.new_context()
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(f"{live.url}/fr/")
    page.evaluate(
        """() => { const script = document.createElement('script');
          script.textContent = 'window.stolen = 1'; document.body.append(script); }"""
    )
    assert page.evaluate("window.stolen") is None
    assert any("Content Security Policy" in message for message in refused)
    context.close()


def test_what_is_typed_never_runs(visit: Callable[..., Page]):
    page = visit("/fr/")
    page.on("dialog", lambda dialog: dialog.dismiss())
    for text in ("<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "javascript:alert(1)"):
        page.goto("/fr/")
        page.locator("#q").fill(text)
        page.wait_for_selector("#results[data-total]")
        assert page.locator("#results img, #results svg[onload]").count() == 0
        page.goto(page.url)
        expect(page.locator("#q")).to_have_value(text)


def test_after_signing_out_the_back_button_shows_no_request(visit: Callable[..., Page], live: Live):
    page = visit(f"/fr/requests/{live.ticket}", person="alice@acme.example")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Code jamais reçu")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Se déconnecter").click()
    page.wait_for_url("**/fr/")
    page.go_back()
    expect(page.get_by_text("Code jamais reçu")).to_have_count(0)


def test_a_closed_account_is_out_at_its_next_page(visit: Callable[..., Page], live: Live):
    eve = people.add(live.db, OPERATOR, PersonFields(email="nina@acme.example", name="Nina Noir"))
    page = visit("/fr/", person="nina@acme.example")
    expect(page.get_by_text("Nina Noir")).to_be_visible()
    people.disable(live.db, OPERATOR, eve)
    page.reload()
    expect(page.get_by_text("Nina Noir")).to_have_count(0)
