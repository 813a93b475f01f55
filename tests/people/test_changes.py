"""Who changes accounts, and what the security log keeps: what they may do, not who they are."""

from collections.abc import Callable

import pytest

from kbsearch import people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Forbidden, NotFound
from kbsearch.people import PersonFields
from kbsearch.people.accounts import choosing
from kbsearch.people.accounts.single_sign_on import identities
from tests.conftest import Cast
from tests.kit.security_log import added_by

Change = Callable[[Database, Viewer], object]
BOB = "bob@acme.example"

AGENTS_MAY: dict[str, Change] = {
    "a customer": lambda db, viewer: people.add(
        db, viewer, PersonFields("Eve", "eve@acme.example")
    ),
    "an invitation": lambda db, viewer: choosing.invite(db, viewer, people.find(db, BOB)),
}
ADMINISTRATORS_MAY: dict[str, Change] = {
    "an agent": lambda db, viewer: people.add(
        db, viewer, PersonFields("Eve", "eve@support.example", role="agent")
    ),
    "a role": lambda db, viewer: people.edit(
        db, viewer, people.find(db, BOB), PersonFields(role="agent")
    ),
    "a name": lambda db, viewer: people.edit(
        db, viewer, people.find(db, BOB), PersonFields("Robert Durand")
    ),
    "an end": lambda db, viewer: people.disable(db, viewer, people.find(db, BOB)),
    "a return": lambda db, viewer: people.enable(db, viewer, people.find(db, BOB)),
    "a link on paper": lambda db, viewer: choosing.invitation_link(
        db, viewer, Settings(), people.find(db, BOB)
    ),
    "an identity": lambda db, viewer: identities.bind(
        db, viewer, people.find(db, BOB), "https://issuer.example", "42"
    ),
}
CHANGES = AGENTS_MAY | ADMINISTRATORS_MAY


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_it_does_not_exist_for_customers_writers_and_strangers(
    db: SqliteDatabase, cast: Cast, change: Change
):
    before = people.list_all(db)
    for outsider in (cast.alice, cast.bob, cast.wendy, cast.nobody):
        with pytest.raises(NotFound, match="web.not_found"):
            change(db, outsider)
    assert people.list_all(db) == before


@pytest.mark.parametrize("change", ADMINISTRATORS_MAY.values(), ids=list(ADMINISTRATORS_MAY))
def test_agents_are_refused_what_administrators_decide(
    db: SqliteDatabase, cast: Cast, change: Change
):
    before = people.list_all(db)
    with pytest.raises((Forbidden, NotFound)):
        change(db, cast.dan)
    assert people.list_all(db) == before


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_each_leaves_one_row_that_says_who(db: SqliteDatabase, cast: Cast, change: Change):
    (event,) = added_by(db, lambda: change(db, cast.root))
    assert event.actor_id == cast.root.person_id
    assert event.person_id


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_command_says_so_in_its_row(db: SqliteDatabase, cast: Cast, change: Change):
    (event,) = added_by(db, lambda: change(db, OPERATOR))
    assert (event.actor_id, event.details["by"]) == (None, "command line")


def test_a_row_has_what_somebody_might_do_and_what_they_may(db: SqliteDatabase, cast: Cast):
    bob = people.find(db, BOB)
    fields = PersonFields("Robert Durand", role="agent", organisations=[])
    (event,) = added_by(db, lambda: people.edit(db, cast.root, bob, fields))
    assert event.details["before"] == {"role": "customer", "organisations": "acme"}
    assert event.details["after"] == {"role": "agent", "organisations": "", "name": "…"}


def test_names_and_addresses_are_not_in_the_log(db: SqliteDatabase, cast: Cast):
    (added,) = added_by(
        db, lambda: people.add(db, cast.root, PersonFields("Eve Adam", "eve@acme.example"))
    )
    assert "Adam" not in str(added) and "eve@" not in str(added)
