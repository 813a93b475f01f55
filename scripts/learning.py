"""Clicks as people would give them, made from a judged set: what learning is measured with.

    scripts/learning.py QUERIES QRELS OUT --seed 1 [--share 0.3] [--wrong 0.1] [--voices 1]

Intents are questions whose ids share what stands before the last letter-and-number (`i012v03`).
In half of the intents (those that learn) a share of the wordings is confirmed, each on a right
page, or by mistake on a wrong one. OUT gets clicks.jsonl, and queries of three kinds: seen.jsonl,
other.jsonl (not confirmed, of intents that were), never.jsonl. The same seed gives the same files.
"""

import argparse
import json
import random
import re
from pathlib import Path

INTENT = re.compile(r"(.*\d)[a-z]\d+$")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("queries", "qrels", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=0.3)
    parser.add_argument("--wrong", type=float, default=0.1)
    parser.add_argument("--voices", type=int, default=0, help="customers a wording; 0: one agent")
    asked = parser.parse_args()
    chance, of_clicks = random.Random(asked.seed), random.Random(f"clicks {asked.seed}")
    texts = {row["id"]: row["text"] for row in map(json.loads, asked.queries.open("r"))}
    right: dict[str, list[str]] = {}
    for line in asked.qrels.open("r"):
        question, _, document, grade = line.split()
        if int(grade) > 0 and question in texts:
            right.setdefault(question, []).append(document)
    documents = sorted({document for some in right.values() for document in some})
    intents: dict[str, list[str]] = {}
    for question in sorted(right):
        found = INTENT.match(question)
        intents.setdefault(found[1] if found else question, []).append(question)
    asked.out.mkdir(parents=True, exist_ok=True)
    kinds: dict[str, list[str]] = {"seen": [], "other": [], "never": []}
    clicks = []
    for intent in sorted(intents):
        questions = intents[intent]
        chance.shuffle(questions)
        seen = questions[: round(asked.share * len(questions))]
        if chance.random() < 0.5 or not seen:
            kinds["never"] += questions
            continue
        kinds["seen"] += seen
        kinds["other"] += questions[len(seen) :]
        for question in seen:
            for voice in range(max(1, asked.voices)):
                is_wrong = of_clicks.random() < asked.wrong
                document = of_clicks.choice(documents if is_wrong else right[question])
                who = f"customer {voice}" if asked.voices else "agent"
                by = f"{who} of {question}"
                clicks.append({"text": texts[question], "doc": document, "by": by})
    for kind, questions in kinds.items():
        rows = [{"id": question, "text": texts[question]} for question in sorted(questions)]
        _write(asked.out / f"{kind}.jsonl", rows)
    _write(asked.out / "clicks.jsonl", clicks)


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
