"""What only shares a common word is no result, no suggestion and no count."""

import pytest

from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search import Question
from kbsearch.search.ranking import Search
from tests.conftest import Cast, take_over
from tests.kit.search import ask, counts, follow, ids, put_live, write

RARE = "fr/atelier/soudure"


@pytest.fixture
def search(db: SqliteDatabase, settings: Settings, cast: Cast) -> Search:
    for number in range(30):
        body = f"La facture part le soir. Ligne {number}."
        write(settings.content_path, f"fr/divers/p{number}", body, title=f"Facture {number}")
    write(settings.content_path, RARE, "Régler la soudure d’une facture.", title="Soudure")
    put_live(db, settings)
    for number in range(1, 31):
        take_over(db, number=number, subject=f"Facture {number}", language="fr")
    take_over(db, number=40, subject="Quatre soudures ratées", language="fr")
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
    suggested = search.suggest(cast.alice, subject=text, description="")
    assert suggested.hits == ()


def test_the_common_word_counts_for_those_that_have_the_rare_one(search: Search, cast: Cast):
    for viewer in (cast.alice, cast.dan):
        results = ask(search, "facture soudure ", viewer)
        assert set(ids(results.hits)) == {RARE, "40"}
        assert counts(results.facets.kinds) == {"article": 1, "ticket": 1}


def test_a_common_word_alone_is_looked_for(search: Search, cast: Cast):
    for viewer in (cast.alice, cast.dan):
        assert ask(search, "facture ", viewer).total == 61
    assert search.rank(cast.nobody, Question("facture ", limit=5))


def test_a_word_that_is_still_being_typed_hides_nothing(search: Search, cast: Cast):
    for viewer in (cast.alice, cast.dan):
        assert ask(search, "facture xy", viewer).total == 61


def test_what_is_about_an_excluded_product_is_not_shown(search: Search, db, settings, cast: Cast):
    take_over(db, number=50, subject="Soudure du collier", product="iCownect", language="fr")
    follow(settings, db)
    for viewer in (cast.alice, cast.dan):
        assert "50" in ids(ask(search, "soudure ", viewer).hits)
        assert "50" not in ids(ask(search, "soudure -icownect", viewer).hits)
