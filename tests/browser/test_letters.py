"""Letters as a phone and a computer show them: whole on a small screen, readable in the dark."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from kbsearch import tickets
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages.notifications import letters
from kbsearch.people import organisations
from kbsearch.people.organisations import branding
from kbsearch.people.organisations.branding import LookFields
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.browser.test_accessibility import AXE
from tests.conftest import Cast
from tests.kit.incoming import receiving
from tests.kit.mail import carry, html_of
from tests.kit.mail import letters as written
from tests.kit.requests import file
from tests.messages.notifications.test_letters import alice, values

BODY = """Bonjour,

Voyez [l’article](/fr/articles/x) et `AVeryLongWordWithoutAnySpaceInItWhichNoPhoneCouldShow`.

> Le voyant est-il vert ?

| Voyant | Sens | Suite | Remarque | Encore |
|---|---|---|---|---|
| vert | bon | rien | une remarque assez longue | fin |

```
une ligne de journal qui ne tient pas dans la largeur d’un téléphone, et qui défile
```
"""
RUN = """async () => (await axe.run(document, {runOnly: ['color-contrast', 'link-name',
  'document-title', 'html-has-lang', 'heading-order', 'list']})).violations.map(
  rule => `${rule.id}: ${rule.nodes.map(node => node.html.slice(0, 160)).join(' | ')}`)"""


@pytest.fixture
def shown(db: SqliteDatabase, cast: Cast, settings: Settings, tmp_path: Path) -> list[Path]:
    """One letter of each kind, as files."""
    site = receiving(settings, reply_domain="support.example", support_phone="+33 1 70 00 00 00")
    branding.dress(
        db, OPERATOR, organisations.find(db, "acme").id, LookFields(accent="#f2c200")
    )  # hard to read on white
    ticket = file(db, cast.alice, cc=["bob@acme.example"], description=BODY, severity="blocking")
    lifecycle.assign(db, cast.root, ticket, cast.dan.person_id)
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), BODY))
    replies.note(db, cast.root, ticket, ReplyForm(new_id(), BODY))
    lifecycle.solve(db, cast.dan, tickets.find(db, cast.dan, ticket.id))
    lifecycle.set_status(db, cast.dan, ticket, "closed")
    carry(site, db)
    every = [*map(html_of, written(site))]
    every += [
        html_of(letters.compose(site, name, alice(), "m", filled))
        for name, filled in values().items()
    ]
    paths = [tmp_path / f"{place}.html" for place in range(len(every))]
    for path, html in zip(paths, every, strict=True):
        path.write_text(html, encoding="utf-8")
    assert len(paths) > 20
    return paths


def test_a_letter_is_whole_readable_and_asks_nobody_for_anything(
    browser: Browser, shown: list[Path]
):
    for width, scheme in ((320, "dark"), (600, "light")):
        look(browser, shown, width, scheme)


def look(browser: Browser, shown: list[Path], width: int, scheme: Any) -> None:
    page: Page = browser.new_page(viewport={"width": width, "height": 700}, color_scheme=scheme)
    page.add_init_script(AXE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in shown:
        asked.clear()
        page.goto(path.as_uri())
        assert asked == [path.as_uri()]
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, path.read_text("utf-8")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(251, 250, 248)", "dark": "rgb(20, 24, 26)"}[scheme]
        assert page.evaluate(RUN) == []
    page.close()
