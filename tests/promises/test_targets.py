"""Targets: which of them decides, and how those of kbsearch.toml become rows."""

import pytest

from kbsearch.access import OPERATOR
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import organisations
from kbsearch.people.organisations import OrganisationFields, products
from kbsearch.people.organisations.products import ProductFields
from kbsearch.promises import calendars, targets
from kbsearch.promises.calendars import CalendarFields
from kbsearch.promises.targets import Scope, TargetFields
from kbsearch.target_tables import TargetTable
from tests.conftest import Cast
from tests.kit.promises import promise

GOLD = {"contract": "Gold"}
BLOCKING = {"severity": "blocking"}


def minutes(db: SqliteDatabase, **request: str) -> dict[str, int]:
    terms = targets.terms_of(targets.live(db), Scope(**request))
    return {promise: int(term.span.total_seconds() / 60) for promise, term in terms.items()}


@pytest.fixture
def ids(db: SqliteDatabase, cast: Cast) -> dict[str, str]:
    cervo = products.add(db, cast.root, ProductFields("Cervo"))
    return {"acme": organisations.find(db, "acme").id, "cervo": cervo.id}


def test_the_most_specific_target_decides(db: SqliteDatabase, ids: dict[str, str]):
    """An organisation's own, its contract's, the product's, the severity's, everybody's."""
    acme, cervo = {"organisation": ids["acme"]}, {"product": ids["cervo"]}
    order = [{**acme, **BLOCKING}, acme, GOLD, {**cervo, **BLOCKING}, cervo, BLOCKING, {}]
    for place, scope in reversed(list(enumerate(order, 1))):
        promise(db, **scope, first_answer=str(place))
    request = {**acme, **GOLD, **cervo, **BLOCKING}
    for place, target in enumerate(targets.live(db), 1):
        assert minutes(db, **request)["first_answer"] == place * 60
        targets.archive(db, OPERATOR, target)
    assert minutes(db, **request) == {}


def test_each_promise_is_decided_apart(db: SqliteDatabase, cast: Cast):
    promise(db, first_answer="8", solution="40")
    promise(db, severity="blocking", first_answer="0.5")
    assert minutes(db, severity="blocking") == {"first_answer": 30, "solution": 2400}
    assert minutes(db, severity="minor") == {"first_answer": 480, "solution": 2400}


def test_a_contract_is_named_in_any_letters(db: SqliteDatabase, cast: Cast):
    promise(db, contract="Gold", first_answer="1")
    assert minutes(db, contract="GOLD") and not minutes(db, contract="Silver")
    with pytest.raises(Invalid, match="scope_taken"):
        promise(db, contract="gold", solution="4")


def test_tables_become_rows_once(db: SqliteDatabase, cast: Cast):
    tables = [
        TargetTable(first_answer=480),
        TargetTable(solution=2400),
        TargetTable("blocking", "acme", first_answer=30),
        TargetTable(organisation="nobody", first_answer=1),
    ]
    targets.take_over(db, tables)
    assert minutes(db) == {"first_answer": 480, "solution": 2400}
    acme = organisations.find(db, "acme").id
    assert minutes(db, severity="blocking", organisation=acme)["first_answer"] == 30
    assert len(targets.live(db)) == 2
    targets.archive(db, cast.root, targets.live(db)[1])
    targets.take_over(db, tables)
    assert len(targets.live(db)) == 1, "what was changed since stays"


def test_nothing_is_taken_over_where_there_are_targets(db: SqliteDatabase, cast: Cast):
    promise(db, first_answer="4")
    targets.take_over(db, [TargetTable("minor", first_answer=1)])
    assert len(targets.list_all(db)) == 1 and not targets.were_taken_over(db)


def test_an_organisation_changes_its_contract(db: SqliteDatabase, cast: Cast):
    acme = organisations.find(db, "acme")
    organisations.edit(db, cast.root, acme, OrganisationFields(contract=" Gold  plus "))
    assert organisations.find(db, "acme").contract == "Gold plus"
    assert organisations.list_contracts(db) == ["Gold plus"]


def test_a_time_is_typed_as_one_says_it(db: SqliteDatabase):
    for severity, typed, kept in (
        ("", "4", "4"), ("minor", " 4,5 h", "4.5"), ("major", "4  Heures", "4"),
        ("blocking", "1h30", "1.5"),
    ):  # fmt: skip
        target = targets.add(db, OPERATOR, TargetFields(severity, first_answer=typed))
        assert targets.texts(target)["first_answer"] == kept
    target = targets.edit(db, OPERATOR, target, TargetFields("blocking", solution="90 minutes"))
    assert targets.texts(target)["solution"] == "1.5"
    for typed in ("h", "4 j", "-1", "4h75", "four hours", "1e3", "nan", "4.4.4"):
        with pytest.raises(Invalid):
            targets.edit(db, OPERATOR, target, TargetFields("blocking", solution=typed))


def test_only_administrators_promise(db: SqliteDatabase, cast: Cast):
    kept = promise(db, first_answer="4")
    week = CalendarFields("x", "UTC", ("9-18",) * 7)
    for viewer in (cast.dan, cast.alice, cast.nobody):
        for act in (
            lambda viewer=viewer: targets.add(db, viewer, TargetFields(first_answer="4")),
            lambda viewer=viewer: targets.edit(db, viewer, kept, TargetFields(solution="1")),
            lambda viewer=viewer: targets.archive(db, viewer, kept),
            lambda viewer=viewer: targets.restore(db, viewer, kept),
            lambda viewer=viewer: calendars.add(db, viewer, week),
        ):
            with pytest.raises(NotFound):
                act()
