"""The pictures of the handbook, taken of the demo at a fixed hour, in each language from its own.

Without arguments all are taken again, with names those alone. `--check` changes none of them
and says which differ visibly from what is there, with status 1.
"""

import base64
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from waitress.server import create_server

from kbsearch import clock, config_sources, create_app, people, randomness
from kbsearch.access import OPERATOR
from kbsearch.articles.publishing.publish import publish
from kbsearch.config import CONFIG_NAME, Settings
from kbsearch.database import Database
from kbsearch.database.migrations import migrate
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import PersonFields
from kbsearch.people.accounts import sessions
from kbsearch.search.ranking.indexing import Indexer
from kbsearch.site import demo, new

HANDBOOK = Path(__file__).parent.parent / "content" / "articles"
LANGUAGES = ("fr", "en")
MOMENT = datetime(2026, 11, 17, 9, 30, tzinfo=UTC)  # a Tuesday
WRITTEN = "2026-11-02T10:00:00Z"  # what the articles say of themselves
SIZE = {"width": 1280, "height": 860}
QUALITY = 72  # of WebP: letters stay sharp
CHROMIUM = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
REQUESTS = {"fr": 1584, "en": 1576}  # of the demo, each in that language
CUSTOMERS = {"fr": "alice@acme.example", "en": "tom.harris@northfield.example"}
CUSTOMER = "customer"  # the one of the language
ADMINISTRATOR = "you@company.example"  # of the new site
STILL = """* {
  caret-color: transparent !important; animation: none !important; transition: none !important;
}"""
# How many of a picture's points differ by more than a shade of grey: what is more is visible.
VISIBLE = 0.002
DIFFERENCE = """async ([before, after]) => {
  const points = async (source) => {
    const image = new Image();
    image.src = `data:image/webp;base64,${source}`;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return [image.width, image.height, context.getImageData(0, 0, image.width, image.height).data];
  };
  const [[w, h, a], [v, g, b]] = [await points(before), await points(after)];
  if (w !== v || h !== g) return 1;
  let differ = 0;
  for (let i = 0; i < a.length; i += 4)
    if ([0, 1, 2].reduce((sum, c) => sum + Math.abs(a[i + c] - b[i + c]), 0) > 96) differ++;
  return differ / (w * h);
}"""


@dataclass(frozen=True)
class Picture:
    """One picture: beside which article it lies, of which page, as whom, and what it is about."""

    article: str  # category/name, the same in each language
    path: str  # with {lang}, and {request} for one of the language
    shows: str  # a selector of what the page must have, in view when it is taken
    email: str = ""
    new_site: bool = False

    def address(self, language: str) -> str:
        return self.path.format(lang=language, request=REQUESTS[language])

    def viewer(self, language: str) -> str:
        return CUSTOMERS[language] if self.email == CUSTOMER else self.email

    def file(self, language: str) -> Path:
        return HANDBOOK / language / f"{self.article}.webp"


PICTURES = (
    Picture("find/search", "/{lang}/search?q=ERR-1042", "main mark"),
    Picture("account/sign-in", "/{lang}/login", "input[name=password]"),
    Picture("requests/file-a-request", "/{lang}/requests/new", "form textarea", CUSTOMER),
    Picture("requests/follow-a-request", "/{lang}/requests", "main table", CUSTOMER),
    Picture("agents/queue", "/{lang}/desk", "main table", "dan@support.example"),
    Picture(
        "agents/answer-requests",
        "/{lang}/desk/tickets/{request}",
        "#similar",
        "dan@support.example",
    ),
    Picture(
        "writers/edit-in-the-browser",
        "/{lang}/desk/articles/new?article={lang}/account/invite-colleague",
        "form textarea",
        "wendy@support.example",
    ),
    Picture("operators/install", "/{lang}/admin", "main ol", ADMINISTRATOR, new_site=True),
    Picture(
        "operators/settings", "/{lang}/admin/settings/site", "#site_name", "root@support.example"
    ),
    Picture(
        "operators/people-and-products",
        "/{lang}/admin/organisations",
        "main table",
        "root@support.example",
    ),
)


@dataclass(frozen=True)
class Site:
    """A site to take pictures of."""

    settings: Settings
    db: Database


@contextmanager
def still() -> Iterator[None]:
    """The hour and the chance of the pictures."""
    with clock.running_on(lambda: MOMENT), randomness.seeded(1):
        yield


@contextmanager
def made(folder: Path, *, is_new: bool) -> Iterator[Site]:
    """The demo, or what `kbsearch init` makes, with articles live and found."""
    new.create(folder, demo=not is_new)
    own = ("-c", "user.name=kbsearch", "-c", "user.email=kbsearch@support.example")
    subprocess.run(
        ("git", *own, "commit", "--amend", "--quiet", "--no-edit", "--date", WRITTEN),
        cwd=folder / "content",
        env={**os.environ, "GIT_COMMITTER_DATE": WRITTEN},
        check=True,
    )
    settings = config_sources.load(folder / CONFIG_NAME).settings
    with closing(SqliteDatabase(settings.database_path)) as db:
        migrate(db)
        if is_new:
            fields = PersonFields(email=ADMINISTRATOR, name="Camille Martin", role="administrator")
            people.add(db, OPERATOR, fields)
        else:
            demo.fill(settings, db)
        publish(db, settings)
        with closing(Indexer(settings, db)) as indexer:
            indexer.ensure()
        yield Site(settings, db)


@contextmanager
def served(site: Site) -> Iterator[str]:
    """The address of a site."""
    server: Any = create_server(
        create_app(site.settings, site.db), host="127.0.0.1", port=0, threads=12
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(timeout=5)


def take(browser: Browser, site: Site, address: str, picture: Picture, language: str) -> bytes:
    """One picture, as WebP."""
    context = browser.new_context(
        base_url=address,
        viewport=SIZE,
        locale=language,
        timezone_id="Europe/Paris",
        color_scheme="light",
        reduced_motion="reduce",
        bypass_csp=True,
    )
    with closing(context):
        if picture.email:
            person = people.find(site.db, picture.viewer(language))
            token = sessions.open_session(site.db, person.id)
            context.add_cookies([{"name": "kb", "value": token, "url": address}])
        page = context.new_page()
        page.clock.set_fixed_time(MOMENT)
        page.goto(picture.address(language), wait_until="networkidle")
        page.locator(picture.shows).first.wait_for()
        page.add_style_tag(content=STILL)
        page.evaluate("document.fonts.ready")
        return _captured(page)


def _captured(page: Page) -> bytes:
    command = {"format": "webp", "quality": QUALITY}
    answer = page.context.new_cdp_session(page).send("Page.captureScreenshot", command)
    return base64.b64decode(answer["data"])


def differs(page: Page, before: bytes, after: bytes) -> bool:
    """Whether somebody who looks at both sees it."""
    texts = [base64.b64encode(picture).decode() for picture in (before, after)]
    return before != after and float(page.evaluate(DIFFERENCE, texts)) > VISIBLE


def run(names: Sequence[str], *, check: bool) -> int:
    """Take the pictures of these articles, or of all; how many differ from what is there."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        raise SystemExit("no Chromium on this machine")
    wanted = [picture for picture in PICTURES if not names or picture.article in names]
    changed = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(still())
        chromium = stack.enter_context(sync_playwright()).chromium
        browser = chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        stack.callback(browser.close)
        blank = browser.new_page()
        for is_new in sorted({picture.new_site for picture in wanted}):
            site = stack.enter_context(made(folder / str(is_new), is_new=is_new))
            address = stack.enter_context(served(site))
            there = [picture for picture in wanted if picture.new_site == is_new]
            for picture, language in itertools.product(there, LANGUAGES):
                after = take(browser, site, address, picture, language)
                file = picture.file(language)
                before = file.read_bytes() if file.exists() else b""
                if before and not differs(blank, before, after):
                    continue
                changed += 1
                print(f"{file.relative_to(HANDBOOK)}: {len(after) // 1000} kB")
                if not check:
                    file.write_bytes(after)
    return changed


if __name__ == "__main__":
    arguments = sys.argv[1:]
    checks = "--check" in arguments
    differ = run([name for name in arguments if name != "--check"], check=checks)
    sys.exit(1 if checks and differ else 0)
