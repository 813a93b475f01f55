"""The first page shows its own words where it is the answer, and only there."""

import pytest

from kbsearch.config import Settings
from kbsearch.database import site_state
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search import Question
from kbsearch.search.learning import lessons
from kbsearch.search.learning.lessons import LessonOrigin
from kbsearch.search.ranking import Search, certainty
from kbsearch.search.ranking.known import CERTAIN_FROM
from tests.conftest import Cast, take_over
from tests.kit.search import ask, follow, ids, put_live, write

PRINTER, CODES = "fr/bureau/imprimante", "fr/bureau/codes"
FIX = "Éteignez l’imprimante, attendez dix secondes."


@pytest.fixture
def search(db: SqliteDatabase, settings: Settings, cast: Cast) -> Search:
    content = settings.content_path
    write(content, CODES, f"La liste.\n\n## ERR-310\n\n{FIX}", title="Codes d’erreur")
    write(content, PRINTER, "Une imprimante muette se relance.", title="L’imprimante ne dit rien")
    for number in range(60):
        text = f"Le {word('sujet', number)} de la {word('page', number)}, puis autre chose."
        write(content, f"fr/divers/p{number}", text, title=f"De {word('titre', number)}")
    put_live(db, settings)
    return Search(settings, db)


def word(stem: str, number: int) -> str:
    """A word of its own for each number; with digits it would be a code."""
    return "".join("bcdfghklmn"[int(digit)] + "o" for digit in f"{number:02}") + stem


def teach(db: SqliteDatabase, cast: Cast, wording: str, path: str) -> None:
    lessons.teach(db, cast.dan, [wording], path, LessonOrigin("helped", source=wording))


@pytest.mark.parametrize("text", ["ERR-310", "err310 ", "codes d'erreur"])
def test_a_code_and_a_title_are_answered_by_the_words_of_the_section(search: Search, text: str):
    results = ask(search, text)
    assert results.is_answered and results.hits[0].id == CODES
    answer = results.public()["answer"]
    assert answer == ("La liste." if text.startswith("codes") else FIX)


@pytest.mark.parametrize("text", ["imprimante muette", "ERR-999", "bobosujet bodopage"])
def test_words_alone_are_no_answer_while_nobody_confirmed_any(search: Search, text: str):
    results = ask(search, text)
    assert not results.is_answered
    assert results.public()["answer"] is None


def test_what_a_colleague_confirmed_for_these_words_is(search: Search, db, cast: Cast):
    teach(db, cast, "imprimante sans bruit au bureau", PRINTER)
    assert ask(search, "imprimante sans bruit au bureau ").is_answered
    assert not ask(search, "imprimante qui fume dans le tracteur rouge").is_answered


def test_a_past_request_that_is_first_and_a_further_page_show_none(
    search: Search, db, settings: Settings, cast: Cast
):
    take_over(db, number=7, subject="ERR-310 encore", language="fr")
    follow(settings, db)
    results = ask(search, "ERR-310 encore", cast.alice)
    assert ids(results.hits)[0] == "7" and not results.is_answered
    assert not ask(search, "ERR-310", limit=1, page=2).is_answered


@pytest.mark.parametrize(("every", "is_enough"), [(100, True), (30, True), (3, False)])
def test_the_score_that_is_enough_is_measured_on_what_was_confirmed(
    search: Search, db, cast: Cast, every: int, is_enough: bool
):
    """The first page is right for 60 wordings but for one in so many, which score as the rest."""
    for number in range(60):
        page = number if number % every else (number + 1) % 60
        teach(db, cast, f"{word('sujet', number)} {word('page', number)}", f"fr/divers/p{page}")
    assert certainty.measure(db, search)
    assert not certainty.measure(db, search)  # nothing is new
    assert bool(site_state.read(db, CERTAIN_FROM)) == is_enough
    asked = ask(search, f"{word('titre', 50)} {word('sujet', 50)} ")
    assert asked.is_answered == is_enough


def test_few_wordings_tell_nothing(search: Search, db, cast: Cast):
    for number in range(certainty.FEWEST - 1):
        teach(db, cast, f"{word('sujet', number)} {word('page', number)}", f"fr/divers/p{number}")
    certainty.measure(db, search)
    assert not site_state.read(db, CERTAIN_FROM)
    assert not search.ask(
        cast.dan, Question(f"{word('sujet', 50)} {word('page', 50)} ")
    ).is_answered
