"""HTML that Markdown has no sign for, and what other tools write: what becomes of it on a page."""

import pytest

from kbsearch.text import markup
from kbsearch.text.markup.outline import slug_of
from tests.kit import growth
from tests.text.markup.test_markup import html


def anchors(text: str) -> list[str]:
    return [section.anchor for section in markup.parse(text).sections]


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Contrôle d'accès", "controle-d-acces"),
        ("Contrôle d’accès", "controle-d-acces"),
        ("Contrôle dʼaccès", "controle-d-acces"),
        ("2019–2024 — l’œuf", "2019-2024-l-oeuf"),
        ("soft\u00adhyphen\u200b", "softhyphen"),
        ("İstanbul, ŁÓDŹ", "istanbul-lodz"),
        ("庄子", "庄子"),
        ("Йога ёж", "йога-ёж"),
        ("がぎぐ", "がぎぐ"),
        ("हिन्दी में", "हिन्दी-में"),
        ("!?…", ""),
    ],
)
def test_an_address_has_one_hyphen_for_any_sign_and_keeps_every_script(title, slug):
    assert slug_of(title) == slug


def test_a_heading_keeps_its_anchor_when_its_typography_is_mended():
    assert anchors("## L'état d'un « lot »") == anchors("## L’état d’un «\u00a0lot\u00a0»")


def test_a_heading_answers_to_its_earlier_anchor_and_to_that_of_github():
    document = markup.parse("## Contrôle d’accès\n\na\n\n## Contrôle d’accès\n\nb")
    assert document.anchors == {
        *("controle-d-acces", "controle-dacces", "contrôle-daccès"),
        *("controle-d-acces-2", "controle-dacces-2", "contrôle-daccès-1"),
    }
    page = html("## Contrôle d’accès")
    assert '<h2 id="controle-d-acces"><span id="controle-dacces"></span>' in page


def test_no_alias_takes_the_anchor_of_another_heading():
    page = html("## d’a\n\nx\n\n## da\n\ny")
    assert page.count('id="da"') == 1
    assert '<h2 id="da">' in page


@pytest.mark.parametrize(
    ("text", "anchor"),
    [
        ("## Réinitialiser {#reset}", "reset"),
        ("## Réinitialiser {: #reset }", "reset"),
        ("## Réinitialiser {#Étape_1.b .wide}", "Étape_1.b"),
        ("## Réinitialiser {#reset} ##", "reset"),
        ("Réinitialiser {#reset}\n---", "reset"),
        ("## Réinitialiser\n{: #reset}", "reset"),
        ("## Réinitialiser {#main}", "main-2"),
        ("## Réinitialiser {#a b c", "reinitialiser-a-b-c"),
    ],
)
def test_an_id_that_is_written_is_the_anchor_and_is_not_shown(text, anchor):
    (section,) = markup.parse(text).sections
    assert section.anchor == anchor
    assert "{" not in section.title or anchor.endswith("c")


def test_a_place_that_is_named_by_hand_can_be_linked_to_once():
    text = '<a id="un"></a>Un, <a name="deux">deux</a>, <a id="main"></a>, <a id="un"></a>.'
    assert markup.parse(text).anchors == {"un", "deux"}
    assert html(text) == '<p><span id="un"></span>Un, <span id="deux"></span>deux, , .</p>\n'


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("a<br>b<BR/>c<br />d", "<p>a<br>b<br>c<br>d</p>\n"),
        ("<kbd>Ctrl</kbd>", "<p><kbd>Ctrl</kbd></p>\n"),
        ("H<sub>2</sub>O m<sup>2</sup>", "<p>H<sub>2</sub>O m<sup>2</sup></p>\n"),
        ("<u>a</u> <mark>b</mark> <small>c</small>", None),
        ("<b>a</b> <i>b</i>", "<p><strong>a</strong> <em>b</em></p>\n"),
        ("<u>*a*</u>", "<p><u><em>a</em></u></p>\n"),
        ("<u>a", "<p>&lt;u&gt;a</p>\n"),
        ("a</u>", "<p>a&lt;/u&gt;</p>\n"),
        ("<u>a\n\nb</u>", "<p>&lt;u&gt;a</p>\n<p>b&lt;/u&gt;</p>\n"),
        ("<u onclick=x>a</u>", "<p>&lt;u onclick=x&gt;a&lt;/u&gt;</p>\n"),
        ("`<u>a</u>`", "<p><code>&lt;u&gt;a&lt;/u&gt;</code></p>\n"),
        ('<a href="known.md">b</a>', '<p><a href="/en/articles/known">b</a></p>\n'),
        ('<a href="javascript:x">b</a>', '<p>&lt;a href="javascript:x"&gt;b&lt;/a&gt;</p>\n'),
        ("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>\n"),
    ],
)
def test_a_closed_list_of_tags_works_and_the_rest_is_text(text, page):
    assert html(text) == (page or f"<p>{text}</p>\n")


def test_an_image_has_the_width_it_is_given_and_no_more_than_its_own():
    assert 'alt="Box" width="20" height="15"' in html('<img src="box.png" alt="Box" width="20">')
    assert 'width="40" height="30"' in html('<img width=900 src=box.png alt="Box">')


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("<!-- no -->", ""),
        ("<!-- no\n\nno -->\n\nyes", "<p>yes</p>\n"),
        ("<!-- no\n-->yes", "<p>yes</p>\n"),
        ("yes<!-- no -->", "<p>yes</p>\n"),
        ("yes\n<!-- no -->\n", "<p>yes</p>\n"),
        ("- <!-- no -->yes", "<ul>\n<li>yes</li>\n</ul>\n"),
        ("yes\n\n<!-- no\n\nno", "<p>yes</p>\n"),
        ("`<!-- yes -->`", "<p><code>&lt;!-- yes --&gt;</code></p>\n"),
    ],
)
def test_a_comment_is_never_shown(text, page):
    assert html(text).lstrip("\n").replace("\n\n", "\n") == page
    assert "no" not in str(markup.parse(text).passages)


@pytest.mark.parametrize(
    "text",
    [
        "<details><summary>Le *plus*</summary>\n\nCaché.\n\n</details>",
        "<details>\n<summary>Le *plus*</summary>\nCaché.\n</details>",
        "<details><summary>Le *plus*</summary>Caché.</details>",
        "<DETAILS>\n<SUMMARY>\nLe *plus*\n</SUMMARY>\n\nCaché.\n</DETAILS>",
    ],
)
def test_details_are_folded(text):
    expected = "<details>\n<summary>Le <em>plus</em></summary>\n<p>Caché.</p>\n</details>\n"
    assert html(text) == expected
    (passage,) = markup.parse(text).passages
    assert "Caché" in passage.text


def test_details_hold_what_an_article_holds_and_end_where_they_end():
    text = "<details open>\n\n```\n</details>\n```\n\n<details>\nb\n</details>\n\n</details>\n\nc"
    page = html(text)
    assert page.startswith('<details open="">\n<div class="code"')
    assert page.endswith("<details>\n<p>b</p>\n</details>\n</details>\n<p>c</p>\n")


def test_a_table_in_html_is_the_table():
    rows = "<tr><th>A</th><th>B|</th></tr>\n<tr><td><p>1</p><p>2</p></td><td><i>c</i></td></tr>"
    table = f'<table class="x"><tbody>\n{rows}\n</tbody></table>'
    assert html(table) == html("| A | B\\| |\n|---|---|\n| 1<br>2 | <i>c</i> |")
    joined = '<table><tr><td colspan="2">a</td></tr></table>'
    assert "<table>" not in html(joined)


@pytest.mark.parametrize(
    "text",
    [
        ":::warning[Haut *et* bas]\nHot\n:::",
        ':::warning{title="Haut *et* bas"}\nHot\n:::',
        ":::{warning} Haut *et* bas\nHot\n:::",
        "> [!WARNING] Haut *et* bas\n> Hot",
    ],
)
def test_a_titled_callout_of_any_dialect_is_the_same(text):
    assert html(text) == html('!!! warning "Haut *et* bas"\n    Hot')


@pytest.mark.parametrize(
    "text",
    [
        '{% hint style="warning" %}\nHot\n{% endhint %}',
        "{: .warning }\nHot",
        "Hot\n{: .warning }",
        ":::warning\nHot\n:::",
    ],
)
def test_a_callout_of_any_dialect_is_the_same(text):
    assert html(text) == html("!!! warning\n    Hot")


def test_what_docusaurus_folds_is_folded():
    assert html("::: details Plus\nx\n:::") == html('??? note "Plus"\n    x')


def test_tabs_of_gitbook_are_tabs():
    tabs = "\n\n".join(f'{{% tab title="{name}" %}}\n{name}\n{{% endtab %}}' for name in "ab")
    assert html(f"{{% tabs %}}\n{tabs}\n{{% endtabs %}}") == html(
        '=== "a"\n    a\n\n=== "b"\n    b'
    )


@pytest.mark.parametrize("text", ["{% hint %}\nx", "{% endhint %}", "```\n{% hint %}\n```"])
def test_what_has_no_end_stays_as_it_was_typed(text):
    assert "{%" in html(text)


@pytest.mark.parametrize("scheme", ["tel:+33170000045", "sms:+33612345678", "mailto:a@b.fr"])
def test_a_telephone_is_dialled_and_is_no_other_site(scheme):
    address = scheme.replace("@", "@")
    assert f'<a href="{address}">x</a>' in str(markup.message(f"[x]({scheme})", "fr"))


@pytest.mark.parametrize(
    "seed",
    [
        *("<details>\n", "<details>\n</details>\n", "<details><summary>", "</details>\n"),
        *("<!--", "<!--\n", "<!-- -->", "<table>", "<table><tr><td>a</table>\n", "<u>", "<u></u>"),
        *("<a id=x>", "<a href=b>", "<img src=a ", "<img src=a>", "{% hint %}\n", "{% tabs %}\n"),
        *(
            "{% hint %}\n{% endhint %}\n",
            "{: .a}\n",
            "a\n{: .note}\n\n",
            "## a {#b}\n",
            ":::a[b]\n",
        ),
    ],
)
def test_much_of_it_takes_no_more_than_its_length(seed):
    assert growth.excess_at(html, seed, 16_000) is None
