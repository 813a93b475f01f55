"""Front matter: read as typed, a closed list of keys, an exact place for every mistake."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsearch.articles.publishing import front_matter
from kbsearch.articles.publishing.front_matter import FrontMatter, FrontMatterError


def test_values_stay_what_was_typed():
    read = front_matter.read("lang: no\nversion: 4.10\ntitle: on\nupdated: 2026-01-31\n")
    assert read.texts == {"lang": "no", "version": "4.10", "title": "on", "updated": "2026-01-31"}


def test_a_list_of_one_may_be_written_as_a_text():
    read = front_matter.read("product: icownect\ntags:\n  - a\n  - b\nfound_by: [x]\n")
    assert read.list("product") == ("icownect",) and read.list("tags") == ("a", "b")


def test_phrases_may_be_french_or_english():
    assert front_matter.read("found_by: [a]\ntrouvable_par: [b]\n").found_by == ("a", "b")


def test_an_unknown_key_is_told_with_its_place_whatever_it_holds():
    read = front_matter.read("title: x\nnavigation:\n  key: y\n  more: [1, {a: b}]\n")
    assert read.unknown == (("navigation", (3, 1)),)


@pytest.mark.parametrize(
    ("text", "reason", "place"),
    [
        ("title: 'open\n", "yaml", (3, 1)),
        ("title: a: b\n", "yaml", (2, 9)),
        ("title: a\ntitle: b\n", "duplicate", (3, 1)),
        ("title: &a x\n", "alias", (2, 8)),
        ("title: *a\n", "alias", (2, 8)),
        ("title: !!python/name:os.system\n", "tag", (2, 8)),
        ("<<: *a\n", "alias", (2, 5)),
        ("- a\n", "not-a-mapping", (2, 1)),
        ("title\n", "not-a-mapping", (2, 1)),
        ("title: [a]\n", "not-a-text", (2, 1)),
        ("tags: {a: b}\n", "not-a-list", (2, 1)),
        ("tags: [[a]]\n", "not-a-list", (2, 1)),
        ("a: b\naudience: evryone\n", "value", (3, 1)),
        ("status: live\n", "value", (2, 1)),
        ("slug: Über uns\n", "value", (2, 1)),
        ("reviewed: soon\n", "value", (2, 1)),
        ("publish_at: demain\n", "value", (2, 1)),
        ("publier_le: 2026-13-01\n", "value", (2, 1)),
        ("publish_at: 2026-12-02\nwithdraw_at: 2026-12-01\n", "value", (3, 1)),
        ("version: '>=4.2 <'\n", "value", (2, 1)),
        ("review_by: 2026-12-01 09:00\n", "value", (2, 1)),
        ("title: \x07\n", "yaml", (1, 1)),
    ],
)
def test_a_mistake_is_told_with_its_reason_and_place(text, reason, place):
    with pytest.raises(FrontMatterError) as told:
        front_matter.read(text)
    assert (told.value.reason, told.value.place) == (reason, place)


def test_a_bomb_of_aliases_is_refused_at_once():
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"b{n}: &b{n} [*a, *a, *a, *a, *a, *a, *a, *a]\n" for n in range(20))
    with pytest.raises(FrontMatterError, match="alias"):
        front_matter.read(bomb)  # read, it would fill the memory of any machine


def test_more_than_8_kb_is_not_even_parsed():
    with pytest.raises(FrontMatterError, match="too-large"):
        front_matter.split("---\n" + "# comment\n" * 120_000 + "---\n")


def test_the_body_begins_after_the_second_fence():
    assert front_matter.split("---\ntitle: a\n---\nBody\n") == ("title: a\n", "Body\n", 3)
    assert front_matter.split("Body\n---\n") == ("", "Body\n---\n", 0)
    with pytest.raises(FrontMatterError, match="unclosed"):
        front_matter.split("---\ntitle: a\n")


def test_it_comes_back_as_it_was_kept():
    read = front_matter.read("title: x\ntags: [a]\nlayout: y\n")
    assert front_matter.from_json(front_matter.to_json(read)) == read


@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(text):
    try:
        lines, _, _ = front_matter.split("---\n" + text + "\n---\n")
        assert isinstance(front_matter.read(lines), FrontMatter)
    except FrontMatterError as problem:
        assert problem.place >= (1, 1)
