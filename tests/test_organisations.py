import pytest

from kbsearch import organisations, outbox, ticket_changes, tickets
from kbsearch.db import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from tests.conftest import Cast, take_over
from tests.test_tickets import who_reads


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
    assert organisations.slug_of(name) == slug


def test_a_name_without_latin_letters_has_a_slug_of_its_own():
    assert organisations.slug_of("株式会社") != organisations.slug_of("有限会社")
    assert organisations.SLUG.fullmatch(organisations.slug_of("株式会社"))


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
        ({"contract_ends": "2026-02-30"}, "organisation.date_invalid"),
        (
            {"contract_starts": "2026-02-02", "contract_ends": "2026-02-01"},
            "organisation.contract_backwards",
        ),
    ],
)
def test_what_is_wrong_about_an_organisation_is_said_and_nothing_kept(
    db: SqliteDatabase, cast: Cast, wrong: dict[str, str], problem: str
):
    before = organisations.list_all(db)
    with pytest.raises(Invalid, match=problem):
        organisations.add(db, **{"name": "New", **wrong})
    with pytest.raises(Invalid, match=problem):
        organisations.edit(db, organisations.find(db, "acme"), **wrong)
    assert organisations.list_all(db) == before


def test_an_unknown_product_keeps_the_organisation_out(db: SqliteDatabase, cast: Cast):
    with pytest.raises(NotFound, match="product.not_found"):
        organisations.add(db, "New", products=["icownect", "unknown"])
    with pytest.raises(NotFound, match="organisation.not_found"):
        organisations.find(db, "new")


def test_only_what_is_given_changes_and_an_empty_date_goes_away(db: SqliteDatabase, cast: Cast):
    acme = organisations.find(db, "acme")
    dated = organisations.edit(db, acme, contract_starts="2026-01-01", contract_ends="2026-12-31")
    assert (dated.name, dated.sharing, dated.products) == ("Acme", "everyone", ("icownect",))
    assert organisations.edit(db, dated, contract_ends="").contract_ends is None
    assert organisations.edit(db, dated, products=()).products == ()


def test_sharing_takes_effect_on_tickets_that_are_there(db: SqliteDatabase, cast: Cast):
    ticket = take_over(db)
    acme = organisations.edit(db, organisations.find(db, "acme"), sharing="nobody")
    assert who_reads(db, cast, ticket) == {"alice", "dan", "root"}
    organisations.edit(db, acme, sharing="everyone")
    assert who_reads(db, cast, ticket) == {"alice", "bob", "dan", "root"}


def test_sharing_does_not_open_confidential_tickets_or_those_of_others(
    db: SqliteDatabase, cast: Cast
):
    acme = organisations.edit(db, organisations.find(db, "acme"), sharing="nobody")
    globex = organisations.find(db, "globex")
    take_over(db, number=1, confidential=True)
    theirs = {"requester": "chloe@globex.example", "organisation": "globex"}
    take_over(db, number=2, **theirs)
    revision = ticket_changes.last_revision(db)
    organisations.edit(db, acme, sharing="everyone")
    assert tickets.visible_numbers(db, cast.bob, [1, 2]) == set()
    assert tickets.visible_numbers(db, cast.chloe, [1, 2]) == {2}
    assert [case.number for case in ticket_changes.list_changed(db, revision, 10)] == [1]
    assert organisations.find(db, "globex") == globex


def test_another_slug_keeps_its_people_reading(db: SqliteDatabase, cast: Cast):
    take_over(db, number=1)
    take_over(db, number=2)
    revision = ticket_changes.last_revision(db)
    organisations.edit(db, organisations.find(db, "acme"), slug="acme-sa")
    changed = ticket_changes.list_changed(db, revision, 10)
    assert [case.number for case in changed] == [1, 2]
    assert len({case.revision for case in changed}) == 2
    assert all("org:acme-sa" in c.readers and "org:acme" not in c.readers for c in changed)


def test_the_index_is_asked_to_follow(db: SqliteDatabase, cast: Cast):
    take_over(db)
    db.execute("DELETE FROM outbox")
    acme = organisations.find(db, "acme")
    organisations.edit(db, acme, name="Acme SA")
    assert outbox.claim(db) is None, "a name changes no reader"
    organisations.edit(db, acme, sharing="nobody")
    task = outbox.claim(db)
    assert task is not None
    assert (task.kind, task.subject) == ("index.tickets", "all")


def test_an_imported_name_finds_its_organisation_or_makes_one(db: SqliteDatabase, cast: Cast):
    organisations.edit(db, organisations.find(db, "acme"), name="Acme Élevage")
    assert organisations.ensure(db, "acme").slug == "acme"
    assert organisations.ensure(db, "Acme Élevage").slug == "acme"
    assert organisations.ensure(db, "Initech").slug == "initech"
    assert organisations.ensure(db, "INITECH").slug == "initech"
    assert organisations.ensure_product(db, "Cervo Atelier").slug == "cervo-atelier"
    assert [p.slug for p in organisations.list_products(db)] == ["cervo-atelier", "icownect"]
