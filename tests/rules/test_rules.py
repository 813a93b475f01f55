"""Rules as administrators keep them: what may be said, their order, who may, and the log."""

import pytest

from kbsearch import audit, revisions, rules
from kbsearch.database import Database
from kbsearch.errors import InvalidForm, NotFound, Outdated
from kbsearch.rules import RuleFields
from tests.conftest import Cast
from tests.kit.rules import rule

pytestmark = pytest.mark.both_engines


def names(db: Database, cast: Cast) -> list[str]:
    return [each.name for each in rules.list_all(db, cast.root)]


def test_a_rule_is_kept_as_it_was_typed_and_is_off(db: Database, cast: Cast):
    fields = RuleFields(
        "  Urgent  words ",
        "unanswered",
        "4",
        {"words": ["panne\nne  démarre plus\n !! \npanne"], "severity": ["blocking"]},
        {"severity": [""], "add_tags": ["VIP, Urgent"], "assignee": ["next"], "webhook": ["yes"]},
    )
    added = rules.add(db, cast.root, fields)
    assert (added.name, added.moment, added.hours, added.is_on) == (
        "Urgent words", "unanswered", 4, False,
    )  # fmt: skip
    assert {each.kind: each.values for each in added.conditions} == {
        "words": ("panne", "ne démarre plus"),
        "severity": ("blocking",),
    }
    assert [each.kind for each in added.actions] == ["assignee", "add_tags", "webhook"]
    assert rules.list_on(db, rules.MOMENTS) == []
    assert rules.switch(db, cast.root, added, is_on=True) in rules.list_on(db, ["unanswered"])
    assert rules.find(db, cast.root, added.id).is_on


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        (RuleFields(" ", "opened", "", {}, {"webhook": ["yes"]}), {"name"}),
        (RuleFields("a" * 81, "closed", "", {}, {"webhook": ["yes"]}), {"name", "moment"}),
        (RuleFields("A", "unchanged", "0", {}, {"webhook": ["yes"]}), {"hours"}),
        (RuleFields("A", "unchanged", "²", {}, {"webhook": ["yes"]}), {"hours"}),
        (RuleFields("A", "opened", "", {}, {}), {"then_product"}),
        (RuleFields("A", "opened", "", {"team": ["x"]}, {"team": ["x"]}), {"if_team", "then_team"}),
        (RuleFields("A", "opened", "", {"words": ["a\n" * 500_000]}, {"note": ["a" * 90_000]}),
         {"if_words", "then_note"}),
        (RuleFields("A", "opened", "", {"status": ["gone"]}, {"status": ["closed"]}),
         {"if_status", "then_status"}),
        (RuleFields("A", "opened", "", {"tags": ["a" * 81]}, {"reply": ["x"]}),
         {"if_tags", "then_reply"}),
        (RuleFields("ONE", "opened", "", {}, {"tell_people": ["x"]}), {"then_tell_people"}),
        (RuleFields("ONE", "opened", "", {}, {"webhook": ["yes"]}), {"name"}),
    ],
)  # fmt: skip
def test_what_cannot_be_a_rule_is_refused_field_by_field(
    db: Database, cast: Cast, fields: RuleFields, wrong: set[str]
):
    one = rule(db, name="One")
    with pytest.raises(InvalidForm) as refusal:
        rules.add(db, cast.root, fields)
    assert refusal.value.problems.keys() == wrong
    with pytest.raises(InvalidForm):
        rules.edit(db, cast.root, rule(db, name="Two"), fields)
    assert rules.find(db, cast.root, one.id) == one


def test_there_are_not_more_than_a_hundred(
    db: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rules, "MOST", 2)
    rule(db, name="One"), rule(db, name="Two")
    with pytest.raises(InvalidForm) as refusal:
        rule(db, name="Three")
    assert refusal.value.problems["name"].key == "rule.too_many"


def test_their_order_is_said_and_moved(db: Database, cast: Cast):
    one, two, three = (rule(db, name=name) for name in ("One", "Two", "Three"))
    rules.move(db, cast.root, three, "up")
    assert names(db, cast) == ["One", "Three", "Two"]
    rules.move(db, cast.root, one, "up")
    rules.move(db, cast.root, two, "down")
    assert names(db, cast) == ["One", "Three", "Two"]
    rules.move(db, cast.root, one, "down")
    rules.remove(db, cast.root, two)
    rule(db, name="Four")
    assert names(db, cast) == ["Three", "One", "Four"]


def test_each_change_stands_in_the_security_log(db: Database, cast: Cast):
    one, _ = rule(db, name="One", is_on=False), rule(db, name="Two", is_on=False)
    fields = RuleFields(
        "One", "changed", "", {"tags": ["vip"]}, {"assignee": [cast.dan.person_id or ""]}
    )
    rules.edit(db, cast.root, one, fields)
    for is_on in (True, True, False):
        rules.switch(db, cast.root, one, is_on=is_on)
    rules.move(db, cast.root, one, "down")
    rules.remove(db, cast.root, one)
    log = audit.list_kinds(db, cast.root, (), limit=50)
    kinds = [event.kind for event in log if event.kind.startswith("rule.")]
    assert sorted(kinds) == sorted(
        ["rule.added"] * 2 + ["rule.changed", "rule.switched_on", "rule.switched_off"]
        + ["rule.moved", "rule.removed"]
    )  # fmt: skip
    (changed,) = (event for event in log if event.kind == "rule.changed")
    assert changed.details["after"]["if_tags"] == "vip"
    assert changed.details["after"]["then_assignee"] == cast.dan.person_id


def test_what_others_changed_meanwhile_is_not_written_over(db: Database, cast: Cast):
    one = rule(db, name="One")
    read_at = revisions.of(rules.texts(one))
    fields = RuleFields("Uno", "opened", "", {}, {"add_tags": ["a"]})
    rules.edit(db, cast.root, one, fields, revision=read_at)
    with pytest.raises(Outdated):
        rules.edit(db, cast.root, one, RuleFields("Eins", "opened", "", {}, {"add_tags": ["b"]}),
                   revision=read_at)  # fmt: skip
    assert names(db, cast) == ["Uno"]


def test_they_are_for_administrators_alone(db: Database, cast: Cast):
    one = rule(db)
    for outsider in (cast.dan, cast.wendy, cast.alice, cast.nobody):
        for deed in (
            lambda who: rules.list_all(db, who),
            lambda who: rules.find(db, who, one.id),
            lambda who: rules.add(db, who, RuleFields("A", "opened", "", {}, {"webhook": ["yes"]})),
            lambda who: rules.edit(db, who, one, RuleFields("A", "opened")),
            lambda who: rules.switch(db, who, one, is_on=False),
            lambda who: rules.move(db, who, one, "up"),
            lambda who: rules.remove(db, who, one),
        ):
            with pytest.raises(NotFound):
                deed(outsider)
    assert rules.find(db, cast.root, one.id) == one
