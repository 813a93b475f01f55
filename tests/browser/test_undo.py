"""An answer called back in Chromium, and one that leaves while its author reads on."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from kbsearch import tickets
from kbsearch.people import viewers
from kbsearch.tickets import Ticket
from kbsearch.tickets.desk import held_replies
from tests.browser.conftest import Live, somebody_else
from tests.browser.test_accessibility import violations
from tests.kit.requests import file

Visit = Callable[..., Page]
DAN = "dan@support.example"


@pytest.fixture
def holding(live: Live) -> Iterator[Callable[[int], None]]:
    """Sets for how many seconds the site holds an answer."""
    site = live.app.extensions["kbsearch"]

    def set_seconds(seconds: int) -> None:
        settings = replace(site.settings, undo_seconds=seconds)
        live.app.extensions["kbsearch"] = replace(site, settings=settings)

    yield set_seconds
    live.app.extensions["kbsearch"] = site


@pytest.fixture
def ticket(live: Live) -> Ticket:
    return file(live.db, somebody_else(live), subject="Bracelet muet")


def send(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Control+Enter")


def test_it_is_called_back_by_keyboard(
    live: Live, visit: Visit, holding: Callable[[int], None], ticket: Ticket
):
    holding(120)
    page = visit(f"/fr/requests/{ticket.id}", person=DAN)
    page.keyboard.press("r")
    page.locator("#then").select_option("solved")
    send(page, "Redémarrez la station.")
    expect(page.locator(".held")).to_contain_text("Redémarrez la station.")
    expect(page.locator("[data-leaving]")).not_to_have_text("Votre réponse part dans 120 s.")
    expect(page.locator("#state")).not_to_contain_text("Résolue")
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    assert violations(page) == []
    page.keyboard.press("z")
    expect(page.get_by_label("Message", exact=True)).to_have_value("Redémarrez la station.")
    expect(page.locator("#then")).to_have_value("solved")
    expect(page.locator(".held")).to_have_count(0)
    assert tickets.find(live.db, somebody_else(live), ticket.id).messages == ()


def test_it_leaves_while_the_next_words_are_typed(
    live: Live, visit: Visit, holding: Callable[[int], None], ticket: Ticket
):
    holding(2)
    page = visit(f"/fr/requests/{ticket.id}", person=DAN)
    send(page, "Redémarrez la station.")
    expect(page.locator(".held")).to_be_visible()
    page.get_by_label("Message", exact=True).press_sequentially("Et ")
    page.wait_for_timeout(2000)
    viewer = viewers.find(live.db, DAN)
    (held,) = held_replies.of_ticket(live.db, viewer, ticket)
    assert held_replies.release(live.db, viewer, held.key) is not None
    expect(page.locator("#c1")).to_contain_text("Redémarrez la station.")
    expect(page.locator(".held")).to_have_count(0)
    expect(page.locator("#state")).to_contain_text("En attente du client")
    page.keyboard.type("merci.")
    expect(page.get_by_label("Message", exact=True)).to_have_value("Et merci.")
