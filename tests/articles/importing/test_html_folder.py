"""A folder of HTML moves in, page by page."""

from pathlib import Path

from kbsearch import articles
from kbsearch.access import OPERATOR
from kbsearch.articles.importing import run
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
