"""No line begins with a colon or loses its guillemet, and code stays as it was typed."""

import pytest
from markupsafe import Markup

from kbsearch.text import markup
from kbsearch.text.markup import LinkTarget, Picture
from kbsearch.text.typography import NARROW, typeset


class Nowhere:
    """Links that lead to one page."""

    def link(self, target: str) -> LinkTarget | None:
        return LinkTarget(target)

    def by_slug(self, slug: str) -> LinkTarget | None:
        return LinkTarget("/fr/articles/x", title="Le guide : la suite")

    def picture(self, target: str) -> Picture | None:
        return Picture("/carre.png", 10, 10)


def rendered(text: str) -> str:
    return str(markup.article(markup.parse(text), "fr", Nowhere())).replace(NARROW, "~")


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Le guide Markdown : mettre en forme", "Le guide Markdown~: mettre en forme"),
        ("Pourquoi ? Voici : oui ! Non ; si", "Pourquoi~? Voici~: oui~! Non~; si"),
        ("dit « bonjour » à tous", "dit «~bonjour~» à tous"),
        ("Vraiment ?! (oui ?)", "Vraiment~?! (oui~?)"),
        ("trop  : large", "trop~: large"),
        ("déjà\u00a0: bon", "déjà\u00a0: bon"),
        ("a != b, x ?y=1, ::insérer, http://a :8080", "a != b, x ?y=1, ::insérer, http://a :8080"),
        ("collé: ainsi", "collé: ainsi"),
    ],
)
def test_a_sign_never_leaves_its_word(typed: str, shown: str):
    assert typeset(typed).replace(NARROW, "~") == shown


def test_markup_stays_markup():
    snippet = typeset(Markup("le <mark>guide</mark> : <b>oui &amp; non</b> ;"))
    assert isinstance(snippet, Markup)
    assert snippet == f"le <mark>guide</mark>{NARROW}: <b>oui &amp; non</b>{NARROW};"


def test_articles_are_typeset_and_their_code_is_not():
    html = rendered(
        "## Le cas : le voici\n\nUn **mot** : « `a : b` » et\n« puis » la\nfin "
        "[lien : ici](/x) ?\n\n"
        "[[x]]\n\n```\nsi : alors\n```\n\n    sinon : rien\n\n"
        '![Une vue](carre.png "La légende : ici")\n\n=== "Windows : 11"\n    Texte\n'
    )
    for shown in (
        ">Le cas~: le voici ",
        "<strong>mot</strong>~: «~<code>a : b</code>~»",
        ">lien~: ici</a>~?",
        ">Le guide~: la suite</a>",
        "<code>si : alors",
        "<code>sinon : rien",
        "La légende~: ici</figcaption>",
        "Windows~: 11</p>",
    ):
        assert shown in html
    assert 'id="le-cas-le-voici"' in html


def test_where_the_writer_broke_the_line_does_not_matter():
    assert (
        rendered("Le mot «\nseul\n» et la liste\n; puis")
        == "<p>Le mot «~seul~» et la liste~; puis</p>\n"
    )


def test_a_message_is_typeset_and_keeps_its_line_breaks():
    html = str(markup.message("Bonjour !\n« Ceci » : `a : b`", "fr")).replace(NARROW, "~")
    assert html == "<p>Bonjour~!<br>\n«~Ceci~»~: <code>a : b</code></p>\n"
