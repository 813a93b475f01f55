"""Saying by keyboard whether an article helped, and reading of it where it is written."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from kbsearch.database.sqlite import SqliteDatabase
from tests.browser.conftest import Live

Visit = Callable[..., Page]


def test_a_vote_keeps_the_focus_and_is_announced(visit: Visit, live: Live):
    page = visit("/fr/articles/mot-de-passe?h=lien", person="alice@acme.example")
    said = page.locator("#kb-status")
    page.focus("#feedback-no")
    page.keyboard.press("Enter")
    expect(said).to_have_text("Merci. Dites aux rédacteurs pourquoi, si vous le voulez bien.")
    expect(page.locator("#feedback-no")).to_be_focused()
    page.check("#feedback-outdated")
    page.fill("#feedback-words", "L’écran a changé")
    page.click("#feedback-send")
    expect(said).to_have_text("Merci, les rédacteurs liront pourquoi.")
    expect(page.locator("#feedback-change")).to_be_focused()
    writer = visit("/fr/articles/mot-de-passe", person="dan@support.example")
    expect(writer.locator(".verdict")).to_contain_text("L’écran a changé")
    page.reload()
    expect(page.locator("#feedback-words")).to_have_value("L’écran a changé")
    page.click("#feedback-undo")
    expect(said).to_have_text("Votre réponse est annulée.")
    expect(page.locator("#feedback-yes")).to_be_focused()
    writer.reload()
    expect(writer.locator(".verdict")).not_to_contain_text("L’écran a changé")


def test_a_vote_that_cannot_be_kept_is_told_and_its_words_stay(visit: Visit, live: Live):
    page = visit("/fr/articles/mot-de-passe", person="alice@acme.example")
    page.click("#feedback-no")
    page.check("#feedback-outdated")
    page.fill("#feedback-words", "L’écran a changé")
    other = SqliteDatabase(live.db.path)
    with other.atomic():
        page.click("#feedback-send")
        expect(page.locator("#kb-problem")).to_contain_text("toujours là")
        expect(page.locator("#feedback-words")).to_have_value("L’écran a changé")
    other.close()
    page.click("#feedback-send")
    expect(page.locator("#kb-status")).to_have_text("Merci, les rédacteurs liront pourquoi.")
    expect(page.locator("#kb-problem")).to_be_hidden()
    page.click("#feedback-undo")


def test_the_road_to_a_person_opens_with_what_was_searched(visit: Visit, live: Live):
    page = visit("/fr/search?q=lien", person="alice@acme.example")
    page.click("#results .hit:has(.kind:not(.past)) h3 a")
    page.click("#kb-person ~ p a.button")
    expect(page.locator("#subject")).to_have_value("lien")
