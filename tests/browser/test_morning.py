"""An agent's morning on the demo, served for real: from the queue to the numbers, by keyboard."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from kbsearch import tickets
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import viewers
from kbsearch.tickets import Ticket
from tests.cli.test_serve import Demo, serve
from tests.kit.requests import file
from tests.kit.waiting import HUNG

SUBJECT = "La passerelle ne synchronise plus, ERR-1042"
SOLVED = 1003  # of Acme: the port 8883
LONG = 30_000  # ms


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("morning")
    with serve(folder, "--demo", "--port", "0") as process:
        yield Demo(folder, process)
        process.terminate()
        process.communicate(timeout=HUNG)


@pytest.fixture
def db(demo: Demo) -> Iterator[SqliteDatabase]:
    found = SqliteDatabase(demo.folder / "var" / "kbsearch.sqlite3")
    yield found
    found.close()


@pytest.fixture
def asked(db: SqliteDatabase) -> Ticket:
    return file(
        db,
        viewers.find(db, "alice@acme.example"),
        subject=SUBJECT,
        description="Bonjour, la passerelle affiche ERR-1042, plus aucune donnée. Alice Martin",
        software="troupelia",
        version="4.0.3",
        severity="blocking",
        at=datetime.now(UTC),
    )


@pytest.fixture
def page(browser: Browser, demo: Demo) -> Iterator[Page]:
    """Dan, who signs in with his password and his telephone."""
    context = browser.new_context(base_url=demo.address, viewport={"width": 1280, "height": 900})
    email, _, password, key = next(told for told in demo.people if told[0].startswith("dan"))
    page = context.new_page()
    page.goto("/fr/login")
    page.get_by_label("Adresse e-mail").fill(email)
    page.get_by_label("Mot de passe").fill(password)
    page.keyboard.press("Enter")
    page.locator("[autocomplete=one-time-code]").fill(pyotp.TOTP(key).now())
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Administration")).to_be_visible()
    yield page
    context.close()


def solved_this_week(page: Page) -> int:
    page.goto("/fr/desk/insights")
    week = page.locator("#deflection ~ details tbody tr").last
    return int(week.locator("td").last.inner_text())


def test_a_request_is_solved_by_an_older_one_and_becomes_an_article(
    page: Page, db: SqliteDatabase, asked: Ticket
):
    before = solved_this_week(page)
    page.goto("/fr/desk?view=blocking")
    row = page.locator("#many tbody th a", has_text=SUBJECT)
    expect(row).to_be_visible()
    while not row.evaluate("link => link === document.activeElement"):
        page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(SUBJECT)

    case = page.locator(f"#case-{SOLVED}")
    expect(case).to_contain_text("Ouvrez le port 8883", timeout=LONG)
    case.get_by_role("link", name="Citer la solution").press("Enter")
    expect(page.locator("#body")).to_have_value(re.compile("8883 en sortie"))
    page.locator("#then").select_option("solved")
    page.locator("#body").press("Control+Enter")
    expect(page.locator(".held")).to_contain_text("Ouvrez le port 8883")
    sent = page.locator(".message.staff[id^=c]", has_text="Ouvrez le port 8883")
    expect(sent).to_be_visible(timeout=LONG)
    expect(page.locator("#state")).to_contain_text("Résolue")
    alice = viewers.find(db, "alice@acme.example")
    answer = tickets.find(db, alice, asked.id).messages[-1]  # a rule may have answered before
    assert "8883 en sortie" in answer.body

    page.reload()
    page.get_by_role("link", name="Écrire l’article").press("Enter")
    expect(page.locator("h1")).to_be_visible()
    text = page.locator("textarea").first.input_value()
    assert "ERR-1042" in text and "8883" in text
    assert "Alice" not in text and "Martin" not in text

    assert solved_this_week(page) == before + 1
    page.locator("#deflection ~ details tbody tr").last.locator("td a").last.press("Enter")
    expect(page.get_by_role("link", name=SUBJECT)).to_be_visible()
