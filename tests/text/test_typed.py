"""Plain text in pages and in Markdown: what comes out is what was typed, letter for letter."""

import os
import re
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsearch.text import markup, typed

EXAMPLES = int(os.environ.get("KBSEARCH_EXAMPLES", "150"))  # a million of them, for a night
SIGNS = st.sampled_from(
    list("ab é\\_*~`#->|[](){}!&<>;:=+.0/\n\t'\"^$@%,?") + [" https://a.fr/b_c"]
)
TEXTS = st.lists(SIGNS, max_size=60).map("".join)


def words(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html))


@given(TEXTS)
@settings(max_examples=EXAMPLES)
def test_a_page_shows_what_was_typed(text: str):
    assert words(markup.said(text, "fr", as_typed=True)) == text


@given(TEXTS.map(lambda text: re.sub(r"\s*\n\s*", "\n", text).strip()))
@settings(max_examples=EXAMPLES)
def test_markdown_made_of_it_shows_the_same(text: str):
    html = re.sub(r"</p>\s*<p>|<br>", "\n", markup.message(typed.as_markdown(text), "fr"))
    assert words(html).split() == text.split()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Voir https://a.example/x?b=1&c=2.", "https://a.example/x?b=1&amp;c=2"),
        ("(http://a.example/_x_)", "http://a.example/_x_"[:-1]),
        ('"https://a.example"', "https://a.example"),
    ],
)
def test_addresses_are_links(text: str, address: str):
    assert f'href="{address}"' in markup.said(text, "fr", as_typed=True)


def test_no_markup_of_theirs_is_any_here():
    html = markup.said("<b>gras</b> javascript:alert(1) https://a.example/<i>", "fr", as_typed=True)
    assert html.count("<") == 4  # a block and a link
