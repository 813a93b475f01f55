"""A folder of HTML moves in, page by page."""

from pathlib import Path

from kbsearch import articles
from kbsearch.access import OPERATOR
from kbsearch.articles.importing import html_surroundings, run
from kbsearch.articles.importing.html_folder import HtmlFolder
from kbsearch.articles.importing.markdown import MarkdownFolder
from kbsearch.articles.importing.pages import ConversionReport, Languages
from kbsearch.articles.publishing.publish import publish
from tests.kit.writers import png, with_page, write


def test_pages_come_without_what_stands_around_them(settings, db, tmp_path: Path):
    with_page(settings)
    root = tmp_path / "site"
    start = (
        "<html lang=fr><head><title>Site</title><meta name=description content='En bref.'></head>"
        "<body><nav>Menu</nav><main><h1>Débuter</h1><p>Voir <a href='fin.html#la'>la fin</a>."
        "<img src='../img/a.png' alt='Écran'></p></main><footer>Pied</footer></body></html>"
    )
    write(root, "guide/debuter.html", start)
    write(root, "guide/fin.html", b"<html lang=fr><h1>Fin</h1><h2 id=la>L\xe0</h2><p>Fini.</p>")
    write(root, "img/a.png", png())
    outcome = run.run(settings, root, run.guessed(root))
    assert (outcome.branch, outcome.errors) == ("draft/import-html", ())
    publish(db, settings, outcome.branch)
    page = articles.find(db, OPERATOR, "fr", "debuter")
    assert (page.title, page.summary, page.category) == ("Débuter", "En bref.", "guide")
    assert "<img" in page.html and 'href="/fr/articles/fin#la"' in page.html
    assert "Menu" not in page.html and "Pied" not in page.html
    old = articles.find_old(db, OPERATOR, "/guide/fin.html", "fr")
    assert old is not None and old.title == "Fin"
    again = run.run(settings, root, "html")
    assert (again.created, again.updated) == (0, 0)


def test_site_name_and_menus_are_no_part_of_pages(settings, db, tmp_path: Path):
    with_page(settings)
    root = tmp_path / "site"
    words = "The printer is out of paper and you have to fill the tray before it can go on. " * 3
    for name, title in (("tray", "Fill the tray"), ("jam", "Clear a jam"), ("ink", "Change ink")):
        page = (
            f"<html><head><title>{title} | Acme Help</title></head><body><h1>Acme Help</h1>"
            "<div class='breadcrumbs'><a href=tray.html>Home of all</a></div>"
            "<div class='toc-box'><a href='#why'>Why so often</a></div>"
            f"<p>{words}</p><h2>Why<a class=headerlink id=why href='#why'>¶</a></h2>"
            "<aside class='note'>Mind the ink.</aside><div class='related'>No menu at all.</div>"
            "</body></html>"
        )
        write(root, f"{name}.html", page)
    outcome = run.run(settings, root, "html")
    assert outcome.errors == ()
    assert outcome.report.counts["surroundings"] == 3
    assert outcome.report.counts["heading-signs"] == 3
    assert outcome.report.counts["language-guessed"] == 3
    publish(db, settings, outcome.branch)
    article = articles.find(db, OPERATOR, "en", "jam")
    assert article.title == "Clear a jam" and "Acme" not in article.html
    assert "Home of all" not in article.html and "Why so often" not in article.html
    assert "¶" not in article.html and 'id="why"' in article.html
    assert "Mind the ink." in article.html and "No menu at all." in article.html


def test_own_heading_in_the_text_comes_before_the_name_of_the_site():
    pages = [
        html_surroundings.read(f"<h1>Acme</h1><main><header><h1>{title}<a href='#a'>#</a></h1>")
        for title in ("One", "Two", "Three")
    ]
    assert html_surroundings.titles(pages) == ["One", "Two", "Three"]


def test_language_is_what_the_page_or_the_command_says(settings, tmp_path: Path):
    with_page(settings)
    english = "You can open the window and then close it with the mouse when you are done. " * 3
    write(tmp_path / "site", "said.html", f"<html lang=fr><h1>Said</h1><p>{english}</p>")
    write(tmp_path / "site", "unsaid.html", f"<h1>Unsaid</h1><p>{english}</p>")
    write(tmp_path / "site", "short.html", "<h1>Short</h1><p>The end of it.</p>")
    for given, expected in (("", ["fr", "fr", "en"]), ("fr", ["fr", "fr", "fr"])):
        report = ConversionReport()
        found = HtmlFolder(tmp_path / "site", Languages(("fr", "en"), given), report).pages
        by_name = {page.name: page.language for page in found}
        assert [by_name[name] for name in ("said", "short", "unsaid")] == expected
    write(tmp_path / "notes", "page.md", f"# Page\n\n{english}\n")
    notes = MarkdownFolder(tmp_path / "notes", Languages(("fr", "en")), ConversionReport())
    assert [page.language for page in notes.pages] == ["en"]
