"""Addresses that articles had, as a browser meets them; and what their pages say to machines."""

import json
import re
from dataclasses import replace

from kbsearch import create_app
from kbsearch.articles.publishing.publish import publish
from tests.kit.writers import article, write

FOLDER = "articles/en/guide"


def test_a_moved_page_answers_301_and_a_removed_one_410_with_a_search(db, settings):
    content = settings.content_path
    write(content, f"{FOLDER}/note.md", article("Credit note", "Some words."))
    write(content, f"{FOLDER}/gone.md", article("Gone soon", "Other words."))
    publish(db, settings)
    (content / FOLDER / "note.md").rename(content / FOLDER / "credit.md")
    (content / FOLDER / "gone.md").unlink()
    publish(db, settings)
    client = create_app(settings, db).test_client()
    answer = client.get("/en/articles/note")
    assert (answer.status_code, answer.location) == (301, "/en/articles/credit")
    answer = client.get("/en/articles/gone")
    assert answer.status_code == 410
    assert 'role="search"' in answer.text and "This page is gone" in answer.text
    answer = client.get("/en/articles/never")
    assert answer.status_code == 404, "nothing is hidden here: nobody has to sign in"
    write(content, f"{FOLDER}/secret.md", article("Theirs", "Words.", "customers"))
    publish(db, settings)
    assert client.get("/en/articles/never").status_code == 303


def test_an_article_says_its_languages_and_what_it_is(db, settings):
    settings = replace(settings, default_audience="everyone", base_url="https://aide.example")
    write(settings.content_path, f"{FOLDER}/page.md", article("A </script> page", "Words."))
    write(settings.content_path, "articles/fr/guide/page.md", article("Une page", "Des mots."))
    write(settings.content_path, f"{FOLDER}/alone.md", article("Alone", "Words."))
    publish(db, settings)
    client = create_app(settings, db).test_client()
    page = client.get("/en/articles/page", base_url=settings.base_url).text
    urls = re.findall(r'hreflang="([^"]+)" href="https://aide.example(/[^"]+)"', page)
    assert dict(urls) == {
        "en": "/en/articles/page",
        "fr": "/fr/articles/page",
        "x-default": "/fr/articles/page",
    }
    assert '<link rel="canonical" href="https://aide.example/en/articles/page">' in page
    assert '<meta property="og:title" content="A &lt;/script&gt; page">' in page
    data = re.search(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert data
    whole, trail = json.loads(data[1])["@graph"]
    assert (whole["headline"], whole["inLanguage"]) == ("A </script> page", "en")
    assert [step["name"] for step in trail["itemListElement"]][-1] == "A </script> page"
    alone = client.get("/en/articles/alone", base_url=settings.base_url).text
    assert 'rel="alternate" hreflang' not in alone
