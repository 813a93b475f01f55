"""An agent walks through the queue by keyboard."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from kbsearch import tickets
from kbsearch.database import new_id
from kbsearch.people import viewers
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.browser.conftest import Live, somebody_else
from tests.kit.requests import file

Visit = Callable[..., Page]
DAN = "dan@support.example"


def test_the_queue_is_walked_chosen_from_and_changed_by_keyboard(live: Live, visit: Visit) -> None:
    alice = somebody_else(live)
    first, second = file(live.db, alice, subject="Premier"), file(live.db, alice, subject="Second")
    page = visit("/fr/desk?view=unanswered&sort=number", person=DAN)
    links = page.locator("#many tbody th a")
    expect(links.first).to_contain_text("Second")
    page.keyboard.press("j")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("j")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator("[name=chosen]").nth(1)).to_be_checked()
    page.keyboard.press("k")
    expect(links.nth(0)).to_be_focused()
    page.locator("#give").select_option("me")
    page.get_by_role("button", name="Modifier", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="1 demande modifiée")).to_be_visible()
    dan = viewers.find(live.db, DAN)
    assert tickets.find(live.db, dan, first.id).assignee_id == dan.person_id
    assert tickets.find(live.db, dan, second.id).assignee_id is None
    page.goto("/fr/desk?view=unanswered&sort=number")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Second")
    current = page.locator("#beside [aria-current]")
    expect(current).to_contain_text("Second")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Premier")
    page.go_back()
    expect(page.locator("h1")).to_contain_text("Second")


def test_typing_narrows_and_the_box_chooses_all(live: Live, visit: Visit) -> None:
    alice = somebody_else(live)
    file(live.db, alice, subject="Une trieuse muette")
    file(live.db, alice, subject="Autre chose")
    page = visit("/fr/desk?view=all", person=DAN)
    page.get_by_label("Numéro, mots ou noms").fill("trieuse")
    expect(page.locator("#many tbody tr")).to_have_count(1)
    assert "q=trieuse" in page.url and "view=all" in page.url
    page.locator("#all-of-them").check()
    expect(page.locator("[name=chosen]")).to_be_checked()


def test_from_one_answer_to_the_next_by_four_keys(live: Live, visit: Visit) -> None:
    """`r`, the text, Ctrl Enter, Enter: the view is not left, and no menu is opened."""
    alice = somebody_else(live)
    first, second = file(live.db, alice, subject="Premier"), file(live.db, alice, subject="Second")
    page = visit(f"/fr/desk/tickets/{second.number}?view=todo&sort=number", person=DAN)
    page.keyboard.press("r")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    page.keyboard.type("Voici.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-next]")).to_contain_text(f"#{first.number} Premier")
    expect(page.locator("[data-next]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Premier")
    assert "view=todo&sort=number" in page.url
    page.keyboard.press("a")
    expect(page.locator(".glance")).to_contain_text("Dan Leroy")
    page.keyboard.press("s")
    expect(page.locator("#state")).to_contain_text("Résolue")
    expect(page.locator(".next")).to_contain_text("La demande est résolue.")
    page.keyboard.press("g")
    page.keyboard.press("q")
    expect(page.locator("h1")).to_have_text("Demandes à traiter")


def test_what_an_agent_needs_first_is_on_the_first_screen(live: Live, visit: Visit) -> None:
    """However long the conversation is: each part of the screen is scrolled alone."""
    ticket = file(live.db, somebody_else(live), subject="Bracelet muet")
    dan = viewers.find(live.db, DAN)
    for _ in range(6):
        replies.note(live.db, dan, ticket, ReplyForm(new_id(), "Une ligne.\n\n" * 5))
    page = visit(f"/fr/desk/tickets/{ticket.number}?view=todo", person=DAN)
    page.set_viewport_size({"width": 1280, "height": 800})
    parts = ("#beside", "#state", ".glance", "#thread .message >> nth=-1", "#body", "#similar")
    for part in parts:
        box = page.locator(part).first.bounding_box()
        assert box and box["y"] + min(box["height"], 40) < 800, part
    left, right = (page.locator(part).bounding_box() for part in ("#beside", "#thread"))
    assert left and right and left["x"] + left["width"] <= right["x"]
    page.set_viewport_size({"width": 375, "height": 700})
    conversation, side, view = (
        page.locator(part).first.bounding_box() for part in ("#c0", ".side", "#beside")
    )
    assert conversation and side and view
    assert conversation["y"] < side["y"] < view["y"]


def test_what_a_request_lacks_keeps_no_property_from_being_saved(live: Live, visit: Visit) -> None:
    ticket = file(live.db, somebody_else(live), subject="Sans logiciel ni version")
    page = visit(f"/fr/requests/{ticket.id}", person=DAN)
    properties = page.locator("#properties")
    properties.locator("[name=severity]").select_option("major")
    properties.get_by_role("button", name="Enregistrer").first.click()
    expect(page.locator("#properties [name=severity]")).to_have_value("major")
    page.reload()
    expect(page.locator("#properties [name=severity]")).to_have_value("major")
    assert tickets.find(live.db, viewers.find(live.db, DAN), ticket.id).severity == "major"
