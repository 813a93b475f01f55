"""Articles for versions of a product: what is for which, and which a reader meets first."""

import pytest

from kbsearch import articles
from kbsearch.access import ANONYMOUS
from kbsearch.articles import versions
from kbsearch.articles.publishing.publish import publish
from kbsearch.search import Question
from kbsearch.search.ranking import Search
from tests.kit.web import add_ticket
from tests.kit.writers import article, commit, repository, write


@pytest.mark.parametrize(
    ("text", "version", "is_covered"),
    [
        (">=4.2 <5", "4.2", True),
        (">=4.2 <5", "4.10.1", True),
        (">=4.2 <5", "4.1.9", False),
        (">=4.2, <5", "5.0", False),
        ("4.x", "4.7", True),
        ("4.x", "5.0", False),
        ("4.2", "4.2.7", True),
        ("4.2", "4.20", False),
        (">4", "4.0.0", False),
        ("2024 edition", "2024 edition", True),
        ("cloud", "4.2", False),
    ],
)
def test_a_range_covers_its_versions(text, version, is_covered):
    assert versions.covers(text, version) is is_covered


@pytest.fixture
def live(db, settings):
    """Printing, for two versions in French and for one in English."""
    content = repository(settings)
    for language, name, version in (("fr", "v4", "4.x"), ("fr", "v5", ">=5"), ("en", "v5", ">=5")):
        more = f"id: printing\nproduct: [icownect]\nversion: '{version}'\nslug: print-{name}\n"
        text = article(f"Imprimer {version}", f"Imprimer avec {name}.", more=more)
        write(content, f"articles/{language}/guide/{name}.md", text)
    commit(content)
    publish(db, settings)


def test_the_same_article_for_other_versions_is_one_click_away(live, db, client):
    page = client.get("/fr/articles/print-v4").get_data(as_text=True)
    nav = page.partition('aria-label="Cet article pour d’autres versions"')[2].partition("</nav>")[
        0
    ]
    assert 'href="/fr/articles/print-v5"' in nav and "print-v4" not in nav
    french = articles.find(db, ANONYMOUS, "fr", "print-v5")
    assert [twin.slug for twin in articles.translations(db, ANONYMOUS, french)] == ["print-v5"]


def test_the_version_of_the_last_request_comes_first(live, db, cast, settings):
    (product,) = db.query("SELECT id FROM products WHERE slug = 'icownect'")
    own = {"product_id": product["id"], "requester_id": cast.alice.person_id}
    for number, (version, first) in enumerate([("4.2", "v4"), ("5.1", "v5"), ("4.9", "v4")]):
        add_ticket(db, (), number=number + 1, version=version, **own)
        results = Search(settings, db).ask(cast.alice, Question("imprimer", language="fr"))
        paths = [hit.id for hit in results.hits if hit.kind == "article"]
        assert paths[0] == f"fr/guide/{first}" and len(paths) == 2
