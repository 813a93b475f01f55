"""What an upgrade changed: told once after it, to those who run the site."""

from flask.testing import FlaskClient

from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.site import upgrades
from kbsearch.version import __version__
from tests.conftest import Cast
from tests.kit.web import sign_in

ORIGIN = {"Sec-Fetch-Site": "same-origin"}
TOLD = "kbsearch was upgraded"


def pretend(db: SqliteDatabase, release: str) -> None:
    """An earlier release was at work here."""
    db.insert("state", {"name": upgrades.RELEASE, "value": release})


def test_a_new_site_has_no_news(db: SqliteDatabase, cast: Cast):
    for _ in range(2):
        upgrades.note_release(db)
        assert not upgrades.has_news(db, cast.root)


def test_a_database_of_before_was_upgraded_too(db: SqliteDatabase, cast: Cast):
    db.insert("schema_steps", {"name": "s000_earlier", "applied_at": "2020-01-01T00:00:00Z"})
    upgrades.note_release(db)
    assert upgrades.has_news(db, cast.root)


def test_an_upgrade_is_told_once_and_can_be_read_later(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    pretend(db, "0.0.1")
    upgrades.note_release(db)
    sign_in(client, db, cast.root)
    assert TOLD in client.get("/en/admin").text
    page = client.get("/en/admin/news").text
    assert "I have read it" in page and "log_format" in page
    assert "Ce qui a changé pour vous" in client.get("/fr/admin/news").text
    assert client.post("/en/admin/news/read", headers=ORIGIN).location == "/en/admin"
    assert TOLD not in client.get("/en/admin").text
    upgrades.note_release(db)  # started once more
    assert TOLD not in client.get("/en/admin").text
    assert "I have read it" not in client.get("/en/admin/news").text
    assert db.query("SELECT value FROM state WHERE name = 'release'") == [{"value": __version__}]


def test_every_release_is_told_in_both_languages():
    french, english = upgrades.sections("fr"), upgrades.sections("en")
    assert [name for name, _ in french] == [name for name, _ in english] != []
    for (_, one), (_, other) in zip(french, english, strict=True):
        assert one.count("\n- ") == other.count("\n- ")
