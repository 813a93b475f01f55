"""Markdown as pages show it: the syntaxes, the accessibility of the HTML, and its safety."""

import re
from pathlib import Path

import pytest

from kbsearch.resources import PACKAGE
from kbsearch.text import markup
from kbsearch.text.markup.clean import TAGS, clean
from kbsearch.text.markup.code import BACKGROUNDS, COLOURS, style_sheet
from kbsearch.text.markup.parser import article_parser
from kbsearch.text.markup.retold import retold
from tests.kit import growth


class Shelf:
    """Two pages and one image that exist; the rest does not."""

    def link(self, target: str) -> markup.LinkTarget | None:
        if markup.scheme_of(target):
            return markup.outside(target)
        if not target.startswith(("#", "known.md")):
            return None
        return markup.LinkTarget(target.replace("known.md", "/en/articles/known"))

    def by_slug(self, slug: str) -> markup.LinkTarget | None:
        return markup.LinkTarget(f"/en/articles/{slug}", "Known page") if slug == "known" else None

    def picture(self, target: str) -> markup.Picture | None:
        return markup.Picture("/media/abc/box.png", 40, 30) if target == "box.png" else None


def html(text: str, language: str = "en", title: str = "") -> str:
    return str(markup.article(markup.parse(text, title), language, Shelf()))


@pytest.mark.parametrize(
    "text", ["> [!WARNING]\n> Hot", "!!! warning\n    Hot", ":::warning\nHot\n:::"]
)
def test_the_three_ways_to_write_a_callout_give_the_same_page(text):
    expected = (
        '<div class="alert alert-warning" role="note">\n'
        '<p class="alert-title">Warning</p>\n<p>Hot</p>\n</div>\n'
    )
    assert html(text) == expected


def test_the_title_of_a_callout_is_in_the_language_of_the_article():
    assert '<p class="alert-title">Avertissement</p>' in html("> [!WARNING]\n> x", "fr")


@pytest.mark.parametrize(
    "text",
    [
        "> [!NOTE] My *own* title\n> x",
        '!!! note "My *own* title"\n    x',
        ":::note My *own* title\nx\n:::",
    ],
)
def test_a_callout_may_have_a_title_of_its_own(text):
    assert '<p class="alert-title">My <em>own</em> title</p>' in html(text)


def test_a_callout_may_be_folded():
    assert '<details class="alert alert-tip">\n<summary class="alert-title">Tip' in html(
        "??? tip\n    x"
    )
    assert '<details open class="alert' in html("???+ tip\n    x").replace('open=""', "open")


def test_callouts_nest_with_quotations():
    page = html("> [!NOTE]\n> a\n>\n> > quoted\n\n> plain")
    assert page.count("<blockquote>") == page.count("</blockquote>") == 2
    assert page.count("<div") == page.count("</div>") == 1


def test_tabs_that_follow_one_another_stand_together():
    page = html('=== "Windows"\n\n    Use `dir`\n\n=== "Linux"\n\n    Use `ls`\n\nAfter')
    assert page.count('<div class="tabs">') == 1
    assert page.count('<section class="tab">') == 2
    assert '<p class="tab-title">Windows</p>\n<p>Use <code>dir</code></p>' in page
    assert page.endswith("</div>\n<p>After</p>\n")


def test_keys_are_named_as_on_the_readers_keyboard():
    assert "<kbd>Ctrl</kbd>+<kbd>Maj</kbd>+<kbd>K</kbd>" in html("++ctrl+shift+k++", "fr")
    assert html("i++ and j++ too") == "<p>i++ and j++ too</p>\n"


def test_a_link_by_slug_takes_the_title_of_the_page():
    assert html("[[known]]") == '<p><a href="/en/articles/known">Known page</a></p>\n'
    assert html("[[known|this one]]") == '<p><a href="/en/articles/known">this one</a></p>\n'


def test_what_leads_nowhere_stays_as_text():
    assert html("[a](gone.md) [[gone]]") == (
        '<p><span class="broken-link">a</span> <span class="broken-link">gone</span></p>\n'
    )


def test_an_image_has_its_size_and_a_title_becomes_its_caption():
    assert html('![The box](box.png "Where it lies")') == (
        '<figure><img src="/media/abc/box.png" alt="The box" width="40" height="30" loading="lazy"'
        ' decoding="async"><figcaption>Where it lies</figcaption></figure>\n'
    )


def test_a_definition_list_and_struck_words():
    page = html("Term\n: Meaning\n\n~~old~~")
    assert "<dt>Term</dt>" in page and "<s>old</s>" in page


def test_headings_have_unique_anchors_and_a_link_named_after_the_section():
    page = html("## Étape œuvre\n\na\n\n## Étape œuvre\n\nb")
    assert 'Étape œuvre <a class="anchor" href="#etape-oeuvre"' in page
    assert 'id="etape-oeuvre-2"' in page
    assert 'aria-label="Link to the section “Étape œuvre”"><span aria-hidden="true">#' in page


@pytest.mark.parametrize("name", ["Main", "Q", "Results", "Search"])
def test_a_heading_never_takes_an_id_the_page_uses(name):
    (section,) = markup.parse(f"## {name}").sections
    assert section.anchor == f"{name.lower()}-2"


def test_levels_never_jump_in_the_page_whatever_was_written():
    document = markup.parse("# One\n\n#### Four\n\n### Three\n\n# Again")
    assert [section.level for section in document.sections] == [2, 3, 3, 2]


def test_a_first_heading_that_repeats_the_title_is_left_out():
    assert html("# The title\n\nText", title="The title") == "<p>Text</p>\n"


def test_tables_and_code_are_regions_with_different_names():
    page = html("|a|b|\n|-|-:|\n|1|2|\n\n```python\nx = 1\n```\n\n    raw\n")
    labels = re.findall(r'tabindex="0" role="region" aria-label="([^"]+)"', page)
    assert sorted(labels) == ["Example 1", "Example 2", "Table 1"]
    assert '<td class="align-right">2</td>' in page and "style=" not in page
    assert '<span class="n">x</span>' in page


def test_an_empty_corner_of_a_table_is_not_a_header():
    page = html("| |b|\n|-|-|\n|1|2|")
    assert "<td></td>" in page and '<th scope="col">b</th>' in page


def test_tasks_say_whether_they_are_done():
    page = html("- [ ] a\n- [x] b")
    assert '<ul class="tasks">' in page and "<input" not in page
    assert 'role="img" aria-label="To do">☐' in page and 'aria-label="Done">☑' in page


def test_footnotes_lead_there_and_back_by_name():
    page = html("One[^1] two[^1].\n\n[^1]: Said.")
    assert '<a id="fnref-1" href="#fn-1" aria-label="Note 1">[1]</a>' in page
    assert 'id="fnref-1-2"' in page and '<li id="fn-1">' in page
    assert 'href="#fnref-1-2" aria-label="Back to note 1 in the text">' in page


def test_passages_keep_the_words_of_code_tables_and_images():
    text = "Intro\n\n## One\n\n`ERR-1042`\n\n| a | b |\n|-|-|\n| c | d |\n\n![box](box.png)\n"
    intro, one = markup.parse(text + "\n```sh\nls -la\n```\n").passages
    assert (intro.anchor, intro.title, intro.text) == ("", "", "Intro")
    assert (one.anchor, one.text) == ("one", "ERR-1042 a b c d box ls -la")


def test_an_excerpt_ends_between_two_words():
    assert markup.excerpt("one two three", 9) == "one two…"
    assert markup.excerpt("one two", 9) == "one two"


def test_a_message_keeps_its_lines_and_shows_no_image_from_elsewhere():
    page = markup.message("a\nb ![x](https://spy.example/1.png)", "en")
    assert "<br>" in page and "<img" not in page
    assert (
        'href="https://spy.example/1.png" class="external" rel="noopener noreferrer">x</a>' in page
    )


def test_messages_on_one_page_do_not_compete_for_landmarks_and_headings():
    page = markup.message("# Big\n\n```\ncode\n```", "en")
    assert "<h" not in page and 'role="group"' in page and 'role="region"' not in page


def test_a_huge_message_is_shown_as_it_was_typed():
    page = markup.message("*a* <b>\n" * 10_000, "en")
    assert page.startswith("<pre>*a* &lt;b&gt;\n")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt:alert(1))",
        "[a](java\tscript:alert(1))",
        "[a](&#x6A;avascript:alert(1))",
        "[a](&#106&#97&#118&#97&#115&#99&#114&#105&#112&#116&#58alert(1))",
        "[a](\x01javascript:alert(1))",
        "[a](vbscript:msgbox(1))",
        "[a](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
        "![a](data:image/svg+xml;base64,PHN2Zy8+)",
        "<javascript:alert(1)>",
        "[a]: javascript:alert(1)\n\n[a]",
        '[a](https://x.example "onclick=alert(1)")',
        "[a](https://x.example/\"onmouseover=alert(1)//)",
        '![" onerror="alert(1)](box.png)',
        '![a](box.png "\\" onerror=alert(1)")',
        "## <img src=x onerror=alert(1)>",
        '## "><script>alert(1)</script>',
        "```\"><script>alert(1)</script>\nx\n```",
        "```<img/src=x onerror=alert(1)>\nx\n```",
        '!!! note "<img src=x onerror=alert(1)>"\n    x',
        '=== "<img src=x onerror=alert(1)>"\n    x',
        "[[<img src=x onerror=alert(1)>]]",
        "[[known|<img src=x onerror=alert(1)>]]",
        "++<b onclick=x>++",
        "a[^<img src=x onerror=alert(1)>]\n\n[^<img src=x onerror=alert(1)>]: x",
        "|<img src=x onerror=alert(1)>|\n|-|\n|<b hx-get=/x>|",
        "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
        "<div hx-get=/logout hx-trigger=load>x</div>",
        "<a href=x style=position:fixed;inset:0>x</a>",
        "<base href=//evil.example>",
        "<https://x.example/<script>alert(1)</script>>",
        "https://x.example/<script>alert(1)</script>",
    ],
)  # fmt: skip
def test_nothing_a_person_writes_can_run(text):
    pages = [html(text), str(markup.message(text, "en"))]
    for page in pages:
        tags = re.findall(r"<([a-z0-9]+)((?:\s[^<>]*)?)/?>", page)
        for name, attributes in tags:
            assert name in TAGS
            written = re.sub(r'"[^"]*"', '""', attributes)
            assert not re.search(r"\bon\w+=|\bstyle=|\bhx-", written), page
        links = re.findall(r'(?:href|src)="([^"]*)"', page)
        assert all(re.match(r"https?:|mailto:|[/#]", link) for link in links), links


def test_the_cleaner_is_a_gate_of_its_own():
    dirty = '<p onclick="x" style="x" hx-get="/x" class="evil">a<script>b</script></p>'
    assert str(clean(dirty)) == '<p class="">a</p>'
    assert str(clean('<a href="javascript:x">c</a>')) == "<a>c</a>"


ATTACKS = {
    "colons": ":",
    "schemes": "http:",
    "addresses": "x http://",
    "mails": "mailto:a@",
    "quotes": ">",
    "lists": "- ",
    "brackets": "[",
    "links": "[a](",
    "images": "![",
    "stars": "*a ",
    "backquotes": "`a``",
    "tables": "|a",
    "entities": "&amp;",
    "tags": "<a",
    "tasks": "- [ ] ",
    "slugs": "[[a",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_64_kb_of_anything_take_four_times_as_long_as_16(name):
    quarter = markup.MESSAGE_LIMIT // growth.STEP
    assert growth.excess_at(lambda text: markup.message(text, "en"), ATTACKS[name], quarter) is None


@pytest.mark.parametrize("text", [":   ", '!!! "', '=== "a"\n', "++a", "[[a", "[^a]", ":::note\n"])
def test_syntaxes_of_articles_stay_quick_too(text):
    assert growth.excess_at(html, text, 64_000 // growth.STEP) is None


def test_deep_nesting_is_bounded():
    html(">" * 5_000 + " x")
    html("\n".join(" " * 4 * depth + "!!! note" for depth in range(200)))
    assert article_parser().options["maxNesting"] <= 100


def test_the_style_sheet_of_code_is_the_one_that_is_served():
    served = Path(PACKAGE / "static" / "pygments.css").read_text(encoding="utf-8")
    assert served == style_sheet()


@pytest.mark.parametrize("group", COLOURS)
def test_colours_of_code_can_be_read_in_both_themes(group):
    for colour, background in zip(COLOURS[group], BACKGROUNDS, strict=True):
        assert contrast(colour, background) >= 4.5


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


RETOLD = """
## Du *code*

Un paragraphe
sur deux lignes, [un lien](known.md), [dehors](https://example.org) et snake_case.[^1]

1. Un

   ```sh
   ls  *.md
   ```
2. Deux

> [!WARNING]
> Attention.

=== "Windows"
    Sous Windows.

| A | B |
|---|---|
| 2 * 3 | `x` |

Terme
:   sa définition

![Une boîte](box.png)

[^1]: La note.
"""


def test_an_article_is_said_again_as_a_message_understands_it():
    said = retold(html(RETOLD, "fr"), "https://help.example/")
    assert said == (
        "## Du *code*\n\n"
        "Un paragraphe sur deux lignes, [un lien](https://help.example/en/articles/known), "
        "[dehors](https://example.org) et snake_case.[1]\n\n"
        "1. Un\n\n   ```\n   ls  *.md\n   ```\n2. Deux\n\n"
        "> **Avertissement**\n>\n> Attention.\n\n"
        "**Windows**\n\nSous Windows.\n\n"
        "| A | B |\n| --- | --- |\n| 2 \\* 3 | `x` |\n\n"
        "**Terme**\n\nsa définition\n\n\n\n"
        "1. La note. ↩"
    )
    shown = markup.message(said, "fr")
    for piece in ("<table>", "<blockquote>", "<ol>", "ls  *.md", "2 * 3"):
        assert piece in shown
