"""Freshdesk's solutions move in: from the answers of its API to pages that are live."""

import json
from pathlib import Path
from typing import Any

from kbsearch import articles
from kbsearch.access import ANONYMOUS, OPERATOR
from kbsearch.articles.importing import run
from kbsearch.articles.publishing.publish import publish
from tests.kit.writers import with_page, write


def solution(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "title": f"Solution {number}", "description": "<p>Le texte.</p>",
        "folder_id": 7, "category_id": 8, "status": 2, "tags": ["un"], "language": "fr", **more,
    }  # fmt: skip


def test_solutions_are_published_to_whom_their_folder_was_open(settings, db, tmp_path: Path):
    with_page(settings)
    body = (
        "<h1>Titre</h1><p>Voir <a href='/support/solutions/articles/2-x'>ici</a>.</p>"
        "<p><img src='https://attachment.example/a.png'></p>"
    )
    for name, items in {
        "categories": [{"id": 8, "name": "Général"}],
        "folders": [{"id": 7, "name": "Débuter", "visibility": 1, "category_id": 8},
                    {"id": 9, "name": "Clients", "visibility": 2},
                    {"id": 10, "name": "Certains", "visibility": 4}],
        "articles": [solution(1, description=body), solution(2, folder_id=9),
                     solution(3, status=1), solution(4, folder_id=10)],
        "articles/1/en": solution(1, title="Solution one", language="en"),
    }.items():  # fmt: skip
        write(tmp_path / "fd", f"api/v2/solutions/{name}.json", json.dumps(items))
    outcome = run.run(settings, tmp_path / "fd", "freshdesk")
    assert (outcome.errors, outcome.pages, outcome.drafts) == ((), 5, 1)
    publish(db, settings, "draft/import-freshdesk")
    cards = articles.list_after(db, OPERATOR, "", 20, language="fr")
    assert {card.title: card.audience for card in cards} == {
        "Solution 1": "everyone", "Solution 2": "customers", "Solution 4": "agents",
    }  # fmt: skip
    old = articles.find_old(db, ANONYMOUS, "/en/support/solutions/articles/1-any-words", "fr")
    assert old is not None and (old.slug, old.category) == ("solution-one", "general/debuter")
    again = run.run(settings, tmp_path / "fd", "freshdesk")
    assert (again.created, again.updated) == (0, 0)
