"""Another address: entered by an administrator, confirmed by whoever reads it, told to the old."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from kbsearch import people, tickets
from kbsearch.clock import utc_now
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.people.accounts import addresses
from tests.conftest import Cast
from tests.kit.requests import file
from tests.kit.web import sign_in

ORIGIN = {"Sec-Fetch-Site": "same-origin"}
NEW = "alice.new@acme.example"


def entered(db: SqliteDatabase, cast: Cast) -> str:
    """The token of the link to a new address of Alice."""
    addresses.enter(db, cast.root, people.find(db, cast.alice.email), f" {NEW.upper()} ")
    made = addresses.make_token(db, str(cast.alice.person_id))
    assert made is not None and made[0].email == NEW
    return made[1]


def tasks(db: SqliteDatabase) -> list[tuple[str, str]]:
    rows = db.query("SELECT kind, subject FROM outbox WHERE kind LIKE 'address.%' ORDER BY kind")
    return [(row["kind"], row["subject"]) for row in rows]


def test_nothing_changes_until_it_is_confirmed_and_then_all_of_it(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    ticket = file(db, cast.bob, cc=[cast.alice.email])
    token = entered(db, cast)
    sign_in(client, db, cast.alice)
    page = client.get(f"/en/address/{token}").text
    assert NEW in page and people.find(db, cast.alice.email).name == "Alice Martin"
    done = client.post(f"/en/address/{token}", headers=ORIGIN)
    assert done.status_code == 200 and NEW in done.text
    assert people.find(db, NEW).id == cast.alice.person_id
    assert client.get("/en/account").status_code == 303, "her session is over"
    (copy,) = tickets.find(db, cast.dan, ticket.id).copies
    assert (copy.email, copy.person_id) == (NEW, cast.alice.person_id)
    alice = cast.alice.person_id
    assert tasks(db) == [
        ("address.entered", alice),
        ("address.replaced", f"{alice} {cast.alice.email}"),
    ]
    assert client.get(f"/en/address/{token}").status_code == 404


def test_a_link_works_once_for_a_week_and_only_the_last_one(db: SqliteDatabase, cast: Cast):
    first, second = entered(db, cast), entered(db, cast)
    for token, at in ((first, utc_now()), (second, utc_now() + timedelta(days=8))):
        with pytest.raises(NotFound):
            addresses.confirm(db, token, at=at)
    addresses.confirm(db, second)
    with pytest.raises(NotFound):
        addresses.confirm(db, second)


def test_the_address_of_somebody_else_is_refused_where_it_is_typed(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.root)
    path = f"/en/admin/people/{cast.alice.person_id}/address"
    for wrong in (cast.bob.email, "nothing", ""):
        refused = client.post(path, data={"new_email": wrong}, headers=ORIGIN)
        assert refused.status_code == 422 and 'aria-describedby="new_email-wrong' in refused.text
    assert client.post(path, data={"new_email": NEW}, headers=ORIGIN).status_code == 303
    with pytest.raises(NotFound):
        addresses.enter(db, cast.dan, people.find(db, cast.alice.email), NEW)
    with pytest.raises(Invalid):
        addresses.enter(db, cast.root, people.find(db, cast.alice.email), cast.bob.email)
