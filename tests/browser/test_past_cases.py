"""An agent's morning: see how the same was solved, quote it, send; group what several report."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from kbsearch import people, tickets
from kbsearch.access import OPERATOR
from kbsearch.database import new_id
from kbsearch.errors import Invalid
from kbsearch.people import PersonFields, organisations, viewers
from kbsearch.people.organisations import OrganisationFields, products
from kbsearch.search.learning import case_clicks
from kbsearch.tickets import Ticket
from tests.browser.conftest import Live
from tests.conftest import take_over
from tests.kit.requests import file
from tests.kit.search import follow

Visit = Callable[..., Page]
SOLVED = 900_001
SOLUTION = (
    "Bonjour Chloé,\n\nRetirez la pile de la station pendant dix secondes, puis appairez-la de "
    "nouveau depuis **Capteurs > Stations**. Les mesures manquantes remontent en une heure. "
    "Vérifiez ensuite le pluviomètre, l’anémomètre et la sonde de sol, l’un après l’autre, et "
    "attendez qu’une mesure arrive de chacun avant de passer au suivant. Votre collègue "
    "Marc Lefèvre (06 12 34 56 78) l’a fait hier.\n\nCordialement,\nDan"
)


def with_past_case(live: Live) -> Ticket:
    """Alice's open request, like one of Chloé's at Globex that Dan solved."""
    try:
        organisations.add(live.db, OPERATOR, OrganisationFields("Globex", products=["icownect"]))
        people.add(
            live.db,
            OPERATOR,
            PersonFields(
                email="chloe@globex.example", name="Chloé Petit", organisations=["globex"]
            ),
        )
    except Invalid:  # they are there since the first test
        organisations.find(live.db, "globex")
    take_over(
        live.db,
        number=SOLVED,
        subject="ERR-7788 sur la station météo",
        description="La station météo affiche ERR-7788 et n’envoie plus de mesure.",
        requester="chloe@globex.example",
        organisation="globex",
        product=products.find(live.db, "icownect").name,
        version="4.2",
        language="fr",
        messages=[
            {
                "author": "dan@support.example",
                "at": "2026-01-31T10:00:00Z",
                "body": SOLUTION,
                "solution": True,
            }
        ],
    )
    alice = viewers.find(live.db, "alice@acme.example")
    asked = file(
        live.db,
        alice,
        subject="Plus de mesures de la station météo",
        description="Bonjour,\nERR-7788 s’affiche sur la station météo.\nCordialement,\nAlice",
        software="icownect",
        version="4.2",
    )
    follow(live.app.extensions["kbsearch"].settings, live.db)
    return tickets.find(live.db, viewers.find(live.db, "dan@support.example"), asked.id)


@pytest.fixture
def asked(live: Live) -> Ticket:
    return with_past_case(live)


def test_an_agent_quotes_how_the_same_was_solved_and_sends_it(
    live: Live, visit: Visit, asked: Ticket
):
    page = visit(f"/fr/requests/{asked.id}", person="dan@support.example")
    case = page.locator(f"#case-{SOLVED}")
    case.locator("summary").first.click()
    expect(case).to_contain_text("Retirez la pile de la station")
    expect(case).to_contain_text("Même code")
    expect(case.locator("details strong")).to_have_text("Capteurs > Stations")
    expect(case.get_by_role("link", name="Insérer le lien")).to_have_count(0)
    page.get_by_label("Message").fill("Bonjour Alice,")
    case.get_by_role("link", name="Citer la solution").click()
    composer = page.get_by_label("Message")
    expect(composer).to_be_focused()
    expect(composer).to_have_value(re.compile("Bonjour Alice,\n\nRetirez la pile"))
    typed = composer.input_value()
    assert "Lefèvre" not in typed and "06 12 34 56 78" not in typed and "Chloé" not in typed
    page.get_by_role("button", name="Envoyer au client").click()
    page.wait_for_url("**#c1")
    expect(page.locator("#c1")).to_contain_text("Retirez la pile de la station")
    expect(page.locator(f"#case-{SOLVED}")).to_contain_text("Vous l’avez cité")
    (click,) = case_clicks.touching(live.db, [asked.number])
    assert (click.case, click.is_confirmed) == (SOLVED, True)


def test_a_case_is_set_aside_and_brought_back_in_place(live: Live, visit: Visit, asked: Ticket):
    page = visit(f"/fr/requests/{asked.id}", person="dan@support.example")
    page.get_by_label("Message").fill("En cours de frappe")
    page.locator(f"#case-{SOLVED} summary").click()
    page.locator(f"#case-{SOLVED}").get_by_role("button", name="Pas utile").click()
    expect(page.locator(f"#case-{SOLVED}")).to_have_count(0)
    undo = page.locator(".rejected").get_by_role("button", name="Annuler")
    expect(undo).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(f"#case-{SOLVED}")).to_be_visible()
    expect(page.locator(f"#case-{SOLVED}-rejected")).to_be_focused()
    expect(page.get_by_label("Message")).to_have_value("En cours de frappe")


def test_a_panel_that_fails_leaves_the_page_usable(live: Live, visit: Visit, asked: Ticket):
    page = visit("/fr/", person="dan@support.example")
    page.route("**/similar", lambda route: route.abort())
    page.goto(f"/fr/requests/{asked.id}")
    expect(page.get_by_role("link", name="Les chercher")).to_be_visible()
    page.get_by_label("Message").fill(f"Nous cherchons. {new_id()}")
    page.get_by_role("button", name="Envoyer au client").click()
    page.wait_for_url("**#c1")


def test_without_script_the_solution_is_quoted_too(live: Live, visit: Visit, asked: Ticket):
    page = visit(
        f"/fr/requests/{asked.id}", person="dan@support.example", java_script_enabled=False
    )
    page.get_by_role("link", name="Les chercher").click()
    page.locator(f"#case-{SOLVED}").get_by_role("link", name="Citer la solution").click()
    expect(page.get_by_label("Message")).to_have_value(re.compile("^Retirez la pile"))


def test_what_several_report_is_grouped_and_answered_at_once(live: Live, visit: Visit):
    with_past_case(live)
    filed = [
        file(
            live.db,
            viewers.find(live.db, email),
            subject="ERR-5151 à l’ouverture",
            description="ERR-5151 depuis midi, plus personne n’entre.",
        )
        for email in ("alice@acme.example", "chloe@globex.example", "chloe@globex.example")
    ]
    follow(live.app.extensions["kbsearch"].settings, live.db)
    page = visit(f"/fr/requests/{filed[0].id}", person="dan@support.example")
    warning = page.get_by_role("group", name="Cela ressemble à un incident")
    warning.get_by_text("Voir les demandes et les regrouper").click()
    warning.get_by_role("button", name="Regrouper en un seul problème").click()
    page.wait_for_url("**/desk/problems/*")
    page.get_by_label("Une réponse pour toutes").fill("C’est réparé, reconnectez-vous.")
    page.get_by_label("Ensuite, les demandes sont").select_option("solved")
    page.get_by_role("button", name="Envoyer à chaque client").click()
    expect(page.get_by_text("Envoyée à 3 demandes")).to_be_visible()
    chloe = visit(f"/fr/requests/{filed[1].id}", person="chloe@globex.example")
    expect(chloe.locator("#c1")).to_contain_text("C’est réparé")
