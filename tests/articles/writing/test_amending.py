"""A published article in the editor: what nobody changed stays in its file letter for letter."""

from dataclasses import replace

import pytest

from kbsearch.articles.writing import amending
from kbsearch.articles.writing.amending import OriginalFile
from kbsearch.errors import Invalid
from kbsearch.resources import folder

PLACE = "articles/en/guide/page.md"
RICH = """\
---
title: A # not the best one
# by product
product: [collar, "gate"] # two
description: >
  folded
  text

# what follows is ours
x-own:   {"not": read}
weight:  3
found_by:
  - one
  # the other
  - two
tags: [ a,  b ]
---


Some words.\x20\x20
More.

"""


def file(text: str) -> OriginalFile:
    return OriginalFile(PLACE, text)


def amended(text: str, **values: object) -> str:
    article = amending.read(file(text), "customers")
    return amending.written(replace(article, **values), file(text), "customers")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        *(RICH, RICH.replace("\n", "\r\n"), f"\ufeff{RICH}", "Words.\n", "", "---\n---\nWords"),
        *("---\ntitle: A\n...\nWords", "---\ntitle: A\r\n---\r\nBoth\nkinds\r\n"),
        "---\n{title: A, summary: B}\n---\nWords\n",
    ],
)
def test_a_file_in_which_nothing_is_changed_stays_as_it_is(text: str):
    assert amended(text.replace('{"not": read}', "1")) == text.replace('{"not": read}', "1")


def test_every_article_of_the_handbook_stays_as_it_is():
    paths = sorted((folder("content") / "articles").rglob("*.md"))
    assert len(paths) > 50
    for path in paths:
        text = path.read_text()
        assert amended(text) == text
        changed = amended(text, title="Another").split("\n")
        lines = text.split("\n")
        assert len(changed) == len(lines)
        assert sum(new != old for new, old in zip(changed, lines, strict=True)) == 1


def test_a_value_is_replaced_where_it_stands_and_nothing_else_is_touched():
    text = RICH.replace('{"not": read}', "1")
    new = amended(
        text, title="B: b", summary="Short", product="fence", phrases=("two", "three"),
        audience="agents", body="Other words.",
    )  # fmt: skip
    assert (
        new
        == """\
---
title: 'B: b' # not the best one
# by product
product:
- fence
- gate # two
description: Short

# what follows is ours
x-own:   1
weight:  3
found_by:
- two
- three
tags: [ a,  b ]
audience: agents
---


Other words.
"""
    )


def test_a_value_that_was_emptied_goes_with_its_key():
    text = "---\ntitle: A\nsummary: B\n# ours\nversion: 4\n---\nWords\n"
    assert amended(text, summary="", version="") == "---\ntitle: A\n# ours\n---\nWords\n"


def test_the_audience_of_the_site_is_not_written_into_a_file_that_leaves_it_open():
    assert amending.read(file("---\ntitle: A\n---\nB"), "customers").audience == "customers"
    new = amended("---\ntitle: A\n---\nB", body="C")
    assert new == "---\ntitle: A\n---\nC\n"


def test_line_ends_and_the_byte_order_mark_stay():
    text = "\ufeff---\r\ntitle: A\r\n---\r\n\r\nOne\r\n"
    assert amended(text, body="One\nTwo") == f"{text}Two\r\n"


def test_more_phrases_than_the_form_shows_are_not_lost():
    phrases = [f"phrase {number}" for number in range(14)]
    text = "---\ntitle: A\nfound_by:\n" + "".join(f"- {each}\n" for each in phrases) + "---\nB\n"
    assert len(amending.read(file(text), "customers").phrases) == 10
    assert amended(text, title="C") == text.replace("title: A", "title: C")
    assert "- only\n- phrase 10\n- phrase 11" in amended(text, phrases=("only",))


def test_front_matter_on_one_line_is_spread():
    new = amended("---\n{title: A, x-own: 1}\n---\nB\n", title="C, d")
    assert new == "---\ntitle: C, d\nx-own: '1'\n---\nB\n"


def test_lines_above_the_text_are_counted_as_they_are():
    text = "---\ntitle: A\n---\n\n\nB\n"
    article = amending.read(file(text), "customers")
    assert amending.lines_before(article, file(text), "customers") == 5


@pytest.mark.parametrize("text", ["---\ntitle: A\n", "+++\ntitle = 1\n+++\n", "---\n- a\n---\n"])
def test_front_matter_that_cannot_be_read_is_refused(text: str):
    with pytest.raises(Invalid, match="front_matter_unreadable"):
        amending.read(file(text), "customers")
