"""Two agents on one request see each other, in Chromium."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Live, somebody_else
from tests.kit.requests import file

Visit = Callable[..., Page]
QUENTIN = "quentin@acme.example"
ASK = "htmx.ajax('POST', document.querySelector('#presence').getAttribute('hx-post'), '#presence')"


def test_a_colleague_is_seen_reading_writing_and_gone(live: Live, visit: Visit):
    ticket = file(live.db, somebody_else(live), subject="Balance muette")
    dan = visit(f"/fr/requests/{ticket.id}", person="dan@support.example")
    expect(dan.locator("#presence")).to_be_empty()
    root = visit(f"/fr/requests/{ticket.id}", person="root@support.example")
    expect(root.locator("#presence")).to_have_text("Dan Leroy consulte cette demande.")
    before = root.locator("#reply").bounding_box()
    dan.get_by_label("Message", exact=True).press_sequentially("Je regarde")
    expect(dan.locator("[data-saved-at]")).to_contain_text("Brouillon enregistré")
    root.evaluate(ASK)
    expect(root.locator("#presence")).to_have_text("Dan Leroy écrit une réponse.")
    assert root.locator("#reply").bounding_box() == before, "nothing jumps"
    dan.goto("/fr/")
    dan.wait_for_timeout(300)
    root.evaluate(ASK)
    expect(root.locator("#presence")).to_be_empty()
    assert "#presence" not in visit(f"/fr/requests/{ticket.id}", person=QUENTIN).content()
