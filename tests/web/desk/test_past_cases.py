"""The panel beside a request: what it shows to agents, and what of it may reach a customer."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from kbsearch import people, tickets
from kbsearch.access import OPERATOR
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import agent_limits, organisations
from kbsearch.people.agent_limits import AgentLimits
from kbsearch.people.organisations import OrganisationFields
from kbsearch.search.learning import case_clicks
from kbsearch.search.ranking import Search
from kbsearch.tickets import changes
from kbsearch.tickets.desk import duplicates, held_replies, past_cases
from tests.conftest import take_over
from tests.kit.engines import count_statements, stop_counting
from tests.kit.search import follow, put_live, write
from tests.kit.web import HTMX
from tests.kit.web import sign_in as give_session

SOLUTION = (
    "Bonjour Chloé,\n\nOuvrez le port 8883 en sortie, puis redémarrez la passerelle. Le technicien "
    "Marc Lefèvre (06 12 34 56 78, marc.lefevre@globex.example) l’a fait chez vous.\n\n"
    "Cordialement,\nDan Leroy"
)
PRIVATE = ("Chloé", "Marc", "Lefèvre", "06 12 34 56 78", "marc.lefevre@globex.example", "Leroy")


def solved(db, number=7, *, body=SOLUTION, **values):
    """A past case of Chloé's at Globex, solved by Dan."""
    usual = {
        "subject": "ERR-1042 à la synchronisation",
        "description": "La passerelle affiche ERR-1042 et plus rien ne se synchronise.",
        "requester": "chloe@globex.example",
        "organisation": "globex",
        "product": "iCownect",
        "version": "4.0.3",
        "language": "fr",
        "messages": [
            {"author": "dan@support.example", "at": "2026-01-31T10:00:00Z", "body": "Un instant."},
            {
                "author": "dan@support.example",
                "at": "2026-01-31T11:00:00Z",
                "body": body,
                "solution": True,
            },
            {
                "author": "dan@support.example",
                "at": "2026-01-31T12:00:00Z",
                "body": "CANARI : client difficile.",
                "internal": True,
            },
        ],
    }
    return take_over(db, number=number, **{**usual, **values})


@pytest.fixture
def asked(db, settings, cast):
    """Alice's open request beside Chloé's solved case and one of her colleague Bob's."""
    solved(db)
    solved(
        db,
        8,
        requester="bob@acme.example",
        organisation="acme",
        body="Bonjour Bob,\n\nRedémarrez la passerelle de Bob Durand.\n\nDan",
    )
    take_over(
        db,
        number=42,
        subject="Plus de synchronisation",
        description="Bonjour,\nERR-1042 sur la passerelle depuis hier.\nCordialement,\nAlice",
        status="open",
        product="iCownect",
        version="4.0.3",
        language="fr",
    )
    write(
        settings.content_path,
        "fr/passerelle/err-1042",
        "ERR-1042 : la passerelle ne joint plus le serveur.",
        title="ERR-1042 sur la passerelle",
    )
    put_live(db, settings)
    follow(settings, db)
    return tickets.find_number(db, cast.dan, 42)


def sign_in(app, db, viewer):
    """A browser of that person's."""
    client = app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    give_session(client, db, viewer)
    return client


def panel(client, **options):
    answer = client.get("/fr/desk/tickets/42/similar", headers=HTMX, **options)
    assert answer.status_code == 200
    return unescape(answer.text)


def case_of(text, number):
    """What the panel says of one case."""
    (told,) = re.findall(rf'<li id="case-{number}">(.*?)</li>\s*(?=<li id|</ol>)', text, re.S)
    return told


def test_an_agent_sees_how_the_same_was_solved_and_why_it_is_the_same(app, db, cast, asked):
    text = panel(sign_in(app, db, cast.dan))
    case = case_of(text, 7)
    assert "Ouvrez le port 8883 en sortie" in case and "Un instant" not in case
    assert "Cordialement" not in case and "CANARI" not in text
    for reason in ("Même code\u00a0: ERR-1042", "Même logiciel", "Même version\u00a0: 4.0.3"):
        assert reason in case
    assert "iCownect 4.0.3" in case and "31 janvier 2026" in case
    assert 'href="/fr/articles/err-1042' in text


def test_the_page_without_script_holds_the_same_panel(app, db, cast, asked):
    client = sign_in(app, db, cast.dan)
    page = unescape(client.get("/fr/desk/tickets/42/similar").text)
    assert page.startswith("<!doctype html>") and panel(client) in page


def test_the_request_loads_it_for_agents_alone(app, db, cast, asked):
    slot = 'hx-get="/fr/desk/tickets/42/similar"'
    assert slot in sign_in(app, db, cast.dan).get(f"/fr/requests/{asked.id}").text
    alices = sign_in(app, db, cast.alice).get(f"/fr/requests/{asked.id}")
    assert alices.status_code == 200 and "similar" not in alices.text


@pytest.mark.parametrize("name", ["alice", "chloe", "wendy"])
def test_nobody_else_learns_of_past_cases(app, db, cast, asked, name):
    client = sign_in(app, db, getattr(cast, name))
    for path in ("", "/7/quotation", "/7/link"):
        there = client.get(f"/fr/desk/tickets/42/similar{path}")
        missing = client.get(f"/fr/desk/tickets/4242/similar{path}")
        assert (there.status_code, missing.status_code) == (404, 404)
    assert client.post("/fr/desk/tickets/42/similar/7", data={"kind": "helped"}).status_code == 404
    assert case_clicks.touching(db, [7]) == []


def test_a_case_whose_readers_changed_is_not_proposed(app, db, settings, cast, asked):
    """The index still has it: the database is asked each time."""
    person = people.find(db, "dan@support.example")
    agent_limits.edit(db, OPERATOR, person, AgentLimits(products=("cervo-atelier",)))
    db.execute("UPDATE tickets SET assignee_id = :dan", {"dan": person.id})
    changes.mark_changed(db, "1 = 1", {})
    follow(settings, db)
    assert 'id="case-7"' in panel(sign_in(app, db, cast.dan))
    db.execute("UPDATE tickets SET assignee_id = NULL WHERE number = 7")
    text = panel(sign_in(app, db, cast.dan))
    assert 'id="case-7"' not in text and 'id="case-8"' in text
    assert (
        sign_in(app, db, cast.dan).get("/fr/desk/tickets/42/similar/7/quotation").status_code == 404
    )


# What goes into an answer


def test_another_organisations_solution_is_quoted_without_personal_data(app, db, cast, asked):
    client = sign_in(app, db, cast.dan)
    quoted = client.get("/fr/desk/tickets/42/similar/7/quotation")
    assert quoted.mimetype == "text/plain"
    assert "Ouvrez le port 8883 en sortie, puis redémarrez la passerelle." in quoted.text
    assert not [word for word in PRIVATE if word in quoted.text]
    assert "Globex" not in quoted.text


def test_its_link_is_never_put_into_an_answer(app, db, cast, asked):
    client = sign_in(app, db, cast.dan)
    assert "?link=7" not in case_of(panel(client), 7)
    assert client.get("/fr/desk/tickets/42/similar/7/link").status_code == 422
    page = client.get(f"/fr/requests/{asked.id}?link=7").text
    assert composer(page).strip() == ""
    with pytest.raises(Invalid):
        past_cases.link(
            db, cast.dan, asked, tickets.find_number(db, cast.dan, 7), "https://aide.example/fr"
        )


def test_what_all_readers_may_open_is_linked_and_quoted_as_it_stands(app, db, cast, asked):
    client = sign_in(app, db, cast.dan)
    assert "?link=8" in case_of(panel(client), 8)
    case = tickets.find_number(db, cast.dan, 8)
    link = client.get("/fr/desk/tickets/42/similar/8/link").text
    assert link.startswith("[#8 ERR-1042 à la synchronisation](http")
    assert link.endswith(f"/fr/requests/{case.id})")
    quoted = client.get("/fr/desk/tickets/42/similar/8/quotation").text
    assert quoted == "Redémarrez la passerelle de Bob Durand.\n\nDan"


@pytest.mark.parametrize(
    "change",
    [
        {"confidential": True},  # Alice may not open Bob's case
        {"requester": None, "organisation": None},
    ],
)
def test_a_case_that_one_reader_cannot_open_is_masked(db, cast, asked, change):
    body = "Redémarrez la passerelle de Bob Durand."
    solved(
        db, 8, **{"requester": "bob@acme.example", "organisation": "acme", "body": body} | change
    )
    case = tickets.find_number(db, cast.dan, 8)
    assert "Durand" not in past_cases.quotation(db, cast.dan, asked, case).text


def test_one_person_in_copy_who_cannot_open_it_is_enough(db, cast, asked):
    case = tickets.find_number(db, cast.dan, 8)
    assert not past_cases.quotation(db, cast.dan, asked, case).is_masked
    for address in ("chloe@globex.example", "stranger@elsewhere.example"):
        take_over(db, number=43, status="open", cc=[address])
        ticket = tickets.find_number(db, cast.dan, 43)
        assert past_cases.quotation(db, cast.dan, ticket, case).is_masked, address


def test_a_request_that_its_organisation_shares_is_read_by_all_of_it(db, cast, asked):
    """A case of Alice's that her colleagues may not open is not told to them beside hers."""
    solved(db, 9, requester="alice@acme.example", organisation="acme", confidential=True)
    case = tickets.find_number(db, cast.dan, 9)
    assert past_cases.quotation(db, cast.dan, asked, case).is_masked
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(sharing="nobody")
    )
    assert not past_cases.quotation(db, cast.dan, asked, case).is_masked


def test_nobody_left_to_read_opens_nothing(db, cast, asked):
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(sharing="nobody")
    )
    people.disable(db, OPERATOR, people.find(db, "alice@acme.example"))
    case = tickets.find_number(db, cast.dan, 8)
    assert past_cases.quotation(db, cast.dan, asked, case).is_masked


def composer(page):
    (typed,) = re.findall(r'<textarea id="body"[^>]*>\n(.*?)</textarea>', page, re.S)
    return unescape(typed)


def test_without_script_the_page_opens_with_the_answer_filled(app, db, cast, asked):
    client = sign_in(app, db, cast.dan)
    page = client.get(f"/fr/requests/{asked.id}?quote=7").text
    assert composer(page).startswith("Ouvrez le port 8883")
    assert '<input type="hidden" name="quoted" value="7">' in page
    assert case_clicks.touching(db, [7]) == [], "a page that is looked at changes nothing"
    for wrong in ("quote=4242", "quote=x", "quote=" + "9" * 30, "link=7"):
        assert composer(client.get(f"/fr/requests/{asked.id}?{wrong}").text).strip() == ""
    alice = sign_in(app, db, cast.alice).get(f"/fr/requests/{asked.id}?quote=7").text
    assert composer(alice).strip() == ""


def test_a_quoted_case_counts_once_the_answer_is_sent(app, db, cast, asked):
    client = sign_in(app, db, cast.dan)
    sent = {"key": "key-of-an-answer", "body": "Ouvrez le port.", "quoted": ["7", "4242", "x"]}
    assert client.post(f"/fr/requests/{asked.id}/messages", data=sent).status_code == 303
    (click,) = case_clicks.touching(db, [7])
    assert (click.ticket, click.case, click.is_confirmed) == (42, 7, True)
    alice = sign_in(app, db, cast.alice)
    alice.post(f"/fr/requests/{asked.id}/messages", data={**sent, "quoted": "8"})
    assert case_clicks.touching(db, [8]) == []


def test_nor_before_it_cannot_be_called_back_any_more(app, db, cast, asked):
    client = sign_in(app, db, cast.dan)
    sent = {"key": "key-of-an-answer", "body": "Ouvrez le port.", "quoted": ["7"], "hold": "1"}
    assert client.post(f"/fr/requests/{asked.id}/messages", data=sent).status_code == 303
    assert case_clicks.touching(db, [7]) == []
    due = datetime.now(UTC) + timedelta(seconds=8)
    assert held_replies.release(db, cast.dan, "key-of-an-answer", at=due) is not None
    assert [click.case for click in case_clicks.touching(db, [7])] == [7]


def test_an_answer_that_was_called_back_still_quotes_it(app, db, cast, asked):
    client = sign_in(app, db, cast.dan)
    sent = {"key": "key-of-an-answer", "body": "Ouvrez le port.", "quoted": ["7"], "hold": "1"}
    client.post(f"/fr/requests/{asked.id}/messages", data=sent)
    back = client.post(f"/fr/requests/{asked.id}/undo", data={"key": "key-of-an-answer"})
    assert '<input type="hidden" name="quoted" value="7">' in client.get(back.location).text


def test_a_case_without_an_answer_has_nothing_to_quote(db, cast, asked):
    take_over(db, number=9, messages=[])
    with pytest.raises(Invalid):
        past_cases.quotation(db, cast.dan, asked, tickets.find_number(db, cast.dan, 9))
    with pytest.raises(NotFound):
        past_cases.quotation(db, cast.alice, asked, tickets.find_number(db, cast.dan, 8))


# What agents say of it


def test_a_case_that_is_of_no_use_is_set_aside_and_comes_back(app, db, cast, asked):
    client = sign_in(app, db, cast.dan)
    url = "/fr/desk/tickets/42/similar/7"
    text = client.post(url, data={"kind": "rejected"}, headers=HTMX).text
    assert 'id="case-7"' not in text and "#7 ERR-1042" in text
    assert 'id="case-7"' in panel(sign_in(app, db, cast.root)), "it is one agent's word"
    text = client.post(url, data={"kind": ""}, headers=HTMX).text
    assert 'id="case-7"' in text and case_clicks.touching(db, [7]) == []


def test_without_script_a_word_leads_back_to_the_panel(app, db, cast, asked):
    client = sign_in(app, db, cast.dan)
    answer = client.post("/fr/desk/tickets/42/similar/7", data={"kind": "helped"})
    assert (answer.status_code, answer.location) == (303, "/fr/desk/tickets/42/similar")
    assert "Ce cas vous a aidé" in case_of(panel(client), 7)
    assert client.post("/fr/desk/tickets/42/similar/7", data={"kind": "x"}).status_code == 422


def test_a_case_is_linked_as_the_original_and_let_go_again(app, db, cast, asked):
    client = sign_in(app, db, cast.dan)
    url = "/fr/desk/tickets/42/similar/7"
    text = unescape(client.post(url, data={"kind": "duplicate"}, headers=HTMX).text)
    assert "Doublon de" in text and "Lié comme doublon" in case_of(text, 7)
    assert case_clicks.touching(db, [42])[0].is_confirmed
    theirs = unescape(client.get("/fr/desk/tickets/7/similar").text)
    assert "A pour doublon" in theirs and "#42 <span>Plus de synchronisation" in theirs
    for viewer in (cast.alice, cast.chloe):
        assert duplicates.of_ticket(db, viewer, asked) == duplicates.DuplicateLinks()
    other = sign_in(app, db, cast.root)
    assert "Doublon de" not in other.post(url, data={"kind": ""}, headers=HTMX).text
    assert case_clicks.touching(db, [42]) == [], "whoever lets it go"


@pytest.mark.both_engines
def test_a_request_is_a_duplicate_of_one_and_never_of_itself(db, cast, asked):
    seven, eight = (tickets.find_number(db, cast.dan, number) for number in (7, 8))
    duplicates.link(db, cast.dan, asked, seven)
    duplicates.link(db, cast.dan, asked, eight)
    links = duplicates.of_ticket(db, cast.dan, asked)
    assert links.original is not None and links.original.number == 8
    assert [click.case for click in case_clicks.touching(db, [42])] == [8]
    duplicates.link(db, cast.dan, eight, seven)
    for original in (asked, eight, seven):
        with pytest.raises(Invalid):
            duplicates.link(db, cast.dan, seven, original)
    for viewer in (cast.alice, cast.wendy):
        with pytest.raises(NotFound):
            duplicates.link(db, viewer, asked, seven)
        with pytest.raises(NotFound):
            duplicates.unlink(db, viewer, asked)


def test_the_number_of_statements_does_not_grow_with_the_cases(app, db, settings, cast, asked):
    def count():
        statements = count_statements(db)
        list_all = Search(settings, db).similar(cast.dan, number=42, limit=5)
        past_cases.list_beside(db, cast.dan, asked, list_all)
        stop_counting(db)
        return len(list_all), len(statements)

    few = count()
    for number in range(100, 106):
        solved(db, number)
    follow(settings, db)
    many = count()
    assert (few[0], many[0]) == (2, 5) and many[1] == few[1]
