"""How long the suggestions of a form take, at 2,000 articles and 50,000 requests; run by bench.

.venv/bin/python scripts/bench_suggestions.py
"""

import http.client
import json
import random
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

from bench import ALICE, DAN, client, made_up, make_people, serving, settings_of, store, timed, told

from kbsearch import resources
from kbsearch.articles.publishing.publish import publish
from kbsearch.database.migrations import migrate
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import viewers
from kbsearch.people.accounts import sessions
from kbsearch.search.ranking.indexing import Indexer

ARTICLES, TICKETS = 2_000, 50_000
FORMS = 60
LONGEST = 64_000  # characters of a pasted error


def main() -> None:
    place = Path(".cache/bench-suggestions").absolute()
    shutil.rmtree(place, ignore_errors=True)
    write_articles(place / "content")
    settings = replace(settings_of(place), content=place / "content")
    db = SqliteDatabase(settings.database_path)
    migrate(db)
    make_people(db)
    given = [row for row, _ in zip(made_up(), range(TICKETS), strict=False)]
    store(db, given)
    publish(db, settings)
    with closing(Indexer(settings, db)) as indexer:
        indexer.ensure()
    print(f"suggestions, {ARTICLES:,} articles and {TICKETS:,} requests".replace(",", " "))
    subjects = random.Random(1).sample([str(row["subject"]) for row in given], FORMS)
    with serving(settings, workers=1, floor=False) as (port, _, _):
        for email in (DAN, ALICE):
            cookie = f"kb={sessions.open_session(db, str(viewers.find(db, email).person_id))}"
            for name, forms in kinds_of_forms(subjects, given).items():
                took = measure(client(port), forms, cookie)
                print(f"  {email:22} {name:18} {told(took)}")
    db.close()
    shutil.rmtree(place, ignore_errors=True)


def measure(
    page: http.client.HTTPConnection, forms: list[dict[str, str]], cookie: str
) -> list[float]:
    """Milliseconds of each form."""
    return [1000 * timed(lambda form=form: ask(page, form, cookie)) for form in forms]


def kinds_of_forms(
    subjects: list[str], given: list[dict[str, object]]
) -> dict[str, list[dict[str, str]]]:
    """Forms as they are while somebody fills them in."""
    said = [str(row["description"]) for row in given[:FORMS]]
    traces = [
        "\n".join(f"{line} at x{line}.run(file.py:{n})" for n in range(4_000)) for line in said
    ]
    return {
        "a subject": [{"subject": text} for text in subjects],
        "all of a form": [
            {"subject": a, "description": b, "version": "4.2.1"}
            for a, b in zip(subjects, said, strict=True)
        ],
        "64 kB pasted": [
            {"subject": a, "description": b[:LONGEST]}
            for a, b in zip(subjects, traces, strict=True)
        ],
    }


def write_articles(content: Path) -> None:
    """Articles of the words of the handbook, in another order each time."""
    chance = random.Random(0)
    words = [*words_of(resources.folder("content") / "articles" / "fr")]
    folder = content / "articles" / "fr" / "made-up"
    folder.mkdir(parents=True)
    for number in range(ARTICLES):
        front = {"title": f"{' '.join(chance.sample(words, 5))} {number}", "audience": "everyone"}
        lines = [f"{name}: {json.dumps(text, ensure_ascii=False)}" for name, text in front.items()]
        parts = [
            f"## {' '.join(chance.sample(words, 4))}\n\n{' '.join(chance.sample(words, 80))}."
            for _ in range(4)
        ]
        text = "\n".join(["---", *lines, "---", "", *parts, ""])
        (folder / f"article-{number}.md").write_text(text, encoding="utf-8")


def words_of(folder: Path) -> Iterator[str]:
    seen = set()
    for path in sorted(folder.rglob("*.md")):
        for word in path.read_text(encoding="utf-8").split():
            if word.isalpha() and word not in seen:
                seen.add(word)
                yield word


def ask(page: http.client.HTTPConnection, form: dict[str, str], cookie: str) -> None:
    headers = {
        "Cookie": cookie,
        "HX-Request": "true",
        "Sec-Fetch-Site": "same-origin",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    page.request("POST", "/fr/requests/suggestions", urlencode(form), headers)
    answer = page.getresponse()
    answer.read()
    if answer.status != 200:
        raise SystemExit(f"suggestions answered {answer.status}")


if __name__ == "__main__":
    main()
