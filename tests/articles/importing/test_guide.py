"""Zendesk Guide moves in: from the answers of its API to pages that are live."""

import json
from pathlib import Path
from typing import Any

import pytest

from kbsearch import articles
from kbsearch.access import ANONYMOUS, OPERATOR
from kbsearch.articles import categories
from kbsearch.articles.importing import run
from kbsearch.articles.publishing.publications import Publication
from kbsearch.articles.publishing.publish import publish
from kbsearch.config import Settings
from kbsearch.errors import Invalid
from tests.kit.writers import git, png, with_page

HOST = "https://acme.zendesk.com"
BRANCH = "draft/import-zendesk"
BODY = f"""
<h1 id="h_01START">Avant de commencer</h1>
<p>Lisez <a href="{HOST}/hc/fr/articles/102-Ancien-titre#h_01END">la suite</a>, puis
<a href="/hc/fr/articles/103">ici</a>. <a href="/hc/fr/articles/999">Un article disparu</a>.
<a href="/hc/fr/requests/new">Écrire</a></p>
<h4>Un titre trop profond</h4>
<div class="callout callout--warning"><p class="callout__title">Attention</p>
<p>Débranchez <strong>d'abord</strong> le lecteur.</p></div>
<p class="note">Une remarque.</p>
<table><tbody><tr><td>Code</td><td>Sens</td></tr>
<tr><td rowspan="2">E1</td><td><ul><li>panne</li><li>arrêt</li></ul></td></tr>
<tr><td>a | b</td></tr></tbody></table>
<ul class="nav nav-tabs"><li><a href="#win">Windows</a></li><li><a href="#mac">macOS</a></li></ul>
<div class="tab-content"><div id="win"><p>Ouvrez le menu.</p></div>
<div id="mac"><p>Ouvrez le Dock.</p></div></div>
<details><summary>En savoir plus</summary><p>Le détail.</p></details>
<p><img src="{HOST}/hc/article_attachments/501/ecran.png" alt="ecran.png">
<img src="/hc/fr/article_attachments/502"></p>
<figure><img src="/hc/article_attachments/501"><figcaption>L'écran d'accueil</figcaption></figure>
<p><a href="/hc/article_attachments/503/notice.pdf">La notice</a></p>
<pre><code class="language-python">print("&lt;b&gt;")<br>print(1)</code></pre>
<iframe src="//www.youtube.com/embed/x" title="Le film"></iframe><script>alert(1)</script>
<p>Tapez <kbd>Ctrl</kbd> et H<sub>2</sub>O ; 1 &lt; 2 &amp; *étoiles* [[crochets]]
{{{{ nom }}}}.</p>
<h2 id="h_01END"></h2><h2>Vide</h2>
"""


def article(number: int, locale: str = "fr", **more: Any) -> dict[str, Any]:
    return {
        "id": number, "locale": locale, "source_locale": "fr", "draft": False,
        "section_id": 7, "position": 1,
        "html_url": f"{HOST}/hc/{locale}/articles/{number}-Titre", "title": f"Article {number}",
        "body": f"<p>Le texte de l'article {number}, en {locale}.</p>", "user_segment_id": None,
        "label_names": ["étiquette"], "updated_at": "2025-03-01T10:00:00Z", **more,
    }  # fmt: skip


def put(root: Path, path: str, value: object) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "guide"
    api = "api/v2/help_center"
    pages = [
        article(101, title="Installer le lecteur", body=BODY, position=9),
        article(102, body="<h2 id='h_01END'>La fin</h2><p>Fin.</p>"),
        article(103, title="Installer le lecteur", user_segment_id=61, draft=True),
        article(104, user_segment_id=62), article(105, user_segment_id=63),
        article(106, user_segment_id=64), article(107, user_segment_id=61),
    ]  # fmt: skip
    put(root, f"{api}/fr/articles.page1.json", {"articles": pages, "next_page": None})
    english = [article(101, "en-us", title="Install")]
    put(root, f"{api}/en-us/articles.json", {"articles": english})
    translation = {"source_type": "Article", "source_id": 102, "locale": "en-us",
                   "title": "The end", "body": "<p>End.</p>",
                   "draft": False, "updated_at": "2025-04-01"}  # fmt: skip
    german = {**translation, "locale": "de", "title": "Ende"}
    put(root, f"{api}/articles/102/translations.json", {"translations": [translation, german]})
    put(root, f"{api}/fr/sections.json", {"sections": [
        {"id": 7, "category_id": 8, "name": "Premiers pas", "locale": "fr", "position": 3,
         "description": "Pour commencer"}]})  # fmt: skip
    put(root, f"{api}/fr/categories.json", {"categories": [{"id": 8, "name": "Compte & accès"}]})
    put(root, f"{api}/user_segments.json", {"user_segments": [
        {"id": 61, "user_type": "signed_in_users", "organization_ids": [], "tags": []},
        {"id": 62, "user_type": "signed_in_users", "organization_ids": [31], "tags": []},
        {"id": 63, "user_type": "staff", "organization_ids": [], "tags": []},
        {"id": 64, "user_type": "signed_in_users", "organization_ids": [], "tags": ["vip"]},
    ]})  # fmt: skip
    put(root, "organizations.ndjson", {"id": 31, "name": "Globex"})
    put(root, f"{api}/articles/101/attachments.json", {"article_attachments": [
        {"id": 504, "article_id": 101, "file_name": "tarifs.pdf", "inline": False}]})  # fmt: skip
    for number, name, body in (
        (501, "ecran.png", png()), (502, "autre.png", png(shade=9)),
        (503, "notice.pdf", b"%PDF-1.4\n"), (504, "tarifs.pdf", b"%PDF-1.5\n"),
    ):  # fmt: skip
        put(root, f"article_attachments/{number}/{name}", body)
    return root


@pytest.fixture
def taken(settings: Settings, source: Path) -> run.ImportOutcome:
    with_page(settings)
    return run.run(settings, source, "zendesk")


def text_of(settings: Settings, path: str, branch: str = BRANCH) -> str:
    return git(settings.content_path, "show", f"{branch}:articles/{path}.md")


def test_a_whole_guide_is_published_without_a_hand(settings, db, taken):
    assert taken.errors == ()
    publication = publish(db, settings, BRANCH)
    assert isinstance(publication, Publication), publication.findings
    page = articles.find(db, ANONYMOUS, "fr", "installer-le-lecteur")
    (english,) = articles.translations(db, ANONYMOUS, page)
    assert (page.category, english.title) == ("compte-acces/premiers-pas", "Install")
    assert page.html.count("<img") == 3 and "alert(1)" not in page.html
    for piece in ('class="alert alert-warning"', 'class="alert alert-note"', 'class="tabs"',
                  "<summary>En savoir plus</summary>", "• arrêt", "<kbd>Ctrl</kbd>", "a | b",
                  'id="h_01START"', "/fr/articles/article-102#h_01END", "tarifs.pdf", "notice.pdf",
                  "Le film (youtube.com)", "/fr/requests/new", "*étoiles* [[crochets]]",
                  "{{ nom }}",
                  "<figcaption>", "&lt;b&gt;"):  # fmt: skip
        assert piece in page.html, piece


def test_nobody_reads_more_than_before(settings, db, taken):
    publish(db, settings, BRANCH)
    audiences = {
        card.title: card.audience
        for card in articles.list_after(db, OPERATOR, "", 20, language="fr")
    }
    assert audiences == {
        "Installer le lecteur": "everyone", "Article 102": "everyone", "Article 104": "org:globex",
        "Article 105": "agents", "Article 106": "agents", "Article 107": "customers",
    }  # fmt: skip
    assert "status: draft" in text_of(
        settings, "fr/compte-acces/premiers-pas/installer-le-lecteur-2"
    )
    assert taken.report.details["audience-unclear"] == ["106 Article 106"]


def test_old_addresses_lead_to_the_articles(settings, db, taken):
    publish(db, settings, BRANCH)
    for old, slug in (("/hc/fr-fr/articles/101-Mots", "installer-le-lecteur"),
                      ("/hc/en-us/articles/102", "the-end")):  # fmt: skip
        card = articles.find_old(db, ANONYMOUS, old, "fr")
        assert card is not None and card.slug == slug


def test_sections_and_categories_keep_name_order_and_address(settings, db, taken):
    publish(db, settings, BRANCH)
    _, outer, inner = categories.list_all(db, ANONYMOUS, "fr")
    assert (outer.name, inner.name) == ("Compte & accès", "Premiers pas")
    assert inner.description == "Pour commencer"
    listed = articles.list_category(db, ANONYMOUS, "fr", inner.path, 9)
    assert [card.title for card in listed] == ["Article 102", "Installer le lecteur"]
    for old, path in (("/hc/fr/sections/7-Mots", inner.path), ("/hc/categories/8", outer.path)):
        assert categories.find_old(db, ANONYMOUS, old, "fr") == ("fr", path)


def test_the_same_source_again_changes_nothing(settings, source, taken):
    before = git(settings.content_path, "rev-parse", BRANCH)
    again = run.run(settings, source, "zendesk")
    assert (again.created, again.updated, again.commit) == (0, 0, "")
    assert git(settings.content_path, "rev-parse", BRANCH) == before


def test_an_article_that_changed_is_written_where_it_is_by_now(settings, source, taken):
    put(source, "later/articles.json", {"articles": [
        article(102, body="<h2 id='h_01END'>La fin</h2><p>Autrement.</p>", title="Un titre neuf",
                updated_at="2026-01-01")]})  # fmt: skip
    again = run.run(settings, source, "zendesk")
    assert (again.created, again.updated) == (0, 1)
    assert "Autrement." in text_of(settings, "fr/compte-acces/premiers-pas/article-102")


def test_nothing_that_is_checked_out_or_live_is_touched(settings, source, taken):
    content = settings.content_path
    assert git(content, "status", "--porcelain") == ""
    assert git(content, "diff", "--name-only", "--diff-filter=MD", "main", BRANCH) == ""
    with pytest.raises(Invalid, match="branch.is_published"):
        run.run(settings, source, "zendesk", "main")


def test_a_source_without_articles_says_so(settings, tmp_path):
    with_page(settings)
    (tmp_path / "empty").mkdir()
    with pytest.raises(Invalid, match=r"import_articles\.none"):
        run.run(settings, tmp_path / "empty", "zendesk")


def test_what_did_not_come_along_is_told_by_kind(taken):
    assert taken.report.counts["link-removed"] == 1
    assert taken.report.details["language-not-offered"] == ["102 de"]
    assert taken.report.counts["removed.script"] == 1
