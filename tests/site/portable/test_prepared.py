"""Rules that come with an export are held to what a form is held to."""

from typing import Any

import pytest

from kbsearch import rules
from kbsearch.database import Database
from kbsearch.errors import Problem
from kbsearch.site.importing.report import Report
from kbsearch.site.portable import prepared
from kbsearch.tickets.desk import saved_replies
from kbsearch.tickets.desk.saved_replies import SavedReplyFields
from tests.conftest import Cast

RULE = {"name": "A", "moment": "opened", "actions": {"webhook": ["yes"]}}


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"moment": "never"},
        {"moment": "unanswered", "hours": "many"},
        {"conditions": []},
        {"conditions": {"status": [1]}},
        {"conditions": {"team": ["Nobody"]}},
        {"actions": {"assignee": ["gone@support.example"]}},
        {"actions": {"unheard_of": ["yes"]}},
    ],
    ids=str,
)
def test_a_line_that_is_no_rule_is_refused_and_leaves_nothing(
    db: Database, cast: Cast, changes: dict[str, Any]
):
    with pytest.raises(Problem):
        prepared.keep_rule(db, {**RULE, **changes}, Report())
    assert rules.list_all(db, cast.root) == []


def test_a_rule_and_a_macro_that_are_there_stay_as_they_are(db: Database, cast: Cast):
    report, fields = Report(), SavedReplyFields("en", "Known", "We know it")
    reply = saved_replies.add(db, cast.dan, fields)
    for _ in range(2):
        prepared.keep_rule(db, {**RULE, "on": True}, report)
        prepared.keep_macro(db, {"reply": reply.id, "actions": {"add_tags": ["known"]}}, report)
    assert (report.created, report.unchanged) == (2, 2)
    assert [rule.is_on for rule in rules.list_all(db, cast.root)] == [True]
    (line,) = prepared.macro_lines(db)
    assert line == {"reply": reply.id, "actions": {"add_tags": ["known"]}}
