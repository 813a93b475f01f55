"""Rules about the fields that the vendor added: asked for, set, tried and refused."""

from collections.abc import Mapping

import pytest

from kbsearch import rules, tickets
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.errors import InvalidForm
from kbsearch.form_fields import FormField
from kbsearch.rules import RuleFields, trials
from kbsearch.tickets import Ticket, field_editing, fields, filing
from kbsearch.tickets.conversation import corrections
from kbsearch.tickets.conversation.corrections import FieldEdits
from kbsearch.tickets.field_editing import FieldForm
from kbsearch.tickets.filing.form import FilingTerms, RequestForm
from tests.conftest import Cast
from tests.kit.requests import MORNING, later
from tests.kit.rules import by_kind, done, follow, rule

FIELDS = (
    FieldForm("Cause", name="cause", kind="choice", choices="Bug\nUsage"),
    FieldForm("Postes", name="posts", kind="number", in_form=True),
    FieldForm("Lieux", name="places", kind="choices", choices="Bureau\nPré", in_form=True),
    FieldForm("Lot", name="batch", kind="text", in_form=True),
)


@pytest.fixture
def own(db: Database) -> list[FormField]:
    for form in FIELDS:
        field_editing.add(db, OPERATOR, form)
    return fields.definitions(db, OPERATOR)


def request(db: Database, cast: Cast, own: list[FormField], **answers: str) -> Ticket:
    form = RequestForm(subject="Panne", description="Rien", fields=answers)
    return filing.open(db, cast.dan, form, FilingTerms(new_id(), fields=tuple(own)), at=MORNING)


def answers(db: Database, ticket: Ticket) -> Mapping[str, str]:
    return tickets.find(db, OPERATOR, ticket.id).fields


@pytest.mark.parametrize(
    ("asked", "is_meant"),
    [
        (["places=Pré"], True),
        (["places=Bureau"], True),
        (["cause=Usage", "cause=Bug"], True),
        (["cause=Usage", "posts=12,50"], False),
        (["cause=Bug", "posts=12,50"], True),
        (["batch=LOT  rouge"], True),
        (["batch=rou"], False),
    ],
)
def test_a_rule_asks_what_is_in_the_fields(
    db: Database, cast: Cast, settings: Settings, own, asked: list[str], is_meant: bool
):
    rule(db, when={"fields": asked})
    there = request(
        db, cast, own, cause="Bug", posts="12.5", places="Bureau\nPré", batch="Le lot rouge n° 4"
    )
    follow(db, settings)
    assert bool(done(db, there.id)) is is_meant


def test_a_rule_sets_fields_and_leaves_those_that_are_so_already(
    db: Database, cast: Cast, settings: Settings, own
):
    set_to = ["cause=Usage", "places=Pré", "places=Bureau", "posts=3"]
    rule(db, then={"fields": set_to})
    there = request(db, cast, own, posts="3", batch="A")
    follow(db, settings)
    assert answers(db, there) == {
        "cause": "Usage", "places": "Bureau\nPré", "posts": "3", "batch": "A",
    }  # fmt: skip
    ((_, did),) = done(db, there.id)
    assert did == {"fields": ("cause=Usage", "places=Bureau", "places=Pré")}


def test_a_rule_sees_what_the_one_before_it_set(db: Database, cast: Cast, settings: Settings, own):
    rule(db, name="One", then={"fields": ["cause=Bug"]})
    rule(db, name="Two", when={"fields": ["cause=Bug"]})
    there = request(db, cast, own)
    follow(db, settings)
    assert [name for name, _ in done(db, there.id)] == ["One", "Two"]


def test_what_can_no_longer_be_set_is_left(db: Database, cast: Cast, settings: Settings, own):
    rule(db, then={"fields": ["cause=Bug"], "add_tags": ["ruled"]})
    field_editing.edit(
        db, OPERATOR, own[0], FieldForm("Cause", name="cause", kind="choice", choices="Usage")
    )
    there = request(db, cast, fields.definitions(db, OPERATOR))
    follow(db, settings)
    ((_, did),) = done(db, there.id)
    assert did == {"add_tags": ("ruled",)}


def test_a_trial_looks_at_the_fields_as_they_were_then(db: Database, cast: Cast, own):
    tried = rule(db, when={"fields": ["cause=Bug"]}, then={"fields": ["posts=1"]}, is_on=False)
    was_bug = request(db, cast, own, cause="Bug")
    is_bug = request(db, cast, own, cause="Usage")
    for ticket, cause in ((was_bug, "Usage"), (is_bug, "Bug")):
        edits = FieldEdits({"fields.cause": cause}, ticket.edition)
        corrections.edit_fields(db, cast.dan, ticket, edits, fields=own, at=later(hours=1))
    (case,) = trials.run(db, OPERATOR, tried).cases
    assert (case.number, by_kind(case.actions)) == (was_bug.number, {"fields": ("posts=1",)})
    assert answers(db, was_bug) == {"cause": "Usage"}


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("if_fields", ["nothing=x"]),
        ("if_fields", ["cause=Gone"]),
        ("if_fields", ["posts=many"]),
        ("if_fields", ["batch=" + "x" * 201]),
        ("if_fields", ["cause"]),
        ("then_fields", ["cause=Gone"]),
        ("then_fields", ["cause=Bug", "cause=Usage"]),
        ("then_fields", ["batch=a\nb"]),
    ],
)
def test_what_no_field_takes_is_refused(db: Database, own, part: str, values: list[str]):
    conditions = {"fields": values} if part == "if_fields" else {}
    actions = {"fields": values} if part == "then_fields" else {"webhook": ["yes"]}
    with pytest.raises(InvalidForm) as refusal:
        rules.add(db, OPERATOR, RuleFields("Rule", "opened", "", conditions, actions))
    assert set(refusal.value.problems) == {part}
