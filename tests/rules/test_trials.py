"""Trying a rule: what it would have done with the newest requests is what it then does."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from kbsearch import rules
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.rules import Rule, runs, trials, work
from kbsearch.tickets import Ticket, tags, teams
from kbsearch.tickets.conversation import lifecycle
from kbsearch.tickets.conversation.corrections import FieldEdits
from kbsearch.tickets.desk import properties
from kbsearch.tickets.desk.properties import PropertyEdits
from kbsearch.tickets.teams import TeamFields
from tests.conftest import Cast, introduce
from tests.kit.requests import file, later
from tests.kit.rules import by_kind, follow, rule

Values = Mapping[str, tuple[str, ...]]
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "words": st.sampled_from([["cow"], ["lost"], ["bell\ncow"]]),
        "tags": st.sampled_from([["a"], ["a b"]]),
        "without_tags": st.sampled_from([["a"], ["b"]]),
        "severity": st.sampled_from([["minor"], ["major", "blocking"]]),
        "status": st.sampled_from([["new"], ["open", "pending"]]),
        "team": st.just(["none"]),
        "looked_after": st.sampled_from([["yes"], ["no"]]),
    },
)
ACTIONS = st.fixed_dictionaries(
    {"add_tags": st.sampled_from([["a"], ["b"], ["a b"]])},
    optional={
        "remove_tags": st.sampled_from([["a"], ["b"]]),
        "severity": st.sampled_from([["minor"], ["blocking"]]),
        "status": st.sampled_from([["open"], ["pending"], ["solved"]]),
        "team": st.just(["TEAM"]),
        "assignee": st.just(["next"]),
        "note": st.just(["A note"]),
        "product": st.just(["icownect"]),
    },
)
RULES = st.lists(st.tuples(CONDITIONS, ACTIONS), min_size=1, max_size=4)
REQUESTS = st.lists(
    st.fixed_dictionaries(
        {
            "severity": st.sampled_from(["minor", "major", "blocking"]),
            "subject": st.sampled_from(["Cow lost", "A bell"]),
        }
    ),
    min_size=1,
    max_size=3,
)


def tried(db: Database, tested: Rule, **more: object) -> dict[str, Values]:
    """What a trial says, by request."""
    trial = trials.run(db, OPERATOR, tested, **more)  # type: ignore[arg-type]
    return {case.ticket_id: by_kind(case.actions) for case in trial.cases}


def done_by(db: Database, tested: Rule) -> dict[str, Values]:
    """What a rule did, by request."""
    rows = db.query(
        "SELECT DISTINCT ticket_id FROM rule_runs WHERE rule_id = :id", {"id": tested.id}
    )
    return {
        row["ticket_id"]: by_kind(run.actions)
        for row in rows
        for run in runs.of_ticket(db, OPERATOR, row["ticket_id"])
        if run.rule_id == tested.id
    }


@pytest.fixture(scope="module")
def cast_of_scratch(scratch: SqliteDatabase) -> Cast:
    cast = introduce(scratch)
    members = [str(cast.dan.person_id), str(cast.root.person_id)]
    teams.add(scratch, OPERATOR, TeamFields("Herds", members=members, products=["cervo-atelier"]))
    return cast


@pytest.mark.parametrize("moment", ["opened", "unanswered"])
@given(said=RULES, requests=REQUESTS)
@examples(max_examples=8)
def test_what_the_trial_said_is_what_then_happens(
    scratch: SqliteDatabase,
    cast_of_scratch: Cast,
    said: list[tuple[dict[str, list[str]], dict[str, list[str]]]],
    requests: list[dict[str, Any]],
    moment: str,
):
    db, settings = scratch, Settings()
    (team,) = teams.list_all(db, OPERATOR)
    for old in rules.list_all(db, OPERATOR):
        rules.remove(db, OPERATOR, old)
    filed = {file(db, cast_of_scratch.alice, **request).id for request in requests}
    made = [
        rule(
            db,
            moment,
            name=str(n),
            hours="4",
            when=when,
            then={**then, **({"team": [team.id]} if "team" in then else {})},
            is_on=n < len(said) - 1,
        )
        for n, (when, then) in enumerate(said)
    ]
    tested, at = made[-1], later(hours=5)
    foretold = tried(db, tested, at=at)
    rules.switch(db, OPERATOR, tested, is_on=True)
    if moment == "opened":
        follow(db, settings, at=at)
    else:
        work.watch(db, settings, at=at)
    happened = done_by(db, tested)
    assert {id: case for id, case in foretold.items() if id in filed} == {
        id: case for id, case in happened.items() if case
    }
    db.execute("UPDATE tickets SET status = 'closed'")
    db.execute("UPDATE outbox SET done_at = '2026-01-01T00:00:00Z'")


def test_it_is_tried_on_requests_as_they_were_then(db: Database, cast: Cast):
    ticket = file(db, cast.alice, severity="minor")
    tags.change(db, cast.dan, ticket.id, add=["vip"], at=later(hours=1))
    correct(db, cast, ticket)
    lifecycle.assign(db, cast.dan, ticket, cast.dan.person_id, at=later(hours=1))
    lifecycle.solve(db, cast.dan, ticket, at=later(hours=2))
    when = {
        "severity": ["minor"],
        "status": ["new"],
        "without_tags": ["vip"],
        "looked_after": ["no"],
    }
    assert tried(db, rule(db, when=when, is_on=False)).keys() == {ticket.id}
    then = {"tags": ["vip"], "status": ["solved"], "severity": ["blocking"]}
    assert tried(db, rule(db, "changed", name="B", when=then, is_on=False))


def correct(db: Database, cast: Cast, ticket: Ticket) -> None:
    edits = FieldEdits({"severity": "blocking"}, ticket.edition)
    properties.edit(db, cast.dan, ticket, PropertyEdits(edits), fields=(), at=later(hours=1))


def test_it_looks_at_a_hundred_and_changes_nothing(db: Database, cast: Cast):
    for _ in range(2):
        file(db, cast.alice)
    before = db.query("SELECT * FROM tickets"), db.query("SELECT * FROM rule_runs")
    trial = trials.run(db, cast.root, rule(db, is_on=False))
    assert (trial.tried, len(trial.cases)) == (2, 2)
    assert before == (db.query("SELECT * FROM tickets"), db.query("SELECT * FROM rule_runs"))
    with pytest.raises(NotFound):
        trials.run(db, cast.dan, rule(db, name="B"))


def test_it_looks_at_no_more_than_the_newest(
    db: SqliteDatabase, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trials, "NEWEST", 2)
    for _ in range(4):
        file(db, cast.alice)
    assert trials.run(db, cast.root, rule(db, is_on=False)).tried == 2
