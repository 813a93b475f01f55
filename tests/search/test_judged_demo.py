"""The judged questions on the demo, over articles and requests: they stay true as its texts change.

demo.jsonl has the questions with their `lang` and the `kind` of difficulty; demo.tsv has what
answers them, 3 best. Grade 0 is what an exclusion keeps out; those of kind `none` have no answer.
"""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from kbsearch import resources
from kbsearch.search.fulltext.text import fold_word
from kbsearch.search.ranking import evaluation
from kbsearch.site import new

SET = Path(__file__).parent / "judged" / "demo.jsonl"
WORD = re.compile(r"\w+")
QUESTIONS = [json.loads(line) for line in SET.read_text("utf-8").splitlines()]
GRADES: dict[str, dict[str, int]] = {}
for row in SET.with_suffix(".tsv").read_text("utf-8").splitlines():
    question_id, _, document, grade = row.split("\t")
    GRADES.setdefault(question_id, {})[document] = int(grade)


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """What can answer, by its name: a page's text, what was said in a solved request."""
    articles = new.demo_content() / "articles"
    texts = {
        str(path.relative_to(articles).with_suffix("")): path.read_text("utf-8")
        for path in articles.rglob("*.md")
    }
    lines = (resources.folder("demo") / "requests.jsonl").read_text("utf-8").splitlines()
    for request in map(json.loads, lines):
        if request["status"] in ("solved", "closed"):
            said = [m["body"] for m in request["messages"] if not m.get("internal")]
            product = request.get("product", "")
            parts = (request["subject"], product, request["description"], *said)
            texts[str(request["number"])] = "\n".join(parts)
    return {name: words(text) for name, text in texts.items()}


def words(text: str) -> str:
    """Its words, folded, each between two spaces."""
    return " ".join(("", *map(fold_word, WORD.findall(text)), ""))


def test_there_are_enough_questions_and_half_are_answered_by_a_request():
    languages = Counter(question["lang"] for question in QUESTIONS if question["kind"] != "none")
    assert languages["fr"] >= 150 and languages["en"] >= 80
    best = {id: max(grades.values()) for id, grades in GRADES.items()}
    by_request = [
        id
        for id, grades in GRADES.items()
        if any(document.isdecimal() and grades[document] == best[id] for document in grades)
    ]
    assert len(by_request) >= sum(languages.values()) / 2


def test_evaluate_reads_them():
    judged = evaluation.read_judgements(SET.with_suffix(".tsv"))
    questions = evaluation.read_questions(SET)
    kinds = {question["id"]: question["kind"] for question in QUESTIONS}
    assert len(kinds) == len(questions)
    unanswered = {question.id for question in questions if question.id not in judged}
    assert unanswered == {id for id, kind in kinds.items() if kind == "none"}


def test_every_answer_is_there(texts):
    answers = {document for grades in GRADES.values() for document in grades}
    assert answers <= texts.keys()


def test_an_excluded_word_is_in_what_is_kept_out_and_in_nothing_else(texts):
    for question in QUESTIONS:
        if question["kind"] == "exclusion":
            excluded = words(question["text"].split(" -")[1]).rstrip()
            for document, grade in GRADES[question["id"]].items():
                assert (excluded in texts[document]) == (grade == 0), document


def test_a_quoted_phrase_is_in_all_that_answers(texts):
    for question in QUESTIONS:
        if question["kind"] == "quoted":
            phrase = words(question["text"])
            assert all(phrase in texts[document] for document in GRADES[question["id"]]), phrase
