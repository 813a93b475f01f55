"""The pages of the queue."""

import re

from flask.testing import FlaskClient

from kbsearch import tickets
from kbsearch.clock import utc_now
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.tickets import tags
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.desk import choices, saved_views
from tests.conftest import Cast
from tests.kit import promises
from tests.kit.requests import file
from tests.kit.web import sign_in

SAME = {"Sec-Fetch-Site": "same-origin"}


def subjects(client: FlaskClient, path: str, **headers: str) -> list[str]:
    page = client.get(path, headers=headers).text
    return re.findall(r'<span class="number">#\d+</span> <span[^>]*>([^<]+)</span>', page)


def boxes(page: str) -> list[str]:
    return re.findall(r'name="chosen" value="([^"]+)"', page)


def test_agents_have_a_queue_and_nobody_else_knows_it(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    ticket = file(db, cast.alice, subject="Une demande")
    sign_in(client, db, cast.dan)
    assert subjects(client, "/fr/desk") == ["Une demande"]
    number = f"/fr/desk/tickets/{ticket.number}"
    assert client.get(number).headers["Location"] == f"/fr/requests/{ticket.id}"
    assert client.get("/fr/desk/tickets/999999").status_code == 404
    for viewer in (cast.alice, cast.chloe, cast.wendy):
        sign_in(client, db, viewer)
        missing = client.get("/fr/desk/nothing-here")
        paths = (number, "/fr/desk/tickets/999999", "/fr/desk/news?since=0", "/fr/desk?view=mine")
        for path in paths[: 3 if viewer is cast.wendy else 4]:
            assert client.get(path).status_code == missing.status_code == 404


def test_a_view_is_a_page_or_its_piece(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    file(db, cast.alice, subject="Une demande")
    sign_in(client, db, cast.dan)
    whole = client.get("/fr/desk?view=all").text
    piece = client.get("/fr/desk?view=all", headers={"HX-Request": "true"}).text
    assert "<html" in whole and "<html" not in piece
    assert 'id="list"' in piece and "Une demande" in piece
    for odd in (
        "?view=&page=-1",
        "?view=nope&sort=nope&page=99999999999",
        "?assignee=%00&q=%00%ff",
    ):
        assert client.get(f"/fr/desk{odd}").status_code == 200


def test_what_is_expected_is_said_from_our_side(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    ticket = file(db, cast.alice)
    sign_in(client, db, cast.dan)
    assert "Notre réponse, depuis" in client.get("/fr/desk").text
    page = client.get(f"/fr/requests/{ticket.id}").text
    assert "Notre réponse, depuis" in page
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Laquelle ?"))
    assert "La réponse du client, depuis" in client.get("/fr/desk?view=waiting").text
    page = client.get(f"/fr/requests/{ticket.id}").text
    assert "En attente du client" in page and "En attente de votre réponse" not in page
    sign_in(client, db, cast.alice)
    assert "En attente de votre réponse" in client.get(f"/fr/requests/{ticket.id}").text


def test_a_row_has_the_time_and_the_page_its_hours(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    promises.promise(db, promises.keep(db), first_answer="8")
    ticket = file(db, cast.alice, at=utc_now())
    sign_in(client, db, cast.dan)
    for path in ("/fr/desk", "/fr/desk?view=all"):
        row = client.get(path).text.partition("<tbody")[2].partition("</tbody>")[0]
        assert "Première réponse" in row and "d’ouverture" not in row
    assert "d’ouverture" in client.get(f"/fr/requests/{ticket.id}").text


def test_many_are_changed_in_place(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    first, second = file(db, cast.alice, subject="One"), file(db, cast.alice, subject="Two")
    sign_in(client, db, cast.dan)
    sent = boxes(client.get("/en/desk?view=todo").text)
    lifecycle.assign(db, cast.root, second, cast.root.person_id)
    answer = client.post(
        "/en/desk",
        data={"chosen": sent, "assignee": "me", "status": "", "back": "view=todo&sort=number"},
        headers=SAME,
    )
    assert answer.status_code == 200
    assert f"1 request was changed: #{first.number}." in answer.text
    assert f"#{second.number} Two – It was changed since it was shown to you." in answer.text
    assert tickets.find(db, cast.dan, first.id).assignee_id == cast.dan.person_id
    refused = client.post("/en/desk", data={"back": "view=mine"}, headers=SAME)
    assert refused.status_code == 422
    assert "Choose some requests first." in refused.text
    nothing = client.post("/en/desk", data={"chosen": sent[0], "back": ""}, headers=SAME)
    assert nothing.status_code == 422
    assert f'value="{sent[0].partition(":")[0]}' in nothing.text


def test_news_are_announced_and_nothing_moves(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    file(db, cast.alice)
    sign_in(client, db, cast.dan)
    page = client.get("/en/desk").text
    found = re.search(r'hx-get="(/en/desk/news\?since=\d+[^"]*)"', page)
    assert found
    address = found[1].replace("&amp;", "&")
    assert client.get(address).status_code == 204
    file(db, cast.bob)
    told = client.get(address).text
    assert "1 request is new or has changed." in told and 'href="/en/desk?view=todo"' in told
    assert client.get("/en/desk/news?since=x").status_code == 204


def test_one_walks_from_a_request_to_the_next(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    first, second = file(db, cast.alice, subject="One"), file(db, cast.alice, subject="Two")
    sign_in(client, db, cast.dan)
    answer = client.get(f"/en/desk/tickets/{first.number}?view=todo", follow_redirects=True)
    assert f'rel="next" href="/en/requests/{second.id}?view=todo"' in answer.text
    assert "Back to the queue" in answer.text
    sign_in(client, db, cast.alice)
    hers = client.get(f"/en/requests/{first.id}?view=todo").text
    assert "Back to the queue" not in hers


def test_views_are_kept_and_forgotten(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.dan)
    kept = client.post(
        "/en/desk/views", data={"name": "Cows", "back": "view=all&q=cow"}, headers=SAME
    )
    assert kept.location == "/en/desk?view=all&q=cow"
    assert ">Cows</a>" in client.get("/en/desk").text
    refused = client.post("/en/desk/views", data={"name": "", "back": "view=all"}, headers=SAME)
    assert refused.status_code == 422
    (view,) = saved_views.list_mine(db, cast.dan)
    gone = client.post(f"/en/desk/views/{view.id}", headers=SAME)
    assert gone.status_code == 303
    assert saved_views.list_mine(db, cast.dan) == []


def test_a_view_is_a_file_for_a_spreadsheet(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    file(db, cast.alice, subject="=1+1")
    sign_in(client, db, cast.dan)
    answer = client.get("/fr/desk?view=all&format=csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    lines = answer.text.splitlines()
    assert lines[0].startswith("\ufeffNuméro;Sujet;Statut")
    assert "'=1+1" in lines[1] and "Alice Martin" in lines[1]
    assert re.search(r";02/03/2026 10:00;", lines[1])
    english = client.get("/en/desk?view=all&format=csv").text.splitlines()
    assert english[0].startswith("\ufeffNumber,Subject,Status")
    assert ",2026-03-02 10:00," in english[1]


def test_what_a_view_does_not_have_is_looked_for_in_all(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    solved, _ = file(db, cast.alice, subject="Une trieuse"), file(db, cast.alice, subject="Autre")
    lifecycle.solve(db, cast.dan, solved)
    sign_in(client, db, cast.dan)
    for text in (str(solved.number), f"%23{solved.number}", "trieuse"):
        page = client.get(f"/fr/desk?view=todo&q={text}", headers={"HX-Request": "true"}).text
        assert "Rien ne correspond dans la vue où vous étiez" in page
        assert "Une trieuse" in page and 'id="view-all"' in page
        assert re.search(r'id="view-all"[^>]*aria-current="page"', page)
    nothing = client.get("/fr/desk?view=todo&q=zorglub").text
    assert "Aucune demande ne correspond." in nothing and "où vous étiez" not in nothing
    assert "où vous étiez" not in client.get("/fr/desk?view=todo&q=autre").text


def test_each_agent_chooses_the_columns_and_sorts_by_their_heads(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    file(db, cast.alice, subject="Une")
    sign_in(client, db, cast.dan)

    def heads() -> list[str]:
        table = client.get("/en/desk?view=all&sort=age").text
        return re.findall(r'<th scope="col" class="c-(\w+)"', table)

    assert heads() == list(choices.USUAL_COLUMNS)
    sent = {"columns": ["updated", "nonsense", "product"], "back": "view=all"}
    assert client.post("/en/desk/columns", data=sent, headers=SAME).location == "/en/desk?view=all"
    assert heads() == ["product", "updated"]
    assert choices.find(db, cast.dan).after_answer == "stay"
    client.post("/en/desk/columns", data={"back": "view=all"}, headers=SAME)
    page = client.get("/en/desk?view=all&sort=age").text
    assert heads() == list(choices.USUAL_COLUMNS), "none are the usual ones"
    assert '<th scope="col" class="c-opened" aria-sort="ascending">' in page
    assert 'href="/en/desk?view=all&amp;sort=number">Opened' in page, "the other way round"
    assert 'href="/en/desk?view=all&amp;sort=severity">Severity' in page


def test_views_say_how_many_they_have_and_are_shared(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    file(db, cast.alice, subject="Une")
    sign_in(client, db, cast.dan)
    for name, view, others in (("Ours", "view=todo", "1"), ("Words", "view=todo&q=une", "")):
        sent = {"name": name, "back": view, **({"shared": others} if others else {})}
        client.post("/en/desk/views", data=sent, headers=SAME)
    chips = r'<ul class="chips" aria-label="{}">(.*?)</ul>'
    (mine,) = re.findall(chips.format("My views"), client.get("/en/desk").text, re.DOTALL)
    assert 'Ours <span class="n">1</span> <span class="n">shared</span>' in mine
    assert ">Words</a>" in mine, "what words find is not counted"
    sign_in(client, db, cast.root)
    page = client.get("/en/desk").text
    assert "My views" not in page
    (shared,) = re.findall(chips.format("Shared views"), page, re.DOTALL)
    assert 'Ours <span class="n">1</span>' in shared and "Words" not in shared


def test_the_queue_is_narrowed_to_tags(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    for subject, names in (("One", ["vip", "facture"]), ("Two", ["vip"]), ("Three", [])):
        tags.change(db, cast.dan, file(db, cast.alice, subject=subject).id, add=names)
    sign_in(client, db, cast.dan)
    assert subjects(client, "/en/desk?tag=VIP") == ["One", "Two"]
    assert subjects(client, "/en/desk?tag=vip,facture") == ["One"]
    assert subjects(client, "/en/desk?q=tag:vip+tw") == ["Two"]
    assert subjects(client, "/en/desk?tag=unknown") == []
    assert len(subjects(client, f"/en/desk?tag={'a' * 100}")) == 3, "no tag is that long"
    page = client.get("/en/desk?tag=vip").text
    assert 'name="tag" value="vip"' in page and "Clear the filters" in page
    assert '<span class="tag" dir="auto">facture</span>' in page
    client.post("/en/desk/views", data={"name": "VIPs", "back": "view=all&tag=vip"}, headers=SAME)
    (view,) = saved_views.list_mine(db, cast.dan)
    assert view.query == "view=all&tag=vip"
    line = client.get("/en/desk?tag=facture&format=csv").text.splitlines()[1]
    assert line.endswith(',"facture, vip",')


def test_many_are_tagged_at_once(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    first, second = file(db, cast.alice), file(db, cast.alice)
    tags.change(db, cast.dan, first.id, add=["old"])
    sign_in(client, db, cast.dan)
    form = {"chosen": boxes(client.get("/en/desk").text), "new_tags": "VIP, à_revoir"}
    done = client.post("/en/desk", data={**form, "former_tags": "old"}, headers=SAME)
    assert "2 requests were changed" in done.text
    for ticket in (first, second):
        assert tickets.find(db, cast.dan, ticket.id).tags == ("vip", "à_revoir")
    refused = client.post("/en/desk", data={**form, "new_tags": "b " + "a" * 81}, headers=SAME)
    assert refused.status_code == 422
    assert "has more than 80 characters" in refused.text and "b aaaa" in refused.text


def test_tags_in_use_follow_what_is_typed(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    tags.change(db, cast.dan, file(db, cast.alice).id, add=["facture", "facturation", "vip"])
    sign_in(client, db, cast.dan)

    def suggested(query: str) -> list[str]:
        return re.findall(r'<option value="([^"]*)"', client.get(f"/fr/desk/tags?{query}").text)

    assert suggested("") == suggested("new_tags=") == ["facturation", "facture", "vip"]
    assert suggested("new_tags=vip,+FACT") == ["vip, facturation", "vip, facture"]
    assert suggested("tag=facture+") == ["facture facturation", "facture vip"]
    assert suggested("former_tags=%00") == ["facturation", "facture", "vip"]
