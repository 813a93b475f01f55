"""Home, search and articles, as a browser gets them."""

import re
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import create_app
from kbsearch.articles.publishing.publications import Publication
from kbsearch.articles.publishing.publish import publish
from kbsearch.config import Settings
from kbsearch.database import Row, Values
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search import Facet, Facets, Results
from tests.conftest import Cast
from tests.kit.web import HTMX, Scripted, hit, publish_articles, script, sign_in, write_articles
from tests.kit.writers import article, write


@pytest.fixture
def site(settings: Settings, db: SqliteDatabase, cast: Cast) -> None:
    """Four articles are live: two for everyone, one for customers, one for Globex."""
    publish_articles(settings, db)


def main_of(page: str) -> str:
    return page[page.index("<main") : page.index("</main>")]


# Languages


@pytest.mark.parametrize(
    ("browser", "chosen", "place"),
    [
        ("", "", "/fr/"),
        ("en-GB,en;q=0.9", "", "/en/"),
        ("de", "", "/fr/"),
        ("en", "fr", "/fr/"),
        ("fr", "tlh", "/fr/"),
    ],
)
def test_a_visitor_is_received_in_their_language(
    client: FlaskClient, browser: str, chosen: str, place: str
):
    client.set_cookie("kb-language", chosen)
    answer = client.get("/", headers={"Accept-Language": browser})
    assert answer.status_code == 302
    assert answer.headers["Location"] == place


def test_an_account_language_comes_before_the_browsers(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.alice)
    db.execute("UPDATE people SET language = 'en'")
    answer = client.get("/", headers={"Accept-Language": "fr"})
    assert answer.headers["Location"] == "/en/"


def test_a_language_that_is_not_offered_has_no_pages(settings: Settings, db: SqliteDatabase):
    client = create_app(replace(settings, languages=("fr",)), db).test_client()
    assert client.get("/en/").status_code == 404
    page = client.get("/fr/").text
    assert "English" not in page


# Home


def test_a_stranger_sees_the_articles_for_everyone_and_no_other(client: FlaskClient, site: None):
    page = client.get("/fr/").text
    assert "Réinitialiser son mot de passe" in page
    assert "Lire son contrat" not in page
    assert "Globex" not in page
    assert "Mes produits" not in page


def test_a_customer_sees_their_products_and_articles_and_not_those_of_others(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, site: None
):
    sign_in(client, db, cast.alice)
    page = client.get("/fr/").text
    assert "Lire son contrat" in page
    assert "iCownect" in page
    assert "Alice Martin" in page
    assert "Globex" not in page
    assert "Cervo Atelier" not in page


def test_a_home_without_any_article_says_what_to_do(client: FlaskClient):
    page = client.get("/fr/").text
    assert "Aucun article ne vous est encore ouvert" in page


# Search


def test_a_page_contains_the_fragment_it_serves(app: Flask, client: FlaskClient):
    script(app, Results((hit(),), 1))
    page = client.get("/fr/search?q=mot").text
    fragment = client.get("/fr/search?q=mot", headers=HTMX).text
    assert page.startswith("<!doctype html>")
    assert fragment.startswith("<title>mot\xa0: recherche – kbsearch</title>")
    body = fragment[fragment.index("<section") :]
    assert re.sub(r"\s+", " ", body).strip() in re.sub(r"\s+", " ", page)


@pytest.mark.parametrize("header", ["HX-Boosted", "HX-History-Restore-Request"])
def test_a_fragment_is_never_shown_as_a_page(app: Flask, client: FlaskClient, header: str):
    """The back button used to show bare results, without the page around them."""
    script(app, Results((), 0))
    answer = client.get("/fr/search?q=mot", headers={**HTMX, header: "true"})
    assert answer.text.startswith("<!doctype html>")
    assert "HX-Request" in answer.headers["Vary"]
    assert header in answer.headers["Vary"]


def test_the_visitor_and_what_they_typed_reach_the_search(
    app: Flask, client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    search = script(app, Results((), 0))
    sign_in(client, db, cast.chloe)
    client.get("/en/search?q=export+stock&kind=ticket&product=icownect&lang=fr&page=3&literal=1")
    viewer, question = search.asked[0]
    assert viewer.name == "Chloé Petit"
    assert (question.text, question.language, question.kind) == ("export stock", "en", "ticket")
    assert (question.product, question.only_language) == ("icownect", "fr")
    assert (question.page, question.literal) == (3, True)


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999999999999", "²", ""])
def test_an_address_that_makes_no_sense_still_answers(app: Flask, client: FlaskClient, page: str):
    search = script(app, Results((), 0))
    answer = client.get(f"/fr/search?q=a&kind=x&lang=xx&product=&page={page}")
    assert answer.status_code == 200
    question = search.asked[0][1]
    assert question.page in (1, 50)
    assert (question.kind, question.only_language, question.product) == (None, None, None)


@pytest.mark.parametrize("text", ["", "   ", "\t\n"])
def test_an_empty_search_offers_what_there_is_to_read(
    app: Flask, client: FlaskClient, site: None, text: str
):
    search = script(app, Results((), 0))
    page = client.get("/fr/search", query_string={"q": text}).text
    assert not search.asked
    assert "Réinitialiser son mot de passe" in page


def test_a_result_says_what_it_is_and_opens_at_its_section(app: Flask, client: FlaskClient):
    script(app, Results((hit(products=("icownect",), version="4.2"),), 1))
    page = main_of(client.get("/fr/search?q=mot+de+passe").text)
    assert 'href="/fr/articles/mot-de-passe?h=mot%20de%20passe#demander-un-lien"' in page
    assert "› Demander un lien" in page
    assert "Un nouveau <mark>mot</mark> de passe" in page
    assert "icownect 4.2" in page
    assert "2 novembre 2026" in page
    assert "1 résultat" in page


def test_a_past_request_shows_its_number_and_status(app: Flask, client: FlaskClient):
    past = hit("Code <b>perdu", kind="ticket", id="1042", url="/fr/requests/abc", status="solved")
    script(app, Results((past,), 1))
    page = main_of(client.get("/fr/search?q=code").text)
    assert 'href="/fr/requests/abc"' in page
    assert "Demande passée" in page
    assert "N°\xa01042" in page
    assert "Résolue" in page
    assert "Code &lt;b&gt;perdu" in page


@pytest.mark.parametrize("text", ["1042", "%231042", "n%C2%B0+1042"])
def test_enter_on_a_number_opens_that_request(app: Flask, client: FlaskClient, text: str):
    past = hit("Code perdu", kind="ticket", id="1042", url="/fr/requests/abc")
    script(app, Results((past,), 1))
    sent = client.get(f"/fr/search?q={text}&open=1")
    assert (sent.status_code, sent.location) == (303, "/fr/requests/abc")
    assert client.get(f"/fr/search?q={text}").status_code == 200  # while it is typed
    script(app, Results((hit("Le port 1042"),), 1))  # of others, or of nobody
    assert client.get(f"/fr/search?q={text}&open=1").status_code == 200
    assert 'name="open"' in client.get("/fr/").text


def test_the_answer_shows_its_section_as_its_page_has_it(
    settings: Settings, db: SqliteDatabase, app: Flask, client: FlaskClient
):
    publish_articles(settings, db)
    url, passage = "/fr/articles/mot-de-passe#choisir-un-mot-de-passe", "douze caractères"
    first = hit(url=url, passage=passage, snippet="Un <mark>extrait</mark>")
    script(app, Results((first, hit("Un autre")), 2, is_answered=True))
    page = client.get("/fr/search?q=mot").text
    answer = page[page.index('class="hit answer"') : page.index("Un autre")]
    assert "<th" in answer and "douze caractères" in answer
    assert "<h2" not in answer and "extrait" not in answer and "Ensuite" not in answer
    for other in (
        Results((first,), 1),
        Results((replace(first, passage="long " * 400),), 1, is_answered=True),
        Results((replace(first, url="/fr/articles/disparu"),), 1, is_answered=True),
    ):
        script(app, other)
        page = client.get("/fr/search?q=mot").text
        assert "hit answer" not in page and "extrait" in page


def test_an_answer_takes_no_heading_no_id_and_no_place_of_the_page_it_is_shown_on(
    settings: Settings, db: SqliteDatabase, app: Flask, client: FlaskClient
):
    publish_articles(settings, db)
    text = """
        ---
        title: Les filtres
        audience: everyone
        ---
        ## Régler

        Voyez [les filtres](#filters)[^1].

        ### Filters

        Le texte. `<a href="#x" id="y">`

        #### Plus loin

        [^1]: Une note.
        """
    write_articles(settings.content_path, {"fr/compte/filtres.md": text})
    publish(db, settings)
    url = "/fr/articles/filtres"
    script(app, Results((hit(url=f"{url}#regler", passage="Voyez"),), 1, is_answered=True))
    page = client.get("/fr/search?q=filtres").text
    answer = page[page.index('class="hit answer"') : page.index('class="facts"')]
    assert re.findall(r"<h\d", answer) == ["<h3", "<h4", "<h5"], "the first is the result's own"
    assert re.findall(r"</h\d", answer) == ["</h3", "</h4", "</h5"]
    assert ' id="' not in answer.replace('&lt;a href="#x" id="y"', "")
    inside = answer[answer.index('<div class="prose">') :]
    links = re.findall(r'<a [^>]*href="([^"]*)"', inside)
    assert len(links) >= 4 and all(link.startswith(f"{url}#") for link in links)
    assert '&lt;a href="#x" id="y"&gt;' in answer, "what is shown stays as it is"


def test_an_answer_is_as_long_as_all_below_its_heading(
    settings: Settings,
    db: SqliteDatabase,
    app: Flask,
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
):
    publish_articles(settings, db)
    monkeypatch.setattr("kbsearch.web.help.pages.LONGEST_ANSWER", 10)
    script(app, Results((hit(passage="Le lien"),), 1, is_answered=True))
    assert "hit answer" not in client.get("/fr/search?q=mot").text


def test_a_correction_is_said_and_the_literal_search_is_one_click_away(
    app: Flask, client: FlaskClient
):
    script(app, Results((hit(),), 1, corrected="identifiant", fallback="corrected"))
    page = client.get("/fr/search?q=identifinat").text
    assert "Résultats pour <strong>identifiant</strong>" in page
    assert 'href="/fr/search?q=identifinat&amp;literal=1"' in page


def test_synonyms_are_said(app: Flask, client: FlaskClient):
    script(app, Results((hit(),), 1, synonyms=("mdp", "code secret")))
    assert "Résultats aussi pour\xa0: mdp, code secret" in client.get("/fr/search?q=mot").text


def test_results_of_the_other_language_stand_apart(app: Flask, client: FlaskClient):
    other = hit("Reset your password", language="en", url="/en/articles/reset-your-password")
    script(app, Results((hit(),), 1, other_language=(other,)))
    page = client.get("/fr/search?q=mot").text
    apart = page[page.index("Dans une autre langue") :]
    assert '<li class="hit" lang="en"' in apart
    assert "Reset your password" in apart


def test_filters_are_links_that_set_and_unset(app: Flask, client: FlaskClient):
    facets = Facets(kinds=(Facet("article", 8), Facet("ticket", 1234)))
    script(app, Results((hit(),), 1, facets=facets))
    page = client.get("/fr/search?q=a%26b&kind=article&page=2").text
    assert 'href="/fr/search?q=a%26b&amp;kind=ticket"' in page
    assert 'href="/fr/search?q=a%26b" hx-get="/fr/search?q=a%26b"' in page
    assert "1\u202f234" in page
    assert '<input type="hidden" name="kind" value="article" form="search">' in page


def test_a_filter_without_results_can_still_be_removed(app: Flask, client: FlaskClient):
    script(app, Results((), 0))
    page = client.get("/fr/search?q=x&product=icownect").text
    assert 'aria-current="true"' in page
    assert "Retirer les filtres" in page


def test_the_rebuilding_of_the_index_is_said(app: Flask, client: FlaskClient):
    script(app, Results((hit(),), 1, fallback="database"))
    assert "en cours de reconstruction" in client.get("/fr/search?q=mot").text


def test_no_result_keeps_the_subject_and_leads_to_a_person(settings: Settings, db: SqliteDatabase):
    reachable = replace(
        settings, support_phone="01 23 45 67 89", support_email="aide@support.example"
    )
    app = create_app(reachable, db)
    script(app, Results((), 0))
    page = app.test_client().get("/fr/search?q=imprimante+%22bloqu%C3%A9e%22").text
    block = page[page.index('id="no-result"') :]
    assert "?subject=imprimante" in block
    assert 'href="tel:0123456789"' in block
    assert "mailto:aide@support.example?subject=imprimante%20%22bloqu%C3%A9e%22" in block
    assert 'data-total="0" data-announce="Aucun résultat"' in page


def test_pages_of_results_are_links(app: Flask, client: FlaskClient):
    script(app, Results((hit(),), 24))
    page = client.get("/fr/search?q=mot&page=2").text
    assert 'rel="prev" href="/fr/search?q=mot&amp;page=1"' in page
    assert 'rel="next" href="/fr/search?q=mot&amp;page=3"' in page
    assert "Page 2 sur 3" in page
    assert 'rel="next"' not in client.get("/fr/search?q=mot&page=3").text


def test_the_palette_gets_the_same_results_as_options(app: Flask, client: FlaskClient):
    script(app, Results((hit(), hit("Deux")), 12))
    fragment = client.get("/fr/search?palette=1&q=mot", headers=HTMX).text
    assert fragment.count('role="option"') == 3
    assert "Voir les 12 résultats" in fragment
    assert client.get("/fr/search?palette=1&q=mot").text.startswith("<!doctype html>")


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}", "%(x)s %s"]
    + ["\x00\ud800", "\u202etxt", "🔥" * 50, "x" * 50_000, "'); DROP TABLE people;--", "acl:x"],
)
def test_whatever_is_typed_is_answered_and_stays_text(client: FlaskClient, site: None, text: str):
    for headers in ({}, HTMX):
        answer = client.get(
            "/fr/search",
            query_string={"q": text.encode("utf-8", "surrogatepass")},
            headers=headers,
        )
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text


def test_the_real_search_finds_the_article_as_it_is_typed(client: FlaskClient, site: None):
    page = client.get("/fr/search?q=reinitialis", headers=HTMX).text
    assert "/fr/articles/mot-de-passe" in page


def test_the_real_search_hides_what_a_visitor_may_not_read(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, site: None
):
    outsiders = {"nobody": None, "alice": cast.alice}
    for name, viewer in outsiders.items():
        if viewer is not None:
            sign_in(client, db, viewer)
        page = client.get("/fr/search?q=globex+canari").text
        assert "CANARI-8" not in page, name
        assert "La procédure" not in page, name
    sign_in(client, db, cast.chloe)
    assert "La procédure de Globex" in client.get("/fr/search?q=globex").text


# Articles


def test_an_article_is_shown_with_its_contents(client: FlaskClient, site: None):
    page = client.get("/fr/articles/mot-de-passe").text
    assert page.count("<h1") == 1
    assert "<title>Réinitialiser son mot de passe – kbsearch</title>" in page
    assert '<a href="#demander-un-lien">Demander un lien</a>' in page
    assert 'id="demander-un-lien"' in page
    assert "1 minute de lecture" in page
    assert "iCownect 4.x" in page
    assert "Mis à jour le" in page


def test_an_article_links_to_its_translation(client: FlaskClient, site: None):
    page = client.get("/fr/articles/mot-de-passe").text
    assert '<a href="/en/articles/reset-your-password" hreflang="en" lang="en">English</a>' in page
    assert 'name="back" value="/en/articles/reset-your-password"' in page


def test_an_old_address_leads_to_the_new_one_for_good(client: FlaskClient, site: None):
    answer = client.get("/fr/articles/ancien-mot-de-passe")
    assert answer.status_code == 301
    assert answer.headers["Location"] == "/fr/articles/mot-de-passe"


def test_an_article_that_is_not_translated_is_shown_as_it_is(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, site: None
):
    sign_in(client, db, cast.alice)
    answer = client.get("/en/articles/contrat")
    assert answer.status_code == 200
    assert "has not been translated into English yet" in answer.text
    assert '<article lang="fr">' in answer.text
    assert 'name="robots" content="noindex"' in answer.text


def test_an_article_of_others_does_not_exist(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, site: None
):
    for path in ("/fr/articles/rien", "/fr/articles/contrat", "/en/articles/contrat"):
        assert client.get(path).headers["Location"] == f"{path[:3]}/login?next={path}"
    sign_in(client, db, cast.alice)
    missing = client.get("/fr/articles/rien")
    hidden = client.get("/fr/articles/globex")
    assert hidden.status_code == missing.status_code == 404
    assert "Globex" not in main_of(hidden.text)
    assert main_of(hidden.text) == main_of(missing.text)
    sign_in(client, db, cast.chloe)
    assert "CANARI-8" in client.get("/fr/articles/globex").text


def test_searched_words_are_marked_and_can_be_unmarked(client: FlaskClient, site: None):
    page = client.get("/fr/articles/mot-de-passe?h=liens").text
    assert "<mark>lien</mark>" in main_of(page)
    assert '<a href="/fr/articles/mot-de-passe">Retirer le surlignage</a>' in page
    assert "<mark>" not in client.get("/fr/articles/mot-de-passe?h=zzz").text


def test_an_image_nobody_may_see_does_not_exist(client: FlaskClient, site: None):
    assert client.get("/media/0000/photo.png").status_code == 404


def test_the_results_fragment_stays_small(app: Flask, client: FlaskClient):
    import gzip

    hits = tuple(
        hit(f"Titre {n} un peu long pour un article", snippet="mot " * 45) for n in range(8)
    )
    script(app, Results(hits, 8, facets=Facets(kinds=(Facet("article", 8), Facet("ticket", 3)))))
    fragment = client.get("/fr/search?q=mot", headers=HTMX).data
    assert len(gzip.compress(fragment)) <= 4096


def test_a_key_pressed_asks_the_database_no_more_than_twice(
    app: Flask, client: FlaskClient, db: SqliteDatabase, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    """However many results: the session, and the names of products now and then."""
    search: Scripted = script(app, Results(tuple(hit(products=("icownect",)) for _ in "12345"), 5))
    sign_in(client, db, cast.alice)
    client.get("/fr/search?q=mot", headers=HTMX)
    asked: list[str] = []
    query = db.query

    def counted(sql: str, values: Values | None = None) -> list[Row]:
        asked.append(sql)
        return query(sql, values)

    monkeypatch.setattr(db, "query", counted)
    client.get("/fr/search?q=mot", headers=HTMX)
    assert len(asked) <= 2
    search.results = Results(tuple(hit(products=("icownect",)) for _ in range(50)), 50)
    asked.clear()
    client.get("/fr/search?q=mot", headers=HTMX)
    assert len(asked) <= 2


def test_every_article_of_a_large_category_can_be_browsed_to(
    client: FlaskClient, settings: Settings, db: SqliteDatabase
):
    for number in range(130):
        page = article(f"Article {number:02}", "Texte.")
        write(settings.content_path, f"articles/fr/how-to/general/a{number}.md", page)
    for path in ("faq/general/b", "how-to/c", "d"):
        write(settings.content_path, f"articles/fr/{path}.md", article(path, "Texte."))
    assert isinstance(publish(db, settings), Publication)
    home = client.get("/fr/").text
    assert ">Faq</a>" in home and "Autres articles" in home
    assert '<a href="/fr/categories/how-to">Les 131 articles de «\xa0How to' in home
    whole = client.get("/fr/categories/how-to").text
    assert ">how-to/c</a>" in whole and 'href="/fr/categories/how-to/general"' in whole
    first, second = (client.get(f"/fr/categories/how-to/general?page={n}").text for n in (1, 2))
    assert 'rel="next" href="?page=2"' in first and ">Article 100</a>" in second
    assert all(f">Article {number:02}</a>" in first + second for number in range(130))
    assert ">d</a>" in client.get("/fr/categories/").text
    assert client.get("/fr/articles/c").text.count('href="/fr/categories/how-to"') == 1


def test_a_category_of_others_does_not_exist(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    page = article("Tarifs de Globex", "Texte.", audience="org:globex")
    write(settings.content_path, "articles/fr/globex/a.md", page)
    assert isinstance(publish(db, settings), Publication)
    sign_in(client, db, cast.alice)
    assert client.get("/fr/categories/globex").status_code == 404
    sign_in(client, db, cast.chloe)
    assert "Tarifs de Globex" in client.get("/fr/categories/globex").text


def test_a_file_of_an_article_is_downloaded_by_its_readers_alone(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    body = b"PK\x05\x06" + bytes(18)
    write(settings.content_path, "articles/fr/aide/files/Été 1.zip", body)
    text = "Voir le [correctif](files/%C3%89t%C3%A9%201.zip)."
    write(settings.content_path, "articles/fr/aide/a.md", article("A", text, audience="org:globex"))
    for _ in range(2):  # the second publication knows the file by its hash
        assert isinstance(publish(db, settings), Publication)
        write(settings.content_path, "articles/fr/aide/b.md", article("B", "Texte."))
    sign_in(client, db, cast.chloe)
    page = client.get("/fr/articles/a").text
    link = re.search(r'href="(/media/[^"]+)">correctif</a> <span class="file">\(([^)]+)', page)
    assert link is not None
    assert link[2] == "ZIP, 22&nbsp;octets"
    answer = client.get(link[1])
    assert answer.data == body
    assert answer.headers["Content-Disposition"].startswith("attachment; filename")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    part = client.get(link[1], headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.data) == (206, body[2:6])
    again = client.get(link[1], headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    sign_in(client, db, cast.alice)
    assert client.get(link[1]).status_code == 404


@pytest.mark.parametrize(
    ("name", "body"), [("a.zip", b"<html>"), ("a.exe", b"MZ"), ("a.html", b"x"), ("a.csv", b"a\0b")]
)
def test_no_article_offers_what_is_not_what_its_name_says(
    settings: Settings, db: SqliteDatabase, name: str, body: bytes
):
    write(settings.content_path, f"articles/fr/aide/{name}", body)
    write(settings.content_path, "articles/fr/aide/a.md", article("A", f"Voir [ceci]({name})."))
    live = publish(db, settings)
    assert isinstance(live, Publication)
    assert "broken-link" in {finding.rule for finding in live.findings}
    assert db.query("SELECT 1 FROM media") == []
