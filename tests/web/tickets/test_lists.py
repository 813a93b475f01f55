"""The lists of requests: who finds what in them, and what an address of them says."""

import csv
import io
import re
from contextlib import closing
from typing import Any

import pytest
from flask.testing import FlaskClient

from kbsearch import tickets
from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search.ranking.indexing import Indexer
from kbsearch.tickets import Ticket, filing
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.filing import copies
from kbsearch.tickets.filing.form import FilingTerms, RequestForm
from tests.conftest import Cast
from tests.kit.web import HTMX, sign_in


def file(db: SqliteDatabase, viewer: Viewer, subject: str, **changes: Any) -> Ticket:
    said = RequestForm(subject=subject, description="Voici ce qui arrive.", **changes)
    return filing.open(db, viewer, said, FilingTerms(new_id()))


def index(settings: Settings, db: SqliteDatabase) -> None:
    with closing(Indexer(settings, db)) as indexer:
        indexer.ensure()


def subjects(client: FlaskClient, path: str, **options: Any) -> list[str]:
    answer = client.get(path, **options)
    assert answer.status_code == 200, path
    return re.findall(r'<th scope="row"><a [^>]*>([^<]*)</a>', answer.text)


def test_each_list_has_what_its_name_says(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    file(db, cast.alice, "De moi")
    file(db, cast.bob, "De Bob, en copie", cc=["alice@acme.example"])
    file(db, cast.bob, "De Bob seul")
    file(db, cast.chloe, "De Globex")
    sign_in(client, db, cast.alice)
    assert subjects(client, "/fr/requests") == ["De moi"]
    assert subjects(client, "/fr/requests/cc") == ["De Bob, en copie"]
    assert set(subjects(client, "/fr/requests/organisation")) == {
        "De moi",
        "De Bob, en copie",
        "De Bob seul",
    }


def test_a_stranger_is_asked_who_they_are(client: FlaskClient, cast: Cast):
    for path in ("/fr/requests", "/fr/requests/cc", "/fr/requests/organisation", "/fr/desk"):
        answer = client.get(path)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/fr/login?next=")


def test_statuses_are_counted_added_and_taken_away(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    file(db, cast.alice, "Nouvelle")
    answered = file(db, cast.alice, "Répondue")
    replies.reply(db, cast.dan, answered, ReplyForm(new_id(), "Quelle version ?"))
    sign_in(client, db, cast.alice)
    page = client.get("/fr/requests").text
    assert 'id="status-pending" href="/fr/requests?status=pending"' in page
    assert "En attente de votre réponse" in page
    assert subjects(client, "/fr/requests?status=pending") == ["Répondue"]
    both = client.get("/fr/requests?status=pending&status=new").text
    assert 'id="status-pending" href="/fr/requests?status=new"' in both


@pytest.mark.parametrize("typed", ["imprimantes", "reseau", "IMPRIMANTE réseau", "imprim"])
def test_words_are_found_as_the_search_finds_them(
    settings: Settings, client: FlaskClient, db: SqliteDatabase, cast: Cast, typed: str
):
    file(db, cast.alice, "L’imprimante du réseau ne répond plus")
    file(db, cast.alice, "Facture en double")
    file(db, cast.chloe, "L’imprimante du réseau de Globex")
    index(settings, db)
    sign_in(client, db, cast.alice)
    found = subjects(client, "/fr/requests/organisation", query_string={"q": typed})
    assert found == ["L’imprimante du réseau ne répond plus"]


def test_every_word_narrows(
    settings: Settings, client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    file(db, cast.alice, "Imprimante muette")
    file(db, cast.alice, "Imprimante bruyante")
    index(settings, db)
    sign_in(client, db, cast.alice)
    assert subjects(client, "/fr/requests?q=imprimantes+bruyantes") == ["Imprimante bruyante"]
    assert subjects(client, "/fr/requests?q=imprimantes+absentes") == []


def test_the_index_tells_a_list_nothing_that_was_taken_away(
    settings: Settings, client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    ticket = file(db, cast.bob, "Sauvegardes perdues", cc=["alice@acme.example"], confidential=True)
    index(settings, db)
    sign_in(client, db, cast.alice)
    assert subjects(client, "/fr/requests/cc?q=sauvegarde") == [ticket.subject]
    copies.remove(db, cast.bob, ticket, "alice@acme.example")
    assert subjects(client, "/fr/requests/cc?q=sauvegarde") == []


def test_a_number_is_found_from_its_beginning(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice, "Une demande")
    sign_in(client, db, cast.alice)
    for typed in (str(ticket.number), f"#{ticket.number}", str(ticket.number)[:3]):
        assert subjects(client, "/fr/requests", query_string={"q": typed}) == ["Une demande"]


def test_what_narrows_is_kept_from_list_to_list(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    file(db, cast.alice, "Une demande")
    sign_in(client, db, cast.alice)
    page = client.get("/fr/requests?q=demande&status=new&sort=number&order=asc").text
    assert "/fr/requests/cc?status=new&amp;q=demande&amp;sort=number&amp;order=asc" in page
    assert 'href="/fr/requests?sort=number&amp;order=asc">Effacer les filtres' in page


def test_a_column_sorts_both_ways(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    for subject in ("A", "B"):
        file(db, cast.alice, subject)
    sign_in(client, db, cast.alice)
    assert subjects(client, "/fr/requests?sort=number") == ["B", "A"]
    assert subjects(client, "/fr/requests?sort=number&order=asc") == ["A", "B"]
    page = client.get("/fr/requests?sort=number").text
    assert '<th scope="col" aria-sort="descending"><a id="by-number"' in page


def test_a_page_holds_twenty_five_in_a_steady_number_of_queries(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    query = SqliteDatabase.query

    def counting(self: SqliteDatabase, sql: str, values: object = None) -> object:
        asked.append(sql)
        return query(self, sql, values)  # type: ignore[arg-type]

    file(db, cast.alice, "La première")
    sign_in(client, db, cast.alice)
    monkeypatch.setattr(SqliteDatabase, "query", counting)
    client.get("/fr/requests")
    few = len(asked)
    for number in range(30):
        file(db, cast.alice, f"Demande {number}")
    asked.clear()
    assert len(subjects(client, "/fr/requests")) == 25
    assert len(asked) == few
    assert len(subjects(client, "/fr/requests?page=2")) == 6
    assert len(subjects(client, "/fr/requests?page=999")) == 6, "beyond the end is the end"


def test_the_fragment_is_in_the_page(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    file(db, cast.alice, "Une demande")
    sign_in(client, db, cast.alice)
    fragment, page = (
        re.sub(r">il y a [^<]*<", "><", client.get("/fr/requests", headers=headers).text)
        for headers in (HTMX, {})
    )
    start, end = fragment.index("<ul class"), fragment.index("</section>")
    assert fragment[start:end] in page
    assert "1 demande" in fragment


def test_news_is_told_in_words_until_it_is_read(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    ticket = file(db, cast.alice, "Une demande")
    sign_in(client, db, cast.alice)
    assert "non lue" not in client.get("/fr/requests").text
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Voici."))
    page = client.get("/fr/requests").text
    assert '<span class="new">non lue</span>' in page
    assert "1 nouvelle" in page, "the menu says so on every page"


def test_the_file_for_spreadsheets_holds_the_filter_and_no_formula(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    file(db, cast.alice, "=cmd|' /C calc'!A0")
    file(db, cast.alice, 'Sujet; avec, des "signes"')
    file(db, cast.chloe, "De Globex")
    sign_in(client, db, cast.alice)
    answer = client.get("/fr/requests?format=csv&sort=number&order=asc")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert re.search(
        r'attachment; filename="demandes-\d{4}-\d\d-\d\d\.csv"',
        answer.headers["Content-Disposition"],
    )
    assert answer.text.startswith("\ufeffNuméro;Sujet;Statut")
    rows = list(csv.reader(io.StringIO(answer.text), delimiter=";"))
    assert [row[1] for row in rows[1:]] == ["'=cmd|' /C calc'!A0", 'Sujet; avec, des "signes"']
    assert rows[1][2] == "Reçue"


@pytest.mark.parametrize(
    "query",
    [
        "?page=0",
        "?page=-1",
        "?page=abc",
        "?page=99999999999999",
        "?sort=password&order=x",
        "?status=deleted",
        "?q=%00%F0%9F%92%A9'\"%25_",
        "?product=nothing",
        "?q=" + "a" * 5000,
        "?format=xml",
    ],
)
def test_what_makes_no_sense_in_an_address_is_left_out(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, query: str
):
    file(db, cast.alice, "Une demande")
    sign_in(client, db, cast.alice)
    assert client.get(f"/fr/requests{query}").status_code == 200


def test_an_empty_list_says_what_to_do(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.alice)
    for path in ("/en/requests", "/en/requests/cc", "/en/requests/organisation"):
        assert 'class="card empty"' in client.get(path).text
    assert "No request matches." in client.get("/en/requests?q=nothing").text


def test_home_shows_the_requests_under_way(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    for subject in ("Une", "Deux", "Trois", "Quatre"):
        file(db, cast.alice, subject)
    solved = file(db, cast.alice, "Résolue")
    lifecycle.solve(db, cast.alice, tickets.find(db, cast.alice, solved.id))
    sign_in(client, db, cast.alice)
    page = client.get("/fr/").text
    part = page[page.index("Mes demandes en cours") : page.index("Toutes mes demandes")]
    assert part.count("/fr/requests/") == 3
    assert "Résolue" not in part
    sign_in(client, db, cast.chloe)
    assert "Mes demandes en cours" not in client.get("/fr/").text


@pytest.mark.parametrize("path", ["/fr/requests", "/fr/requests/cc", "/fr/search"])
def test_back_leads_to_the_page_that_was_searched_on(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, path: str
):
    sign_in(client, db, cast.alice)

    def kept(query: str, shown: str) -> str | None:
        headers = {**HTMX, "HX-Current-URL": f"http://localhost{shown}"}
        return client.get(f"{path}?{query}", headers=headers).headers.get("HX-Push-Url")

    assert kept("q=mot", path) == f"{path}?q=mot"
    assert kept("q=mot", f"{path}?q=&product=icownect") == f"{path}?q=mot"
    assert kept("q=mots", f"{path}?q=mot") is None, "a page for each letter"
    assert kept("q=", path) is None
    assert client.get(f"{path}?q=mot").headers.get("HX-Push-Url") is None
