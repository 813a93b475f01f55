"""Settings of the browser: in force at once and everywhere, unless the file says something."""

import json
from dataclasses import replace

import pytest

from kbsearch import config, config_checks, config_sources
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import InvalidForm, NotFound, Outdated
from kbsearch.site.browser_settings import BrowserSettings
from tests.conftest import Cast

URL = "smtps://robot:hunter2@mail.example:465"


@pytest.fixture
def chosen(settings: Settings, db: Database) -> BrowserSettings:
    standing = BrowserSettings(replace(settings), {"support_phone": "kbsearch.toml"})
    standing.renew(db)
    return standing


def test_another_process_has_them_once_it_looks(
    settings: Settings, db: Database, chosen: BrowserSettings
):
    other = BrowserSettings(replace(settings))
    other.renew(db)
    shared = other.settings
    chosen.save(db, OPERATOR, "site", {"site_name": " Prairial ", "accent": "#17494d"})
    assert shared.site_name == settings.site_name
    assert other.renew(db) and not other.renew(db)
    assert (shared.site_name, shared.accent) == ("Prairial", "#17494d")
    assert other.source(db, "site_name") == "browser"
    chosen.save(db, OPERATOR, "site", {"site_name": settings.site_name, "accent": ""})
    other.renew(db)
    assert (shared.accent, other.source(db, "accent")) == ("", "default")


def test_what_the_file_says_is_fixed_there(db: Database, chosen: BrowserSettings):
    before = chosen.settings.support_phone
    chosen.save(db, OPERATOR, "site", {"support_phone": "01 23 45 67 89"})
    assert chosen.settings.support_phone == before
    assert chosen.source(db, "support_phone") == "kbsearch.toml"


def test_secrets_are_sealed_and_shown_to_nobody(db: Database, chosen: BrowserSettings, cast: Cast):
    chosen.save(db, cast.root, "mail", {"smtp_url": URL})
    assert chosen.settings.smtp_url == URL
    assert chosen.texts("mail")["smtp_url"] == "smtps://mail.example:465"
    stored = [*db.query("SELECT * FROM site_settings"), *db.query("SELECT * FROM security_log")]
    assert "hunter2" not in repr(stored)
    chosen.save(db, cast.root, "mail", {"smtp_url": "", "mail_from": "help@acme.example"})
    assert chosen.settings.smtp_url == URL, "typed empty it stays"
    chosen.save(db, cast.root, "mail", {"smtp_url": ""}, emptied=frozenset({"smtp_url"}))
    assert chosen.settings.smtp_url == ""


@pytest.mark.parametrize(
    ("group", "name", "text", "reason"),
    [
        ("mail", "smtp_url", "http://mail.example", "it starts with one of %(schemes)s"),
        ("site", "site_name", "", "a name on one line"),
        ("site", "accent", "red", "a colour as #17494d"),
        (
            "site",
            "footer_links_fr",
            "A | javascript:x",
            "“%(line)s” is no link as: Name | https://…",
        ),
        ("site", "home_text_fr", "x" * 20_001, "setting.refused"),
        ("sign_on", "oidc_issuer", "http://id.example", "it does not start with https://"),
        ("sign_on", "jwt_shared_secret", "short", "%(bytes)s bytes at least"),
    ],
)
def test_both_ways_share_one_validation(
    db: Database, chosen: BrowserSettings, group: str, name: str, text: str, reason: str
):
    with pytest.raises(InvalidForm) as refusal:
        chosen.save(db, OPERATOR, group, {name: text})
    assert {name: p.key for name, p in refusal.value.problems.items()} == {name: reason}
    if reason != "setting.refused":
        with pytest.raises(config.ConfigError):
            typed = replace(chosen.settings)
            object.__setattr__(typed, name, text)
            config_checks.check(typed, dict.fromkeys(config.FIELDS, "kbsearch.toml"))
    assert db.query("SELECT 1 FROM site_settings") == []


def test_only_administrators_choose_and_nobody_undoes_a_change_unseen(
    db: Database, chosen: BrowserSettings, cast: Cast
):
    with pytest.raises(NotFound):
        chosen.save(db, cast.dan, "site", {"site_name": "Mine"})
    with pytest.raises(Outdated):
        chosen.save(db, cast.root, "site", {"site_name": "Mine"}, revision="of before")


def test_a_child_knows_where_the_settings_of_its_parent_come_from():
    environ = {
        "KBSEARCH_SITE_NAME": "Acme",
        "KBSEARCH_ACCENT": "",
        config_sources.SOURCES: json.dumps({"site_name": "kbsearch.toml", "accent": "default"}),
    }
    sources = config_sources.load(environ=environ).sources
    assert (sources["site_name"], sources["accent"]) == ("kbsearch.toml", "default")
