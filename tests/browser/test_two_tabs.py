"""One form in two tabs of Chromium: the text of the second is sent too, or still in its page."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from playwright.sync_api import Page, expect

from kbsearch.access import Viewer
from kbsearch.database import new_id
from kbsearch.people import viewers
from kbsearch.tickets import Ticket
from kbsearch.tickets.desk import saved_replies
from kbsearch.tickets.desk.saved_replies import SavedReplyFields
from kbsearch.tickets.filing import drafts
from tests.browser.conftest import Live
from tests.kit.requests import file

Visit = Callable[..., Page]
ONE, TWO = "Le premier texte.", "Un tout autre texte."


@dataclass(frozen=True)
class Form:
    """A form, as whoever sends it finds it."""

    who: str
    field: str
    button: str  # its name and value
    undo_seconds: int = 0

    def address(self, ticket: Ticket, key: str) -> str:
        return (
            f"/fr/requests/{ticket.id}" if self.field == "body" else f"/fr/requests/new?draft={key}"
        )


FORMS = {
    "reply": Form("alice@acme.example", "body", ".send button:not([name])"),
    "note": Form("dan@support.example", "body", ".send .keep"),
    "new request": Form("alice@acme.example", "description", ".send .at-once, .send .by-steps"),
    "held answer": Form("dan@support.example", "body", ".send .publish", undo_seconds=120),
}


@pytest.fixture(params=FORMS.values(), ids=list(FORMS))
def form(request: pytest.FixtureRequest, live: Live) -> Iterator[Form]:
    found: Form = request.param
    site = live.app.extensions["kbsearch"]
    settings = replace(site.settings, undo_seconds=found.undo_seconds)
    live.app.extensions["kbsearch"] = replace(site, settings=settings)
    live.db.execute("DELETE FROM drafts")  # other tests begin some in the same site
    yield found
    live.app.extensions["kbsearch"] = site


def begin(live: Live, form: Form) -> tuple[Viewer, Ticket, str]:
    """A request of Alice's, and a draft of that form that both tabs find."""
    ticket = file(live.db, viewers.find(live.db, "alice@acme.example"))
    viewer, key = viewers.find(live.db, form.who), f"key-of-{ticket.id}"
    is_reply = form.field == "body"
    internal = {"internal": "1"} if "keep" in form.button else {}
    said = {form.field: "Début", **internal} if is_reply else {"subject": "Q", form.field: "Début"}
    drafts.save(live.db, viewer, key, said, ticket=ticket if is_reply else None)
    return viewer, ticket, key


def send(page: Page, form: Form) -> None:
    if page.locator("#severity-minor").count():
        page.locator("#severity-minor").check()
    page.locator(form.button).locator("visible=true").first.click()
    page.wait_for_load_state()
    if page.url.endswith("/requests/new") and page.locator("#description").is_hidden():
        page.locator("form.between .send button").click()  # what may answer it comes first


def said(live: Live, viewer: Viewer, ticket: Ticket) -> set[str]:
    """What the viewer has sent since that request was filed, or is about to."""
    rows = live.db.query(
        """
        SELECT description AS text FROM tickets WHERE filed_by_id = :me AND number > :number
        UNION SELECT body FROM messages WHERE author_id = :me AND ticket_id = :ticket
        UNION SELECT fields FROM drafts WHERE person_id = :me AND leaves_at IS NOT NULL
        """,
        {"me": viewer.person_id, "number": ticket.number, "ticket": ticket.id},
    )
    return {text for row in rows for text in (ONE, TWO) if text in row["text"]}


def open_tabs(
    live: Live, visit: Visit, form: Form, ticket: Ticket, key: str, **more: bool
) -> tuple[Page, Page]:
    first = visit(form.address(ticket, key), person=form.who, **more)
    second = first.context.new_page()
    second.goto(form.address(ticket, key))
    return first, second


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_both_texts_arrive(live: Live, visit: Visit, form: Form, scripts: bool):
    viewer, ticket, key = begin(live, form)
    first, second = open_tabs(live, visit, form, ticket, key, java_script_enabled=scripts)
    first.locator(f"#{form.field}").fill(ONE)
    send(first, form)
    expect(first.locator("#problem")).to_have_count(0)
    second.locator(f"#{form.field}").fill(TWO)
    send(second, form)
    expect(second.locator("#problem")).to_contain_text("déjà")
    expect(second.locator(f"#{form.field}")).to_have_value(TWO)
    second.go_back()
    if form.field == "description":
        second.locator("a[href*='draft=']").first.click()
    expect(second.locator(f"#{form.field}")).to_have_value(TWO)
    send(second, form)
    expect(second.locator("#problem")).to_have_count(0)
    assert said(live, viewer, ticket) == {ONE, TWO}
    assert drafts.list_all(live.db, viewer) == []


def test_tabs_that_save_at_every_pause_keep_two_drafts(live: Live, visit: Visit, form: Form):
    viewer, ticket, key = begin(live, form)
    first, second = open_tabs(live, visit, form, ticket, key)
    for page, text in ((first, ONE), (second, TWO)):
        page.locator(f"#{form.field}").fill(text)
        expect(page.locator("[data-saved-at]")).to_be_visible()
    expect(second.locator("[data-sending]")).to_contain_text("à part")
    kept = [draft.fields[form.field] for draft in drafts.list_all(live.db, viewer)]
    assert sorted(kept) == sorted([ONE, TWO])
    for page in (first, second):
        send(page, form)
        expect(page.locator("#problem")).to_have_count(0)
    assert said(live, viewer, ticket) == {ONE, TWO}
    assert drafts.list_all(live.db, viewer) == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_the_second_save_of_one_page_is_shown_both_texts_and_loses_none(
    live: Live, visit: Visit, scripts: bool
):
    """A saved reply in two tabs."""
    dan = viewers.find(live.db, "dan@support.example")
    reply = saved_replies.add(
        live.db, dan, SavedReplyFields(language="fr", name=new_id(), body="Début")
    )
    path = f"/fr/desk/replies/{reply.id}"
    first = visit(path, person="dan@support.example", java_script_enabled=scripts)
    second = first.context.new_page()
    second.goto(path)
    for page, text in ((first, ONE), (second, TWO)):
        page.locator("#body").fill(text)
        page.locator("#main button[type=submit]:not([name])").first.click()
    expect(second.locator("h1")).to_have_text("Modifié entre-temps par quelqu’un d’autre")
    for text in (ONE, TWO):
        expect(second.locator(".differences")).to_contain_text(text)
    assert saved_replies.find(live.db, dan, reply.id).body == ONE
    second.locator("#main button[type=submit]").click()
    expect(second.locator("#main .note.good")).to_be_visible()
    assert saved_replies.find(live.db, dan, reply.id).body == TWO
