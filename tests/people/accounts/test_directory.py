"""Who finds whom in the directory of people, and what they may do there."""

from dataclasses import replace
from typing import Any

import pytest

from kbsearch import audit, people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Forbidden, Invalid, NotFound
from kbsearch.people import Person, PersonFields
from kbsearch.people.accounts import choosing as choosing_passwords
from kbsearch.people.accounts import directory, second_factor
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.accounts.directory import PeopleFilter
from tests.conftest import Cast
from tests.kit.signing import with_totp


def names(db: SqliteDatabase, viewer: Viewer, **asked: object) -> list[str]:
    found = directory.search(db, viewer, PeopleFilter(**asked))  # type: ignore[arg-type]
    assert found.total == len(found.people)
    return [person.name.split()[0] for person in found.people]


def invited(db: SqliteDatabase) -> list[str]:
    rows = db.query("SELECT subject FROM outbox WHERE kind = 'person.invited'")
    return [row["subject"] for row in rows]


def test_administrators_find_everybody_and_agents_the_customers(db: SqliteDatabase, cast: Cast):
    assert names(db, cast.root) == ["Alice", "Bob", "Chloé", "Dan", "Root", "Wendy"]
    assert names(db, cast.dan) == ["Alice", "Bob", "Chloé"]
    assert names(db, cast.dan, role="administrator") == []
    for outsider in (cast.alice, cast.wendy, cast.nobody):
        with pytest.raises(NotFound):
            directory.search(db, outsider, PeopleFilter())


@pytest.mark.both_engines
def test_people_are_narrowed_down(db: SqliteDatabase, cast: Cast):
    people.disable(db, OPERATOR, people.find(db, "bob@acme.example"))
    assert names(db, cast.root, text="MART") == ["Alice"]
    assert names(db, cast.root, text="globex.ex") == ["Chloé"]
    assert names(db, cast.root, text="%") == [], "a wildcard is a plain letter"
    people.add(db, OPERATOR, PersonFields(email="e.f@acme.example", name="Éloïse François"))
    for text in ("éloïse", "ELOI", "françois", "FRANCOIS"):
        assert names(db, cast.dan, text=text) == ["Éloïse"], text
        (listed,) = directory.list_after(db, cast.dan, PeopleFilter(text), "", 9)
        assert listed.email == "e.f@acme.example"
    assert names(db, cast.root, role="agent") == ["Dan"]
    assert names(db, cast.root, organisation="acme") == ["Alice", "Bob"]
    assert names(db, cast.root, organisation="acme", state="closed") == ["Bob"]
    assert names(db, cast.root, organisation="acme", state="open") == ["Alice"]


def test_a_long_list_has_pages(db: SqliteDatabase, cast: Cast):
    for number in range(directory.PAGE_LENGTH):
        people.add(
            db,
            OPERATOR,
            PersonFields(email=f"p{number:03}@acme.example", name=f"Person {number:03}"),
        )
    first = directory.search(db, cast.root, PeopleFilter())
    second = directory.search(db, cast.root, PeopleFilter(page=2))
    assert (first.total, first.last) == (directory.PAGE_LENGTH + 6, 2)
    assert len(first.people) == directory.PAGE_LENGTH
    assert len(second.people) == 6
    assert not {person.id for person in first.people} & {person.id for person in second.people}


def test_somebody_out_of_sight_is_not_found(db: SqliteDatabase, cast: Cast):
    root, alice = str(cast.root.person_id), str(cast.alice.person_id)
    assert directory.find(db, cast.dan, alice).name == "Alice Martin"
    assert directory.find(db, cast.root, root).name == "Root"
    for viewer, wanted in ((cast.dan, root), (cast.alice, alice), (cast.dan, "unknown")):
        with pytest.raises(NotFound):
            directory.find(db, viewer, wanted)


def test_an_agent_takes_a_customer_in_with_an_invitation(db: SqliteDatabase, cast: Cast):
    added = directory.add(
        db,
        cast.dan,
        PersonFields(email="eve@acme.example", name="Eve", organisations=["acme"]),
        invited=True,
    )
    assert (added.role, added.organisations) == ("customer", ("acme",))
    assert invited(db) == [added.id]
    uninvited = directory.add(db, cast.dan, PersonFields(email="tom@acme.example", name="Tom"))
    assert invited(db) == [added.id]
    choosing_passwords.invite(db, cast.dan, uninvited)
    assert invited(db) == [added.id, uninvited.id]


def test_an_invitation_is_asked_for_with_the_account_or_not_at_all(
    db: SqliteDatabase, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(choosing_passwords, "invite", broken)
    with pytest.raises(RuntimeError):
        directory.add(
            db, cast.root, PersonFields(email="eve@acme.example", name="Eve"), invited=True
        )
    with pytest.raises(NotFound):
        people.find(db, "eve@acme.example")


def kinds(db: SqliteDatabase, person: Person) -> list[tuple[str, str | None]]:
    """What was written about somebody, and by whom."""
    return [(event.kind, event.actor_id) for event in audit.list_of(db, person.id)]


def test_whatever_is_done_to_an_account_is_written_down_with_who_did_it(
    db: SqliteDatabase, cast: Cast
):
    eve = directory.add(
        db, cast.dan, PersonFields(email="eve@acme.example", name="Eve"), invited=True
    )
    assert sorted(kinds(db, eve)) == [
        ("person.added", cast.dan.person_id),
        ("person.invited", cast.dan.person_id),
    ]
    bob = people.find(db, "bob@acme.example")
    values: Any = {"name": "Bob", "role": "agent", "organisations": [], "language": None}
    for act, kind in (
        (lambda: people.edit(db, cast.root, bob, PersonFields(**values)), "person.changed"),
        (lambda: directory.end_sessions(db, cast.root, bob), "sessions.ended"),
        (lambda: directory.reset_second_factor(db, cast.root, bob), "second_factor.reset"),
        (lambda: people.disable(db, cast.root, bob), "person.disabled"),
        (lambda: people.enable(db, cast.root, bob), "person.enabled"),
    ):
        before = kinds(db, bob)
        act()
        assert sorted(kinds(db, bob)) == sorted([*before, (kind, cast.root.person_id)])


def test_what_is_refused_is_not_written_down(db: SqliteDatabase, cast: Cast):
    root = people.find(db, "root@support.example")
    with pytest.raises(Invalid, match="person.last_administrator"):
        people.disable(db, cast.root, root)
    assert kinds(db, root) == [("person.added", None)]


def test_a_lost_authenticator_is_taken_away_and_everything_is_signed_out(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    bob = with_totp(settings, db, "bob@acme.example")
    token = accounts.open_session(db, bob.id)
    directory.reset_second_factor(db, cast.root, bob)
    assert not second_factor.has_totp(db, bob.id)
    assert not accounts.viewer_of(db, token).is_signed_in


def test_agents_decide_nothing_else(db: SqliteDatabase, cast: Cast):
    alice = people.find(db, "alice@acme.example")
    token = accounts.open_session(db, alice.id)
    with pytest.raises(Forbidden):
        directory.add(
            db, cast.dan, PersonFields(email="e@support.example", name="Eve", role="administrator")
        )
    for verb in (
        people.disable,
        people.enable,
        directory.end_sessions,
        directory.reset_second_factor,
    ):
        with pytest.raises(Forbidden):
            verb(db, cast.dan, alice)
        with pytest.raises(NotFound):
            verb(db, cast.chloe, alice)
    with pytest.raises(Forbidden):
        people.edit(
            db,
            cast.dan,
            alice,
            PersonFields(name="A", role="customer", organisations=[], language=None),
        )
    assert people.find(db, alice.email) == alice
    assert accounts.viewer_of(db, token).is_signed_in


def test_an_administrator_changes_all_of_an_account(db: SqliteDatabase, cast: Cast):
    alice = people.find(db, "alice@acme.example")
    edited = people.edit(
        db,
        cast.root,
        alice,
        PersonFields(name="Alice Petit", role="agent", organisations=["globex"], language="en"),
    )
    assert edited == replace(
        alice, name="Alice Petit", role="agent", organisations=("globex",), language="en"
    )
    again = people.edit(
        db, cast.root, edited, PersonFields(name="A", role="agent", organisations=[], language="")
    )
    assert (again.organisations, again.language) == ((), None)


def test_sessions_end_and_accounts_close_and_open(db: SqliteDatabase, cast: Cast):
    alice = people.find(db, "alice@acme.example")
    token, bobs = (accounts.open_session(db, str(v.person_id)) for v in (cast.alice, cast.bob))
    directory.end_sessions(db, cast.root, alice)
    assert not accounts.viewer_of(db, token).is_signed_in
    assert accounts.viewer_of(db, bobs).is_signed_in
    closed = people.disable(db, cast.root, alice)
    assert closed.disabled_at
    with pytest.raises(Invalid, match="person.is_disabled"):
        choosing_passwords.invite(db, cast.dan, closed)
    assert people.enable(db, cast.root, closed) == alice
