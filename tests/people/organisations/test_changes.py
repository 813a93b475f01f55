"""Who changes organisations, products and looks, and what the security log keeps of it."""

from collections.abc import Callable

import pytest

from kbsearch import audit
from kbsearch.access import OPERATOR, Viewer
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound, Problem
from kbsearch.people import organisations
from kbsearch.people.organisations import OrganisationFields, branding, products
from kbsearch.people.organisations.branding import LookFields
from kbsearch.people.organisations.products import ProductFields
from tests.conftest import Cast
from tests.kit.security_log import added_by
from tests.people.organisations.test_branding import png

Change = Callable[[SqliteDatabase, Viewer], object]

CHANGES: dict[str, Change] = {
    "a new organisation": lambda db, viewer: organisations.add(
        db, viewer, OrganisationFields("Initech")
    ),
    "an organisation of an import": lambda db, viewer: organisations.ensure(db, viewer, "Initech"),
    "sharing": lambda db, viewer: organisations.edit(
        db, viewer, organisations.find(db, "acme"), OrganisationFields(sharing="nobody")
    ),
    "a look": lambda db, viewer: branding.dress(
        db, viewer, organisations.find(db, "acme").id, LookFields(accent="#123456", logo=png())
    ),
    "a new product": lambda db, viewer: products.add(db, viewer, ProductFields("Troupeau")),
    "a product of an import": lambda db, viewer: products.ensure(db, viewer, "Troupeau"),
    "where a version stands": lambda db, viewer: products.edit(
        db, viewer, products.find(db, "icownect"), ProductFields(where_en="Help > About")
    ),
    "a version": lambda db, viewer: products.add_version(
        db, viewer, products.find(db, "icownect"), "5.0"
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_it_does_not_exist_for_whoever_is_no_administrator(
    db: SqliteDatabase, cast: Cast, change: Change
):
    before = (organisations.list_all(db), products.list_all(db))
    for outsider in (cast.alice, cast.dan, cast.wendy, cast.nobody):
        with pytest.raises(NotFound, match="web.not_found"):
            change(db, outsider)
    assert (organisations.list_all(db), products.list_all(db)) == before


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_each_leaves_one_row_that_says_who(db: SqliteDatabase, cast: Cast, change: Change):
    (event,) = added_by(db, lambda: change(db, cast.root))
    assert event.actor_id == cast.root.person_id
    assert "by" not in event.details
    assert event.details["before"] != event.details["after"]


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_command_says_so_in_its_row(db: SqliteDatabase, cast: Cast, change: Change):
    (event,) = added_by(db, lambda: change(db, OPERATOR))
    assert (event.actor_id, event.details["by"]) == (None, "command line")


def test_a_row_has_the_fields_that_changed_as_they_were_and_as_they_are(
    db: SqliteDatabase, cast: Cast
):
    acme = organisations.find(db, "acme")
    fields = OrganisationFields(name="Acme", sharing="people", followers=["bob@acme.example"])
    (event,) = added_by(db, lambda: organisations.edit(db, cast.root, acme, fields))
    assert (event.kind, event.details["subject"]) == ("organisation.changed", "acme")
    assert event.details["before"] == {"sharing": "everyone"}
    assert event.details["after"] == {"sharing": "people", "followers": cast.bob.person_id}


def test_people_and_pictures_are_not_copied_into_the_log(db: SqliteDatabase, cast: Cast):
    acme = organisations.find(db, "acme")
    fields = OrganisationFields(followers=["bob@acme.example"])
    look = LookFields(welcome_fr="Bonjour. " * 300, logo=png())
    (followed,) = added_by(db, lambda: organisations.edit(db, cast.root, acme, fields))
    (dressed,) = added_by(db, lambda: branding.dress(db, cast.root, acme.id, look))
    assert "bob@" not in str(followed)
    assert len(dressed.details["after"]["welcome_fr"]) == audit.MAX_TEXT
    assert len(dressed.details["after"]["logo"]) == 32


def test_what_changes_nothing_leaves_no_row(db: SqliteDatabase, cast: Cast):
    acme, product = organisations.find(db, "acme"), products.find(db, "icownect")

    def change_nothing() -> None:
        organisations.edit(
            db, cast.root, acme, OrganisationFields(name="Acme", products=["icownect"])
        )
        branding.dress(db, cast.root, acme.id, LookFields(accent=""))
        products.edit(db, cast.root, product, ProductFields(versions=[]))

    assert added_by(db, change_nothing) == []


def test_a_refused_change_leaves_no_row(db: SqliteDatabase, cast: Cast):
    acme = organisations.find(db, "acme")

    def be_refused() -> None:
        with pytest.raises(Problem):
            organisations.edit(
                db, cast.root, acme, OrganisationFields(sharing="nobody", products=["unknown"])
            )
        with pytest.raises(Problem):
            organisations.add(db, cast.root, OrganisationFields("Acme"))

    assert added_by(db, be_refused) == []


def test_the_look_of_what_is_not_there_is_not_found(db: SqliteDatabase, cast: Cast):
    with pytest.raises(NotFound, match="organisation.not_found"):
        branding.dress(db, cast.root, "unknown", LookFields(accent="#123456"))
