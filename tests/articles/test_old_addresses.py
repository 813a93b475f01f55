"""Addresses of other systems: which of them are one, and which article they lead to."""

import pytest

from kbsearch import articles
from kbsearch.access import ANONYMOUS
from kbsearch.articles import old_addresses
from kbsearch.articles.publishing.publish import publish
from tests.kit.writers import article, write


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("/hc/fr/articles/360001-Le-titre-d-alors", "/hc/articles/360001"),
        ("/hc/fr-fr/articles/360001", "/hc/articles/360001"),
        ("/hc/en-us/articles/360001-How-to/", "/hc/articles/360001"),
        ("https://aide.acme.example/hc/fr/articles/360001?x=1#h_2", "/hc/articles/360001"),
        ("/hc/articles/360001", "/hc/articles/360001"),
        ("/hc/fr/sections/7-Premiers-pas", "/hc/sections/7"),
        ("/fr/support/solutions/articles/43-le-titre", "/support/solutions/articles/43"),
        ("/support/solutions/folders/44", "/support/solutions/folders/44"),
        ("/a/solutions/45", "/support/solutions/categories/45"),
        ("/docs/Install/", "/docs/install"),
        ("/docs/install/index.html", "/docs/install"),
        ("/docs/pr%C3%A9sentation.md", "/docs/présentation"),
        ("/hc/fr/articles/360001/comments/2", "/hc/fr/articles/360001/comments/2"),
        ("/", "/"),
        ("//[", ""),
    ],
)
def test_an_old_address_is_known_by_what_names_its_page(address, key):
    assert old_addresses.key_of(address) == key


def test_the_article_in_the_language_of_the_address_comes_first(db, settings):
    for language in ("fr", "en"):
        old = f"alias: [/hc/{language}/articles/12-{language}, /docs/place]\n"
        write(settings.content_path, f"articles/{language}/a/page.md", article(more=old))
    publish(db, settings)

    def language_at(address, reader="fr"):
        card = articles.find_old(db, ANONYMOUS, address, reader)
        return card and card.language

    assert language_at("/hc/en-gb/articles/12") == "en"
    assert language_at("/hc/fr/articles/12-new-words", "en") == "fr"
    assert language_at("/hc/de/articles/12", "en") == language_at("/docs/place", "en") == "en"
    assert language_at("/hc/fr/articles/13") is None


def test_two_articles_may_not_have_had_one_address(db, settings):
    for name, old in (("one", "/docs/Place"), ("two", "/docs/place/")):
        write(settings.content_path, f"articles/en/a/{name}.md", article(more=f"alias: [{old}]\n"))
    publication = publish(db, settings)
    assert [finding.rule for finding in publication.findings if finding.severity == "error"] == [
        "alias-clash"
    ]


def test_whole_addresses_that_end_alike_are_two(db, settings):
    for name in ("one", "two"):
        old = f"alias: [/{name}/install/]\n"
        write(settings.content_path, f"articles/en/a/{name}.md", article(name, more=old))
    publication = publish(db, settings)
    assert not any(finding.severity == "error" for finding in publication.findings)
    for name in ("one", "two"):
        card = articles.find_old(db, ANONYMOUS, f"/{name}/install", "en")
        assert card is not None and card.title == name
