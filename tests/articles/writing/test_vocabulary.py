"""Words to add: what a page explains or people confirmed becomes a line, by one click."""

from dataclasses import replace

import pytest

from kbsearch.articles.publishing.publish import publish
from kbsearch.articles.writing import vocabulary
from kbsearch.articles.writing.vocabulary import Proposal
from kbsearch.config import Settings
from kbsearch.errors import Forbidden, NotFound
from kbsearch.search.learning import lessons
from kbsearch.search.learning.lessons import LessonOrigin
from tests.kit.writers import article, commit, git, repository, write
from tests.web.writing.test_articles import signed_in

RIGHTS, SALARY = "fr/guide/droits", "fr/guide/salaire"
LONG = "règlement général sur la protection des données"
PAGE = "/fr/desk/vocabulary"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, default_audience="everyone")


@pytest.fixture
def content(settings, db):
    content = repository(settings)
    write(content, f"articles/{RIGHTS}.md", article("Vos droits", f"Par le {LONG} (RGPD)."))
    write(content, "articles/fr/guide/registre.md", article("Registre", "Le registre RGPD."))
    write(content, "articles/fr/guide/cse.md", article("Élus", "Un comité social (CS)."))
    write(content, "articles/fr/guide/charte.md", article("Charte", f"La charte du {LONG}."))
    write(content, f"articles/{SALARY}.md", article("Bulletin de salaire", "Chaque mois."))
    write(content, "synonyms.txt", "CS, club sportif\n")
    commit(content)
    publish(db, settings)
    return content


def lines(proposals: list[Proposal]) -> list[str]:
    return [proposal.line for proposal in proposals]


def test_an_acronym_that_a_page_explains_is_proposed_with_what_it_moves(
    db, settings, content, cast
):
    (proposal,) = vocabulary.proposals(db, cast.wendy, settings)
    assert (proposal.line, proposal.path) == (f"RGPD, {LONG}", RIGHTS)
    (move, *_) = (move for move in proposal.moves if move.phrase == "RGPD")
    assert set(move.before) == {"Vos droits", "Registre"} and "Charte" in move.after
    done = vocabulary.accept(db, cast.wendy, settings, proposal.id)
    text = git(content, "show", "main:synonyms.txt")
    assert text.splitlines() == ["CS, club sportif", f"RGPD, {LONG}"]
    assert git(content, "log", "-1", "--format=%an %H") == f"{cast.wendy.name} {done.commit}"
    assert vocabulary.proposals(db, cast.wendy, settings) == []
    with pytest.raises(NotFound):
        vocabulary.accept(db, cast.wendy, settings, proposal.id)


def test_words_that_people_confirmed_and_that_find_nothing_become_a_search_phrase(
    db, settings, content, cast
):
    origin = LessonOrigin("voted", "v1")
    lessons.teach(db, cast.alice, ["fiche de paie"], SALARY, origin)
    assert "fiche de paie" not in lines(vocabulary.proposals(db, cast.wendy, settings))
    spoken = ["fiche de paie", "paie de Mme Lefèvre", "bulletin de salaire"]
    lessons.teach(db, cast.dan, spoken, SALARY, replace(origin, source="v2"))
    proposals = vocabulary.proposals(db, cast.wendy, settings)
    assert [line for line in lines(proposals) if "paie" in line] == ["fiche de paie"]
    assert "bulletin de salaire" not in lines(proposals)  # it finds the page already
    (proposal,) = (proposal for proposal in proposals if proposal.is_phrase)
    assert [(move.before, move.after[0]) for move in proposal.moves] == [
        ((), "Bulletin de salaire")
    ]
    vocabulary.accept(db, cast.wendy, settings, proposal.id)
    assert "fiche de paie" in git(content, "show", f"main:articles/{SALARY}.md")
    assert "fiche de paie" not in lines(vocabulary.proposals(db, cast.wendy, settings))


def test_customers_are_shown_none(db, settings, content, cast):
    with pytest.raises((Forbidden, NotFound)):
        vocabulary.proposals(db, cast.alice, settings)


def test_a_line_is_accepted_in_the_browser(db, settings, content, app, cast):
    wendy = signed_in(app, db, cast.wendy)
    page = wendy.get(PAGE).text
    assert LONG in page and "Charte" in page
    (proposal,) = vocabulary.proposals(db, cast.wendy, settings)
    assert wendy.post(PAGE, data={"proposal": "x"}).status_code == 404
    done = wendy.post(PAGE, data={"proposal": proposal.id})
    assert done.status_code == 303
    after = wendy.get(done.location).text
    assert "dans un commit à votre nom" in after and LONG not in after
