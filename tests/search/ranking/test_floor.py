"""What only shares a common word is no result, no suggestion and no count."""

import pytest

from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search import Question, text_of_form
from kbsearch.search.ranking import Search
from tests.conftest import Cast, take_over
from tests.kit.search import ask, counts, follow, ids, put_live, write

RARE = "fr/atelier/soudure"


@pytest.fixture
def search(db: SqliteDatabase, settings: Settings, cast: Cast) -> Search:
    for number in range(60):
        body = f"La facture part le soir. Ligne {number}."
        write(settings.content_path, f"fr/divers/p{number}", body, title=f"Facture {number}")
    write(settings.content_path, RARE, "Régler la soudure d’une facture.", title="Soudure")
    put_live(db, settings)
    for number in range(1, 61):
        take_over(db, number=number, subject=f"Facture {number}", language="fr")
    take_over(db, number=140, subject="Quatre soudures ratées", language="fr")
    follow(settings, db)
    return Search(settings, db)


@pytest.mark.parametrize("text", ["facture xylophone ", "facture quetzalcoatl zanzibar "])
def test_a_question_of_which_only_a_common_word_is_known_finds_nothing(
    search: Search, cast: Cast, text: str
):
    for viewer in (cast.alice, cast.dan, cast.nobody):
        results = ask(search, text, viewer)
        assert (results.hits, results.other_language, results.total) == ((), (), 0)
        assert results.facets.kinds == ()
    suggested = search.ask(cast.alice, Question(text_of_form(text, "")))
    assert suggested.hits == ()


@pytest.mark.parametrize("text", ["soudure xylophone quetzalcoatl ", "xylophone zanzibar soudure "])
def test_what_has_one_word_of_many_lies_below_the_results(search: Search, cast: Cast, text: str):
    for viewer, first in ((cast.alice, {RARE, "140"}), (cast.dan, {RARE, "140"})):
        results = ask(search, text, viewer)
        assert (results.hits, results.total, results.facets.kinds) == ((), 0, ())
        assert set(ids(results.far)) == first
        assert {score for _, score in search.rank(viewer, Question(text))} == {0.0}
    assert search.ask(cast.alice, Question(text_of_form(text, ""))).hits == ()


@pytest.mark.parametrize(
    "text", ["soudure ratée ", "soudure xylo", "régler une soudure xylophone "]
)
def test_what_has_half_of_a_question_is_a_result(search: Search, cast: Cast, text: str):
    for viewer in (cast.alice, cast.dan):
        results = ask(search, text, viewer)
        assert results.far == () and results.total == len(results.hits) > 0


def test_the_common_word_counts_for_those_that_have_the_rare_one(search: Search, cast: Cast):
    for viewer in (cast.alice, cast.dan):
        results = ask(search, "facture soudure ", viewer)
        assert set(ids(results.hits)) == {RARE, "140"}
        assert counts(results.facets.kinds) == {"article": 1, "ticket": 1}


def test_a_common_word_alone_is_looked_for(search: Search, cast: Cast):
    for viewer in (cast.alice, cast.dan):
        assert ask(search, "facture ", viewer).total == 121
    assert search.rank(cast.nobody, Question("facture ", limit=5))


def test_a_word_that_is_still_being_typed_hides_nothing(search: Search, cast: Cast):
    for viewer in (cast.alice, cast.dan):
        assert ask(search, "facture xy", viewer).total == 121


def test_what_is_about_an_excluded_product_is_not_shown(search: Search, db, settings, cast: Cast):
    take_over(db, number=150, subject="Soudure du collier", product="iCownect", language="fr")
    follow(settings, db)
    for viewer in (cast.alice, cast.dan):
        assert "150" in ids(ask(search, "soudure ", viewer).hits)
        assert "150" not in ids(ask(search, "soudure -icownect", viewer).hits)
