import pytest

from kbsearch.access import OPERATOR
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.people.organisations import products
from kbsearch.people.organisations.products import ProductFields


def test_versions_are_known_newest_first(db: SqliteDatabase):
    product = products.add(
        db, OPERATOR, ProductFields("iCownect", versions=["4.2.1", " 4.1 ", "4.2.1"])
    )
    assert product.versions == ("4.2.1", "4.1")
    assert products.add_version(db, OPERATOR, product, "4.10.0").versions == (
        "4.10.0",
        "4.2.1",
        "4.1",
    )
    assert products.add_version(db, OPERATOR, product, "4.1").versions == ("4.1", "4.10.0", "4.2.1")
    assert products.edit(db, OPERATOR, product, ProductFields(name="iCownect 4")).versions == (
        "4.1",
        "4.10.0",
        "4.2.1",
    )
    assert products.edit(db, OPERATOR, product, ProductFields(versions=[])).versions == ()


def test_two_products_may_have_the_same_version(db: SqliteDatabase):
    for name in ("iCownect", "Cervo Atelier"):
        products.add(db, OPERATOR, ProductFields(name, versions=["1.0"]))
    assert [product.versions for product in products.list_all(db)] == [("1.0",), ("1.0",)]


def test_where_to_find_the_version_is_told_in_the_language_or_the_other(db: SqliteDatabase):
    product = products.add(db, OPERATOR, ProductFields("iCownect", where_fr="Menu Aide > À propos"))
    assert product.where("en") == "Menu Aide > À propos"
    product = products.edit(db, OPERATOR, product, ProductFields(where_en="Help > About"))
    assert (product.where("fr"), product.where("en")) == ("Menu Aide > À propos", "Help > About")
    assert products.add(db, OPERATOR, ProductFields("Other")).where("fr") == ""


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"versions": [" "]}, "product.version_invalid"),
        ({"versions": ["x" * 61]}, "product.version_invalid"),
        ({"versions": ["1\x07"]}, "product.version_invalid"),
        ({"versions": [str(n) for n in range(201)]}, "product.versions_too_many"),
        ({"where_fr": "x" * 501}, "product.where_invalid"),
        ({"name": ""}, "organisation.name_invalid"),
    ],
)
def test_what_is_wrong_about_a_product_is_said_and_nothing_kept(
    db: SqliteDatabase, wrong: dict[str, object], problem: str
):
    before = products.add(db, OPERATOR, ProductFields("iCownect", versions=["4.2"]))
    with pytest.raises(Invalid, match=problem):
        products.add(db, OPERATOR, ProductFields(**{"name": "New", **wrong}))  # type: ignore[arg-type]
    with pytest.raises(Invalid, match=problem):
        products.edit(db, OPERATOR, before, ProductFields(**wrong))  # type: ignore[arg-type]
    assert products.list_all(db) == [before]


def test_a_product_has_a_slug_of_its_own(db: SqliteDatabase):
    products.add(db, OPERATOR, ProductFields("iCownect"))
    with pytest.raises(Invalid, match="organisation.slug_taken"):
        products.add(db, OPERATOR, ProductFields("ICOWNECT"))
    assert products.find(db, "icownect").name == "iCownect"
    with pytest.raises(NotFound, match="product.not_found"):
        products.find(db, "unknown")


def test_an_imported_name_finds_its_product_or_makes_one(db: SqliteDatabase):
    first = products.ensure(db, OPERATOR, "Cervo Atelier")
    assert (
        products.ensure(db, OPERATOR, "cervo-atelier")
        == products.ensure(db, OPERATOR, "Cervo Atelier")
        == first
    )
    assert [product.slug for product in products.list_all(db)] == ["cervo-atelier"]
