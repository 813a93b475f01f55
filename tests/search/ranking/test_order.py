"""One order for articles and past tickets: the exact answer first, whatever it is."""

import pytest

from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search import Question, text_of_form
from kbsearch.search.ranking import Search
from tests.conftest import Cast, take_over
from tests.kit.search import ask, follow, ids, put_live, write

ABOUT_CODES, WEBHOOKS, MAILS = "fr/aide/codes", "fr/aide/webhooks", "fr/aide/courriels"
COLLARS, FENCES = "fr/elevage/colliers", "fr/elevage/clotures"


@pytest.fixture
def search(db: SqliteDatabase, settings: Settings, cast: Cast) -> Search:
    content = settings.content_path
    write(content, ABOUT_CODES, "Tapez un code, comme ERR-2000 ou 1042.", title="Chercher un code")
    write(content, WEBHOOKS, "Le corps porte err et le port 1042.", title="Webhooks")
    write(content, MAILS, "Un courriel refusé donne ERR 550.", title="Courriels")
    write(content, COLLARS, "Localisez-le sur la carte.", title="Localiser un animal perdu")
    write(content, FENCES, "Posez le fil, puis le collier du chien.", title="Poser une clôture")
    for number in range(8):
        write(content, f"fr/divers/page-{number}", "Rien de tel.", title=f"Page {number}")
    put_live(db, settings)
    take_over(db, number=1, subject="ERR-1042 à la synchronisation", description="Depuis hier.")
    take_over(db, number=2, subject="Synchronisation", description="Message : ERR-1042, encore.")
    take_over(db, number=3, subject="Le collier 2217 ne répond plus", description="Il est muet.")
    take_over(db, number=4, subject="Poser une question", description="Une facture ?")
    follow(settings, db)
    return Search(settings, db)


def test_the_cases_that_have_a_code_come_before_pages_that_have_parts_of_it(
    search: Search, cast: Cast
):
    for viewer in (cast.alice, cast.dan):
        assert ids(ask(search, "ERR-1042", viewer).hits)[:2] == ["1", "2"]


def test_a_word_in_the_title_of_a_case_comes_before_the_same_word_in_the_text_of_a_page(
    search: Search, cast: Cast
):
    for viewer in (cast.alice, cast.dan):
        assert ids(ask(search, "collier", viewer).hits) == ["3", FENCES]


@pytest.mark.parametrize(
    "title, first",
    [
        ("Le collier 2217 ne répond plus", "3"),
        ("le COLLIER 2217 ne repond plus !", "3"),
        ("Poser une question", "4"),
        ("Poser une clôture", FENCES),
        ("localiser un animal perdu", COLLARS),
    ],
)
def test_a_title_typed_word_for_word_is_first(search: Search, cast: Cast, title: str, first: str):
    for viewer in (cast.alice, cast.dan):
        assert ids(ask(search, title, viewer).hits)[0] == first


def test_the_form_and_the_box_have_the_same_order(search: Search, cast: Cast):
    text = "le collier ne se synchronise plus"
    suggested = search.ask(cast.alice, Question(text_of_form(text, ""), limit=5))
    assert ids(suggested.hits) == ids(ask(search, f"\n{text}", cast.alice, limit=5).hits)


def test_what_is_ranked_is_what_is_shown(search: Search, cast: Cast):
    for viewer in (cast.alice, cast.dan):
        for text in ("collier", "ERR-1042", "poser une question sur le code"):
            ranked = search.rank(viewer, Question(text))
            assert [name for name, _ in ranked] == ids(ask(search, text, viewer).hits)


def test_how_many_tickets_others_have_changes_nothing_for_a_customer(
    search: Search, db, settings, cast: Cast
):
    before = [hit.score for hit in ask(search, "collier du chien", cast.alice).hits]
    for number in range(100, 160):
        chloe = "chloe@globex.example"
        take_over(db, number=number, subject="Un collier", requester=chloe, organisation="globex")
    follow(settings, db)
    assert [hit.score for hit in ask(search, "collier du chien", cast.alice).hits] == before


@pytest.mark.parametrize("amount", ["8 h", "m2"])
def test_an_amount_or_a_short_code_is_a_word_like_others(
    search: Search, db, settings: Settings, cast: Cast, amount: str
):
    """Pages and requests about the matter come before those that only name the figure."""
    write(settings.content_path, "fr/a/pause", "Vingt minutes de pause.", title="Temps de pause")
    write(settings.content_path, "fr/a/autre", f"Ouvert dès {amount}.", title="Horaires")
    put_live(db, settings)
    take_over(db, number=301, subject="Temps de pause au travail", language="fr")
    take_over(db, number=302, subject="Local", description=f"Environ {amount}.", language="fr")
    follow(settings, db)
    for viewer in (cast.alice, cast.dan):
        ranked = ids(ask(search, f"temps de pause pour {amount} de travail ", viewer).hits)
        for about, naming in (("fr/a/pause", "fr/a/autre"), ("301", "302")):
            assert ranked.index(about) < ranked.index(naming)
        assert "fr/a/autre" in ids(ask(search, f"{amount} ", viewer).hits)


def test_a_relative_of_a_word_raises_and_is_not_looked_for_where_the_word_is_unknown(
    search: Search, settings: Settings, db
):
    """`licencier` is in no stem of `licenciement`; one that no page has is a typo, or nothing."""
    write(settings.content_path, "fr/rh/rupture", "Le licenciement d’un salarié.", title="Rupture")
    write(settings.content_path, "fr/rh/motif", "Licencier demande un motif.", title="Motif")
    put_live(db, settings)
    assert ids(ask(search, "licenciement ").hits) == ["fr/rh/rupture", "fr/rh/motif"]
    assert ask(search, "licenciature ", literal=True).hits == ()


def test_a_request_scores_the_same_however_many_are_in_another_language(
    search: Search, db, settings: Settings, cast: Cast
):
    text = "The gateway blinks red since the new firewall was put in on Tuesday."
    for number in range(401, 405):
        subject = f"Gateway {number}" if number == 401 else f"Invoice {number}"
        take_over(db, number=number, subject=subject, description=text, language="en")

    def score() -> float:
        follow(settings, db)
        return ask(search, "gateway blinks ", cast.dan, language="en").hits[0].score

    alone = score()
    for number in range(500, 560):
        take_over(db, number=number, subject="Facture", description="La facture.", language="fr")
    assert score() == pytest.approx(alone, rel=0.25)


def test_a_name_of_two_words_comes_before_what_has_one_of_them(
    search: Search, db, settings: Settings, cast: Cast
):
    write(settings.content_path, "en/yard/gates", "Close the gate.", title="Gates")
    put_live(db, settings)
    text = "Our people put in a FortiGate on Tuesday."
    take_over(db, number=410, subject="Firewall", description=text, language="en")
    take_over(db, number=411, subject="Vent fort", description="Trop fort.", language="fr")
    follow(settings, db)
    assert ids(ask(search, "FortiGate", cast.dan, language="en").hits)[0] == "410"
