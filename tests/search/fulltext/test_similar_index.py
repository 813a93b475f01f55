"""Past cases like a request: what drives likeness, and what does not."""

import random

import pytest

from kbsearch.search.fulltext import essence, similar_index
from kbsearch.search.fulltext.documents import Case
from kbsearch.search.fulltext.ticket_index import TicketIndex
from kbsearch.search.fulltext.ticket_writer import TicketWriter
from tests.kit import retold
from tests.kit.retold import Told

CASES = 100
AT_LEAST = 0.9


def index_of(folder, told, language):
    writer = TicketWriter(folder)
    cases = [
        Case(
            number=number,
            ticket_id=f"id-{number}",
            language=language,
            subject=each.subject,
            description=each.description,
            answers="",
            notes="",
            product="",
            version="",
            status="solved",
            readers=("agents",),
            updated_at="2026-01-01T00:00:00.000000Z",
        )
        for number, each in enumerate(told, 1)
    ]
    writer.apply(cases, 1)
    writer.close()
    return TicketIndex(folder)


def first(index, told, limit=3):
    wanted = similar_index.likeness(index, told.subject, told.description)
    return [number for number, _ in similar_index.ranked(index, wanted, limit)]


@pytest.fixture(scope="module", params=["fr", "en"])
def planting(request, tmp_path_factory):
    """An index of mails, and a hundred of them told again by somebody else, with their numbers."""
    language, chance = request.param, random.Random(7)
    told = retold.handbook(language)
    given = [retold.dressed(each, told, chance, language) for each in told]
    index = index_of(tmp_path_factory.mktemp("planted"), given, language)
    again = [
        (
            number + 1,
            retold.dressed(
                retold.told_again(told[number], chance, language), told, chance, language
            ),
        )
        for number in chance.sample(range(len(told)), CASES)
    ]
    return index, again


def test_a_request_told_in_other_words_finds_its_original(planting):
    index, again = planting
    found = [number in first(index, told) for number, told in again]
    assert sum(found) >= AT_LEAST * len(found)


def test_it_would_not_by_all_that_stands_in_the_mail(planting, monkeypatch):
    """Otherwise the test above would say nothing of greetings, signatures and quotations."""
    monkeypatch.setattr(essence, "of_description", lambda description, subject="": description)
    monkeypatch.setattr(similar_index, "BOILERPLATE", 1_000_000)
    index, again = planting
    found = [number in first(index, told) for number, told in again]
    assert sum(found) < AT_LEAST * len(found)


FOOTER = "Ferme Trois Hiboux, route nationale, Lentilly"


def test_lines_that_many_requests_have_do_not_drive_likeness(tmp_path):
    """A signature that nothing announces is known by its being everywhere."""
    problems = [Told(f"Sujet {n}", f"Rien ne va au poste {n}.\n{FOOTER}") for n in range(20)]
    printer = Told("Étiquettes vides", "L’imprimante sort des étiquettes vides.")
    index = index_of(tmp_path, [*problems, printer], "fr")
    asked = Told("Bonjour", f"Des étiquettes vides à l’imprimante.\n{FOOTER}")
    wanted = similar_index.likeness(index, asked.subject, asked.description)
    assert {stem for _, stem in wanted.weights}.isdisjoint({"hibou", "lentilli", "national"})
    assert first(index, asked)[0] == 21


def test_a_text_that_everybody_writes_is_still_looked_for(tmp_path):
    told = [Told("Panne", "Impossible de se connecter au portail.")] * 20
    index = index_of(tmp_path, told, "fr")
    assert len(first(index, told[0], limit=20)) == 20


def test_dates_and_telephones_are_no_codes(tmp_path):
    index = index_of(tmp_path, [Told("Panne", "ERR-1042 le 2025-05-09, tél. 04.78.12.34.56")], "fr")
    wanted = similar_index.likeness(index, "ERR-1042", "le 2025-05-09, tél. 04.78.12.34.56")
    assert wanted.codes == ("err-1042",)


def test_what_only_shares_a_word_is_no_similar_case(tmp_path):
    others = [Told(f"Sujet {n}", f"Rien ne va au poste {n}.") for n in range(20)]
    errors = [Told("Erreur 0x80070005", "Après un double envoi, le fichier est refusé.")]
    alike = [Told("Le double clic n’ouvre rien", "Deux clics sur la fiche.")]
    index = index_of(tmp_path, [*others, *errors, *alike], "fr")
    assert first(index, Told("Double clic", "")) == [22]
    assert first(index, Told("Double imprimante xylophone", "")) == []
    assert first(index, Told("Zanzibar 0x80070005", "quetzalcoatl")) == [21]
