"""`_category.yml`: names, order and readers of a folder of articles."""

import pytest

from kbsearch import access, articles
from kbsearch.access import ANONYMOUS
from kbsearch.articles import categories
from kbsearch.articles.publishing import edition, sources
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.publish import Publication, publish
from kbsearch.articles.publishing.tree import FolderTree
from tests.kit.writers import article, png, write

GUIDE = "articles/fr/guide"
FILE = f"{GUIDE}/_category.yml"


@pytest.fixture
def content(settings):
    for name, title in (("a", "Élan 10"), ("b", "Élan 2"), ("index", "Zèbre"), ("z", "Abri")):
        write(settings.content_path, f"{GUIDE}/{name}.md", article(title, "Texte."))
    return settings.content_path


def findings(settings) -> list[Finding]:
    made = edition.make(FolderTree(settings.content_path, ""), settings)
    return [finding for finding in made.findings if finding.rule.startswith("category")]


def order(db, viewer=ANONYMOUS) -> list[str]:
    return [card.title for card in articles.list_category(db, viewer, "fr", "guide", 9)]


def test_a_file_names_describes_and_orders_its_folder(db, settings, content):
    (content / GUIDE / "shot.png").write_bytes(png())
    text = "Voir [[z]].\n\n  ![Un plan](shot.png)"
    write(
        content,
        FILE,
        f"name: {{fr: Le guide, en: The guide}}\ndescription: Tout.\nicon: 📦\norder: 2\n"
        f"articles: [z]\nlanding: |\n  {text}\n",
    )
    write(content, "articles/fr/guide/inside/deep/c.md", article("C", "Texte."))
    write(content, "articles/fr/last/d.md", article("D", "Texte."))
    write(content, "articles/fr/last/_category.yml", "order: 1\n")
    write(content, "articles/en/guide/e.md", article("E", "Text."))
    assert isinstance(publish(db, settings), Publication)
    root, last, guide, inside, deep = categories.list_all(db, ANONYMOUS, "fr")
    assert [each.path for each in (root, last, guide, inside, deep)] == [
        *("", "last", "guide", "guide/inside", "guide/inside/deep")
    ]
    assert (guide.name, guide.description, guide.icon) == ("Le guide", "Tout.", "📦")
    assert (guide.articles, guide.own) == (5, 4)
    assert '<a href="/fr/articles/z">Abri</a>' in guide.landing and "<img" in guide.landing
    digest = guide.landing.split("/media/")[1].split("/")[0]
    assert articles.find_media(db, ANONYMOUS, digest).media_type == "image/png"
    assert order(db) == ["Abri", "Zèbre", "Élan 2", "Élan 10"]
    assert categories.list_all(db, ANONYMOUS, "en")[1].name == "The guide"
    middle = articles.find(db, ANONYMOUS, "fr", "b")
    before, after = articles.neighbours(db, ANONYMOUS, middle)
    assert before and after and (before.title, after.title) == ("Zèbre", "Élan 10")


def test_another_text_of_the_file_renders_no_article_again(db, settings, content, monkeypatch):
    publish(db, settings)
    write(content, FILE, "name: Le guide\naudience: customers\narticles: [b]\n")
    monkeypatch.setattr(sources, "reread", None)  # an article is read for its rendering
    assert isinstance(publish(db, settings), Publication)
    assert order(db) == []


@pytest.mark.parametrize(
    ("category", "own", "readers"),
    [
        ("customers", "", "customers"),
        ("customers", "everyone", "customers"),
        ("everyone", "customers", "customers"),
        ("customers", "org:acme", "org:acme"),
        ("agents", "everyone", "agents"),
        ("org:acme", "customers", "org:acme"),
        ("org:acme", "org:globex", "agents"),
        ("product:icownect", "org:acme", "agents"),
        ("nobody knows", "everyone", "agents"),
        ("[", "everyone", "agents"),
    ],
)
def test_a_category_narrows_its_articles_and_widens_none(settings, category, own, readers):
    more = f"---\ntitle: A\n{f'audience: {own}' if own else ''}\n---\n\nTexte.\n"
    write(settings.content_path, "articles/fr/guide/inside/a.md", more)
    write(settings.content_path, FILE, f"audience: {category}\n")
    made = edition.make(FolderTree(settings.content_path, ""), settings)
    assert [page.audience for page in made.articles] == [readers]
    assert [page.readers for page in made.pages] == [access.article_readers(readers)]


def test_an_audience_in_one_language_is_that_of_the_folder(settings, content):
    write(content, "articles/en/guide/e.md", article("E", "Text."))
    write(content, FILE, "audience: customers\n")
    made = edition.make(FolderTree(content, ""), settings)
    assert {page.audience for page in made.articles} == {"customers"}


def test_nothing_of_a_category_is_seen_by_those_who_read_nothing_in_it(db, settings, content, cast):
    write(content, FILE, "name: Secret\nalias: [/hc/fr/sections/12-secret]\naudience: org:acme\n")
    publish(db, settings)
    address = "/hc/fr-fr/sections/12-other"
    for viewer in (ANONYMOUS, cast.chloe):
        assert categories.list_all(db, viewer, "fr") == ()
        assert categories.find_old(db, viewer, address, "fr") == ("", "")
    for viewer in (cast.alice, cast.dan, cast.wendy):
        assert categories.list_all(db, viewer, "fr")[1].name == "Secret"
        assert categories.find_old(db, viewer, address, "en") == ("fr", "guide")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("name: A\nnom: B\n", 2, "key"),
        ("name: A\nname: B\n", 2, "duplicate"),
        ("\n\n- name\n", 3, "shape"),
        ("name: A\n\norder: first\n", 3, "value"),
        ("icon: plane\n", 1, "value"),
        ("order: 1\naudience: all\n", 2, "value"),
        ("name:\n  de: A\n", 2, "value"),
        ("name: a: b\n", 1, "yaml"),
        ("name: &a A\n", 1, "alias"),
        ("name: !!str A\n", 1, "tag"),
        ("alias: {a: b}\n", 1, "not-a-text"),
        ("name: [[[[a]]]]\n", 1, "shape"),
        (f"landing: {'a ' * 20_000}\n", 1, "too-large"),
        ("order: 2\narticles: [a, gone]\n", 2, "no-article"),
    ],
)
def test_a_wrong_file_is_a_finding_at_its_line(settings, content, text, line, reason):
    write(content, FILE, text)
    (finding,) = findings(settings)
    assert (finding.path, finding.line, finding.values["reason"]) == (FILE, line, reason)
    assert finding.severity == ("warning" if reason == "no-article" else "error")
    assert "lint." not in finding.message("fr") + finding.remedy("en")


def test_another_name_of_the_file_is_a_finding(settings, content):
    write(content, f"{GUIDE}/_category_.json", "{}")
    (finding,) = findings(settings)
    assert (finding.values["reason"], finding.severity) == ("misnamed", "warning")


def test_an_article_for_others_than_its_category_is_a_finding(settings, content):
    write(content, FILE, "audience: org:acme\n")
    write(content, f"{GUIDE}/other.md", article("O", "Texte.", audience="org:globex"))
    by_path = {finding.path.rpartition("/")[2]: finding for finding in findings(settings)}
    assert by_path["other.md"].severity == "error"
    assert (by_path["a.md"].line, by_path["a.md"].severity) == (3, "warning")


def test_a_landing_text_is_under_the_rules_of_articles(settings, content):
    write(content, FILE, "name: A\nlanding: |\n  Texte.\n\n  [Là-bas](gone.md)\n")
    made = edition.make(FolderTree(content, ""), settings)
    found = [(finding.path, finding.line, finding.rule) for finding in made.findings]
    assert (FILE, 5, "broken-link") in found
