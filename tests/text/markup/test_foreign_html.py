"""HTML of other help desks as Markdown: what a reader sees stays what they saw."""

import os
import re
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape

from kbsearch.text import markup
from kbsearch.text.markup.foreign_html import markdown_of
from tests.kit import growth

EXAMPLES = int(os.environ.get("KBSEARCH_EXAMPLES", "60"))

LINES = "<div>one</div><div>two</div><div><br></div><div>three</div>"
OUTLOOK = '<p class="MsoNormal">one</p><p class="MsoNormal">two</p>'
TABLE = "<table><tr><th>Lot</th><th>A|B</th></tr><tr><td>1<br>2</td><td><b>3</b></td></tr></table>"
LAYOUT = "<table><tr><td><table><tr><td>Dan</td></tr></table></td><td>Support</td></tr></table>"


def words(html: str) -> list[str]:
    return unescape(re.sub(r"<[^>]*>", " ", html)).split()


@pytest.mark.parametrize(
    ("source", "markdown"),
    [
        ("<p>Hello,<br>it\nblinks.</p><p>&nbsp;</p><p>Thanks</p>", "Hello,\nit blinks.\n\nThanks"),
        (LINES, "one\ntwo\n\nthree"),
        (OUTLOOK, "one\ntwo"),
        ("<b>a</b><b>b</b>c and <i>d</i>", "**ab**c and *d*"),
        ("<b>Note:</b>x", "Note:x"),  # two stars there would be seen
        ("<strong><b>x</b></strong>", "**x**"),
        ("<b><p>one</p><p>two</p></b>", "one\n\ntwo"),
        ("a<b><div>one</div></b>b", "a\n**one**\nb"),
        ("<s>old</s> ~new~", "~~old~~ \\~new\\~"),
        ("<ul><li>a<ul><li>b</li></ul></li></ul><div>c</div>", "- a\n  - b\n\nc"),
        ('<ol start="3"><li>a<p>b</p></li><li>c</li></ol>', "3. a\n\n   b\n4. c"),
        (TABLE, "| Lot | A\\|B |\n| --- | --- |\n| 1 2 | **3** |"),
        (LAYOUT, "Dan\nSupport"),
        ("<pre><code class='language-sql'>a\n\n\nb</code></pre>", "```sql\na\n\n\nb\n```"),
        ("<pre>```</pre>", "````\n```\n````"),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>c", "> a\n> > b\n\nc"),
        ("<details><summary>More</summary>x</details>", "**More**\nx"),
        ('<a href="https://a.example/x (1)">[1]</a>', r"[\[1\]](https://a.example/x%20%281%29)"),
        ('<a href="https://a.example/_x_">https://a.example/_x_</a>', "<https://a.example/_x_>"),
        ('<a href="mailto:dan@support.example">dan@support.example</a>', "dan@support.example"),
        ('<img src="cid:1" alt="lamp.png">', "[lamp.png]"),
        ('<iframe src="https://films.example/1"></iframe>', "<https://films.example/1>"),
        (r"C:\temp \\server 5 > 3, a_b.c", r"C:\temp \\\server 5 > 3, a_b.c"),
        ("<p># 1<br>- x<br>2. y<br>&gt; z</p>", "\\# 1\n\\- x\n2\\. y\n\\> z"),
    ],
)
def test_it_reads_like_the_original(source: str, markdown: str):
    assert markdown_of(source) == markdown
    assert markdown_of(f'<div class="zd-comment" dir="auto">{source}</div>') == markdown


@pytest.mark.parametrize(
    "source",
    [
        "x<script>alert(1)</script>",
        "x<style>p { color: red }</style>",
        '<a href="javascript:alert(1)">x</a>',
        '<a href="data:text/html,1">x</a>',
        "<svg><text>alert</text></svg>x",
        "x<!-- alert(1) -->",
        "<p onclick='alert(1)'>x</p>",
    ],
)
def test_nothing_that_runs_is_left_not_even_as_text(source: str):
    assert markdown_of(source) == "x"


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(st.sampled_from("ab 1.#>-+*_~`[]()!\\<&;|=:^{}\"'/x\u00e9"), max_size=30))
def test_no_sign_of_a_text_becomes_markup(text: str):
    page = f"<div>{escape(text)}</div><p><b>Dan</b>: {escape(text)}<br>{escape(text)}</p>"
    html = str(markup.message(markdown_of(page), "en"))
    assert "".join(words(html)) == "".join(words(page)), markdown_of(page)
    assert not re.search(r"<(?!/?(p|br|strong|div)\b)", html), html


@pytest.mark.parametrize(
    "seed", ["<div>", "<li>x", "<b>x</b>", "<i></i> ", "<tr><td>x", "<blockquote>", "<ol><li>"]
)
def test_it_grows_with_its_length(seed: str):
    assert growth.excess(markdown_of, seed) is None


def test_no_depth_is_too_deep():
    assert markdown_of("<div>" * 5000 + "x") == "x"
    assert markdown_of("<blockquote><b>" * 2000 + "x").endswith("x")
