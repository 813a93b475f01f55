"""The register of data: every table has its place, and what it says of lengths is what is done."""

import re

from kbsearch import i18n
from kbsearch.config import LANGUAGES, Settings
from kbsearch.database.migrations import SCHEMA
from kbsearch.site import register

TABLE = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)


def test_every_table_stands_in_the_register_once():
    tables = [table for kind in register.KINDS for table in kind.tables]
    assert sorted(tables) == sorted(TABLE.findall(SCHEMA.read_text("utf-8")))


def lengths_by(settings: Settings, language: str) -> dict[str, str]:
    return {
        kind.name: i18n.gettext(language, kind.length_by(settings), **kind.values(settings))
        for kind in register.KINDS
    }


def test_lengths_are_those_of_the_settings():
    settings = Settings(draft_days=11, search_log_days=12, close_after_days=13)
    for language in LANGUAGES:
        lengths = lengths_by(settings, language)
        assert "11" in lengths["Drafts"] and "12" in lengths["Searches and visits"]
        assert "13" in lengths["Requests"] and "daily=7" in lengths["Backups"]
        assert not [text for text in lengths.values() if "%" in text]


def test_mail_is_kept_as_long_as_is_set_and_as_is_said():
    usual, other = Settings(), Settings(incoming_mail_days=14, outgoing_mail_days=0)
    for language in LANGUAGES:
        before, after = lengths_by(usual, language), lengths_by(other, language)
        assert re.findall(r"\d+", before["Incoming mail"]) == ["90"]
        assert re.findall(r"\d+", after["Incoming mail"]) == ["14", "90"]
        assert "90" in before["Outgoing messages"]
        numbers = re.findall(r"\d+", after["Outgoing messages"])
        assert len(numbers) == 2 and "0" not in numbers, "for good"


def test_what_was_erased_is_told_by_kind():
    assert register.by_kind({"sessions": 2, "recovery_codes": 8, "texts": 3}) == {
        "Signing in": 10,
        register.MASKED: 3,
    }
