"""The list of a first day: a step is done when it is done, and administrators alone see it."""

from dataclasses import replace

import pytest

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.messages.delivery import departures
from kbsearch.messages.delivery.departures import Receipt
from kbsearch.people import PersonFields, organisations, viewers
from kbsearch.people.organisations import OrganisationFields, products
from kbsearch.people.organisations.products import ProductFields
from kbsearch.site import backup_rounds, first_steps
from tests.conftest import Cast
from tests.kit.search import put_live, write


def person(db: SqliteDatabase, role: str) -> None:
    people.add(db, OPERATOR, PersonFields(email=f"{role}@x.example", name=role, role=role))


def test_each_step_is_done_by_doing_it(db: SqliteDatabase, settings: Settings):
    person(db, "administrator")
    root = viewers.find(db, "administrator@x.example")

    def left(there: Settings = settings) -> list[str]:
        return [step.name for step in first_steps.look(db, root, there) if not step.is_done]

    assert left() == list(first_steps.STEPS)
    assert "name" not in left(replace(settings, site_name="Aide de Cervo"))
    departures.enter_trial(db, Receipt("250 ok"))
    products.add(db, OPERATOR, ProductFields("Atelier"))
    assert left() == ["name", "organisation", "customer", "colleague", "article", "backup"]
    organisations.add(db, OPERATOR, OrganisationFields("acme"))
    assert "organisation" in left(), "without a product nobody can file"
    acme = organisations.find(db, "acme")
    organisations.edit(db, OPERATOR, acme, OrganisationFields(products=["atelier"]))
    person(db, "writer")
    assert left() == ["name", "customer", "colleague", "article", "backup"], (
        "who writes answers nobody"
    )
    person(db, "customer")
    person(db, "agent")
    write(settings.content_path, "fr/guide/bienvenue", "Bonjour.")
    put_live(db, settings)
    assert left() == ["name", "backup"]
    backup_rounds.run(db, replace(settings, backup_to="vault"))
    assert left() == ["name"]


def test_administrators_alone_see_them(db: SqliteDatabase, cast: Cast, settings: Settings):
    for viewer in (cast.dan, cast.wendy, cast.alice, cast.nobody):
        with pytest.raises(NotFound):
            first_steps.look(db, viewer, settings)
