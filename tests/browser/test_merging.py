"""An agent makes one of two requests and two of one, in Chromium, by keyboard and in place."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from kbsearch import tickets
from kbsearch.database import new_id
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.browser.conftest import Live, somebody_else
from tests.browser.test_accessibility import violations
from tests.kit.requests import file

Visit = Callable[..., Page]
DAN = "dan@support.example"


def test_a_request_is_merged_by_keyboard_and_the_merge_undone(live: Live, visit: Visit):
    quentin = somebody_else(live)
    first = file(live.db, quentin, subject="Barrière bloquée")
    again = file(live.db, quentin, subject="Barrière toujours bloquée")
    page = visit(f"/fr/requests/{again.id}", person=DAN)
    page.get_by_role("link", name="Fusionner ou lier avec une autre demande").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Numéro, mots, organisation").fill("999999")
    page.keyboard.press("Enter")
    expect(page.locator("#problem")).to_contain_text("Aucune demande ne porte le numéro")
    assert violations(page) == []
    page.get_by_label("Numéro, mots, organisation").fill(f"#{first.number}")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Dire aux personnes")).to_have_value(re.compile(f"#{first.number}"))
    assert violations(page) == []
    page.get_by_role("button", name="Fusionner", exact=True).press("Enter")
    page.wait_for_url(f"**/requests/{first.id}?merged={again.number}")
    expect(page.locator(".departed")).to_contain_text(f"#{again.number} est fermée")
    expect(page.locator(".message.internal")).to_contain_text("Une demande se poursuit ici")
    theirs = visit(f"/fr/requests/{again.id}", person="quentin@acme.example")
    expect(theirs.locator("#thread")).to_contain_text("Cette demande se poursuit dans une autre")
    theirs.get_by_role("link", name=f"#{first.number} Barrière bloquée").first.click()
    theirs.wait_for_url(f"**/requests/{first.id}")
    expect(theirs.locator(".message.internal")).to_have_count(0)
    page.goto(f"/fr/requests/{again.id}")
    page.get_by_role("button", name="Annuler la fusion").click()
    page.wait_for_url(f"**/requests/{again.id}")
    assert tickets.find(live.db, quentin, again.id).status == "open"


def test_three_clicks_merge_a_request_with_another_of_the_same_person(live: Live, visit: Visit):
    quentin = somebody_else(live)
    first = file(live.db, quentin, subject="Portail muet")
    again = file(live.db, quentin, subject="Portail toujours muet")
    page = visit(f"/fr/requests/{again.id}", person=DAN)
    page.get_by_role("link", name="Fusionner ou lier").click()
    row = page.locator("#candidates li", has_text=f"#{first.number}")
    row.get_by_role("link", name="Fusionner avec elle").click()
    page.get_by_role("button", name="Fusionner", exact=True).click()
    page.wait_for_url(f"**/requests/{first.id}?merged={again.number}")
    page = visit(f"/fr/desk/tickets/{first.number}/merge", person=DAN)
    page.get_by_label("Numéro, mots").fill("quéntin bloquée")
    expect(page.locator("#candidates")).to_contain_text("Aucune demande ne correspond.")
    page.get_by_label("Numéro, mots").fill("quentin roux")
    expect(page.locator("#candidates li").first).to_contain_text("Quentin Roux")


def test_a_message_becomes_a_request(live: Live, visit: Visit):
    quentin = somebody_else(live)
    ticket = file(live.db, quentin, subject="Barrière bloquée")
    replies.reply(live.db, quentin, ticket, ReplyForm(new_id(), "Et la balance est muette."))
    page = visit(f"/fr/requests/{ticket.id}", person=DAN)
    page.get_by_role("link", name="Créer une demande à partir de ce message").click()
    expect(page.locator("blockquote")).to_contain_text("Et la balance est muette.")
    page.get_by_label("Sujet").fill("Balance muette")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Balance muette")
    expect(page.locator("#c0")).to_contain_text("Et la balance est muette.")
    page.get_by_role("link", name=f"#{ticket.number} Barrière bloquée").click()
    expect(page.locator(".message.internal")).to_contain_text("est devenu une demande")
