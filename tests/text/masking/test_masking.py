"""Masking: nothing personal gets through, and what describes the problem does."""

import re

import pytest

from kbsearch.text.masking import DataKind, label, mask
from tests.kit import growth
from tests.kit.planted import PLANTED, Planted

PEOPLE = ("Nathalie Perrin-Leroy", "Pierre Petit")


def traces(planted: Planted, text: str) -> list[str]:
    """The words of the private part that can still be read."""
    context = planted.sentence.replace(planted.private, " ")
    words = [word for word in re.findall(r"[\w@]{2,}", planted.private) if word not in context]
    return [word for word in words if word in text]


def test_there_are_two_hundred_pieces_and_each_is_in_its_sentence():
    assert len(PLANTED) >= 200
    assert len({planted.sentence for planted in PLANTED}) == len(PLANTED)
    for planted in PLANTED:
        assert traces(planted, planted.sentence), planted


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.sentence)
def test_what_is_planted_does_not_get_through(planted: Planted):
    masked = mask(planted.sentence)
    assert traces(planted, masked.text) == []


def test_nothing_gets_through_all_in_one_text():
    masked = mask("\n\n".join(planted.sentence for planted in PLANTED))
    assert [planted for planted in PLANTED if planted.private in masked.text] == []
    for before, after in zip(masked.items, masked.items[1:], strict=False):
        assert before.end <= after.start
    for item in masked.items:
        assert masked.source[item.start : item.end] == item.text


@pytest.mark.parametrize(
    "text",
    [
        "La version 4.2.1 échoue, la 4.1.0 marchait.",
        "iCownect v 4.2.1.7 et le build 10.0.19045.1 sont touchés.",
        "Erreur ERR-1042 puis 0x80070005 dans kernel32.dll",
        "Le 12/03/2026 à 14:05:33, puis le 3 mars 2026.",
        "It began on 2026-01-31T09:00:00Z, at 9:30 am.",
        "Code erreur 1042, ligne 42, colonne 7, port 8080.",
        "Microsoft Excel 2019 et Windows 11 ferment l'application e-Cervo.",
        "Cliquez sur Fichier puis Enregistrer sous, Options avancées.",
        "System.NullReferenceException at Acme.Paie.Calcul.Run() in C:\\paie\\Calcul.cs:line 12",
        "HTTP 500 sur https://aide.acme.example/fr/articles/mot-de-passe#code",
        "Mot de passe incorrect, mot de passe expiré.",
        "Le mot de passe est refusé. The password is wrong.",
        "Utilisateur : inconnu. Password: required.",
        "Bonjour,\n\nImpossible de me connecter.\n\nCordialement,",
        "Bonjour Madame, Monsieur,",
        "Bonjour Support, merci beaucoup !",
        "Hello Team, thanks again.",
        "Le total est de 1 234 567,89 € pour 12 500 lignes.",
        "SQLSTATE[42S02] dans la table clients_2024, std::vector<int>",
        "L'export CSV de janvier 2026 compte 120 colonnes.",
        "127.0.0.1 et 255.255.255.0 sont normaux, ::1 aussi.",
        "ORA-12514, KB5034441, CVE-2026-41190 et ISO 27001",
        "Installez d'abord le pilote d'imprimante HP LaserJet 4200.",
        "SEVERITY=ERROR code=10061 Connection refused",
        "{3F2504E0-4F89-11D3-9A0C-0305E82C3301} introuvable",
        "Commit 8a1b7ff, ticket #1042, 3 rue",
        "petit problème de pierre",
        "Les 12 cours en ligne et la 3 place disponibles",
        "Faire glisser le fichier dans la zone, puis Ctrl+Maj+S.",
        "The Save button of the Payroll Assistant is greyed out.",
        "Deux DDR4 8GB et un disque de 512 Go, RX5 4GB.",
        "> [!NOTE]\n> Voir [Réinitialiser](reset.md) et `config.toml`.",
        "Line 12: unexpected token in Settings > Network > Proxy",
        "Le paramètre MAX_RETRY_COUNT_2 vaut 3 et le délai 00:30:00.",
        "Veuillez agréer, Madame, l'expression de mes salutations.",
    ],
)
def test_what_describes_a_problem_stays(text: str):
    assert mask(text, PEOPLE).text == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Vu avec NATHALIE PERRIN LEROY.", "Vu avec ‹nom›."),
        ("vu avec nathalie perrin-leroy", "vu avec ‹nom›"),
        ("Perrin-Leroy Nathalie appelle", "‹nom› appelle"),
        ("Leroy rappelle demain", "‹nom› rappelle demain"),
        ("le poste nperrinleroy ou ppetit", "le poste ‹nom› ou ‹nom 2›"),
        ("un petit problème, dit Petit", "un petit problème, dit ‹nom›"),
        ("la pierre de pierre petit", "la pierre de ‹nom›"),
    ],
)
def test_known_people_are_found_in_all_their_forms(text: str, masked: str):
    assert mask(text, PEOPLE).text == masked


def test_equal_texts_have_one_placeholder_and_others_another():
    masked = mask("06 12 34 56 78, 06 98 76 54 32 et encore 06 12 34 56 78")
    assert masked.text == "‹téléphone›, ‹téléphone 2› et encore ‹téléphone›"


def test_the_placeholders_are_in_the_language_of_the_text():
    assert mask("Call +44 7911 123456", language="en").text == "Call ‹phone›"


def test_products_and_versions_are_nobody():
    text = "Marie 2.0.0.12 et Acme Julie"
    assert mask(text).text != text
    assert mask(text, keep=["Marie", "2.0.0.12", "Acme Julie"]).text == text


def test_accents_typed_in_two_signs_hide_nothing():
    assert "vre" not in mask("Mme Lefe\u0300vre").text


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_kind_has_a_name(language: str):
    kinds = DataKind.__args__  # type: ignore[attr-defined]
    assert len({label(kind, language) for kind in kinds}) == len(kinds)


@pytest.mark.parametrize(
    "piece",
    [
        "1 ",
        "1.",
        "a:",
        "A",
        "Marie ",
        "12 rue ",
        "a@",
        "0 ",
        "aA1",
        "mdp: ",
        "Bonjour\n",
        "M. ",
        "-",
    ]
    + ["FR76 ", "é", "(0)", "Cordialement\n", "1 A ", "\n, ", "x.y/", "+1 "],
)
def test_no_text_makes_it_slow(piece: str):
    assert growth.excess(lambda text: mask(text, PEOPLE), piece) is None
