from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsearch.messages.incoming import from_html, parsing
from kbsearch.text.markup import quotation
from kbsearch.text.markup.quotation import Correspondents
from tests.kit import growth
from tests.kit.layouts import Layout, layouts
from tests.kit.places import MAILS


def shown(path: Path) -> str:
    mail = parsing.read(path.read_bytes())
    return quotation.cut(mail.text, mail.fields.subject).text


def expected(path: Path) -> str:
    return path.with_suffix(".txt").read_text(encoding="utf-8").strip()


def test_there_are_enough_mails_to_judge_by():
    assert len(MAILS) >= 50
    assert {path.stem for path in MAILS} == {path.stem for path in MAILS[0].parent.glob("*.txt")}


def test_nine_in_ten_are_cut_exactly():
    exact = [path for path in MAILS if shown(path) == expected(path)]
    assert len(exact) >= 0.9 * len(MAILS), [path.stem for path in MAILS if path not in exact]


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_no_word_of_the_writer_is_lost(path: Path):
    assert set(expected(path).split()) <= set(shown(path).split())


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_what_is_shown_is_cut_no_further(path: Path):
    """An agent who attaches a mail cuts the same text: twice is once."""
    subject = parsing.read(path.read_bytes()).fields.subject
    assert quotation.cut(shown(path), subject).text == shown(path)


def test_a_mail_that_quotes_nothing_stays_as_it_is():
    text = "Bonjour,\n\nDe : nous.\nLe 3 mars à 10:12, il a écrit : non.\n\n> une ligne\n\nAlice"
    assert quotation.cut(text) == quotation.Cut(text, rest="")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Ok\n\n---- Le mar., 03 févr. 2026 09:58 +0100 S <s@x.fr> a écrit ----\n\nq", "Ok"),
        ("Ok\n\n2026-02-03 9:58 GMT+01:00 S <s@x.fr>:\n\n> q", "Ok"),
        ("Ok\n\nLe mar. 3\nfévr. 2026 à\n09:58, S\n<s@x.fr>\na\nécrit :\n\n> q", "Ok"),
        ("Ok\n\nMessage du : 03/02/2026 09:58\nDe : S\nA : A\nSujet : x\nDate : y\n\nq", "Ok"),
        ("Ok\n\nDe :        S\nA :        A\nDate :        3/2/26\nObjet :        x\n\nq", "Ok"),
        ("Ok\n\nDe : S\nEnvoyé le :mardi 3 février\nÀ : A\nObjet :x\n\nq", "Ok"),
        ("Ok\n\n> a\n> b\n> c", "Ok"),
        ("Ok\n\n--\nAlice\nAcme", "Ok"),
        ("Ok\n\nS <s@x.fr> schrieb am 3. Feb. 2026 um 09:58:\n\n> q", "Ok"),
    ],
)
def test_clients_without_a_mail_of_their_own_here(text: str, kept: str):
    assert quotation.cut(text).text == kept


@pytest.mark.parametrize(
    "text",
    [
        "Le 12 mars 2026 à 10:12, le technicien nous a écrit :\nil faut redémarrer\nAlice",
        "Voici :\n> une ligne\n> deux\n> trois",
        "Voir ci-dessous.\n\nDe : S\nEnvoyé : mardi\nÀ : A\nObjet : x\n\nQ ?\nR.",
        "-----Message d'origine-----\nDe : S\nEnvoyé : m\nObjet : x\n\nseule réponse, en bas",
        "Ok\n\n-----Message d'origine-----\nDe : S\nEnvoyé : m\nObjet : x\n\n> q\nr\n> s",
        "Un.\n--\n" + "\n".join(f"ligne {number}" for number in range(20)),
        "Un ?\n--\nDeux ?\nTrois.",
        "Envoyé depuis Outlook, le message n'arrive pas. Que faire ?",
    ],
)
def test_in_doubt_everything_stays(text: str):
    assert quotation.cut(text).text == text


US = Correspondents(
    frozenset({"support@support.example", "claire@client.example"}),
    frozenset({"Atelier Support", "Claire Vasseur", "Damien"}),
    "support.example",
)


@pytest.mark.parametrize("layout", layouts(), ids=lambda layout: layout.name)
def test_what_programs_of_eleven_languages_quote_is_folded_and_nothing_else(layout: Layout):
    cut = quotation.cut(layout.text, layout.subject, US)
    assert cut.text == layout.shown
    assert bool(cut.rest) == (layout.text != layout.shown)


def test_what_others_wrote_is_folded_only_where_a_program_marked_it_or_answers_it():
    block = (
        "De : SAV <sav@pompes.example>\nEnvoyé : lundi 2 février 2026 17:03\nObjet : {}\n\n45-C."
    )
    pasted = f"Voir.\n\n{block.format('Commande 88')}"
    assert quotation.cut(pasted, "Re: Pompe 2", US).text == pasted
    assert quotation.cut(pasted, "Re: [#7] Commande 88", US).text == "Voir."
    marked = f"Voir.\n\n-----Message d'origine-----\n{block.format('Commande 88')}"
    assert quotation.cut(marked, "Re: Pompe 2", US).text == "Voir."


@pytest.mark.parametrize(
    "text",
    [
        "Bonjour,\n\nClaire Vasseur\n\nDe : Damien\nEnvoyé : 3/2/26 9:41\nÀ : C\n\nQ ?\nR.",
        "Hello Damien,\n\nRegards\n\nOn 3/2/26 9:41, S <support@support.example> wrote:\n\nQ?\nA.",
        "Étape 1 : couper\n---\nÉtape 2 : attendre\n--\nÉtape 3 : remettre",
        "Attendre\n--\nRemettre le courant",
        "Reçu.\n-- \nClaire\nP.-S. : le code est 4711",
        "Reçu.\n--\nClaire\nPS : le code est 4711",
        "Log\nFrom: claire@client.example\nDate: 3 Feb 2026 09:41\nMessage-ID: <1>\nSubject: x",
        "On a reçu 3 pompes.\nLe technicien a écrit :\nil faut la 45-C",
    ],
)
def test_what_somebody_wrote_is_never_taken_for_a_quotation(text: str):
    assert quotation.cut(text, "Re: Pompe 2", US) == quotation.Cut(text, rest="")


def test_a_line_above_an_attribution_without_a_gap_is_somebodys_own():
    text = (
        "On a reçu 3 pompes.\nLe 3 févr. 2026 à 09:41, S <support@support.example> a écrit :\n> Q"
    )
    assert quotation.cut(text, "", US).text == "On a reçu 3 pompes."


WORDS = st.lists(st.sampled_from(["oui", "non", "peut-être", "version", "4.2.1"]), min_size=1)


@given(WORDS, st.sampled_from(MAILS))
@settings(max_examples=150, deadline=None)
def test_whatever_is_written_above_a_quotation_stays(words: list[str], path: Path):
    said = " ".join(words)
    mail = parsing.read(path.read_bytes())
    assert quotation.cut(f"{said}\n\n{mail.text}", mail.fields.subject).text.startswith(said)


@given(st.text())
@settings(max_examples=300, deadline=None)
def test_every_line_of_any_text_is_shown_or_folded(text: str):
    cut = quotation.cut(text)
    lines = Counter(line.rstrip() for line in text.split("\n") if line.strip())
    shown = Counter(line.rstrip() for line in f"{cut.text}\n{cut.rest}".split("\n") if line.strip())
    assert shown == lines
    assert not text.strip() or cut.text.strip() or not text.replace("\u200b", "").strip("\ufeff \n")


QUARTER = 60_000  # characters
HOSTILE = [
    *(
        "Le 3 a écrit :\n",
        "Le 3\n",
        "De : x\n",
        "De : x\nEnvoyé : y\n",
        ">\n",
        "> a\nb\n",
        "--\nx\n",
    ),
    *("Envoyé de mon iPhone\n", "_____\n", "##- x\n", "-- \n", ">" * 50 + "\n", "Le 3 ", "---- "),
    *("http://(((", "<", "<a", "&", "&#x", "<!--", "<blockquote>", "<a href=x>", "<p>", "< <"),
    *("<td>x", '<p a="', "<br>", "<pre>\n", "&" + "a" * 40, "</a>x", "<blockquote>a<br>", "<p =a"),
]


@pytest.mark.parametrize("seed", HOSTILE)
def test_a_long_mail_of_it_takes_no_more_than_its_length(seed: str):
    def read(text: str) -> None:
        quotation.cut(f"{text}>")

    assert growth.excess_at(read, seed, QUARTER) is None
    assert growth.excess_at(lambda text: read(from_html.text_of(f"{text}>")), seed, QUARTER) is None


def test_html_keeps_numbers_pictures_and_what_is_struck():
    page = (
        '<ol start="3"><li>vider<li>rincer<ul><li>deux fois</ul><li value=9>fin</ol>'
        '<p>Voir <img src="cid:v1" alt="voyant"> et <img src="cid:x" alt="le second">.'
        " <s>Rien.</s></p>"
    )
    assert from_html.text_of(page, {"v1": "voyant.png"}) == (
        "3. vider\n4. rincer\n\n- deux fois\n\n5. fin\n\n"
        "Voir [voyant.png] et [le second]. ~~Rien.~~"
    )


def test_html_says_what_a_reader_sees():
    page = (
        "<head><title>no</title></head><style>no{}</style><p>Voir <a href='https://x.fr/a?b=1&amp;"
        "c'>ce lien</a> et <a href=https://x.fr>x.fr</a>&nbsp;:</p><ul><li>un<li>deux</ul>"
        "<img src='https://spy.example/p.gif'><!-- no --><script>no()</script>1 < 2<br>fin"
    )
    assert from_html.text_of(page) == (
        "Voir ce lien <https://x.fr/a?b=1&c> et x.fr\u00a0:\n\n- un\n- deux\n\n1 < 2\nfin"
    )
