"""Which events reach whom, by which channel."""

import pytest

from kbsearch.access import Viewer
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid
from kbsearch.people import notification_choices as preferences


def give_mobile(db: SqliteDatabase, viewer: Viewer, verified_at: str | None) -> None:
    db.execute(
        "UPDATE people SET mobile = '+33612345678', mobile_verified_at = :at WHERE id = :id",
        {"at": verified_at, "id": viewer.person_id},
    )


def test_mail_is_on_and_text_messages_are_off_at_first(db: SqliteDatabase, alice: Viewer):
    choices = preferences.find(db, alice)
    assert len(choices) == 17
    unwanted = {event for (event, channel), on in choices.items() if channel == "mail" and not on}
    assert unwanted == {"ticket.own_reply"}
    assert {wanted for (_, channel), wanted in choices.items() if channel == "sms"} == {False}


def test_what_is_chosen_holds_for_one_person(db: SqliteDatabase, alice: Viewer, bob: Viewer):
    preferences.choose(db, alice, [("ticket.solved", "mail")])
    alice_id, bob_id = str(alice.person_id), str(bob.person_id)
    assert preferences.wants(db, alice_id, "ticket.solved", "mail")
    assert not preferences.wants(db, alice_id, "ticket.replied", "mail")
    assert preferences.wants(db, bob_id, "ticket.replied", "mail")
    preferences.choose(db, alice, [])
    assert not any(preferences.find(db, alice).values())


@pytest.mark.parametrize("verified_at", [None, "2026-11-01T10:00:00Z"])
def test_text_messages_need_a_verified_number(
    db: SqliteDatabase, alice: Viewer, verified_at: str | None
):
    give_mobile(db, alice, verified_at)
    if verified_at is None:
        with pytest.raises(Invalid) as problem:
            preferences.choose(db, alice, [("ticket.replied", "sms")])
        assert problem.value.key == "preferences.mobile_needed"
    else:
        preferences.choose(db, alice, [("ticket.replied", "sms")])
    wants = preferences.wants(db, str(alice.person_id), "ticket.replied", "sms")
    assert wants is (verified_at is not None)


def test_a_copy_of_what_one_writes_is_no_text_message(db: SqliteDatabase, alice: Viewer):
    give_mobile(db, alice, "2026-11-01T10:00:00Z")
    preferences.want_texts(db, alice)
    assert preferences.wants(db, str(alice.person_id), "ticket.solved", "sms")
    assert not preferences.wants(db, str(alice.person_id), "ticket.own_reply", "sms")


def test_a_number_that_is_gone_gets_no_text_message(db: SqliteDatabase, alice: Viewer):
    give_mobile(db, alice, "2026-11-01T10:00:00Z")
    preferences.choose(db, alice, [("ticket.replied", "sms")])
    give_mobile(db, alice, None)
    assert not preferences.wants(db, str(alice.person_id), "ticket.replied", "sms")


@pytest.mark.parametrize("choice", [("ticket.noted", "mail"), ("ticket.replied", "pigeon")])
def test_what_does_not_exist_cannot_be_chosen(
    db: SqliteDatabase, alice: Viewer, choice: tuple[str, str]
):
    with pytest.raises(Invalid):
        preferences.choose(db, alice, [choice])
    assert preferences.wants(db, str(alice.person_id), "ticket.replied", "mail")
