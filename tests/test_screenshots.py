"""The pictures of the handbook: the script's list, the files and the pages are the same."""

import importlib.util
import re
import sys
from itertools import cycle
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from kbsearch import create_app, people
from kbsearch.people.accounts import sessions
from tests.kit.places import TOP

MAX_BYTES = 2_000_000
IMAGE = re.compile(r"!\[([^]]+)\]\(([\w-]+\.webp)\)")
spec = importlib.util.spec_from_file_location("screenshots", TOP / "scripts" / "screenshots.py")
assert spec is not None and spec.loader is not None
screenshots = importlib.util.module_from_spec(spec)
sys.modules["screenshots"] = screenshots  # its dataclasses ask for their module
spec.loader.exec_module(screenshots)


@pytest.mark.parametrize("language", screenshots.LANGUAGES)
def test_each_picture_is_taken_by_the_script_and_shown_in_words_by_its_page(language: str):
    folder = screenshots.HANDBOOK / language
    files = {picture.file(language) for picture in screenshots.PICTURES}
    assert files == set(folder.rglob("*.webp"))
    shown = {
        page.with_name(name): alternative
        for page in folder.rglob("*.md")
        for alternative, name in IMAGE.findall(page.read_text(encoding="utf-8"))
    }
    assert shown.keys() == files
    assert min(len(alternative) for alternative in shown.values()) > 40


def test_all_of_them_are_light():
    sizes = [file.stat().st_size for file in screenshots.HANDBOOK.rglob("*.webp")]
    assert sum(sizes) < MAX_BYTES and max(sizes) < 100_000


def test_what_each_picture_shows_is_on_its_page_still(tmp_path: Path):
    with screenshots.still():
        for is_new in (False, True):
            with screenshots.made(tmp_path / str(is_new), is_new=is_new) as site:
                app = create_app(site.settings, site.db)
                pictures = [one for one in screenshots.PICTURES if one.new_site == is_new]
                for picture, language in zip(pictures, cycle(screenshots.LANGUAGES), strict=False):
                    client = app.test_client()
                    if picture.email:
                        person = people.find(site.db, picture.viewer(language))
                        token = sessions.open_session(site.db, person.id)
                        client.set_cookie("kb", token, domain="127.0.0.1")
                    page = client.get(
                        picture.address(language),
                        base_url=site.settings.base_url,
                        follow_redirects=True,
                    )
                    assert page.status_code == 200, picture.article
                    parsed = BeautifulSoup(page.text, "html.parser")
                    assert parsed.select(picture.shows), picture
