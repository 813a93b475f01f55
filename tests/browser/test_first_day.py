"""An administrator's first day, served for real: from an empty site to an answered request."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import viewers
from kbsearch.people.accounts import sessions
from tests.cli.test_serve import KBSEARCH, environment, serve
from tests.kit.waiting import HUNG

ROOT, PAUL, ZOE = "root@prairial.example", "paul@prairial.example", "zoe@client.example"
LONG = 30_000  # ms
LOOKS = 120  # half a second apart, until something counts as hanging
Visit = Callable[[str, str], Page]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    made = subprocess.run(
        [*KBSEARCH, "init", "site", "--admin", ROOT, "--json"],
        cwd=tmp_path, env=environment(), check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert [one["email"] for one in json.loads(made.stdout)["accounts"]] == [ROOT]
    return tmp_path / "site"


@pytest.fixture
def visit(browser: Browser, site: Path) -> Iterator[Visit]:
    """Open a page of the site, served with its worker, as somebody who has signed in."""
    contexts: list[BrowserContext] = []
    with serve(site, "--port", "0", "--workers", "1") as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]

        def open_page(path: str, email: str) -> Page:
            context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 900})
            context.set_default_timeout(LONG)
            contexts.append(context)
            with closing(SqliteDatabase(site / "var/kbsearch.sqlite3")) as db:
                token = sessions.open_session(db, str(viewers.find(db, email).person_id))
            context.add_cookies([{"name": "kb", "value": token, "url": url}])
            page = context.new_page()
            page.goto(path)
            return page

        yield open_page
        for context in contexts:
            context.close()
        process.terminate()
        process.communicate(timeout=HUNG)


def save(page: Page) -> None:
    page.get_by_role("button", name="Enregistrer", exact=True).click()
    expect(page.get_by_role("status").filter(has_text=".").first).to_be_visible(timeout=LONG)


def test_from_an_empty_site_to_an_answered_request(visit: Visit, site: Path):
    root = visit("/fr/admin", ROOT)
    steps = root.locator(".steps")

    def take(step: str) -> None:
        root.goto("/fr/admin")
        steps.get_by_role("link", name=step).click()

    take("Nommer le site")
    root.get_by_label("Nom du site").fill("Aide Prairial")
    save(root)
    take("Envoyer un e-mail d’essai")
    root.get_by_role("button", name="M’envoyer un e-mail d’essai").click()
    take("Ajouter un produit")
    root.get_by_role("link", name="Ajouter un produit").click()
    root.get_by_label("Nom", exact=False).first.fill("Troupelia")
    save(root)
    take("Ajouter une organisation et ses produits")
    root.get_by_role("link", name="Ajouter une organisation").click()
    root.get_by_role("textbox", name="Nom (obligatoire)").fill("Client SARL")
    root.get_by_label("Troupelia").check()
    save(root)
    for email, name, role in ((ZOE, "Zoé Client", "customer"), (PAUL, "Paul Prairial", "agent")):
        root.goto("/fr/admin/people/new")
        root.get_by_label("E-mail").fill(email)
        root.get_by_role("textbox", name="Nom (obligatoire)").fill(name)
        root.get_by_label("Rôle").select_option(role)
        if role == "customer":
            root.get_by_label("Client SARL").check()
        root.get_by_label("Envoyer une invitation").check()
        save(root)
    backup = [*KBSEARCH, "backup", str(site.parent / "first.tar")]
    subprocess.run(backup, cwd=site, env=environment(), check=True, capture_output=True)
    reload_until(root, "/fr/admin", lambda: not steps.count())

    zoe = visit("/fr/", ZOE)
    zoe.get_by_role("searchbox").first.fill("bracelet zirconium muet")
    zoe.keyboard.press("Enter")
    zoe.locator("#description").fill("Depuis ce matin, plus de données.")
    zoe.get_by_label("Mineur").check()
    zoe.get_by_role("button", name="Envoyer la demande").click()
    expect(zoe.locator("#thanks")).to_contain_text("est envoyée", timeout=LONG)

    paul = visit("/fr/desk", PAUL)
    paul.get_by_role("link", name="bracelet zirconium muet").first.click()
    paul.get_by_label("Message", exact=True).fill("Rechargez-le une nuit.")
    paul.get_by_role("button", name="Envoyer au client").click()
    answered = zoe.url.partition("?")[0]
    reload_until(zoe, answered, lambda: bool(zoe.get_by_text("Rechargez-le une nuit.").count()))


def reload_until(page: Page, url: str, seen: Callable[[], bool]) -> None:
    """What the worker does shows sooner or later."""
    for _ in range(LOOKS):
        page.goto(url)
        if seen():
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"it has not come about:\n{page.locator('main').inner_text()}")
