"""Filing as people do it: nothing found, the form in place, files, a lost session, and thanks."""

import base64
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from kbsearch import tickets
from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.people import viewers
from kbsearch.tickets.filing import drafts
from tests.browser.conftest import Live, square
from tests.browser.test_accessibility import violations
from tests.browser.test_signing_in import give_code, give_password
from tests.kit.mail import code_in, latest
from tests.kit.signing import with_password

ALICE = "alice@acme.example"
TEXT: FilePayload = {"name": "journal.txt", "mimeType": "text/plain", "buffer": b"une ligne\n"}
PROGRAM: FilePayload = {**TEXT, "name": "mauvais.exe"}
SEND = "Envoyer la demande"
PICTURE = base64.b64encode(square()).decode()
GIVE = """([event, picture]) => {
  const transfer = new DataTransfer();
  const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
  transfer.items.add(new File([bytes], `${event}.png`, { type: 'image/png' }));
  const place = document.querySelector(event === 'drop' ? '[data-files]' : '#description');
  const told = { bubbles: true, cancelable: true };
  place.dispatchEvent(event === 'drop'
    ? new DragEvent('drop', { ...told, dataTransfer: transfer })
    : new ClipboardEvent('paste', { ...told, clipboardData: transfer }));
}"""
# Shifts of the layout, also those that browsers forgive after a key.
SHIFTS = """() => {
  window.shifted = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.shifted += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
}"""


@pytest.fixture
def alice(live: Live) -> Iterator[Viewer]:
    """Alice, who has nothing begun before or after."""
    viewer = viewers.find(live.db, ALICE)
    yield viewer
    live.db.execute("DELETE FROM drafts")
    live.db.execute("DELETE FROM attempts")


def filed(live: Live, viewer: Viewer, page: Page) -> tickets.Ticket:
    return tickets.find(live.db, viewer, page.url.rpartition("/")[2].partition("?")[0])


def fill(page: Page) -> None:
    page.locator("#subject").fill("Le bracelet est perdu")
    page.locator("#description").fill("Il ne répond plus depuis hier.")
    page.get_by_label("Mineur").check()


def top_of(page: Page, selector: str) -> float:
    top: float = page.evaluate(
        "(selector) => document.querySelector(selector).getBoundingClientRect().top + scrollY",
        selector,
    )
    return top


def test_nothing_is_found_and_the_form_is_there_with_files_and_thanks(
    visit: Callable[..., Page], live: Live, alice: Viewer
):
    page = visit("/fr/", person=ALICE)
    page.locator("#q").press_sequentially("zzzzqqqq", delay=20)
    expect(page.locator("#subject")).to_have_value("zzzzqqqq")
    page.locator("#subject").fill("Mot de passe perdu")
    page.locator("#description").fill("Je veux choisir un mot de passe.")
    page.get_by_label("Mineur").check()
    page.locator("#suggestions-count").click()
    card = page.locator(".suggestion").first
    expect(card).to_contain_text("Réinitialiser son mot de passe")
    card.locator("summary").click()
    expect(card.locator(".read")).to_contain_text("nouveau mot de passe")
    page.evaluate(GIVE, ["drop", PICTURE])
    page.evaluate(GIVE, ["paste", PICTURE])
    expect(page.locator("[data-file]")).to_have_count(2)
    expect(page.locator("[data-saved-at]")).to_contain_text("Brouillon enregistré à")
    page.locator("#q").fill("mot de passe")
    expect(page.locator("#results .hit")).not_to_have_count(0)
    expect(page.locator("#subject")).to_have_value("Mot de passe perdu")
    page.get_by_role("button", name=SEND).click()
    expect(page.locator("#thanks")).to_contain_text("est envoyée")
    ticket = filed(live, alice, page)
    assert ticket.subject == "Mot de passe perdu"
    assert {file.name for file in ticket.files} == {"drop.png", "paste.png"}
    assert violations(page) == []
    page.reload()
    expect(page.locator("#thanks")).to_have_count(0)


def test_an_empty_form_leaves_when_something_is_found(visit: Callable[..., Page], alice: Viewer):
    page = visit("/fr/", person=ALICE)
    page.locator("#q").fill("zzzzqqqq")
    expect(page.locator("#subject")).to_be_visible()
    page.locator("#q").fill("mot de passe")
    expect(page.locator("#subject")).to_have_count(0)
    page.get_by_role("link", name="Envoyer une demande").last.click()
    expect(page.locator("#subject")).to_be_focused()
    expect(page.locator("#subject")).to_have_value("mot de passe")


def test_what_solves_it_is_said_and_taken_back(
    visit: Callable[..., Page], live: Live, alice: Viewer
):
    page = visit("/fr/requests/new?subject=mot+de+passe", person=ALICE)
    page.locator("#description").fill("Le lien n’arrive pas.")
    page.get_by_role("button", name="Cela résout mon problème").first.click()
    expect(page.locator(".helped")).to_be_focused()
    expect(page.locator("#description")).to_have_value("Le lien n’arrive pas.")
    page.get_by_role("button", name="Annuler").click()
    expect(page.locator(".suggestion")).not_to_have_count(0)
    rows = live.db.query("SELECT undone_at FROM visit_events WHERE kind = 'confirmed'")
    assert rows[-1]["undone_at"]


def test_what_was_typed_just_before_aborts_nothing(visit: Callable[..., Page]):
    page = visit("/fr/requests/new?subject=mot+de+passe", person=ALICE)
    answers: list[Route] = []
    page.route("**/suggestions/solved", lambda route: answers.append(route))
    page.locator("#description").fill("Le lien n’arrive pas.")
    with page.expect_request("**/suggestions/solved"):
        page.get_by_role("button", name="Cela résout mon problème").first.click()
    page.wait_for_timeout(600)  # the pause after which what was typed asks for suggestions
    answers[0].continue_()
    expect(page.locator(".helped")).to_be_focused()


@pytest.mark.parametrize("width", [320, 1280])
def test_no_field_moves_while_answers_arrive(visit: Callable[..., Page], alice: Viewer, width: int):
    page = visit("/fr/requests/new", person=ALICE, viewport={"width": width, "height": 900})
    page.evaluate(SHIFTS)
    places = [top_of(page, name) for name in ("#description", "#software")]
    with page.expect_response("**/requests/suggestions"):
        page.locator("#subject").press_sequentially("mot de passe", delay=30)
    expect(page.locator("#suggestions-count")).to_contain_text("possible")
    expect(page.locator("[data-saved-at]")).to_be_visible()
    assert [top_of(page, name) for name in ("#description", "#software")] == places
    assert page.evaluate("window.shifted") <= 0.02
    expect(page.locator("#kb-status")).to_contain_text("possible", timeout=3000)


def test_the_form_with_everything_wrong_and_an_answer_open_is_accessible(
    visit: Callable[..., Page], alice: Viewer
):
    page = visit("/fr/requests/new?subject=mot+de+passe", person=ALICE, reduced_motion="reduce")
    page.set_input_files("#files", files=[PROGRAM, TEXT])
    expect(page.locator(".file.failed")).to_contain_text("mauvais.exe")
    page.locator(".suggestion summary").first.click()
    expect(page.locator(".read .prose").first).to_be_visible()
    assert violations(page) == []
    page.locator(".file.failed").get_by_role("button", name="Retirer").click()
    page.locator("#cc").fill("inconnu@nulle.part")
    page.get_by_role("button", name=SEND).click()
    expect(page).to_have_title("Erreur – Envoyer une demande – Aide Acme")
    expect(page.locator("#problem")).to_be_focused()
    expect(page.locator("[data-file]")).to_contain_text("journal.txt")
    assert violations(page) == []
    page.locator("#problem a[href='#description']").click()
    expect(page.locator("#description")).to_be_focused()


def test_sending_waits_for_a_slow_file_and_happens_once(
    visit: Callable[..., Page], live: Live, alice: Viewer
):
    page = visit("/fr/requests/new", person=ALICE)
    held: list[Route] = []
    page.route("**/files", lambda route: held.append(route))
    fill(page)
    page.set_input_files("#files", files=[TEXT])
    page.get_by_role("button", name=SEND).dblclick()
    expect(page.locator("[data-sending]")).to_have_text("Envoi dès la fin des fichiers (1)")
    expect(page.get_by_role("button", name=SEND)).to_have_attribute("aria-busy", "true")
    assert violations(page) == []
    held[0].continue_()
    expect(page.locator("#thanks")).to_be_visible()
    assert [file.name for file in filed(live, alice, page).files] == ["journal.txt"]


def test_a_file_that_fails_is_named_and_tried_again(
    visit: Callable[..., Page], live: Live, alice: Viewer
):
    page = visit("/fr/requests/new", person=ALICE)
    page.route("**/files", lambda route: route.abort())
    fill(page)
    page.set_input_files("#files", files=[TEXT])
    expect(page.locator(".file.failed")).to_contain_text("n’est pas passé")
    page.get_by_role("button", name=SEND).click()
    expect(page.locator("[data-sending]")).to_contain_text("journal.txt")
    page.unroute("**/files")
    page.get_by_role("button", name="Réessayer").click()
    expect(page.locator("[data-file]")).to_have_count(1)
    page.get_by_role("button", name=SEND).click()
    expect(page.locator("#thanks")).to_be_visible()
    assert [file.name for file in filed(live, alice, page).files] == ["journal.txt"]


def test_a_page_that_is_left_keeps_what_was_typed_last(
    visit: Callable[..., Page], live: Live, alice: Viewer
):
    page = visit("/fr/requests/new", person=ALICE)
    fill(page)
    page.goto("/fr/")
    again = page.get_by_role("link", name="Reprendre votre brouillon")
    for _ in range(20):  # what a page sends as it is left may arrive after the next one is asked
        page.goto("/fr/requests/new")
        if again.count():
            break
    again.click()
    expect(page.locator("#description")).to_have_value("Il ne répond plus depuis hier.")
    assert len(drafts.list_all(live.db, alice)) == 1


def test_a_session_ends_in_mid_form_and_all_of_it_comes_back(
    visit: Callable[..., Page], live: Live, alice: Viewer
):
    settings: Settings = live.app.extensions["kbsearch"].settings
    with_password(live.db, ALICE)
    page = visit("/fr/requests/new", person=ALICE)
    page.locator("#subject").fill("Le bracelet est perdu")
    page.set_input_files("#files", files=[TEXT])
    expect(page.locator("[data-file]")).to_have_count(1)
    live.db.execute("UPDATE sessions SET expires_at = '2020-01-01T00:00:00Z'")
    page.locator("#description").fill("Il ne répond plus depuis hier.")
    expect(page.locator("[data-ended]")).to_contain_text("Votre session a expiré")
    expect(page.locator("#description")).to_have_value("Il ne répond plus depuis hier.")
    page.get_by_role("button", name="Se reconnecter").click()
    give_password(page, ALICE)
    give_code(page, code_in(latest(settings, live.db)))
    page.locator("main form button").first.click()
    expect(page.locator("#subject")).to_have_value("Le bracelet est perdu")
    expect(page.locator("#description")).to_have_value("Il ne répond plus depuis hier.")
    expect(page.locator("[data-file]")).to_contain_text("journal.txt")
    page.get_by_label("Mineur").check()
    page.get_by_role("button", name=SEND).click()
    expect(page.locator("#thanks")).to_be_visible()
    assert [file.name for file in filed(live, alice, page).files] == ["journal.txt"]


def test_all_of_it_works_without_javascript(visit: Callable[..., Page], live: Live, alice: Viewer):
    page = visit("/fr/search?q=zzzzqqqq", person=ALICE, java_script_enabled=False)
    expect(page.locator("#subject")).to_have_value("zzzzqqqq")
    assert page.locator("#no-result a.button").count() == 0
    page.get_by_label("Mineur").check()
    page.locator("#subject").fill("mot de passe")
    page.locator("#description").fill("Le lien n’arrive pas.")
    page.set_input_files("#files", files=[TEXT])
    expect(page.get_by_role("button", name=SEND)).to_be_hidden()
    page.get_by_role("button", name="Continuer").click()
    expect(page.locator(".suggestion").first).to_contain_text("Réinitialiser")
    page.get_by_role("link", name="Revenir au formulaire").click()
    expect(page.locator("[data-file]")).to_contain_text("journal.txt")
    page.get_by_role("button", name="Continuer").click()
    page.get_by_role("button", name="Non, envoyer ma demande").click()
    expect(page.locator("#thanks")).to_contain_text("est envoyée")
    ticket = filed(live, alice, page)
    assert ticket.description == "Le lien n’arrive pas."
    assert [file.name for file in ticket.files] == ["journal.txt"]


def test_an_older_answer_never_replaces_a_newer_one(visit: Callable[..., Page], alice: Viewer):
    page = visit("/fr/requests/new", person=ALICE)
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/requests/suggestions", hold_the_first)
    with page.expect_request("**/requests/suggestions"):
        page.locator("#subject").fill("contrat")
    page.locator("#subject").fill("réinitialiser son mot de passe")
    expect(page.locator(".suggestion").first).to_contain_text("Réinitialiser")
    held[0].fulfill(status=200, content_type="text/html", body="<p id='late'>trop tard</p>")
    page.wait_for_timeout(200)
    expect(page.locator("#late")).to_have_count(0)
    expect(page.locator(".suggestion").first).to_contain_text("Réinitialiser")
