"""The tables of contents of other tools, as names and orders of folders."""

import pytest

from kbsearch.articles.importing import contents, run
from kbsearch.articles.importing.contents import ContentsEntry
from tests.kit.writers import git, with_page, write

SUMMARY = """# Table
* [Accueil](README.md)
## Deuxième
* [Prise en main](start/README.md)
  * [Après \\[2\\]](start/b.md)
  * [Avant](start/a.md#x)
* [Ailleurs](https://example.org)
"""
NAV = """
site_name: X
docs_dir: pages
plugins: [!!python/name:x.y ]
nav:
  - Accueil: index.md
  - Prise en main:
      - start/b.md
      - Avant: start/a.md
  - Mélange: [other/c.md, index.md]
"""


@pytest.mark.parametrize(
    ("name", "text", "base"), [("SUMMARY.md", SUMMARY, ""), ("mkdocs.yml", NAV, "pages/")]
)
def test_a_table_names_folders_and_orders_files(name, text, base):
    entries = dict(contents.entries(name, text, ""))
    order = [place for place, entry in sorted(entries.items(), key=lambda pair: pair[1].order or 0)]
    assert entries[f"{base}start"].label == "Prise en main"
    assert order.index(f"{base}start/b.md") < order.index(f"{base}start/a.md")
    assert f"{base}other" not in entries or entries[f"{base}other"].label == ""


@pytest.mark.parametrize("text", ["", "[", "nav: {a: b}", "- a"])
def test_a_table_that_is_none_says_nothing(text):
    assert list(contents.entries("mkdocs.yml", text, "")) == []
    assert contents.label(text) == ContentsEntry()


def test_a_folder_of_docusaurus_keeps_names_and_order(settings, tmp_path):
    with_page(settings)
    root = tmp_path / "source"
    write(root, "docusaurus.config.js", "")
    label = '{"label": "Prise en main", "position": 2, "link": {"description": "Le début"}}'
    write(root, "docs/start/_category_.json", label)
    write(root, "docs/start/a.md", "---\ntitle: A\nsidebar_position: 2\n---\n\nText.\n")
    write(root, "docs/start/b.md", "---\ntitle: B\nsidebar_position: 1\n---\n\nText.\n")
    outcome = run.run(settings, root, "markdown")
    place = f"{outcome.branch}:articles/{settings.languages[0]}/prise-en-main/_category.yml"
    assert git(settings.content_path, "show", place).splitlines() == [
        *("name: Prise en main", "description: Le début", "order: 2"),
        *("articles:", "- b", "- a"),
    ]
    assert run.run(settings, root, "markdown").created == 0
