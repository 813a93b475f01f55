"""Folders of Markdown for other tools move in: every sign of theirs, published without an error."""

from pathlib import Path

import pytest

from kbsearch import articles
from kbsearch.access import OPERATOR
from kbsearch.articles.importing import run
from kbsearch.articles.importing.markdown import dialect_of
from kbsearch.articles.publishing.publications import Publication
from kbsearch.articles.publishing.publish import publish
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from tests.kit.writers import git, png, with_page, write

BRANCH = "draft/import-markdown"

# By tool: its files, then what the page `start` shows and what it does not.
DIALECTS: dict[str, tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]] = {
    "docusaurus": (
        {
            "docusaurus.config.js": "module.exports = {i18n: {defaultLocale: 'en'}};\n",
            "docs/_category_.json": "{}",
            "docs/guide/_category_.json": '{"label": "First steps", "position": 1}',
            "docs/guide/start.mdx": (
                "---\nid: start\nsidebar_position: 1\nslug: /begin\ntags: [one]\n---\n"
                "import Tabs from '@theme/Tabs';\n\n# Start here\n\n{/* for writers */}\n\n"
                ":::tip[Do this]\n\nFirst.\n\n:::\n\n"
                '<Tabs groupId="os">\n<TabItem value="win" label="Windows">\n\nOpen it.\n\n'
                "</TabItem>\n<TabItem value='mac'>\n\n```sh\nimport x from 'y'\n```\n\n"
                '</TabItem>\n</Tabs>\n\n<Highlight color="red">Big</Highlight>\n\n'
                "#### Deep {#deep}\n\nSee [end](./end.md#last) and [it](/docs/guide/end).\n\n"
                "![](/img/a.png)\n"
            ),
            "docs/guide/end.md": "---\ntitle: The end\n---\n\n## Last\n\nDone. [Back](start.mdx)\n",
        },
        ("Do this", 'class="tabs"', "Windows", "'y'", "Big", 'id="deep"',
         "/en/articles/end#last", "<img"),
        ("for writers", "Highlight", "TabItem", ":::"),
    ),
    "mkdocs": (
        {
            "mkdocs.yml": "site_name: Help\ntheme:\n  language: en\n",
            "docs/index.md": "# Welcome\n\nHello, [start](guide/start.md).\n",
            "docs/snippets/note.md": "Taken in.\n",
            "docs/guide/start.md": (
                "# Start\n\n[TOC]\n\n!!! warning \"Mind\"\n    The gap.\n\n"
                "??? note\n    Folded.\n\n"
                '=== "Linux"\n\n    Type it.\n\n--8<-- "note.md"\n\nPress ++ctrl+k++, ==bright== '
                "and ^^new^^ :material-check: text.\n\n[Go](../index.md){ .md-button }\n\n"
                '<div class="grid" markdown>\n\nIn a grid.\n\n</div>\n\n*[HTML]: Hyper Text\n'
            ),
        },
        ("Mind", "<details", 'class="tabs"', "Taken in.", "<kbd>", "<mark>bright</mark>", "<ins>",
         "In a grid."),
        ("[TOC]", "--8&lt;--", ":material", "md-button", "Hyper Text"),
    ),
    "gitbook": (
        {
            "SUMMARY.md": "# Summary\n\n* [Start](guide/start.md)\n",
            "README.md": "# Home\n\nWelcome home.\n",
            ".gitbook/includes/part.md": "A part.\n",
            "guide/start.md": (
                "---\ndescription: How it begins\nicon: star\n---\n\n# Start\n\n"
                '{% hint style="danger" %}\nHot.\n{% endhint %}\n\n{% tabs %}\n'
                '{% tab title="One" %}\nFirst.\n{% endtab %}\n{% endtabs %}\n\n'
                '{% content-ref url="end.md" %}\n[end.md](end.md)\n{% endcontent-ref %}\n\n'
                '{% embed url="https://www.youtube.com/watch?v=x" %}\n\n'
                '{% include "../.gitbook/includes/part.md" %}\n\n{% stepper %}\n{% step %}\n'
                "### Step\n\nDo.\n{% endstep %}\n{% endstepper %}\n\n"
                "<figure><img src=\"../img/a.png\""
                ' alt="Screen"><figcaption><p>The screen</p></figcaption></figure>\n'
            ),
            "guide/end.md": "# End\n\nDone.\n",
            "img/.keep": "",
        },
        ("Hot.", 'class="tabs"', "/en/articles/end", "youtube.com", "A part.", "Step",
         "<figcaption>The screen"),
        ("{%", "endstep"),
    ),
    "obsidian": (
        {
            ".obsidian/app.json": "{}",
            "guide/start.md": (
                "---\naliases: [Begin]\n---\n\n> [!faq]- Why?\n> Because.\n\n%%hidden%%\n\n"
                "See [[End]], [[End#Last|the last]] and [[Nowhere]]. ==Bright==\n\n"
                "![[a.png|20]]\n\n"
                "![[Part]]\n\nA block. ^block-1\n"
            ),
            "guide/End.md": "# End\n\n## Last\n\nDone.\n",
            "Part.md": "Another part.\n",
        },
        ("Because.", 'href="/en/articles/end"', "/en/articles/end#last", "Nowhere", "<mark>",
         'width="4"', "Another part."),
        ("hidden", "^block", "[["),
    ),
    "hugo": (
        {
            "hugo.toml": "languageCode = 'en-us'\n",
            "content/guide/_index.md": "+++\ntitle = 'Guide'\nweight = 1\n+++\n\nAbout it.\n",
            "content/guide/start.md": (
                "+++\ntitle = 'Start: now'\ndate = 2020-01-31\ntags = ['one']\n"
                "aliases = ['/old/start/']\n+++\n\n"
                '{{% notice tip "Mind" %}}\nThe gap.\n{{% /notice %}}\n\n{{< tabs >}}\n'
                '{{< tab "One" >}}\nFirst.\n{{< /tab >}}\n{{< /tabs >}}\n\n'
                '[End]({{< ref "end.md#last" >}})\n\n{{< figure src="/img/a.png" alt="Screen" '
                'caption="The screen" >}}\n\n{{< youtube x1 >}}\n\n{{< highlight go >}}\nx := 1\n'
                '{{< /highlight >}}\n\n{{< details "More" >}}\nInside.\n{{< /details >}}\n\n'
                "{{< weather city >}}\n"
            ),
            "content/guide/end.md": "---\ntitle: End\n---\n\n## Last\n\nDone.\n",
            "content/guide/later.md": "+++\ntitle = 'Later'\ndraft = true\n+++\n\nNot yet.\n",
        },
        ("Mind", 'class="tabs"', "/en/articles/end#last", "<figcaption>The screen", "youtube.com",
         "x1", "<details", "Inside."),
        ("{{", "weather"),
    ),
    "jekyll": (
        {
            "_config.yml": "lang: en\nbaseurl: /help\n",
            "_includes/part.md": "A part.\n",
            "guide/start.md": (
                "---\nlayout: page\ntitle: Start: now\nredirect_from: [/old/start]\n---\n\n"
                "* TOC\n{:toc}\n\nMind the gap.\n{: .warning }\n\n{% include part.md %}\n\n"
                '{% include note.html content="Said in short." %}\n\n'
                '[End]({% link guide/end.md %}), '
                "[again]({{ '/guide/end' | relative_url }})\n\n{% highlight ruby %}\nputs 1\n"
                "{% endhighlight %}\n\n{% raw %}{{ kept }}{% endraw %}\n\n{% unknown thing %}\n\n"
                "![Screen]({{ site.baseurl }}/img/a.png)\n"
            ),
            "guide/end.md": "---\ntitle: End\n---\n\nDone.\n",
            "_posts/2020-01-31-news.md": "---\ntitle: News\n---\n\nNew.\n",
            "_drafts/later.md": "---\ntitle: Later\n---\n\nNot yet.\n",
        },
        ("alert-warning", "A part.", "Said in short.", "/en/articles/end", "puts", "{{ kept }}",
         "<img"),
        ("{%", "TOC", "toc}"),
    ),
    "docfx": (
        {
            "docfx.json": "{}",
            "articles/includes/part.md": "A part.\n",
            "articles/guide/start.md": (
                "---\ntitle: Start\nms.date: 01/31/2020\nms.topic: how-to\nuid: a.start\n---\n\n"
                "# Start\n\n> [!IMPORTANT]\n> Mind.\n\n[!INCLUDE [part](../includes/part.md)]\n\n"
                "# [Windows](#tab/win)\n\nOpen.\n\n# [Linux](#tab/lin)\n\nType.\n\n---\n\n"
                '::: moniker range="1"\n\n:::image type="content" source="/img/a.png" '
                'alt-text="Screen":::\n\n::: moniker-end\n\n> [!VIDEO https://player.example/v]\n\n'
                "<xref:System.String> [here](end.md) <span id=\"x\">in</span> <font>old</font>\n\n"
                "> [!div class=\"nextstepaction\"]\n> [Next](end.md)\n\n"
                "<table><tr><td colspan=\"2\">Both</td></tr><tr><td>a</td><td>b</td></tr></table>\n"
            ),
            "articles/guide/end.md": "# End\n\nDone.\n",
        },
        ("Mind.", "A part.", 'class="tabs"', "Linux", "<img", "player.example", "System.String",
         "(end)", "Both", "old"),
        (":::", "[!", "moniker", "&lt;font", "tab/win"),
    ),
}  # fmt: skip


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        write(root, name, text)
    for place in ("img/a.png", "static/img/a.png"):
        write(root, place, png())
    return root


@pytest.mark.parametrize("tool", DIALECTS)
def test_a_folder_is_published_without_a_hand(
    settings: Settings, db: SqliteDatabase, tmp_path: Path, tool: str
):
    files, shown, hidden = DIALECTS[tool]
    source = put(tmp_path / tool, files)
    assert dialect_of(source) == tool
    with_page(settings)
    offered = Settings(site=settings.site, languages=("en", "fr"))
    outcome = run.run(offered, source, run.guessed(source))
    assert outcome.errors == ()
    publication = publish(db, settings, BRANCH)
    assert isinstance(publication, Publication), publication.findings
    html = articles.find(db, OPERATOR, "en", "start").html
    for piece in shown:
        assert piece in html, piece
    for piece in hidden:
        assert piece not in html, piece
    titles = {card.title for card in articles.list_after(db, OPERATOR, "", 20)}
    assert "Later" not in titles
    again = run.run(offered, source, "markdown")
    assert (again.created, again.updated) == (0, 0)


@pytest.mark.parametrize(
    ("tool", "old", "slug"),
    [("docusaurus", "/docs/begin", "start"), ("mkdocs", "/guide/start/", "start"),
     ("gitbook", "/guide/end", "end"), ("hugo", "/old/start/", "start"),
     ("jekyll", "/guide/end.html", "end")],
)  # fmt: skip
def test_pages_are_found_where_they_were(settings, db, tmp_path, tool, old, slug):
    with_page(settings)
    offered = Settings(site=settings.site, languages=("en", "fr"))
    run.run(offered, put(tmp_path / tool, DIALECTS[tool][0]), "markdown")
    publish(db, settings, BRANCH)
    card = articles.find_old(db, OPERATOR, old, "en")
    assert card is not None and card.slug == slug


def test_translations_of_every_layout_are_paired(settings, db, tmp_path):
    with_page(settings)
    source = put(tmp_path / "two", {
        "docs/en/a/one.md": "# One\n\nText.\n", "docs/fr/a/one.md": "# Un\n\nTexte.\n",
        "docs/b.en.md": "# Two\n\nText two.\n", "docs/b.fr.md": "# Deux\n\nTexte deux.\n",
        "docs/b.de.md": "# Zwei\n\nText.\n",
    })  # fmt: skip
    outcome = run.run(settings, source, "markdown")
    assert outcome.report.details["language-not-offered"] == ["docs/b.de.md"]
    publish(db, settings, BRANCH)
    for slug, other in (("one", "Un"), ("b", "Deux")):
        page = articles.find(db, OPERATOR, "en", slug)
        assert [each.title for each in articles.translations(db, OPERATOR, page)] == [other]


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf---\r\ntitle: Page\r\n---\r\n\r\n# Page\r\n\r\nCaf\xc3\xa9.\r\n",
        b"# Page\n\nCaf\xe9.\n",  # windows-1252
        b"---\ntitle: Page: with a colon\n---\n\nText.\n",
        b"Page\n====\n\nText <blink>a</blink> ![](gone.png) [x](gone.md)\n",
        b"---\ntitle: Page\n",
        b"",
    ],
)
def test_an_awkward_file_needs_nobody(settings, tmp_path, text):
    with_page(settings)
    write(tmp_path / "odd", "docs/page.md", text)
    outcome = run.run(settings, tmp_path / "odd", "markdown")
    assert outcome.errors == ()
    assert git(settings.content_path, "ls-tree", "-r", "--name-only", BRANCH).count("page.md") == 2


def test_pages_that_differ_by_a_number_alone_are_two(settings, tmp_path):
    with_page(settings)
    for number in (1, 2):
        write(tmp_path / "odd", f"docs/{number}-same.md", f"# Same {number}\n\nText {number}.\n")
    outcome = run.run(settings, tmp_path / "odd", "markdown")
    assert (outcome.pages, outcome.created, outcome.errors) == (2, 2, ())
    again = run.run(settings, tmp_path / "odd", "markdown")
    assert (again.created, again.updated) == (0, 0)
