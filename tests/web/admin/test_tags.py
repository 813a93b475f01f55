"""Administrators rename, merge and remove tags in the browser."""

from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from kbsearch import tickets
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.tickets import tags
from tests.conftest import Cast
from tests.kit.requests import file
from tests.kit.web import sign_in

ODD = "a/b?c&d=\"é'<#%"
ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def root(client: FlaskClient, db: SqliteDatabase, cast: Cast) -> FlaskClient:
    """The browser of the administrator of a site where one request is tagged, and another."""
    tags.change(db, cast.dan, file(db, cast.alice).id, add=["vip", ODD])
    tags.change(db, cast.dan, file(db, cast.alice).id, add=["facture"])
    sign_in(client, db, cast.root)
    return client


def names(db: SqliteDatabase, cast: Cast) -> set[str]:
    return {tag.name for tag in tags.list_all(db, cast.root)}


def test_every_tag_is_listed_and_leads_to_its_requests(root: FlaskClient):
    page = root.get("/en/admin/tags").text
    assert "3 tags" in page
    assert f'href="/en/admin/tags/tag?name={quote(ODD)}"' in page
    assert 'href="/en/desk?view=all&amp;tag=vip"' in page
    narrowed = root.get("/en/admin/tags?q=FACT").text
    assert "1 tag<" in narrowed and ">facture</a>" in narrowed and ">vip</a>" not in narrowed
    assert root.get("/en/admin/tags?q=nothing&page=99").status_code == 200


def test_a_tag_of_any_sign_is_renamed(root: FlaskClient, db: SqliteDatabase, cast: Cast):
    assert root.get(f"/en/admin/tags/tag?name={quote(ODD)}").status_code == 200
    form = {"name": ODD, "new_name": "À rappeler"}
    done = root.post("/en/admin/tags/tag", data=form, headers=ORIGIN)
    assert done.location == "/en/admin/tags?done=renamed"
    assert names(db, cast) == {"facture", "vip", "à_rappeler"}
    for gone in (ODD, "", "unknown"):
        assert root.get(f"/en/admin/tags/tag?name={quote(gone)}").status_code == 404


def test_two_are_merged_only_where_that_is_meant(root: FlaskClient, db: SqliteDatabase, cast: Cast):
    form = {"name": "vip", "new_name": "Facture"}
    refused = root.post("/en/admin/tags/tag", data=form, headers=ORIGIN)
    assert refused.status_code == 422
    assert "already: tick the box" in refused.text and 'value="Facture"' in refused.text
    done = root.post("/en/admin/tags/tag", data={**form, "merge": "yes"}, headers=ORIGIN)
    assert done.status_code == 303
    assert tags.find(db, cast.root, "facture").tickets == 2
    log = root.get("/en/admin/log").text
    assert "Tag merged into another" in log and "vip → facture" in log


def test_one_is_removed(root: FlaskClient, db: SqliteDatabase, cast: Cast):
    done = root.post("/en/admin/tags/removals", data={"name": "vip"}, headers=ORIGIN)
    assert done.location == "/en/admin/tags?done=removed"
    assert names(db, cast) == {"facture", tags.normal(ODD)}
    assert "Tag removed" in root.get("/en/admin/log").text
    assert tickets.find_number(db, cast.dan, 1001).tags == (tags.normal(ODD),)
