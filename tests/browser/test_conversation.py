"""The page of a request in Chromium: answered by a copied colleague, solved, noted, announced."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from kbsearch import people, tickets
from kbsearch.access import OPERATOR, Viewer
from kbsearch.database import new_id
from kbsearch.errors import Invalid
from kbsearch.people import PersonFields, viewers
from kbsearch.tickets import Ticket
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.filing import copies
from tests.browser.conftest import Live, square
from tests.browser.test_accessibility import violations
from tests.kit.requests import file

Visit = Callable[..., Page]


def viewer(live: Live, email: str) -> Viewer:
    return viewers.find(live.db, email)


@pytest.fixture
def ticket(live: Live) -> Iterator[Ticket]:
    """A request of Alice's with Bob in copy."""
    try:
        people.add(
            live.db,
            OPERATOR,
            PersonFields(email="bob@acme.example", name="Bob Durand", organisations=["acme"]),
        )
    except Invalid:  # he is there since the first test
        people.find(live.db, "bob@acme.example")
    alice = viewer(live, "alice@acme.example")
    filed = file(live.db, alice, subject="Bracelet perdu", software="icownect", version="4.2")
    copies.add(live.db, alice, filed, "bob@acme.example")
    yield filed


def test_a_copied_colleague_answers_with_a_file_and_it_is_solved(
    live: Live, visit: Visit, ticket: Ticket
):
    bob = visit(f"/fr/requests/{ticket.id}", person="bob@acme.example")
    bob.get_by_label("Votre réponse").fill("Voici **l’écran**.")
    bob.locator("#files").set_input_files(
        {"name": "écran.png", "mimeType": "image/png", "buffer": square()}
    )
    expect(bob.locator("li[data-file]")).to_have_count(1)
    bob.get_by_role("button", name="Aperçu").click()
    expect(bob.locator("#preview strong")).to_have_text("l’écran")
    bob.get_by_label("Votre réponse").press("Control+Enter")
    bob.wait_for_url("**#c1")
    picture = bob.locator("#c1 img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 640

    alice = visit(f"/fr/requests/{ticket.id}", person="alice@acme.example")
    alice.get_by_label("Votre réponse").fill("Retrouvé, merci.")
    alice.get_by_role("button", name="Envoyer et marquer comme résolu").click()
    alice.wait_for_url("**#c2")
    expect(alice.locator(".case-head .status strong")).to_have_text("Résolue")
    alice.get_by_role("button", name="Rouvrir").click()
    expect(alice.locator(".event").last).to_contain_text("a rouvert la demande")


def test_what_is_begun_is_there_on_another_device(live: Live, visit: Visit, ticket: Ticket):
    first = visit(f"/fr/requests/{ticket.id}", person="alice@acme.example")
    first.get_by_label("Votre réponse").press_sequentially("À suivre")
    expect(first.locator("[data-saved-at]")).to_contain_text("Brouillon enregistré")
    second = visit(f"/fr/requests/{ticket.id}", person="alice@acme.example")
    expect(second.get_by_label("Votre réponse")).to_have_value("À suivre")


def test_a_note_looks_like_one_and_no_customer_reads_it(live: Live, visit: Visit, ticket: Ticket):
    dan = visit(f"/fr/requests/{ticket.id}", person="dan@support.example")
    dan.keyboard.press("r")
    expect(dan.get_by_role("button", name="Envoyer au client")).to_be_visible()
    expect(dan.get_by_role("button", name="Ajouter la note interne")).to_be_hidden()
    dan.locator("#internal").check()
    expect(dan.get_by_role("button", name="Envoyer au client")).to_be_hidden()
    dan.get_by_label("Message", exact=True).fill("NOTE-SECRETE")
    dan.get_by_role("button", name="Ajouter la note interne").click()
    dan.wait_for_url("**#c1")
    expect(dan.locator("#c1.internal")).to_contain_text("NOTE-SECRETE")
    alice = visit(f"/fr/requests/{ticket.id}", person="alice@acme.example")
    assert "NOTE-SECRETE" not in alice.content()


def test_a_new_reply_is_announced_and_nothing_moves(live: Live, visit: Visit, ticket: Ticket):
    page = visit(f"/fr/requests/{ticket.id}", person="alice@acme.example")
    before = page.locator("#body").bounding_box()
    dan = viewer(live, "dan@support.example")
    replies.reply(live.db, dan, ticket, ReplyForm(new_id(), "Redémarrez."))
    page.evaluate(
        "htmx.ajax('GET', document.querySelector('.news').getAttribute('hx-get'), '.news')"
    )
    bar = page.locator(".news .note")
    expect(bar).to_contain_text("1 nouvelle réponse")
    assert page.locator("#c1").count() == 0
    after = page.locator("#body").bounding_box()
    assert before and after
    assert after["y"] - before["y"] < 120, "the bar comes after what is read"
    assert violations(page) == []
    bar.get_by_role("link", name="Afficher").click()
    expect(page.locator("#c1")).to_contain_text("Redémarrez.")


def test_everything_works_without_javascript(live: Live, visit: Visit, ticket: Ticket):
    page = visit(
        f"/fr/requests/{ticket.id}", person="alice@acme.example", java_script_enabled=False
    )
    page.get_by_label("Votre réponse").fill("Sans script.")
    page.locator("#files").set_input_files(
        {"name": "journal.txt", "mimeType": "text/plain", "buffer": b"une ligne\n"}
    )
    page.get_by_role("button", name="Ajouter la réponse").click()
    expect(page.locator("#c1")).to_contain_text("Sans script.")
    expect(page.locator("#c1 .attached")).to_contain_text("journal.txt")
    page.get_by_role("button", name="Marquer comme résolu", exact=True).click()
    expect(page.locator(".case-head .status strong")).to_have_text("Résolue")
    found = tickets.find(live.db, viewer(live, "alice@acme.example"), ticket.id)
    assert found.status == "solved"


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize(
    "person", ["alice@acme.example", "bob@acme.example", "dan@support.example"]
)
def test_the_page_is_accessible_for_everybody(
    live: Live, visit: Visit, ticket: Ticket, person: str, language: str, width: int
):
    dan = viewer(live, "dan@support.example")
    replies.reply(live.db, dan, ticket, ReplyForm(new_id(), "Redémarrez.\n\n> cité"))
    replies.note(live.db, dan, ticket, ReplyForm(new_id(), "Une note."))
    page = visit(
        f"/{language}/requests/{ticket.id}",
        person=person,
        viewport={"width": width, "height": 800},
        reduced_motion="reduce",
    )
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        assert violations(page) == [], theme
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_closed_request_is_judged_by_who_filed_it(live: Live, visit: Visit, ticket: Ticket):
    lifecycle.solve(live.db, viewer(live, "alice@acme.example"), ticket)
    lifecycle.set_status(live.db, viewer(live, "dan@support.example"), ticket, "closed")
    page = visit(
        f"/fr/requests/{ticket.id}",
        person="alice@acme.example",
        viewport={"width": 320, "height": 800},
        reduced_motion="reduce",
    )
    expect(page.get_by_role("link", name="Créer un suivi")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Êtes-vous satisfait").click()
    assert violations(page) == []
    page.get_by_label("satisfaisante", exact=True).check()
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("status").first).to_contain_text("votre avis est enregistré")
    page.emulate_media(color_scheme="dark")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
