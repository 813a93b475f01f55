import unicodedata

import pytest

from kbsearch.text import normal_form
from kbsearch.text.normal_form import LONGEST_RUN, nfc, nfd, nfkd, stream_safe, without_marks
from tests.kit import growth

FORMS = [nfc, nfd, nfkd, without_marks, stream_safe]
# Marks in and out of order, those that two marks stand for, those that only compatibility shows.
MARKS = ["\u0300", "\u0300\u0316", "\u0344", "\u0f73", "\uff9e", "\U0001d165", "\u0323\u0307"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("marks", [*MARKS, "a" + MARKS[1] * 15, "e\u0301", "한", "\ufdfa", "é"])
def test_a_normal_form_takes_a_time_that_grows_with_the_text_alone(form, marks: str):
    told = growth.excess(form, marks)
    assert told is None, told


@pytest.mark.parametrize("marks", MARKS)
def test_no_more_marks_than_a_letter_carries_are_kept_in_a_row(marks: str):
    first, _, second = nfc("x" + marks * 1_000 + "-" + marks * 1_000).partition("-")
    assert len(unicodedata.normalize("NFC", marks)) <= len(second) <= 2 * LONGEST_RUN
    assert len(first) <= 1 + 2 * LONGEST_RUN


@pytest.mark.parametrize(
    "text",
    [
        "Éte\u0301 à l’Haÿ-les-Roses",
        "Tiê\u0301ng Viê\u0323t",
        "שָׁלוֹם עֲלֵיכֶם",
        "ཧཱུྃ",
        "한국어",
        "ﬁ²",
        "z" + "\u0307" * LONGEST_RUN,
    ],
)
def test_what_people_write_is_normalised_as_ever(text: str):
    assert nfc(text) == unicodedata.normalize("NFC", text)
    assert nfd(text) == unicodedata.normalize("NFD", text)
    assert nfkd(text) == unicodedata.normalize("NFKD", text)


def test_every_mark_that_unicode_knows_is_cut():
    unlike = [
        code
        for code in range(0x110000)
        if unicodedata.combining(unicodedata.normalize("NFKD", chr(code))[0])
        and len(stream_safe("a" + chr(code) * (LONGEST_RUN + 1))) != 1 + LONGEST_RUN
    ]
    assert unlike == []


def test_a_text_longer_than_any_is_cut():
    assert len(nfc("a" * (normal_form.LONGEST + 1))) == normal_form.LONGEST
