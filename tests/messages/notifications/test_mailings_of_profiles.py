"""Notices by mail and codes by text message, as the worker sends them."""

from email import message_from_bytes, policy
from pathlib import Path

import pytest

from kbsearch import outbox, people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages.notifications import code_texts, mailings
from kbsearch.people import PersonFields
from kbsearch.people.accounts import mobiles, second_factor
from tests.kit.mail import text_of


def mails(settings: Settings) -> list[Path]:
    return sorted((settings.data_path / "mail").glob("*.eml"))


def send_all(db: SqliteDatabase, settings: Settings) -> None:
    handlers = {
        **mailings.handlers(settings, db, mailings.ABOUT_ACCOUNTS),
        **code_texts.handlers(settings, db),
    }
    while outbox.run_one(db, handlers):
        pass
    problems = db.query("SELECT problem FROM outbox WHERE problem IS NOT NULL")
    assert problems == []


@pytest.mark.parametrize("kind", mailings.NOTICES)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_notice_has_a_letter_in_both_languages(
    db: SqliteDatabase, settings: Settings, alice: Viewer, kind: str, language: str
):
    person = people.edit(
        db, OPERATOR, people.find(db, alice.email), PersonFields(language=language)
    )
    outbox.add(db, kind, person.id)
    send_all(db, settings)
    (path,) = mails(settings)
    letter = message_from_bytes(path.read_bytes(), policy=policy.default)
    body = text_of(letter)
    assert letter["To"] == "Alice Martin <alice@acme.example>"
    assert letter["Content-Language"] == language
    assert ("Bonjour Alice Martin," if language == "fr" else "Hello Alice Martin,") in body
    assert f"http://127.0.0.1:8080/{language}/password/forgot" in body
    assert letter["Subject"] and "%(" not in letter["Subject"] + body


def test_what_happens_to_the_second_factor_is_told(
    db: SqliteDatabase, settings: Settings, alice: Viewer
):
    person_id = str(alice.person_id)
    second_factor.set_totp(db, settings, person_id, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    code = second_factor.make_recovery_codes(db, person_id)[0]
    assert second_factor.use_recovery_code(db, person_id, code)
    assert not second_factor.use_recovery_code(db, person_id, code)
    second_factor.remove_totp(db, person_id)
    send_all(db, settings)
    assert len(mails(settings)) == 3
    assert all(code not in path.read_text() for path in mails(settings))


def test_somebody_whose_account_is_closed_is_told_nothing(
    db: SqliteDatabase, settings: Settings, alice: Viewer
):
    outbox.add(db, "authenticator.added", str(alice.person_id))
    people.disable(db, OPERATOR, people.find(db, alice.email))
    outbox.add(db, "authenticator.added", "nobody")
    send_all(db, settings)
    assert mails(settings) == []


def test_the_code_goes_to_the_number_that_is_to_be_verified(
    db: SqliteDatabase, settings: Settings, alice: Viewer
):
    mobiles.ask(db, alice, "07 81 23 45 67")
    request = mobiles.ask(db, alice, "06 12 34 56 78")
    send_all(db, settings)
    (path,) = (settings.data_path / "sms").glob("*.txt")
    number, _, text = path.read_text().partition("\n\n")
    assert number == "+33612345678"
    assert text.startswith(mobiles.code_of(settings, request))
