"""Requests that look like one incident, grouped under one problem, answered at once."""

import re
from html import unescape

import pytest

from kbsearch import tickets
from kbsearch.clock import stored
from kbsearch.errors import Invalid, NotFound
from kbsearch.search.learning import case_clicks
from kbsearch.search.ranking import Search
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.desk import incident_groups as problems
from kbsearch.tickets.desk import incidents
from tests.conftest import take_over
from tests.kit.requests import MORNING, file, later
from tests.kit.search import follow
from tests.web.desk.test_past_cases import sign_in

TEXT = "Depuis ce matin plus rien ne se synchronise, ERR-1042 s’affiche sur la passerelle."


def report(db, viewer, *, hours=0.0, subject="ERR-1042 partout", description=TEXT):
    return file(db, viewer, subject=subject, description=description, at=later(hours=hours))


def incident_of(settings, db, viewer, ticket):
    follow(settings, db)
    alike = Search(settings, db).alike(viewer, ticket, incidents.began(ticket, settings))
    return incidents.around(db, viewer, ticket, alike, settings)


def test_three_requests_of_two_people_on_one_day_look_like_an_incident(db, settings, cast):
    first = report(db, cast.alice)
    report(db, cast.alice, hours=1)
    assert incident_of(settings, db, cast.dan, first) is None, "one person writes twice"
    third = report(db, cast.chloe, hours=2)
    found = incident_of(settings, db, cast.dan, first)
    assert found is not None and (found.people, found.codes) == (2, ("ERR-1042",))
    assert [each.number for each in found.reports][-1] == third.number
    assert [each.organisation for each in found.reports] == ["Acme", "Acme", "Globex"]


def test_what_is_told_otherwise_or_on_another_day_does_not(db, settings, cast):
    first = report(db, cast.alice)
    report(db, cast.bob, hours=25)
    report(db, cast.chloe, hours=2, subject="Facture", description="Où trouver la facture ?")
    report(db, cast.chloe, hours=3)
    assert incident_of(settings, db, cast.dan, first) is None


def test_the_same_words_are_enough_and_the_same_version_is_not(db, settings, cast):
    words = "La balance du quai pèse trente kilos de trop depuis la nuit."
    first = report(db, cast.alice, subject="Balance fausse", description=words)
    for viewer, hours in ((cast.bob, 1), (cast.chloe, 2)):
        report(db, viewer, hours=hours, subject="Balance du quai fausse", description=words)
    found = incident_of(settings, db, cast.dan, first)
    assert found is not None and found.codes == ()
    told = ("Étiquette illisible", "Export vide", "Mot de passe perdu")
    others = [
        file(db, viewer, subject=subject, description=subject, version="4.0.3", at=later(hours=5))
        for subject, viewer in zip(told, (cast.alice, cast.bob, cast.chloe), strict=True)
    ]
    assert incident_of(settings, db, cast.dan, others[0]) is None


def test_a_solved_request_is_no_incident_and_customers_learn_of_none(db, settings, cast):
    for hours in range(2):
        report(db, cast.alice, hours=hours)
    ticket = report(db, cast.chloe, hours=3)
    assert incident_of(settings, db, cast.dan, ticket) is not None
    with pytest.raises(NotFound):
        incidents.around(db, cast.chloe, ticket, [], settings)
    assert Search(settings, db).alike(cast.chloe, ticket, stored(MORNING)) == []
    db.execute("UPDATE tickets SET status = 'solved' WHERE id = :id", {"id": ticket.id})
    solved = tickets.find(db, cast.dan, ticket.id)
    assert incident_of(settings, db, cast.dan, solved) is None


def test_a_link_made_once_groups_the_next_ones(db, settings, cast):
    first = report(db, cast.alice)
    otherwise = report(db, cast.chloe, subject="Écran vide", description="Mes courbes sont plates.")
    problem = problems.group(db, cast.dan, "Panne", [first, otherwise])
    found = incident_of(settings, db, cast.dan, report(db, cast.alice, hours=1))
    assert found is not None and found.problem_id == problem
    assert otherwise.number in [each.number for each in found.reports]
    far = report(db, cast.bob, hours=1, subject="Facture", description="Où trouver la facture ?")
    assert incident_of(settings, db, cast.dan, far) is None


def test_what_solved_one_request_of_a_problem_is_a_case_for_those_like_the_others(
    db, settings, cast
):
    first = report(db, cast.alice)
    otherwise = report(db, cast.chloe, subject="Écran vide", description="Mes courbes sont plates.")
    db.execute("UPDATE tickets SET status = 'solved' WHERE id = :id", {"id": otherwise.id})
    later_on = report(db, cast.bob, hours=30)
    follow(settings, db)
    search = Search(settings, db)
    assert search.similar(cast.dan, number=later_on.number) == ()
    problems.group(db, cast.dan, "Panne", [first, otherwise])
    cases = [hit.id for hit in search.similar(cast.dan, number=later_on.number)]
    assert cases == [str(otherwise.number)]


# One problem


@pytest.fixture
def grouped(db, cast):
    """A problem of a request of Alice's and one of Chloé's."""
    mine, theirs = report(db, cast.alice), report(db, cast.chloe, hours=1)
    problem_id = problems.group(
        db, cast.dan, "Panne de la synchronisation", [mine, theirs], at=later(hours=2)
    )
    return problems.find(db, cast.dan, problem_id)


def said_to(db, viewer, ticket_id):
    return [message.body for message in tickets.find(db, viewer, ticket_id).messages]


def test_one_answer_reaches_each_requester_on_their_own_request(db, cast, grouped):
    mine, theirs = grouped.members
    numbers = [mine.number, theirs.number]
    told = problems.answer(
        db, cast.dan, grouped, numbers, ReplyForm("key-of-all", "C’est réparé.", status="solved")
    )
    assert told == numbers
    assert said_to(db, cast.alice, mine.ticket_id) == ["C’est réparé."]
    assert said_to(db, cast.chloe, theirs.ticket_id) == ["C’est réparé."]
    assert tickets.find(db, cast.alice, mine.ticket_id).status == "solved"
    with pytest.raises(NotFound):
        tickets.find(db, cast.alice, theirs.ticket_id)


def test_sent_again_it_is_the_same_answer(db, cast, grouped):
    for _ in range(2):
        problems.answer(
            db,
            cast.dan,
            grouped,
            [each.number for each in grouped.members],
            ReplyForm("same-key", "Oui."),
        )
    for each in grouped.members:
        assert said_to(db, cast.dan, each.ticket_id) == ["Oui."]


def test_all_of_them_get_it_or_none_does(db, cast, grouped):
    mine, theirs = grouped.members
    db.execute("UPDATE tickets SET status = 'closed' WHERE id = :id", {"id": theirs.ticket_id})
    numbers = [mine.number, theirs.number]
    with pytest.raises(Invalid) as refused:
        problems.answer(db, cast.dan, grouped, numbers, ReplyForm("key-of-all", "Oui."))
    assert refused.value.values == {"number": theirs.number}
    assert said_to(db, cast.dan, mine.ticket_id) == []
    for body, chosen in (("", numbers[:1]), ("Oui.", []), ("Oui.", [4242])):
        with pytest.raises(Invalid):
            problems.answer(db, cast.dan, grouped, chosen, ReplyForm("key-of-all", body))


def test_a_request_is_of_one_problem_at_a_time(db, cast, grouped):
    mine = tickets.find(db, cast.dan, grouped.members[0].ticket_id)
    other = problems.group(db, cast.dan, "Autre", [mine], at=later(hours=3))
    assert [each.title for each in problems.list_all(db, cast.dan)] == [
        "Autre",
        "Panne de la synchronisation",
    ]
    found = problems.of_ticket(db, cast.dan, mine)
    assert found is not None and found.id == other
    problems.remove(db, cast.dan, found, mine)
    assert problems.of_ticket(db, cast.dan, mine) is None
    assert problems.find(db, cast.dan, other).members == ()


def test_problems_are_for_agents(db, cast, grouped):
    ticket = tickets.find(db, cast.dan, grouped.members[0].ticket_id)
    for viewer in (cast.alice, cast.wendy, cast.nobody):
        for act in (
            lambda viewer: problems.find(db, viewer, grouped.id),
            lambda viewer: problems.list_all(db, viewer),
            lambda viewer: problems.group(db, viewer, "Autre", [ticket]),
            lambda viewer: problems.add(db, viewer, grouped, ticket),
            lambda viewer: problems.remove(db, viewer, grouped, ticket),
            lambda viewer: problems.answer(
                db, viewer, grouped, [1], ReplyForm("key-of-all", "Oui.")
            ),
        ):
            with pytest.raises(NotFound):
                act(viewer)
    with pytest.raises(NotFound):
        problems.find(db, cast.dan, "missing")


def test_a_problem_needs_a_name_and_requests(db, cast, grouped):
    ticket = tickets.find(db, cast.dan, grouped.members[0].ticket_id)
    for title, chosen in (("", [ticket]), ("x" * 251, [ticket]), ("Panne", [])):
        with pytest.raises(Invalid):
            problems.group(db, cast.dan, title, chosen)


# On the pages


def test_the_panel_warns_and_groups(app, db, settings, cast):
    filed = [report(db, cast.alice), report(db, cast.bob, hours=1), report(db, cast.chloe, hours=2)]
    follow(settings, db)
    client = sign_in(app, db, cast.dan)
    panel = unescape(client.get(f"/fr/desk/tickets/{filed[0].number}/similar").text)
    assert "Cela ressemble à un incident" in panel
    assert "3 demandes de 3 personnes" in panel
    sent = {"title": "Panne", "tickets": [str(each.number) for each in filed]}
    answer = client.post("/fr/desk/problems", data=sent)
    assert answer.status_code == 303
    page = unescape(client.get(answer.location).text)
    assert all(f"#{each.number}" in page for each in filed) and "Globex" in page
    again = unescape(client.get(f"/fr/desk/tickets/{filed[0].number}/similar").text)
    assert f'href="{answer.location}"' in again and "ressemble à un incident" not in again
    assert answer.location in client.get("/fr/desk/problems").text


def test_the_page_sends_one_answer_to_those_that_are_ticked(app, db, cast, grouped):
    client, url = sign_in(app, db, cast.dan), f"/fr/desk/problems/{grouped.id}"
    (key,) = re.findall(r'name="key" value="([^"]+)"', client.get(url).text)
    mine, theirs = grouped.members
    empty = client.post(f"{url}/messages", data={"key": key, "body": "", "tickets": mine.number})
    assert empty.status_code == 422 and 'href="#body"' in empty.text
    sent = {"key": key, "body": "C’est réparé.", "tickets": mine.number, "status": "solved"}
    answer = client.post(f"{url}/messages", data=sent)
    assert (answer.status_code, answer.location) == (303, f"{url}?sent=1")
    assert "Envoyée à 1 demande" in client.get(answer.location).text
    assert said_to(db, cast.chloe, theirs.ticket_id) == []
    alices = sign_in(app, db, cast.alice).get(f"/fr/requests/{mine.ticket_id}").text
    assert "C’est réparé." in alices and "Panne de la synchronisation" not in alices


def test_requests_are_added_by_number_and_taken_out(app, db, cast, grouped):
    client, url = sign_in(app, db, cast.dan), f"/fr/desk/problems/{grouped.id}/tickets"
    ticket = report(db, cast.bob)
    assert client.post(url, data={"add": f" #{ticket.number} "}).status_code == 303
    assert client.post(url, data={"remove": grouped.members[0].number}).status_code == 303
    numbers = [each.number for each in problems.find(db, cast.dan, grouped.id).members]
    assert numbers == [grouped.members[1].number, ticket.number]
    for wrong in ("4242", "Facture", ""):
        refused = client.post(url, data={"add": wrong})
        assert refused.status_code == 422 and 'href="#add"' in refused.text
    assert client.post("/fr/desk/problems", data={"title": "Panne"}).status_code == 422


def test_a_removed_request_takes_its_traces_along(db, cast, grouped):
    take_over(db, number=7)
    case = tickets.find_number(db, cast.dan, 7)
    mine = tickets.find(db, cast.dan, grouped.members[0].ticket_id)
    case_clicks.record(db, cast.dan, mine, case, "helped")
    for table in ("messages", "ticket_copies", "ticket_readers"):
        db.execute(f"DELETE FROM {table} WHERE ticket_id = :id", {"id": case.id})  # noqa: S608
    db.execute("DELETE FROM tickets WHERE id = :id", {"id": case.id})
    assert case_clicks.list_mine(db, cast.dan, mine) == []
