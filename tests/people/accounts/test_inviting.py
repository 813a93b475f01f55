"""Invitations of many: each gets one letter, at a pace; who came is left alone."""

from datetime import UTC, datetime, timedelta

import pytest

from kbsearch import audit, people
from kbsearch.access import OPERATOR
from kbsearch.clock import parsed, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound
from kbsearch.messages.notifications import mailings
from kbsearch.outbox import Task
from kbsearch.people.accounts import inviting
from kbsearch.people.accounts.inviting import WaveTerms
from tests.conftest import Cast

MORNING = datetime(2026, 3, 2, 9, tzinfo=UTC)


def states(db: Database, cast: Cast, state: str = "") -> dict[str, str]:
    return {one.email: one.state for one in inviting.list_people(db, cast.root, state=state)}


def letters_of(db: Database) -> list[Task]:
    rows = db.query("SELECT * FROM outbox WHERE kind LIKE 'invitation.%' ORDER BY due_at, subject")
    return [Task(row["id"], row["kind"], row["subject"], None, 1, "", "", "") for row in rows]


def sent(db: Database, settings: Settings) -> list[mailings.Mailing]:
    """What leaves, each letter written as the worker does."""
    written = [mailings.ABOUT_ACCOUNTS[t.kind](settings, db, t) for t in letters_of(db)]
    db.execute("DELETE FROM outbox")
    return [mailing for mailing in written if mailing is not None]


def test_a_wave_leaves_at_its_pace_and_nobody_is_invited_twice(db: Database, cast: Cast):
    terms = WaveTerms(("acme",), per_hour=60)
    assert inviting.plan(db, cast.root, terms, at=MORNING) == 2
    assert states(db, cast) == {
        "alice@acme.example": "planned",
        "bob@acme.example": "planned",
        "chloe@globex.example": "not_invited",
    }
    assert inviting.plan(db, cast.root, terms, at=MORNING) == 0
    assert inviting.plan(db, cast.root, WaveTerms(per_hour=60), at=MORNING) == 1
    moments = [
        parsed(row["due_at"])
        for row in db.query("SELECT due_at FROM outbox WHERE kind = 'invitation.due' ORDER BY 1")
    ]
    assert moments == [MORNING + timedelta(minutes=place) for place in range(3)]
    assert [task.subject for task in letters_of(db)] == [
        cast.alice.person_id,
        cast.bob.person_id,
        cast.chloe.person_id,
    ]


def test_the_letter_is_in_the_words_of_the_wave(db: Database, settings: Settings, cast: Cast):
    words = {"fr": "Notre nouveau centre.\r\n\r\nBienvenue", "en": "Our new one."}
    people.edit(db, OPERATOR, people.find(db, cast.bob.email), people.PersonFields(language="fr"))
    db.insert(
        "identities",
        {"issuer": "https://id.example", "subject": "c", "person_id": cast.chloe.person_id}
        | {"created_at": "2026-01-01T00:00:00Z"},
    )
    inviting.rehearse(db, cast.root, WaveTerms(words=words), people.find(db, cast.dan.email))
    rehearsed = sent(db, settings)
    assert {mailing.person.email for mailing in rehearsed} == {cast.dan.email}
    assert [mailing.values["paragraphs"] for mailing in rehearsed] == [
        ["Our new one."],
        ["Notre nouveau centre.", "Bienvenue"],
    ]
    assert all("/invitation/" not in str(mailing.values["link"]) for mailing in rehearsed)
    inviting.plan(db, cast.root, WaveTerms(words=words))
    by_address = {mailing.person.email: mailing for mailing in sent(db, settings)}
    assert by_address[cast.bob.email].values["paragraphs"] == rehearsed[1].values["paragraphs"]
    assert "/invitation/" in str(by_address[cast.alice.email].values["link"])
    assert by_address[cast.chloe.email].template == "invitation_sign_on"
    kinds = {event.kind for event in audit.list_kinds(db, cast.root, [], limit=50)}
    assert {"invitations.planned", "invitation.sent"} <= kinds


def test_reminders_are_two_and_not_for_who_came_or_is_not_reached(
    db: Database, settings: Settings, cast: Cast
):
    inviting.plan(db, cast.root, WaveTerms())
    assert inviting.remind(db, cast.root) == 0, "nobody has got a letter yet"
    assert len(sent(db, settings)) == 3
    later = utc_now() + inviting.PAUSE
    audit.record(db, "sign_in.succeeded", person_id=cast.alice.person_id)
    db.execute(
        "UPDATE people SET undeliverable_at = '2026-03-03T09:00:00Z', undeliverable_why = '5.1.1'"
        " WHERE email = :email",
        {"email": cast.bob.email},
    )
    assert states(db, cast) == {
        "alice@acme.example": "come",
        "bob@acme.example": "unreached",
        "chloe@globex.example": "invited",
    }
    assert inviting.remind(db, cast.root) == 0, "three days have not passed"
    counts = []
    for place in range(4):
        counts.append(inviting.remind(db, cast.root, at=later + inviting.PAUSE * (place + 1)))
        sent(db, settings)
    assert counts == [1, 1, 0, 0]
    assert states(db, cast, state="reminded") == {"chloe@globex.example": "reminded"}
    assert inviting.count_states(db, cast.root, "acme")["unreached"] == 1


def test_whoever_came_meanwhile_gets_no_letter(db: Database, settings: Settings, cast: Cast):
    inviting.plan(db, cast.root, WaveTerms(("globex",)))
    audit.record(db, "sign_in.succeeded", person_id=cast.chloe.person_id)
    assert sent(db, settings) == []


def test_only_administrators_and_only_what_makes_sense(db: Database, cast: Cast):
    with pytest.raises(NotFound):
        inviting.plan(db, cast.dan, WaveTerms())
    for terms in (WaveTerms(per_hour=0), WaveTerms(words={"fr": "x" * 2001})):
        with pytest.raises(Invalid):
            inviting.plan(db, cast.root, terms)
    with pytest.raises(NotFound):
        inviting.plan(db, cast.root, WaveTerms(("nowhere",)))
    assert letters_of(db) == []
