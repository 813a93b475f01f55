"""Style sheet, script and icons: cached for good, compressed, within budget, as published."""

import gzip
import re
import tomllib
from hashlib import sha256
from pathlib import Path

import brotli
import pytest
from flask.testing import FlaskClient

from kbsearch import resources
from kbsearch.errors import NotFound
from kbsearch.web import assets
from tests.kit.places import TESTS

JAVASCRIPT_BUDGET = 25_000  # bytes, compressed
STYLE_BUDGET = 10_000
AGENTS_STYLE_BUDGET = 16_000  # the style sheet of everybody and the one of agents
COMMENTS = re.compile(r"(?s)/\*.*?\*/")
STRINGS = re.compile(r'"[^"]*"')


@pytest.mark.parametrize(
    "folder", [resources.folder("static") / "vendor", TESTS / "browser" / "vendor"]
)
def test_files_of_others_are_as_they_were_published(folder: Path):
    told = tomllib.loads((folder / "VENDOR.toml").read_text(encoding="utf-8"))["file"]
    assert {file["path"] for file in told} == {path.name for path in folder.glob("*.js")}
    for file in told:
        assert file["version"] and file["licence"] and file["source"]
        assert sha256((folder / file["path"]).read_bytes()).hexdigest() == file["sha256"]


def test_an_asset_is_cached_for_good_under_its_hash(client: FlaskClient):
    answer = client.get(assets.url("app.js"))
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.content_type.startswith("text/javascript")


def test_an_asset_asked_under_an_older_hash_is_kept_by_nobody(client: FlaskClient):
    answer = client.get("/static/000000000000/app.js")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"


def test_assets_travel_compressed(client: FlaskClient):
    url = assets.url("site.css")
    plain = client.get(url, headers={"Accept-Encoding": "gzip;q=0, br;q=0"})
    assert "Content-Encoding" not in plain.headers
    sent = {}
    for taken, coding in (("gzip, deflate, br, zstd", "br"), ("gzip, br;q=0", "gzip")):
        answer = client.get(url, headers={"Accept-Encoding": taken})
        assert answer.headers["Content-Encoding"] == coding
        assert int(answer.headers["Content-Length"]) == len(answer.data)
        assert "Accept-Encoding" in answer.headers["Vary"]
        sent[coding] = answer.data
    assert gzip.decompress(sent["gzip"]) == brotli.decompress(sent["br"]) == plain.data
    assert len(sent["br"]) < 0.92 * len(sent["gzip"])


def test_what_is_small_already_travels_as_it_is(client: FlaskClient):
    answer = client.get(assets.url("icon-192.png"), headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    "name", ["../config.py", "vendor/../../config.py", "nothing.css", "vendor"]
)
def test_nothing_outside_of_the_folder_is_served(client: FlaskClient, name: str):
    with pytest.raises(NotFound):
        assets.load(name)
    assert client.get(f"/static/x/{name}").status_code == 404


def test_a_style_sheet_travels_without_its_comments_and_blanks_alone():
    for path in sorted(resources.folder("static").glob("*.css")):
        written, sent = path.read_text(encoding="utf-8"), assets.load(path.name).body.decode()
        assert STRINGS.findall(sent) == STRINGS.findall(COMMENTS.sub("", written))
        assert "".join(sent.split()) == "".join(COMMENTS.sub("", written).split())
        assert len(sent) < len(written)


def test_script_and_style_stay_within_budget():
    sent = [assets.load(name).packed["gzip"] for name in ("site.js", "requests.js", "thread.js")]
    assert 0 < sum(map(len, sent)) <= JAVASCRIPT_BUDGET
    site, desk = (len(assets.load(name).packed["gzip"]) for name in ("site.css", "desk.css"))
    assert 0 < site <= STYLE_BUDGET
    assert 0 < desk <= AGENTS_STYLE_BUDGET - site


def test_the_style_sheet_and_the_script_call_nobody():
    for name in ("app.css", "app.js"):
        text = assets.load(name).body.decode()
        assert "http://" not in text.replace('[href^="http"]', "")
        assert "https://" not in text
        assert "@import" not in text
        assert "eval(" not in text and "innerHTML" not in text
