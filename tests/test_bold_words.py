"""What the handbook has in bold, as it stands on the screens: a word that is on none misleads."""

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from kbsearch import resources

ARTICLES = resources.folder("content") / "articles"
CATALOGUES = resources.folder("locale")
# In bold inside a sentence; what begins a line, an item or a row is stressed, and no name.
NAME = re.compile(r"(?<=[^\W_*|>.\-\n] )\*\*([^\W\d_a-zà-ÿ][^*\n]*)\*\*")
BLANK = re.compile(r"%\(\w+\)s|\{\}")
# Names of other programs, the customers' own as well, and of languages.
OF_OTHERS = {
    "fr": {"Français", "English", "Répondre à tous", "Se désabonner", "Aide", "À propos"},
    "en": {"Français", "English", "Reply all", "Unsubscribe", "Help", "About"},
}
PAGES_OF_OTHERS = {"mail-oauth.md"}  # the consoles of Microsoft and Google
# The page that shows how an article is written has an example of its own.
EXAMPLES = {"fr": {"Paramètres", "Unités", "Poids"}, "en": {"Settings", "Units", "Weight"}}


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").strip().rstrip(".…?:!, ")


@cache
def words(language: str) -> str:
    """All that stands on screens and in letters, a line each."""
    with (CATALOGUES / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file)
    texts = [
        text
        for message in catalogue
        for text in (message.string if isinstance(message.string, tuple) else (message.string,))
    ]
    return "\n".join(BLANK.sub("…", str(text)).replace("\u00a0", " ") for text in texts)


def is_on_a_screen(name: str, language: str) -> bool:
    return plain(re.sub(r"\d+[:.]?\d*", "…", name)) in words(language) or (
        plain(name) in words(language)
    )


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_name_in_bold_stands_on_a_screen(language: str):
    own = OF_OTHERS[language] | EXAMPLES[language]
    missing = {
        (path.name, name)
        for path in (ARTICLES / language).rglob("*.md")
        if path.name not in PAGES_OF_OTHERS
        for name in NAME.findall(path.read_text(encoding="utf-8"))
        if plain(name) not in own and not is_on_a_screen(name, language)
    }
    assert missing == set()


def test_a_name_that_is_on_no_screen_is_found(tmp_path: Path):
    text = "Choose **Settings of nowhere** in the menu.\n- **Stressed**: no name"
    assert NAME.findall(text) == ["Settings of nowhere"]
    assert not is_on_a_screen("Settings of nowhere", "en")
    assert is_on_a_screen("Draft saved at 14:05", "en")
