from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from kbsearch import outbox, people, tickets
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import PersonFields, organisations, viewers
from kbsearch.people.organisations import OrganisationFields, slugs
from kbsearch.tickets import changes as ticket_changes
from tests.conftest import Cast, take_over
from tests.tickets.test_tickets import who_reads


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Acme", "acme"),
        ("Élevage du Chêne & Fils", "elevage-du-chene-fils"),
        ("  --A  b--  ", "a-b"),
        ("x" * 100, "x" * 60),
    ],
)
def test_a_slug_is_made_of_the_name(name: str, slug: str):
    assert slugs.slug_of(name) == slug


def test_a_name_without_latin_letters_has_a_slug_of_its_own():
    assert slugs.slug_of("株式会社") != slugs.slug_of("有限会社")
    assert slugs.SLUG.fullmatch(slugs.slug_of("株式会社"))


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"slug": "Acme"}, "organisation.slug_invalid"),
        ({"slug": "a--b"}, "organisation.slug_invalid"),
        ({"slug": "a:b"}, "organisation.slug_invalid"),
        ({"slug": "x" * 61}, "organisation.slug_invalid"),
        ({"slug": "globex"}, "organisation.slug_taken"),
        ({"name": " "}, "organisation.name_invalid"),
        ({"sharing": "some"}, "organisation.sharing_unknown"),
        ({"phone": "call me"}, "organisation.phone_invalid"),
        ({"phone": "+33 <b>"}, "organisation.phone_invalid"),
        ({"contract_ends": "2026-02-30"}, "organisation.date_invalid"),
        (
            {"contract_starts": "2026-02-02", "contract_ends": "2026-02-01"},
            "organisation.contract_backwards",
        ),
    ],
)
def test_what_is_wrong_about_an_organisation_is_said_and_nothing_kept(
    db: SqliteDatabase, cast: Cast, wrong: dict[str, Any], problem: str
):
    before = organisations.list_all(db)
    with pytest.raises(Invalid, match=problem):
        organisations.add(db, OPERATOR, OrganisationFields(**{"name": "New", **wrong}))
    with pytest.raises(Invalid, match=problem):
        organisations.edit(
            db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(**wrong)
        )
    assert organisations.list_all(db) == before


def test_an_unknown_product_keeps_the_organisation_out(db: SqliteDatabase, cast: Cast):
    with pytest.raises(NotFound, match="product.not_found"):
        organisations.add(db, OPERATOR, OrganisationFields("New", products=["icownect", "unknown"]))
    with pytest.raises(NotFound, match="organisation.not_found"):
        organisations.find(db, "new")


def test_only_what_is_given_changes_and_an_empty_date_goes_away(db: SqliteDatabase, cast: Cast):
    acme = organisations.find(db, "acme")
    dated = organisations.edit(
        db,
        OPERATOR,
        acme,
        OrganisationFields(contract_starts="2026-01-01", contract_ends="2026-12-31"),
    )
    assert (dated.name, dated.sharing, dated.products) == ("Acme", "everyone", ("icownect",))
    assert (
        organisations.edit(db, OPERATOR, dated, OrganisationFields(contract_ends="")).contract_ends
        is None
    )
    assert organisations.edit(db, OPERATOR, dated, OrganisationFields(products=())).products == ()


def test_sharing_takes_effect_on_tickets_that_are_there(db: SqliteDatabase, cast: Cast):
    ticket = take_over(db)
    acme = organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(sharing="nobody")
    )
    assert who_reads(db, cast, ticket) == {"alice", "dan", "root"}
    organisations.edit(db, OPERATOR, acme, OrganisationFields(sharing="everyone"))
    assert who_reads(db, cast, ticket) == {"alice", "bob", "dan", "root"}


def test_sharing_does_not_open_confidential_tickets_or_those_of_others(
    db: SqliteDatabase, cast: Cast
):
    acme = organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(sharing="nobody")
    )
    globex = organisations.find(db, "globex")
    take_over(db, number=1, confidential=True)
    theirs = {"requester": "chloe@globex.example", "organisation": "globex"}
    take_over(db, number=2, **theirs)
    revision = ticket_changes.last_revision(db)
    organisations.edit(db, OPERATOR, acme, OrganisationFields(sharing="everyone"))
    assert tickets.visible_numbers(db, cast.bob, [1, 2]) == set()
    assert tickets.visible_numbers(db, cast.chloe, [1, 2]) == {2}
    assert [case.number for case in ticket_changes.list_changed(db, revision, 10)] == [1]
    assert organisations.find(db, "globex") == globex


def name_readers(db: SqliteDatabase, *addresses: str, sharing: str = "people") -> None:
    acme = organisations.find(db, "acme")
    organisations.edit(db, OPERATOR, acme, OrganisationFields(sharing=sharing, followers=addresses))


def test_people_who_are_named_read_what_is_not_confidential(db: SqliteDatabase, cast: Cast):
    people.add(
        db, OPERATOR, PersonFields(email="eve@acme.example", name="Eve", organisations=["acme"])
    )
    take_over(db, number=1)
    take_over(db, number=2, confidential=True)
    theirs = {"requester": "chloe@globex.example", "organisation": "globex"}
    take_over(db, number=3, **theirs)
    name_readers(db, "Bob@acme.example")
    eve = viewers.find(db, "eve@acme.example")
    assert tickets.visible_numbers(db, cast.bob, [1, 2, 3]) == {1}
    assert tickets.visible_numbers(db, cast.alice, [1, 2, 3]) == {1, 2}
    assert tickets.visible_numbers(db, eve, [1, 2, 3]) == set(), "a colleague nobody named"
    assert tickets.visible_numbers(db, cast.chloe, [1, 2, 3]) == {3}
    take_over(db, number=4)
    take_over(db, number=5, confidential=True)
    assert tickets.visible_numbers(db, cast.bob, [4, 5]) == {4}, "those to come as well"


def test_being_named_counts_while_requests_are_shared_with_people(db: SqliteDatabase, cast: Cast):
    ticket = take_over(db)
    name_readers(db, "bob@acme.example", sharing="nobody")
    assert who_reads(db, cast, ticket) == {"alice", "dan", "root"}
    acme = organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(sharing="people")
    )
    assert who_reads(db, cast, ticket) == {"alice", "bob", "dan", "root"}
    assert organisations.followers(db, acme) == ("bob@acme.example",)
    name_readers(db)
    assert who_reads(db, cast, ticket) == {"alice", "dan", "root"}


def test_whoever_is_in_copy_goes_on_reading_when_no_longer_named(db: SqliteDatabase, cast: Cast):
    ticket = take_over(db, cc=["bob@acme.example"])
    name_readers(db, "bob@acme.example")
    name_readers(db)
    assert who_reads(db, cast, ticket) == {"alice", "bob", "dan", "root"}


def test_whoever_leaves_the_organisation_no_longer_follows_it(db: SqliteDatabase, cast: Cast):
    ticket = take_over(db)
    name_readers(db, "bob@acme.example")
    bob = people.find(db, "bob@acme.example")
    people.edit(db, OPERATOR, bob, PersonFields(organisations=["globex"]))
    assert who_reads(db, cast, ticket) == {"alice", "dan", "root"}
    people.edit(db, OPERATOR, bob, PersonFields(organisations=["acme"]))
    assert who_reads(db, cast, ticket) == {"alice", "dan", "root"}, "coming back is not following"
    assert organisations.followers(db, organisations.find(db, "acme")) == ()


def test_only_its_own_people_can_be_named(db: SqliteDatabase, cast: Cast):
    ticket = take_over(db)
    with pytest.raises(Invalid, match="organisation.follower_outside"):
        name_readers(db, "bob@acme.example", "chloe@globex.example")
    assert organisations.find(db, "acme").sharing == "everyone"
    assert who_reads(db, cast, ticket) == {"alice", "bob", "dan", "root"}


@pytest.mark.parametrize(
    ("ends", "has_ended"), [(None, False), ("2026-11-25", False), ("2026-11-24", True)]
)
def test_a_contract_lasts_to_the_end_of_its_last_day(
    db: SqliteDatabase, cast: Cast, ends: str | None, has_ended: bool
):
    acme = organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(contract_ends=ends)
    )
    today = date(2026, 11, 25)
    assert acme.has_ended(today) == has_ended
    settings = Settings()
    assert organisations.accepts_requests(acme, today, settings) != has_ended
    generous = replace(settings, expired_contract_requests=True)
    assert organisations.accepts_requests(acme, today, generous)


def test_a_viewer_has_their_own_organisations_by_name(db: SqliteDatabase, cast: Cast):
    organisations.edit(
        db, OPERATOR, organisations.find(db, "globex"), OrganisationFields(name="AAA")
    )
    people.edit(
        db,
        OPERATOR,
        people.find(db, "bob@acme.example"),
        PersonFields(organisations=["acme", "globex"]),
    )
    bob = viewers.find(db, "bob@acme.example")
    assert [mine.name for mine in organisations.list_of(db, bob)] == ["AAA", "Acme"]
    assert organisations.list_of(db, cast.dan) == []
    assert organisations.list_of(db, cast.nobody) == []


@pytest.mark.both_engines
def test_organisations_are_searched_by_name_or_slug(db: SqliteDatabase, cast: Cast):
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(name="Works 100%")
    )
    assert [each.slug for each in organisations.search(db, "WORKS")] == ["acme"]
    assert [each.slug for each in organisations.search(db, "acm")] == ["acme"]
    assert [each.slug for each in organisations.search(db, "%")] == ["acme"], "a plain letter"
    assert len(organisations.search(db, " ")) == 2
    organisations.add(db, OPERATOR, OrganisationFields(name="Électricité Çà"))
    for text in ("ÉLEC", "electricite", "ça", " ca "):
        assert [each.name for each in organisations.search(db, text)] == ["Électricité Çà"], text
    assert organisations.search(db, "électrique") == organisations.search(db, "é" * 300) == []


def test_another_slug_keeps_its_people_reading(db: SqliteDatabase, cast: Cast):
    take_over(db, number=1)
    take_over(db, number=2)
    revision = ticket_changes.last_revision(db)
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(slug="acme-sa")
    )
    changed = ticket_changes.list_changed(db, revision, 10)
    assert [case.number for case in changed] == [1, 2]
    assert len({case.revision for case in changed}) == 2
    assert all("org:acme-sa" in c.readers and "org:acme" not in c.readers for c in changed)


def test_the_index_is_asked_to_follow(db: SqliteDatabase, cast: Cast):
    take_over(db)
    db.execute("DELETE FROM outbox")
    acme = organisations.find(db, "acme")
    organisations.edit(
        db, OPERATOR, acme, OrganisationFields(name="Acme SA", sharing="everyone", followers=())
    )
    assert outbox.claim(db) is None, "a name changes no reader"
    organisations.edit(db, OPERATOR, acme, OrganisationFields(sharing="nobody"))
    task = outbox.claim(db)
    assert task is not None
    assert (task.kind, task.subject) == ("index.tickets", "all")


def test_an_imported_name_finds_its_organisation_or_makes_one(db: SqliteDatabase, cast: Cast):
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(name="Acme Élevage")
    )
    assert organisations.ensure(db, OPERATOR, "acme").slug == "acme"
    assert organisations.ensure(db, OPERATOR, "Acme Élevage").slug == "acme"
    assert organisations.ensure(db, OPERATOR, "Initech").slug == "initech"
    assert organisations.ensure(db, OPERATOR, "INITECH").slug == "initech"
