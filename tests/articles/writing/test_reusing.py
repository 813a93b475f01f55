"""What uses what: snippets, variables and sections, each with the articles that take it in."""

from dataclasses import replace

import pytest

from kbsearch.articles.publishing.publish import publish
from kbsearch.articles.writing import reusing
from kbsearch.errors import NotFound
from tests.kit.writers import article, write


def test_each_piece_has_the_articles_that_take_it_in(db, cast, settings):
    settings = replace(settings, default_audience="everyone")
    content = settings.content_path
    write(content, "variables.yml", 'phone: "01"\nunused: "x"\n')
    write(content, "snippets/en/contact.md", "Call `{{ phone }}`.\n")
    write(content, "articles/en/guide/a.md", article("A", "{{ snippet: contact }}"))
    body = "{{ snippet: gone }}\n\n{{ section: a.md#x }}\n\n{{ yours }}"
    write(content, "articles/en/guide/b.md", article("B", body))
    publish(db, settings)
    found = reusing.list_all(db, cast.dan, settings)
    assert [
        (each.kind, each.name, "".join(card.title for card in each.articles), each.is_there)
        for each in found
    ] == [
        ("section", "a.md#x", "B", True),
        ("snippet", "contact", "A", True),
        ("snippet", "gone", "B", False),
        ("variable", "phone", "A", True),
        ("variable", "unused", "", True),
    ]
    with pytest.raises(NotFound):
        reusing.list_all(db, cast.alice, settings)
