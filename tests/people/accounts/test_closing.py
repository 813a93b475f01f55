"""Disabled organisations and products: who cannot come in, what nobody files, what comes back."""

import pytest

from kbsearch import people
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import InvalidForm, NotFound
from kbsearch.people import PersonFields, organisations, viewers
from kbsearch.people.accounts import closing, sessions
from kbsearch.people.organisations import products
from kbsearch.tickets.filing import form
from tests.conftest import Cast
from tests.kit.requests import file


def test_its_people_cannot_come_in_until_it_is_enabled(db: SqliteDatabase, cast: Cast):
    acme = organisations.find(db, "acme")
    session = sessions.open_session(db, str(cast.alice.person_id))
    people.disable(db, cast.root, people.find(db, cast.bob.email))
    closing.disable(db, cast.root, acme)
    closing.disable(db, cast.root, acme)
    assert not sessions.viewer_of(db, session).is_signed_in
    assert people.find(db, cast.chloe.email).disabled_at is None
    assert people.find(db, cast.dan.email).disabled_at is None
    closing.enable(db, cast.root, acme)
    assert viewers.find(db, cast.alice.email).organisations == ("acme",)
    assert people.find(db, cast.bob.email).disabled_at, "he was closed before, for himself"


def test_who_belongs_to_another_comes_in_and_files_for_that_one(db: SqliteDatabase, cast: Cast):
    alice = people.find(db, cast.alice.email)
    people.edit(db, cast.root, alice, PersonFields(organisations=["acme", "globex"]))
    closing.disable(db, cast.root, organisations.find(db, "acme"))
    viewer = viewers.find(db, cast.alice.email)
    assert [choice.slug for choice in form.choices(db, viewer)] == ["globex"]
    with pytest.raises(InvalidForm) as refused:
        file(db, viewer, organisation="acme")
    assert refused.value.problems["organisation"].key == "request.organisation_disabled"
    assert file(db, viewer, organisation="globex").number


def test_who_belongs_to_two_comes_in_with_the_first_that_is_open(db: SqliteDatabase, cast: Cast):
    alice = people.find(db, cast.alice.email)
    people.edit(db, cast.root, alice, PersonFields(organisations=["acme", "globex"]))
    acme, globex = (organisations.find(db, slug) for slug in ("acme", "globex"))
    closing.disable(db, cast.root, acme)
    closing.disable(db, cast.root, globex)
    assert people.find(db, alice.email).disabled_at
    closing.enable(db, cast.root, acme)
    assert people.find(db, alice.email).disabled_at is None
    assert people.find(db, cast.chloe.email).disabled_at, "Globex is still closed"


def test_nobody_files_about_a_disabled_product(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice, software="icownect")
    product = products.disable(db, cast.root, products.find(db, "icownect"))
    assert product.disabled_at and ticket.product == "icownect"
    for viewer in (cast.alice, cast.dan):
        with pytest.raises(InvalidForm) as refused:
            file(db, viewer, software="icownect")
        assert refused.value.problems["software"].key == "request.software_unknown"
    assert all(not choice.products for choice in form.choices(db, cast.alice))
    products.enable(db, cast.root, product)
    assert file(db, cast.alice, software="icownect").product == "icownect"


def test_only_administrators_decide_it(db: SqliteDatabase, cast: Cast):
    acme, product = organisations.find(db, "acme"), products.find(db, "icownect")
    for viewer in (cast.alice, cast.dan, cast.wendy, cast.nobody):
        for change, thing in ((closing.disable, acme), (closing.enable, acme)):
            with pytest.raises(NotFound):
                change(db, viewer, thing)
        with pytest.raises(NotFound):
            products.disable(db, viewer, product)
