"""The help centre as files: what one audience may read, and nothing of the rest."""

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from click.testing import CliRunner

from kbsearch.articles.publishing.publish import Publication, publish
from kbsearch.cli import cli
from kbsearch.clock import now
from kbsearch.errors import Problem
from kbsearch.people.organisations import branding
from kbsearch.site import static_site
from kbsearch.site.static_site.search_index import folded
from tests.kit.writers import article, commit, png, repository, write

LINK = re.compile(r'(?:href|src|action)="([^"#]*)')
CANARY = "zorglub"


@pytest.fixture
def content(db, settings):
    """Articles for everybody, and others whose every word is a secret."""
    content = repository(settings)
    body = (
        "Un mot. ![Boîte](boite.png)\n\n## Suite\n\n[Le fichier](notice.txt), [la suite](suite.md),"
        f" [interne](../{CANARY}/{CANARY}.md), [dehors](https://example.org/)."
    )
    write(content, "articles/fr/guide/page.md", article("Réinitialiser l’œuvre", body))
    own = "[[page]] [le début](/fr) [chercher](/fr/search?q=mot#r) [demandes](/fr/requests)"
    write(content, "articles/fr/guide/suite.md", article("La suite", own))
    write(content, "articles/fr/guide/boite.png", png())
    write(content, "articles/fr/guide/notice.txt", "Une notice à lire.")
    write(content, "articles/en/guide/page.md", article("Reset the work"))
    secret = article(f"Titre {CANARY}", f"{CANARY} ![x]({CANARY}.png)", audience="agents")
    write(content, f"articles/fr/{CANARY}/{CANARY}.md", secret)
    write(content, f"articles/fr/{CANARY}/{CANARY}.png", png(9, 9))
    commit(content)
    publish(db, settings)
    return content


@pytest.fixture
def folder(db, settings, content, tmp_path):
    folder = tmp_path / "out"
    static_site.write(settings, db, folder)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_every_link_leads_to_a_file_that_is_there(folder):
    pages = list(folder.rglob("*.html"))
    assert {"fr/articles/page.html", "fr/categories/guide.html", "404.html"} < set(files(folder))
    for page in pages:
        for address in LINK.findall(page.read_text()):
            if address and not address.startswith("https://example.org"):
                assert not address.startswith(("/", "http")), (page, address)
                file = unquote(address.partition("?")[0])
                assert (page.parent / file).is_file(), (page, address)
    assert (folder / "fr/articles/page.html").read_text().count("media/") == 2
    own = (folder / "fr/articles/suite.html").read_text()
    assert '<a href="../index.html">le début</a>' in own
    assert '<a href="../search.html?q=mot#r">chercher</a> demandes' in own


def test_nothing_tells_of_what_the_audience_may_not_read(folder, db, settings, tmp_path):
    for name, body in files(folder).items():
        assert CANARY not in name and CANARY.encode() not in body.lower(), name
    assert len(list((folder / "media").iterdir())) == 2
    static_site.write(settings, db, tmp_path / "agents", audience="agents")
    assert f"fr/articles/{CANARY}.html" in files(tmp_path / "agents")


def test_the_index_finds_words_without_their_accents(folder):
    script = (folder / "fr/search-index.js").read_text()
    index = json.loads(script.removeprefix("window.kbsearch = ").rstrip(";\n"))
    number = index["words"]["reinitialiser"][0]
    assert index["pages"][number][:2] == ["articles/page.html", "Réinitialiser l’œuvre"]
    assert list(folded("L’Œuvre des Élèves 設定")) == ["l", "oeuvre", "des", "eleve", "設", "定"]
    assert len((folder / "static/search.js").read_bytes()) < 4096


def test_old_addresses_lead_to_where_their_article_is(db, settings, content, tmp_path):
    names = "alias: [ancienne, /hc/fr-fr/articles/12-titre, /docs/Vieux.html, /../../dehors]\n"
    write(content, "articles/fr/guide/page.md", article("Page", more=names + "slug: nouvelle\n"))
    write(content, "articles/fr/guide/suite.md", article("La suite"))
    write(
        content,
        f"articles/fr/{CANARY}/{CANARY}.md",
        article("Titre", audience="agents", more=f"alias: vieux-{CANARY}\n"),
    )
    commit(content)
    assert isinstance(publish(db, settings), Publication)
    static_site.write(settings, db, tmp_path / "out")
    moved = (tmp_path / "out/_redirects").read_text().splitlines()
    target = "/fr/articles/nouvelle.html 301"
    assert set(moved) == {
        f"/fr/articles/{name} {target}"
        for name in ("ancienne", "page", "12-titre", "vieux-html", "dehors")
    } | {f"/hc/articles/12 {target}", f"/docs/vieux {target}"}, moved
    page = (tmp_path / "out/hc/articles/12/index.html").read_text()
    assert 'rel="canonical" href="../../../fr/articles/nouvelle.html"' in page
    assert "url=../../../fr/articles/nouvelle.html" in page
    assert "La suite" in (tmp_path / "out/fr/articles/suite.html").read_text()
    assert not any(CANARY in name for name in files(tmp_path / "out"))


def test_it_has_the_look_and_the_products_of_the_site(db, settings, content, tmp_path, cast):
    write(content, "articles/fr/guide/page.md", article("Page", more="product: icownect\n"))
    secret = article(f"Titre {CANARY}", audience="agents", more=f"product: {CANARY}\n")
    write(content, f"articles/fr/{CANARY}/{CANARY}.md", secret)
    commit(content)
    publish(db, settings)
    digest = branding.keep_picture(db, png(20, 10))
    db.insert("site_settings", {"name": "logo", "value": digest, "changed_at": now()})
    static_site.write(replace(settings, accent="#A01234"), db, tmp_path / "out")
    written = files(tmp_path / "out")
    assert written["static/logo.png"] == png(20, 10) and b"#a01234" in written["static/site.css"]
    assert "../../static/logo.png" in written["fr/articles/page.html"].decode()
    assert "../products/icownect.html" in written["fr/articles/page.html"].decode()
    assert "../articles/page.html" in written["fr/products/icownect.html"].decode()
    assert "products/icownect.html" in written["fr/index.html"].decode()
    assert not any(CANARY in name or CANARY.encode() in body for name, body in written.items())


def test_a_folder_with_something_in_it_is_left_alone(folder, db, settings):
    before = files(folder)
    with pytest.raises(Problem, match="not_empty"):
        static_site.write(settings, db, folder)
    assert files(folder) == before


def test_by_command_for_one_language(db, settings, content, tmp_path, monkeypatch):
    monkeypatch.chdir(settings.site)
    (settings.site / "kbsearch.toml").write_text("")
    out = tmp_path / "by-command"
    done = CliRunner().invoke(cli, ["export", "--static", str(out), "--lang", "en", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"articles": 1, "categories": 1, "files": 0}
    assert not (out / "fr").exists()
    wrong = CliRunner().invoke(cli, ["export", "--static", str(out) + "2", "--audience", "tous"])
    assert wrong.exit_code == 2 and "everyone" in wrong.output
