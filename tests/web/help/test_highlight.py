"""Marking searched words in HTML, whatever the HTML and the words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from kbsearch.web.help.highlight import highlight


def test_words_are_marked_without_accent_case_or_number():
    html, count = highlight(Markup("<p>Les Réseaux et le réseau.</p>"), "reseau")
    assert html == "<p>Les <mark>Réseaux</mark> et le <mark>réseau</mark>.</p>"
    assert count == 2


def test_the_beginning_of_a_longer_word_counts():
    html, _ = highlight(Markup("<p>réinitialisation</p>"), "réinit")
    assert html == "<p><mark>réinitialisation</mark></p>"


def test_small_words_are_marked_only_where_nothing_else_was_searched():
    html, _ = highlight(Markup("<p>Le mot de passe de la salle</p>"), "mot de passe")
    assert html == "<p>Le <mark>mot</mark> de <mark>passe</mark> de la salle</p>"
    html, count = highlight(Markup("<p>Pas de son</p>"), "pas de son")
    assert count == 3


def test_what_was_excluded_is_not_marked_and_other_forms_are():
    html, _ = highlight(Markup("<p>Wifi, facture, avoir</p>"), '"facture" wi-fi -avoir')
    assert html == "<p><mark>Wifi</mark>, <mark>facture</mark>, avoir</p>"


def test_invisible_signs_do_not_part_a_word_that_is_marked():
    html, _ = highlight(Markup("<p>in\u00adsécable zéro\u200blargeur</p>"), "insécable zérolargeur")
    assert html == "<p><mark>in\u00adsécable</mark> <mark>zéro\u200blargeur</mark></p>"


def test_a_short_word_is_marked_only_whole():
    html, count = highlight(Markup("<p>le lendemain</p>"), "le")
    assert html == "<p><mark>le</mark> lendemain</p>"
    assert count == 1


@pytest.mark.parametrize(
    "html",
    ['<a href="/mot" title="un mot > deux">x</a>', "<img alt='mot'>", "&mot;", "<mot>x</mot>"],
)
def test_tags_attributes_and_entities_are_left_alone(html: str):
    assert highlight(Markup(html), "mot href amp") == (html, 0)


def test_what_is_searched_is_never_html():
    html, count = highlight(Markup("<p>texte</p>"), "<script>alert(1)</script>")
    assert (html, count) == ("<p>texte</p>", 0)


@given(st.text(max_size=300), st.text(max_size=60))
def test_marking_changes_no_text(text: str, searched: str):
    html = Markup("<p>{}</p>").format(text)
    marked, count = highlight(html, searched)
    assert marked.count("<mark>") == marked.count("</mark>") == count
    assert marked.replace("<mark>", "").replace("</mark>", "") == html
