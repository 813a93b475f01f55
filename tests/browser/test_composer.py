"""An agent inserts a saved reply and an article while writing, by keyboard."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from kbsearch.people import viewers
from kbsearch.tickets.desk import saved_replies
from kbsearch.tickets.desk.saved_replies import SavedReplyFields
from tests.browser.conftest import Live, somebody_else
from tests.kit.requests import file

Visit = Callable[..., Page]
DAN = "dan@support.example"


def test_two_colons_insert_a_saved_reply_and_two_marks_an_article(live: Live, visit: Visit) -> None:
    dan = viewers.find(live.db, DAN)
    body = "Bonjour {{requester.first_name}},\n\nMerci."
    done = {"add_tags": ["salué"], "status": ["solved"]}
    saved_replies.add(live.db, dan, SavedReplyFields("fr", "Salut poli", body, done))
    ticket = file(live.db, somebody_else(live), subject="Collier")
    page = visit(f"/fr/requests/{ticket.id}", person=DAN)
    area = page.locator("#body")
    area.press_sequentially("::poli")
    offered = page.locator("#insertions [role=option]")
    expect(offered).to_have_count(1)
    expect(offered).to_have_attribute("aria-selected", "true")
    area.press("Enter")
    expect(area).to_have_value("Bonjour Quentin,\n\nMerci.")
    expect(page.locator("#then")).to_have_value("solved")
    expect(page.get_by_label("Étiquettes ajoutées")).to_be_checked()
    area.press("End")
    area.press_sequentially(" ??mot de passe")
    expect(offered.first).to_be_visible()
    area.press("Escape")
    expect(page.locator("#insertions")).to_be_hidden()
    area.press_sequentially(" ")
    expect(offered.first).to_be_visible()
    area.press("Tab")
    expect(area).to_have_value(
        "Bonjour Quentin,\n\nMerci. [" + area.input_value().partition("[")[2]
    )
    assert "](http" in area.input_value() and "??" not in area.input_value()


def test_the_whole_text_of_an_article_goes_in_too(live: Live, visit: Visit) -> None:
    ticket = file(live.db, somebody_else(live), subject="Collier")
    page = visit(f"/fr/requests/{ticket.id}", person=DAN)
    area = page.locator("#body")
    area.press_sequentially("Voici : ??mot de passe")
    offered = page.locator("#insertions [role=option]")
    expect(offered.nth(1)).to_contain_text("Son texte entier")
    area.press("ArrowDown")
    area.press("Enter")
    expect(area).to_have_value(re.compile(r"^Voici : .+\n\n\[.+\]\(http.+\)$", re.DOTALL))
    assert "??" not in area.input_value()


def test_what_was_chosen_stays_chosen_when_the_list_is_told_anew(live: Live, visit: Visit) -> None:
    ticket = file(live.db, somebody_else(live), subject="Collier")
    page = visit(f"/fr/requests/{ticket.id}", person=DAN)
    late: list[Route] = []
    page.route("**/insertions?*mot+de+passe", lambda route: late.append(route))
    area = page.locator("#body")
    area.press_sequentially("??mot de pass")
    offered = page.locator("#insertions [role=option]")
    expect(offered.nth(1)).to_contain_text("Son texte entier")
    with page.expect_request("**/insertions?*mot+de+passe"):
        area.press_sequentially("e")
    area.press("ArrowUp")
    expect(offered.last).to_have_attribute("aria-selected", "true")
    with page.expect_response("**/insertions?*mot+de+passe"):
        late[0].continue_()
    page.evaluate("new Promise(requestAnimationFrame)")
    expect(offered.last).to_have_attribute("aria-selected", "true")
