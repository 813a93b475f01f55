"""Articles as they are read: each by those it is for, and by nobody else."""

import json
from dataclasses import replace

import pytest

from kbsearch import articles
from kbsearch.access import article_readers
from kbsearch.articles import categories
from kbsearch.articles.publishing import publications
from kbsearch.articles.publishing.publish import publish
from kbsearch.errors import NotFound
from tests.kit.writers import article, png, write


@pytest.fixture
def shelf(db, settings, cast):
    """One article an audience, published from a folder, each with an image of its own."""
    audiences = ("everyone", "customers", "agents", "org:acme", "product:cervo-atelier")
    for shade, audience in enumerate(audiences):
        name = audience.partition(":")[2] or audience
        body = f"## For {audience}\n\nWords. ![a box](box-{shade}.png)"
        more = f"alias: [old-{name}]\ntags: [shared, {name}]\nproduct: [icownect]\n"
        text = article(f"For {audience}", body, audience, more)
        write(settings.content_path, f"articles/en/guide/{name}.md", text)
        french = article(f"Pour {audience}", body, audience)
        write(settings.content_path, f"articles/fr/guide/{name}.md", french)
        for language in ("en", "fr"):
            image = f"articles/{language}/guide/box-{shade}.png"
            write(settings.content_path, image, png(shade=shade))
    publish(db, settings)
    return db


READABLE = {
    "nobody": {"everyone"},
    "alice": {"everyone", "customers", "acme"},
    "chloe": {"everyone", "customers", "cervo-atelier"},
    "dan": {"everyone", "customers", "agents", "acme", "cervo-atelier"},
    "wendy": {"everyone", "customers", "agents", "acme", "cervo-atelier"},
}
ALL = READABLE["dan"]


@pytest.mark.parametrize("who", READABLE)
def test_each_reads_what_is_for_them_by_every_road(shelf, cast, who):
    viewer = getattr(cast, who)
    readable = READABLE[who]
    for slug in ALL:
        found = _found(articles.find, shelf, viewer, "en", slug)
        assert (found is not None) == (slug in readable)
        old = articles.find_alias(shelf, viewer, "en", f"old-{slug}")
        assert (old is not None) == (slug in readable)
        whole = articles.find(shelf, cast.dan, "en", slug)
        translated = articles.translations(shelf, viewer, whole)
        assert [twin.language for twin in translated] == (["fr"] if slug in readable else [])
        near = {card.slug for card in articles.related(shelf, viewer, whole, 9)}
        assert near == readable - {slug}
    assert {card.slug for card in articles.list_recent(shelf, viewer, "en")} == readable
    root, category = categories.list_all(shelf, viewer, "en")
    assert (root.path, category.path) == ("", "guide")
    assert root.articles == category.articles == category.own == len(readable)
    listed = articles.list_category(shelf, viewer, "en", "guide", 9)
    assert {card.slug for card in listed} == readable
    assert {card.slug for card in articles.list_first(shelf, viewer, "en", 9)["guide"]} == readable
    assert {card.slug for card, _ in articles.list_news(shelf, viewer, "en", "", 9)} == readable
    assert articles.count(shelf, viewer, "en") == len(readable)
    for slug in readable:
        beside = articles.neighbours(shelf, viewer, articles.find(shelf, viewer, "en", slug))
        assert {card.slug for card in beside if card} <= readable - {slug}


@pytest.mark.parametrize("who", READABLE)
def test_an_image_is_seen_by_those_who_read_an_article_that_shows_it(shelf, cast, who):
    viewer = getattr(cast, who)
    for slug in ALL:
        whole = articles.find(shelf, cast.dan, "en", slug)
        digest = whole.html.split("/media/")[1].split("/")[0]
        media = _found(articles.find_media, shelf, viewer, digest)
        assert (media is not None) == (slug in READABLE[who])
        if media is not None:
            assert (media.media_type, media.width, media.height) == ("image/png", 4, 3)
            assert media.body.startswith(b"\x89PNG")


def test_the_search_is_given_the_words_that_may_read_each_article(shelf):
    live = publications.find_live(shelf)
    assert live is not None
    pages = {page.path: page for page in articles.pages(shelf, live.id)}
    assert len(pages) == 2 * len(ALL)
    assert pages["en/guide/acme"].readers == article_readers("org:acme")
    assert pages["en/guide/acme"].phrases == ("shared", "acme")
    intro, part = pages["en/guide/acme"].passages
    assert intro.text == "" and (part.anchor, part.text) == ("for-org-acme", "Words. a box")


def test_an_article_that_is_excluded_is_read_but_not_searched(db, settings, nobody):
    write(settings.content_path, "articles/en/a/b.md", article(more="exclude: true\n"))
    publication = publish(db, settings)
    assert articles.find(db, nobody, "en", "b") is not None
    assert isinstance(publication, publications.Publication)
    assert articles.pages(db, publication.id) == []


def test_an_article_that_does_not_say_is_for_the_audience_of_the_settings(db, settings, cast):
    write(settings.content_path, "articles/en/a/b.md", "---\ntitle: x\n---\nWords\n")
    publish(db, settings)
    assert _found(articles.find, db, cast.nobody, "en", "b") is None
    assert articles.find(db, cast.alice, "en", "b").audience == "customers"
    publish(db, replace(settings, default_audience="agents"))
    assert _found(articles.find, db, cast.alice, "en", "b") is None


def test_an_article_tells_all_it_is(db, settings, nobody):
    more = "product: [icownect, cervo]\nversion: 4.10\ntags: [a]\nsummary: In short.\nid: key\n"
    write(settings.content_path, "articles/en/a/b.md", article("T", "## P\n\nx", more=more))
    publish(db, settings)
    found = articles.find(db, nobody, "en", "b")
    assert (found.title, found.summary, found.version) == ("T", "In short.", "4.10")
    assert (found.products, found.tags) == (("icownect", "cervo"), ("a",))
    assert found.translation_key == "key"
    assert [section.anchor for section in found.sections] == ["p"]
    assert found.html.startswith('<h2 id="p">')


def test_those_that_share_most_are_the_nearest(db, settings, nobody):
    for slug, tags in (("here", ["a", "b"]), ("far", []), ("near", ["a"]), ("nearest", ["a", "b"])):
        text = article(slug, more=f"tags: {json.dumps(tags)}\n")
        write(settings.content_path, f"articles/en/guide/{slug}.md", text)
    publish(db, settings)
    here = articles.find(db, nobody, "en", "here")
    near = [card.slug for card in articles.related(db, nobody, here, 3)]
    assert near == ["nearest", "near", "far"]


def test_nothing_is_live_before_the_first_publication(db, nobody):
    assert articles.live_publication(db) is None and articles.live_commit(db) == ""
    assert articles.list_recent(db, nobody, "en") == ()


def _found(find, *arguments):
    try:
        return find(*arguments)
    except NotFound:
        return None
