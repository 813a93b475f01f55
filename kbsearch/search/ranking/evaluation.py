"""Judged sets: how well a ranking answers questions whose right answers are known.

Measures as in trec_eval: MRR@10, MAP over the first 100, nDCG@10 with gains 2^grade - 1, precision
at 5, hit (success) at 1, 5 and 10, recall at 100; averaged over the questions that have a
judgement.
"""

import json
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from kbsearch.errors import Invalid

DEPTH = 100
DRAWS = 10_000  # of the paired test
RISKS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)  # shares of unanswerable questions that get something

Ranked = Sequence[tuple[str, float]]  # document ids with their scores
# The whole ranking of a question, and a call that shows its first ten as a person gets them.
Answered = tuple[Ranked, Callable[[], object]]
Ranking = Callable[["JudgedQuestion"], Answered]
Grades = Mapping[str, int]


@dataclass(frozen=True)
class JudgedQuestion:
    """A question of a judged set; without a text, its id is a ticket's number."""

    id: str
    text: str | None
    language: str = ""  # of whoever asks; empty: that of what answers


@dataclass(frozen=True)
class JudgedClick:
    """Somebody's word on a question and a document: that it was right for it, or not."""

    question: JudgedQuestion
    document: str
    person: str
    is_right: bool


@dataclass(frozen=True)
class Run:
    """What a ranking answered, question by question, and how long each took (ms)."""

    rankings: Mapping[str, Ranked]
    took_ms: Sequence[float]


def read_questions(path: Path) -> list[JudgedQuestion]:
    """JSON Lines `{"id", "text"?, "lang"?}`; raises Invalid with the line that is not."""
    questions = []
    for number, line in _lines(path):
        try:
            row = json.loads(line)
            language = str(row.get("lang", ""))
            questions.append(JudgedQuestion(str(row["id"]), row.get("text"), language))
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise Invalid(
                "evaluation.bad_line", path=path, line=number, reason=str(problem)
            ) from None
    return questions


def read_judgements(path: Path) -> dict[str, dict[str, int]]:
    """TREC qrels: `question-id 0 document-id grade`; grades of 0 are left out."""
    judged: dict[str, dict[str, int]] = {}
    for number, line in _lines(path):
        try:
            question, _, document, grade = line.split()
            if int(grade) > 0:
                judged.setdefault(question, {})[document] = int(grade)
        except ValueError as problem:
            raise Invalid(
                "evaluation.bad_line", path=path, line=number, reason=str(problem)
            ) from None
    return judged


def read_clicks(path: Path) -> list[JudgedClick]:
    """JSON Lines `{"id" or "text", "doc", "by"?, "right"?}`; raises Invalid with the line."""
    clicks = []
    for number, line in _lines(path):
        try:
            row = json.loads(line)
            question = JudgedQuestion(str(row.get("id", "")), row.get("text"))
            if not (question.id or question.text):
                raise ValueError("neither id nor text")
            by, is_right = str(row.get("by", "")), bool(row.get("right", True))
            clicks.append(JudgedClick(question, str(row["doc"]), by, is_right))
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise Invalid(
                "evaluation.bad_line", path=path, line=number, reason=str(problem)
            ) from None
    return clicks


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                yield number, line
    except (OSError, UnicodeDecodeError) as problem:
        raise Invalid("evaluation.unreadable", path=path, reason=str(problem)) from None


def run(
    questions: Iterable[JudgedQuestion],
    ranking: Ranking,
    advance: Callable[[], None] = lambda: None,
) -> Run:
    """Ask every question, and time how long its first ten results take to be shown."""
    rankings: dict[str, Ranked] = {}
    took = []
    for question in questions:
        ranked, show = ranking(question)
        rankings[question.id] = ranked[:DEPTH]
        started = time.perf_counter()
        show()
        took.append((time.perf_counter() - started) * 1000)
        advance()
    return Run(rankings, took)


def measure(result: Run, judgements: Mapping[str, Grades]) -> dict[str, object]:
    """The figures of SURFACE's `evaluate --json`."""
    sums: dict[str, float] = {}
    judged = [question for question in result.rankings if question in judgements]
    for question in judged:
        documents = [document for document, _ in result.rankings[question]]
        for name, value in _of_one(documents, judgements[question]).items():
            sums[name] = sums.get(name, 0.0) + value
    means = {name: round(value / len(judged), 4) for name, value in sums.items()}
    took = sorted(result.took_ms)
    return {
        "queries": len(judged),
        **means,
        "took_ms": {"p50": _percentile(took, 0.50), "p95": _percentile(took, 0.95)},
    }


class Abstention(TypedDict):
    """What is shown when hits below a score are not: of questions with an answer and without."""

    least: float  # the score
    unanswerable: float  # share of the questions that get something though their answer is gone
    answerable: float  # share of the questions that get something
    right: float  # share of these whose first hit is right


def abstentions(result: Run, judgements: Mapping[str, Grades]) -> list[Abstention]:
    """Risk and coverage: each judged question is asked again without its judged documents.

    Those that nothing answers are among the questions without an answer. The first row is what is
    shown as it is.
    """
    answered: list[tuple[float, bool]] = []
    without: list[float] = []
    for question, ranked in result.rankings.items():
        if grades := judgements.get(question):
            first, score = ranked[0] if ranked else ("", 0.0)
            answered.append((score, first in grades))
            without.append(next((score for name, score in ranked if name not in grades), 0.0))
        else:
            without.append(ranked[0][1] if ranked else 0.0)
    if not answered:
        return []
    without.sort(reverse=True)
    allowed = [without[min(len(without) - 1, int(len(without) * risk))] for risk in RISKS]
    return [_abstention(answered, without, below) for below in (0.0, *allowed)]


def _abstention(
    answered: Sequence[tuple[float, bool]], without: Sequence[float], below: float
) -> Abstention:
    least = math.nextafter(below, math.inf)
    right = [is_right for score, is_right in answered if score >= least]
    return {
        "least": round(least, 4),
        "unanswerable": round(sum(score >= least for score in without) / len(without), 4),
        "answerable": round(len(right) / len(answered), 4),
        "right": round(sum(right) / len(right), 4) if right else 0.0,
    }


class Compared(TypedDict):
    """Questions answered better and worse by MRR@10; by measure, how likely it is mere chance."""

    better: int
    worse: int
    p: dict[str, float]


def compare(before: Run, after: Run, judgements: Mapping[str, Grades]) -> Compared:
    """What changed from one ranking to another, question by question."""
    pairs = [
        (
            _of_one([hit for hit, _ in before.rankings[question]], judgements[question]),
            _of_one([hit for hit, _ in after.rankings[question]], judgements[question]),
        )
        for question in before.rankings
        if question in judgements
    ]
    moved = {
        name: [new[name] - old[name] for old, new in pairs if new[name] != old[name]]
        for name in ("mrr@10", "map")
    }
    return {
        "better": sum(by > 0 for by in moved["mrr@10"]),
        "worse": sum(by < 0 for by in moved["mrr@10"]),
        "p": {name: _chance(differences) for name, differences in moved.items()},
    }


def _chance(differences: Sequence[float]) -> float:
    """How often the differences sum up to as much with signs drawn anew: a paired test."""
    signs = random.Random(1)
    observed = abs(sum(differences)) - 1e-9
    as_far = sum(
        abs(sum(by if signs.getrandbits(1) else -by for by in differences)) >= observed
        for _ in range(DRAWS)
    )
    return round(as_far / DRAWS, 4)


def _of_one(documents: Sequence[str], grades: Grades) -> dict[str, float]:
    right = [document in grades for document in documents]
    first = right.index(True) + 1 if True in right else 0
    precisions = [sum(right[: n + 1]) / (n + 1) for n, hit in enumerate(right) if hit]
    return {
        "mrr@10": 1 / first if 0 < first <= 10 else 0.0,
        "map": sum(precisions) / len(grades),
        "ndcg@10": _gain(documents, grades) / _gain(_ideal(grades), grades),
        "p@5": sum(right[:5]) / 5,
        "hit@1": float(any(right[:1])),
        "hit@5": float(any(right[:5])),
        "hit@10": float(any(right[:10])),
        "recall@100": sum(right) / len(grades),
    }


def _ideal(grades: Grades) -> list[str]:
    return sorted(grades, key=lambda document: -grades[document])


def _gain(documents: Sequence[str], grades: Grades) -> float:
    """Discounted cumulative gain of the first ten."""
    return sum(
        (2.0 ** grades.get(document, 0) - 1) / math.log2(position + 2)
        for position, document in enumerate(documents[:10])
    )


def _percentile(ordered: Sequence[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2) if ordered else 0.0


def write_run(path: Path, result: Run) -> None:
    """A TREC run file: `query-id Q0 doc-id rank score kbsearch`."""
    with path.open("w", encoding="utf-8") as target:
        for question, ranking in result.rankings.items():
            for rank, (document, score) in enumerate(ranking, 1):
                target.write(f"{question} Q0 {document} {rank} {score:.6f} kbsearch\n")
