"""What agents' clicks do to the order of past cases, and what one agent cannot do."""

import json

import pytest
from click.testing import CliRunner

from kbsearch import tickets
from kbsearch.cli import cli
from kbsearch.errors import Invalid, NotFound
from kbsearch.search.fulltext.clicks import MOST_VOTES, reordered
from kbsearch.search.fulltext.documents import Click
from kbsearch.search.learning import case_clicks
from kbsearch.search.learning.case_clicks import CaseClick
from kbsearch.search.ranking import Search, evaluation
from tests.conftest import take_over
from tests.kit.requests import later
from tests.kit.search import follow, ids

NOTHING_NEAR: dict[int, float] = {}


def order(scores, clicks, near=NOTHING_NEAR, asked=None):
    ranked = reordered(scores, clicks, lambda number: near.get(number, 0.0), asked)
    return [number for number, _ in ranked]


def said(asked, case, person="dan", *, is_confirmed=True):
    return Click(asked, case, person, is_confirmed)


def test_without_clicks_the_order_stays():
    assert order({1: 3.0, 2: 2.0}, []) == [1, 2]
    assert order({}, [said(1, 2)]) == []


def test_a_case_rises_with_its_companion_and_sinks_without_it():
    scores = {1: 10.0, 2: 9.9, 3: 9.8, 9: 1.0}
    assert order(scores, [said(1, 3)])[:3] == [1, 3, 2]
    assert order(scores, [said(9, 1)])[:3] == [2, 3, 1]


def test_what_helped_with_nearly_the_same_question_comes_up_with_it():
    scores, near = {1: 10.0, 2: 9.0, 3: 8.8, 7: 8.0}, {7: 0.6}
    assert order(scores, [said(7, 3)], near)[0] == 3
    assert 42 in order(scores, [said(7, 42)], near), "however little it is like the question"
    assert order(scores, [said(7, 42)], {7: 0.2})[:3] == [1, 2, 3]
    assert 42 not in order(scores, [said(8, 42)], {8: 0.9}), "which is not among those like it"


def test_what_was_rejected_for_it_goes_down():
    scores = {1: 10.0, 2: 9.0, 7: 1.0}
    assert order(scores, [said(7, 1, is_confirmed=False)], {7: 0.6}) == [2, 1, 7]
    assert order(scores, [said(7, 1, is_confirmed=False)], {7: 0.1}) == [1, 2, 7]
    assert order(scores, [said(5, 1, is_confirmed=False)], asked=5) == [2, 1, 7]


def test_an_agent_counts_once_a_case_and_no_more_than_three_agents_do():
    near = dict.fromkeys(range(100, 120), 0.5)
    scores = {1: 10.0, 2: 6.0} | dict.fromkeys(near, 1.0)
    alone = [said(number, 2, "dan") for number in range(100, 120)]
    assert order(scores, alone, near)[0] == 1, "twenty clicks of one agent are one"
    together = [said(100 + n, 2, f"agent {n}") for n in range(MOST_VOTES)]
    assert order(scores, together, near)[0] == 2
    many = dict(
        reordered(scores, [said(100 + n, 2, str(n)) for n in range(20)], near.__getitem__, None)
    )
    assert many[2] == dict(reordered(scores, together, near.__getitem__, None))[2]


# What is kept


@pytest.fixture
def pair(db, cast):
    """A request and a past case beside it."""
    for number, status in ((1, "open"), (2, "solved")):
        take_over(db, number=number, status=status, subject="Collier muet")
    return (tickets.find_number(db, cast.dan, number) for number in (1, 2))


def test_the_last_word_of_an_agent_counts_and_can_be_taken_back(db, cast, pair):
    ticket, case = pair
    case_clicks.record(db, cast.dan, ticket, case, "helped", at=later(hours=1))
    case_clicks.record(db, cast.dan, ticket, case, "rejected", at=later(hours=2))
    case_clicks.record(db, cast.root, ticket, case, "quoted", at=later(hours=3))
    dan, root = str(cast.dan.person_id), str(cast.root.person_id)
    assert case_clicks.touching(db, [2]) == [Click(1, 2, dan, False), Click(1, 2, root, True)]
    assert case_clicks.list_mine(db, cast.dan, ticket) == [CaseClick(2, "Collier muet", "rejected")]
    case_clicks.withdraw(db, cast.dan, ticket, case)
    assert case_clicks.touching(db, [1]) == [Click(1, 2, root, True)]
    assert case_clicks.touching(db, [3]) == []


def test_only_agents_say_something_of_another_request(db, cast, pair):
    ticket, case = pair
    for viewer in (cast.alice, cast.wendy, cast.nobody):
        with pytest.raises(NotFound):
            case_clicks.record(db, viewer, ticket, case, "helped")
        with pytest.raises(NotFound):
            case_clicks.withdraw(db, viewer, ticket, case)
    for case_said, kind in ((ticket, "helped"), (case, "liked")):
        with pytest.raises(Invalid):
            case_clicks.record(db, cast.dan, ticket, case_said, kind)
    assert case_clicks.touching(db, [1, 2]) == []


def test_a_case_that_helped_once_is_shown_for_the_same_problem(db, settings, cast):
    """Although it says so little that words would never find it."""
    take_over(db, number=1, subject="Rien", description="Ça marche.", status="solved")
    for number in (10, 11, 12, 19):
        take_over(
            db,
            number=number,
            subject="Le collier clignote en rouge",
            description=f"Le collier clignote en rouge depuis l’orage, troupeau {number}.",
            status="solved" if number < 19 else "open",
        )
    follow(settings, db)
    search = Search(settings, db)
    assert "1" not in ids(search.similar(cast.dan, number=19))
    asked, case = (tickets.find_number(db, cast.dan, number) for number in (10, 1))
    for viewer in (cast.dan, cast.root):
        case_clicks.record(db, viewer, asked, case, "helped")
    assert "1" in ids(search.similar(cast.dan, number=19))
    first = search.similar(cast.dan, number=19)[0].id
    rejected = tickets.find_number(db, cast.dan, int(first))
    case_clicks.record(db, cast.dan, tickets.find_number(db, cast.dan, 19), rejected, "rejected")
    assert ids(search.similar(cast.dan, number=19))[-1] == first


# Measuring it


def test_learning_is_measured_beside_what_it_is_without(db, settings, cast, monkeypatch, tmp_path):
    for number in (1, 2, 3):
        take_over(db, number=number, subject=f"Collier muet {number}", status="solved")
    follow(settings, db)
    monkeypatch.chdir(settings.site)
    files = {
        "queries.jsonl": '{"id": "q", "text": "Collier muet 1"}\n',
        "qrels.tsv": "q\t0\t3\t1\n",
        "clicks.jsonl": '{"id": "1", "doc": "3", "by": "dan"}\n',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    asked = [str(tmp_path / name) for name in ("queries.jsonl", "qrels.tsv")]
    learn = ["--learn", str(tmp_path / "clicks.jsonl")]
    options = ["--kind", "ticket", "--mode", "similar", *learn, "--json"]
    told = CliRunner().invoke(cli, ["evaluate", *asked, *options])
    measures = json.loads(told.stdout)
    assert measures["before"]["mrr@10"] < measures["mrr@10"]
    assert (measures["better"], measures["worse"]) == (1, 0)
    refused = CliRunner().invoke(
        cli, ["evaluate", *asked, "--kind", "ticket", "--mode", "search", *learn]
    )
    assert refused.exit_code == 2


def test_a_line_of_clicks_that_is_none_is_named(tmp_path):
    file = tmp_path / "clicks.jsonl"
    file.write_text('{"id": 1, "doc": 2}\n{"doc": "2"}\n')
    with pytest.raises(Invalid) as refused:
        evaluation.read_clicks(file)
    assert refused.value.values["line"] == 2


def test_a_difference_by_chance_is_told_from_one_that_is_not():
    judged = {str(n): {"right": 1} for n in range(12)}
    runs = {
        name: evaluation.Run(dict.fromkeys(judged, ranking), ())
        for name, ranking in (
            ("good", [("right", 2.0), ("wrong", 1.0)]),
            ("bad", [("wrong", 2.0), ("right", 1.0)]),
        )
    }
    compared = evaluation.compare(runs["bad"], runs["good"], judged)
    assert (compared["better"], compared["worse"]) == (12, 0)
    assert max(compared["p"].values()) < 0.01
    assert evaluation.compare(runs["good"], runs["good"], judged)["p"]["mrr@10"] == 1.0
