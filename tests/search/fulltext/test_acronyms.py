"""Acronyms are read where a text explains them, and nowhere else."""

import pytest

from kbsearch.search.fulltext.acronyms import explained


@pytest.mark.parametrize(
    "text, acronyms",
    [
        (
            "Selon le règlement général sur la protection des données (RGPD), vous…",
            [("RGPD", "règlement général sur la protection des données")],
        ),
        ("Une API (interface de programmation) existe.", []),  # its initials say IP
        ("Une IP (interface de programmation).", [("IP", "interface de programmation")]),
        (
            "Le comité social et économique (CSE) se réunit",
            [("CSE", "comité social et économique")],
        ),
        ("L’état des lieux (EDL).", [("EDL", "état des lieux")]),
        ("The service level agreement (SLA) ends.", [("SLA", "service level agreement")]),
        ("Ouvrez-le, puis comité social, économique (CSE)", []),  # not one clause
        ("Une erreur grave (ERR) ou une note (VOIR) plus bas", []),
        ("(RGPD) au début, et rien (12) ni (A)", []),
        ("x" * 300 + " (ABC) ", []),
    ],
)
def test_an_acronym_is_its_words_initials(text: str, acronyms: list[tuple[str, str]]):
    assert list(explained(text)) == acronyms
