"""What site generators write around words is gone, and the words are there."""

from pathlib import Path

import pytest

from kbsearch.articles.importing import generators
from kbsearch.articles.importing.markdown import MarkdownFolder
from kbsearch.articles.importing.pages import ConversionReport, ForeignPage, Languages
from tests.kit import growth


class Here:
    """Every link leads where it says, and every file is there."""

    def link(self, target: str) -> str:
        return target

    def file(self, target: str) -> str:
        return target


def imported(root: Path, files: dict[str, str]) -> dict[str, tuple[ForeignPage, str]]:
    """The pages of a folder with their texts, by their places."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    folder = MarkdownFolder(root, Languages(("en",)), ConversionReport())
    return {
        page.place: (page, folder.markdown(page, Here(), lambda kind, detail: None))
        for page in folder.pages
    }


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("import {\n  One,\n} from './one';\n\nWords", "\nWords"),
        ("export const Red = ({children}) => (\n  <b>\n    {children}\n  </b>\n);\nWords", "Words"),
        ("import the list\nexport it", "import the list\nexport it"),
        ("import {\n\nnothing closes", "import {\n\nnothing closes"),
        ("## Keys {/* #own-name */}", "## Keys {#own-name}"),
        ('<TabItem value="a">One.</TabItem>', '<TabItem value="a">\n\nOne.\n\n</TabItem>'),
        ("{{< callout tip >}}Save.{{< /callout >}}",
         "{{< callout tip >}}\nSave.\n{{< /callout >}}"),
        ("{: .warning }\n> Hot.\n", ":::warning\nHot.\n:::\n"),
        ("{: .note-title }\n> Mind\n>\n> Cold.\n", ":::note[Mind]\nCold.\n:::\n"),
        ("Hot.\n{: .warning }", "Hot.\n{: .warning }"),  # below its paragraph: shown as it is
        ("[a](b.md){:target=\"_blank\"} c", "[a](b.md) c"),
        ("a {% comment %}b{% endcomment %}c", "a c"),
        ("{% tabs log %}\n{% tab log php %}\na", '\n{% tab title="php" %}\na'),
        (":::no-loc text=\"Word\"::: is a name", "Word is a name"),
        ("::: shop.basket.Basket\n    options:\n      depth: 1\nWords", "Words"),
        ("/// tip | Sooner\nSave.\n///", ":::tip[Sooner]\nSave.\n:::"),
        ("Press ++ctrl+s++.", "Press <kbd>Ctrl</kbd>+<kbd>S</kbd>."),
        ("C++ and a++ + b++", "C++ and a++ + b++"),
    ],
)  # fmt: skip
def test_what_is_written_around_words_goes(text: str, plain: str):
    assert generators.plainer(text) == plain


def test_a_shortcode_that_is_shown_is_an_example(tmp_path: Path):
    text = '# A\n\n{{< code file="a.html" >}}\n{{</* figure src="b.png" */>}}\n{{< /code >}}\n'
    pages = imported(tmp_path, {"hugo.toml": "", "content/a.md": text})
    assert pages["/content/a.md"][1].strip() == '```html\n{{< figure src="b.png" >}}\n```'


def test_a_callout_on_one_line_ends_there(tmp_path: Path):
    text = (
        '# A\n\n{{< callout type="warning" >}}Hot.{{< /callout >}}\n\n{{% relref "/b" %}} after\n'
    )
    pages = imported(tmp_path, {"hugo.toml": "", "content/a.md": text})
    words = pages["/content/a.md"][1]
    assert words.replace("\n\n", "\n").startswith("\n:::warning\nHot.\n:::\n")
    assert words.count(":::") == 2
    assert "/b after" in words


def test_an_unknown_shortcode_keeps_the_words_it_shows(tmp_path: Path):
    text = '# A\n\n{{< term text="Basket" id="b" >}} and {{< card link="c" title="Cee" >}}\n'
    pages = imported(tmp_path, {"hugo.toml": "", "content/a.md": text})
    assert pages["/content/a.md"][1].strip() == "Basket and - [Cee](c)"


def test_pictures_of_gitbook_come_whatever_their_names(tmp_path: Path):
    files = {
        "SUMMARY.md": "",
        ".gitbook/assets/screen (1).png": "",
        "a.md": (
            '# A\n\n<figure><img src=".gitbook/assets/screen (1).png" alt="Screen"></figure>\n\n'
            '{% columns %}\n{% column width="50%" %}\nLeft.\n{% endcolumn %}\n{% endcolumns %}\n\n'
            'See [b.md](b.md "mention").\n'
        ),
        "b.md": "# The basket\n\nWords.\n",
    }
    words = imported(tmp_path, files)["/a.md"][1]
    assert "![Screen](.gitbook/assets/screen%20%281%29.png)" in words
    assert "Left." in words
    assert "{%" not in words
    assert "[The basket](b.md)" in words
    folder = MarkdownFolder(tmp_path, Languages(("en",)), ConversionReport())
    page = next(page for page in folder.pages if page.place == "/a.md")
    key = folder.key(".gitbook/assets/screen%20%281%29.png", page)
    assert folder.file(key) == ("screen (1).png", b"")


def test_a_note_of_obsidian_is_called_as_its_file(tmp_path: Path):
    files = {".obsidian/app.json": "", "The basket.md": "Words, [[B^that]].\n\n## Later\n\nx\n"}
    files["B.md"] = "# Bee\n\nx ^that\n"
    pages = imported(tmp_path, files)
    page, words = pages["/The basket.md"]
    assert page.title == "The basket"
    assert "[B](/B.md)" in words
    assert pages["/B.md"][0].title == "Bee"


def test_imports_above_the_title_leave_it_the_title(tmp_path: Path):
    text = "import Tabs from '@theme/Tabs';\nimport {A} from 'a';\n\n# Start\n\nWords.\n"
    pages = imported(tmp_path, {"docusaurus.config.js": "", "docs/start.mdx": text})
    page, words = pages["/docs/start.mdx"]
    assert (page.title, words.strip()) == ("Start", "Words.")


@pytest.mark.parametrize("line", ["# Title{}x", ":::image{}x"])
def test_spaces_without_end_take_no_longer_than_other_signs(line: str):
    assert growth.excess_at(lambda gap: generators.plainer(line.format(gap)), " ", 5_000) is None
