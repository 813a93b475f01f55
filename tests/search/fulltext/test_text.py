import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsearch.search.fulltext.query import understand
from kbsearch.search.fulltext.tantivy_engine import surface
from kbsearch.search.fulltext.text import (
    codes_of,
    detect_language,
    fold_word,
    normal,
    singular,
    synonyms_of,
    unglue,
    words_of,
)
from tests.kit import growth

ANYTHING = st.text(st.characters(), max_size=200)  # with surrogates and control characters
SIGNS = st.text(st.sampled_from("aé1²_.-:/\\() \n\ud800\u0301œ"), max_size=80)


def test_decomposed_and_composed_accents_are_the_same_text():
    assert normal(unicodedata.normalize("NFD", "Réinitialiser")) == "Réinitialiser"
    assert words_of(unicodedata.normalize("NFD", "Forêt À Œuvrer")) == ["foret", "a", "oeuvrer"]


@pytest.mark.parametrize("unsafe", ["\x00", "\x08", "\x1b", "\x7f", "\ud800", "\udfff"])
def test_control_characters_and_lone_surrogates_part_words(unsafe: str):
    assert normal(f"mot{unsafe}passe") == "mot passe"


def test_lines_and_tabs_are_kept():
    assert normal("un\ndeux\ttrois") == "un\ndeux\ttrois"


@pytest.mark.parametrize(
    "written, folded",
    [
        ("Éteindre", "eteindre"),
        ("cœur", "coeur"),
        ("CŒUR", "coeur"),
        ("ex æquo", "ex aequo"),
        ("Ǽ", "ae"),
        ("Straße", "strasse"),
        ("Jørgen", "jorgen"),
        ("Łódź", "lodz"),
        ("garçon", "garcon"),
        ("ﬁchier", "fichier"),  # as copied from a PDF
        ("й", "й"),  # a letter of its own
        ("한국어", "한국어"),
    ],
)
def test_folding_forgets_case_accents_and_ligatures(written: str, folded: str):
    assert fold_word(written) == folded


@pytest.mark.parametrize(
    "word", ["Réseau", "cœur", "Jørgen", "Łódź", "Straße", "Þór", "ﬁchier", "йод", "Ελλάδα", "ærø"]
)
def test_a_folded_word_is_the_word_of_the_index(word: str):
    assert words_of(word) == surface().analyze(normal(word))


@pytest.mark.parametrize(
    "text, codes",
    [
        ("ERR-1042", ["err-1042"]),
        ("erreur 0x80070005 au démarrage", ["0x80070005"]),
        ("version 4.2.1.", ["4.2.1"]),
        ("(KB5034441)", ["kb5034441"]),
        ("le fichier iis.config est vide", ["iis.config"]),
        (r"C:\temp\x", [r"c:\temp\x"]),
        ("java.lang.NullPointerException", ["java.lang.nullpointerexception"]),
        ("at file.py:12,", ["file.py:12"]),
        ("snake_case et __init__", ["snake_case", "__init__"]),
        ("http://x.example/a/1", ["http://x.example/a/1"]),
        ("4.2.1 puis 4.2.1", ["4.2.1"]),
        ("1042", []),
        ("12,5 %", []),
        ("Code\tERR-1042", ["err-1042"]),
        ("Erreur\u00a0: ERR-1042\u202f!", ["err-1042"]),
        ("Code\u00a0ERR-1042", ["err-1042"]),
        ("peut-être", []),
        ("et/ou", []),
        ("Fin. Puis", []),
        ("", []),
    ],
)
def test_codes_are_kept_whole_and_ordinary_words_are_not_codes(text: str, codes: list[str]):
    assert codes_of(text) == codes


def test_a_sentence_gives_its_codes_in_order():
    text = "Depuis la 4.2.1, ERR-1042 revient (voir C:\\logs\\app.log:17)."
    assert codes_of(text) == ["4.2.1", "err-1042", r"c:\logs\app.log:17"]


@pytest.mark.parametrize("piece", ["a_", "_", "a-", "a.b:", "1_", "é²", "1", "a1-_.", r"\\", "-1"])
def test_no_repetition_makes_codes_slow(piece: str):
    def work(text: str) -> None:
        for end in ("", "!", ".", "a", "1"):
            codes_of(text + end)

    assert growth.excess(work, piece) is None


@pytest.mark.parametrize(
    "word, known, rest",
    [
        ("lemployeur", "employeur", "employeur"),
        ("quelle", "elle", "elle"),
        ("dheure", "heure", "heure"),
        ("lordinateur", "imprimante", None),
        ("lemploi", "", None),
        ("litre", "itre", "itre"),
        ("lit", "it", None),  # too short to be a word
        ("dprix", "prix", None),  # nothing is elided before a consonant
    ],
)
def test_a_glued_elision_is_taken_off_a_known_word(word: str, known: str, rest: str | None):
    assert unglue(word, lambda other: other == known) == rest


def test_elisions_are_words_apart():
    assert words_of("l’imprimante d'Alice jusqu'ici") == [
        *("l", "imprimante", "d", "alice", "jusqu", "ici")
    ]


@pytest.mark.parametrize(
    "word, alone",
    [
        ("tickets", "ticket"),
        ("reseaux", "reseau"),
        ("prix", "pri"),
        ("acces", "acce"),
        ("process", "process"),
        ("bus", "bus"),
    ],
)
def test_the_singular_is_rough_but_the_same_for_all_forms(word: str, alone: str):
    assert singular(word) == alone == singular(alone)


def test_synonyms_are_phrases_found_in_any_number():
    synonyms = synonyms_of("mot de passe, MDP, password\npièce jointe, PJ # courrier\n")
    assert synonyms.others(words_of("mes mots de passe")) == (
        ("mdp",),
        ("password",),
    )
    assert synonyms.others(words_of("pièces jointes")) == (("pj",),)
    assert synonyms.others(words_of("passe de mot")) == ()
    assert synonyms.has("mdp") and not synonyms.has("courrier")
    assert [synonyms.names[other] for other in synonyms.others(["pj"])] == ["pièce jointe"]


def test_a_group_of_one_and_comments_say_nothing():
    assert synonyms_of("# a, b\nseul\n,,\n\n x , x \n").groups == ()


FRENCH = [
    "Impossible d'imprimer les étiquettes",
    "Le collier ne remonte plus depuis hier",
    "Bonjour, je n'arrive pas à me connecter",
    "Erreur 500 à l'ouverture du planning",
    "mot de passe perdu pour un salarie",
    "La sauvegarde est en échec",
    "Merci de rappeler dès que possible",
    "Mise à jour 4.2.1 : écran blanc",
    "Comment ajouter un collègue ?",
    "imprimante hors ligne",
]
ENGLISH = [
    "Cannot print labels",
    "The collar is lost since yesterday",
    "Hello, I can't sign in",
    "Error 500 when I open the planner",
    "Forgot my password, how do I reset it?",
    "The backup failed again",
    "Please call me as soon as possible",
    "After the 4.2.1 update, the screen is white",
    "How do I add a colleague?",
    "Where is the export of all my tickets?",
]


def test_the_language_of_twenty_short_tickets_is_told():
    assert [detect_language(text) for text in FRENCH] == ["fr"] * 10
    assert [detect_language(text) for text in ENGLISH] == ["en"] * 10


def test_a_text_that_says_nothing_is_french():
    assert detect_language("") == detect_language("ERR-1042 iis.config") == "fr"


def test_the_last_word_is_unfinished_until_something_follows_it():
    assert understand("réinit").unfinished == "reinit"
    assert understand("réinit ").unfinished is None
    assert understand("réinitialiser.").unfinished is None
    assert understand("a").unfinished is None


@given(ANYTHING | SIGNS)
@settings(max_examples=400, deadline=None)
def test_no_text_makes_the_analysis_fail(text: str):
    clean = normal(text)
    assert clean == normal(clean)
    assert not any("\ud800" <= letter <= "\udfff" or letter == "\x00" for letter in clean)
    assert all(code == fold_word(code) for code in codes_of(clean))
    assert understand(text).words == tuple(words_of(text[:4_000]))
    assert detect_language(text) in ("fr", "en")
    synonyms = synonyms_of(text)
    assert all(len(group) > 1 for group in synonyms.groups)
    synonyms.others(words_of(text))


@given(ANYTHING | SIGNS)
@settings(max_examples=400, deadline=None)
def test_folding_twice_changes_nothing(text: str):
    once = words_of(text)
    assert [fold_word(word) for word in once] == once
    assert fold_word(fold_word(text)) == fold_word(text)
