"""How many questions without an answer get something, by the least score that is shown."""

from kbsearch.search.ranking.evaluation import Run, abstentions

JUDGED = {"a": {"right": 1}, "b": {"right": 1}, "c": {"right": 1}, "d": {"right": 1}}
RANKED = {
    "a": [("right", 9.0), ("near", 2.0)],
    "b": [("right", 8.0), ("near", 3.0)],
    "c": [("near", 4.0), ("right", 1.0)],
    "d": [],
}


def test_without_its_answer_a_question_gets_what_stands_next():
    as_it_is, strict, *_, loose = abstentions(Run(RANKED, ()), JUDGED)
    assert (as_it_is["least"], as_it_is["unanswerable"]) == (0.0, 0.75)
    assert strict["unanswerable"] == 0.0 and strict["least"] >= 4.0
    assert (strict["answerable"], strict["right"]) == (0.5, 1.0)
    assert (loose["unanswerable"], loose["answerable"]) == (0.5, 0.75)
    assert loose["right"] == 0.6667


def test_a_question_that_nothing_answers_is_one_without_an_answer():
    ranked = {**RANKED, "e": [("near", 99.0)], "f": []}
    as_it_is, strict, *_ = abstentions(Run(ranked, ()), JUDGED)
    assert as_it_is["unanswerable"] == 0.6667
    assert strict["answerable"] == 0.0


def test_nothing_judged_says_nothing():
    assert abstentions(Run({}, ()), JUDGED) == []
    assert abstentions(Run({"e": [("near", 1.0)]}, ()), {}) == []
