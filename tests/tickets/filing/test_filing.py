import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from kbsearch import outbox, people, tickets
from kbsearch.access import ANONYMOUS, OPERATOR, Viewer
from kbsearch.database import Database, new_id
from kbsearch.errors import Invalid, InvalidForm, NotFound, Problem, SignInNeeded
from kbsearch.files.store import FileStore
from kbsearch.form_fields import FormField
from kbsearch.people import PersonFields, viewers
from kbsearch.people import organisations as customers
from kbsearch.people.organisations import OrganisationFields, products
from kbsearch.people.organisations.products import ProductFields
from kbsearch.tickets import changes as ticket_changes
from kbsearch.tickets import field_editing, filing
from kbsearch.tickets.filing import drafts
from kbsearch.tickets.filing import form as request_forms
from kbsearch.tickets.filing.form import FilingTerms, RequestForm
from tests.conftest import Cast, take_over
from tests.kit.engines import address_of
from tests.kit.requests import attach, file, readers_of

pytestmark = pytest.mark.both_engines

SEND = """
import sys, threading
from kbsearch.people import viewers
from kbsearch.tickets import filing
from kbsearch.tickets.filing.form import RequestForm
from tests.kit.engines import at

db = at(sys.argv[1])
viewer = viewers.find(db, "alice@acme.example")
gate, sent = threading.Barrier(3), []

def send():
    gate.wait()
    request = RequestForm(subject="Once", description="Only once.")
    sent.append(filing.open(db, viewer, request, filing.FilingTerms("the-same-form")).id)
    db.close()

threads = [threading.Thread(target=send) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print("\\n".join(sent))
"""


def wrong(db: Database, viewer: Viewer, **said: Any) -> dict[str, str]:
    """The problems of a form by field; what `check` says is what `open` raises."""
    with pytest.raises(InvalidForm) as refusal:
        file(db, viewer, **said)
    problems = {name: problem.key for name, problem in refusal.value.problems.items()}
    assert tickets_there(db) == 0
    return problems


def check(
    db: Database,
    viewer: Viewer,
    request: RequestForm,
    fields: Sequence[FormField] = (),
    *,
    after_contract: bool = False,
) -> Mapping[str, Problem]:
    """What is wrong with a form, by field."""
    try:
        terms = FilingTerms("", fields, after_contract)
        request_forms.read(db, viewer, request, terms)
    except InvalidForm as refusal:
        return refusal.problems
    return {}


def tickets_there(db: Database) -> int:
    return int(db.query("SELECT COUNT(*) AS n FROM tickets")[0]["n"])


def test_a_request_is_what_was_typed_and_has_the_next_number(db: Database, cast: Cast):
    first = file(
        db,
        cast.alice,
        subject="  Le collier   est perdu\x00 ",
        description="Bonjour,\r\n\r\nle collier est perdu.\r\n",
        software="icownect",
        version=" 4.2.1 ",
        severity="major",
    )
    assert first.subject == "Le collier est perdu"
    assert first.description == "Bonjour,\n\nle collier est perdu."
    assert (first.product, first.version, first.severity) == ("icownect", "4.2.1", "major")
    assert (first.status, first.language, first.organisation) == ("new", "fr", "Acme")
    assert (first.requester, first.number) == ("Alice Martin", 1001)
    assert file(db, cast.bob).number == 1002


def test_a_number_comes_after_those_taken_over(db: Database, cast: Cast):
    take_over(db, number=4711)
    assert file(db, cast.alice).number == 4712


def test_its_event_and_its_work_are_written_with_it(db: Database, cast: Cast):
    ticket = file(db, cast.alice)
    (event,) = db.query("SELECT id, kind, actor_id FROM ticket_events")
    assert (event["kind"], event["actor_id"]) == ("ticket.opened", cast.alice.person_id)
    work = {(row["kind"], row["subject"]) for row in db.query("SELECT * FROM outbox")}
    assert work == {("ticket.opened", event["id"]), ("index.tickets", "all")}
    (case,) = ticket_changes.list_changed(db, 0, 10)
    assert (case.number, case.status) == (ticket.number, "new")


def test_nothing_is_written_when_something_fails_on_the_way(
    db: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    drafts.save(db, cast.alice, "form-0001", {"subject": "Kept"})
    monkeypatch.setattr(outbox, "add", fail)
    with pytest.raises(ZeroDivisionError):
        file(db, cast.alice, key="form-0001")
    assert tickets_there(db) == 0
    assert drafts.find(db, cast.alice, "form-0001").fields == {"subject": "Kept"}
    assert db.query("SELECT value FROM counters WHERE name = 'ticket'") == [{"value": 1000}]


def test_the_same_form_sent_again_is_the_same_request(db: Database, cast: Cast):
    first = file(db, cast.alice, key="form-0001")
    again = file(db, cast.alice, key="form-0001", subject="", description="")
    assert again.id == first.id
    assert tickets_there(db) == 1
    assert len(db.query("SELECT * FROM ticket_events")) == 1


def test_the_key_of_somebody_else_opens_nothing_of_theirs(db: Database, cast: Cast):
    hers = file(db, cast.alice, key="form-0001")
    mine = file(db, cast.chloe, key="form-0001")
    assert hers.id != mine.id
    assert readers_of(db, cast, mine) == {"chloe", "dan", "root"}


def test_the_same_form_from_threads_and_processes_at_once_is_one_request(db: Database, cast: Cast):
    command = [sys.executable, "-c", SEND, address_of(db)]
    children = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [child.communicate() for child in children]
    assert [problem for _, problem in told] == ["", ""]
    ids = [line for out, _ in told for line in out.split()]
    assert len(ids) == 6 and len(set(ids)) == 1
    assert tickets_there(db) == 1
    assert len(db.query("SELECT * FROM outbox WHERE kind = 'ticket.opened'")) == 1


def test_numbers_do_not_repeat_when_people_file_at_once(db: Database, cast: Cast):
    def send() -> None:
        for _ in range(5):
            file(db, cast.alice)
        db.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [row["number"] for row in db.query("SELECT number FROM tickets ORDER BY number")]
    assert numbers == list(range(1001, 1021))


def test_a_draft_becomes_the_request_with_its_files(db: Database, cast: Cast, store: FileStore):
    drafts.save(db, cast.alice, "form-0001", {"subject": "Half"})
    attach(db, cast.alice, store, "form-0001", "a.txt")
    attach(db, cast.alice, store, "form-0002", "other.txt")
    ticket = file(db, cast.alice, key="form-0001")
    assert [file.name for file in ticket.files] == ["a.txt"]
    assert [draft.key for draft in drafts.list_all(db, cast.alice)] == ["form-0002"]


def test_everything_wrong_is_said_at_once_by_field(db: Database, cast: Cast):
    assert wrong(
        db,
        cast.alice,
        subject=" \x00 ",
        description="",
        software="cervo-atelier",
        severity="huge",
        version="v" * 100,
        cc=["chloe@globex.example"],
    ) == {
        "subject": "request.subject_required",
        "description": "request.description_required",
        "software": "request.software_unknown",
        "severity": "request.severity_unknown",
        "version": "request.too_long",
        "cc": "copy.unknown",
    }


@pytest.mark.parametrize(
    "address", ["nobody@acme.example", "chloe@globex.example", "dan@support.example"]
)
def test_only_colleagues_are_put_in_copy_and_no_account_is_made(
    db: Database, cast: Cast, address: str
):
    before = people.list_all(db)
    assert wrong(db, cast.alice, cc=[address]) == {"cc": "copy.unknown"}
    assert people.list_all(db) == before


def test_a_colleague_in_copy_reads_what_is_confidential(db: Database, cast: Cast):
    ticket = file(
        db, cast.alice, cc=["BOB@acme.example", "alice@acme.example", ""], confidential=True
    )
    assert [copy.name for copy in ticket.copies] == ["Bob Durand"]
    assert readers_of(db, cast, ticket) == {"alice", "bob", "dan", "root"}


def change_acme(db: Database, **fields: str) -> None:
    acme = customers.find(db, "acme")
    customers.edit(db, OPERATOR, acme, OrganisationFields(**fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sharing", "confidential", "readers"),
    [
        ("everyone", False, {"alice", "bob", "dan", "root"}),
        ("everyone", True, {"alice", "dan", "root"}),
        ("nobody", False, {"alice", "dan", "root"}),
    ],
)
def test_colleagues_read_what_the_organisation_shares(
    db: Database, cast: Cast, sharing: str, confidential: bool, readers: set[str]
):
    change_acme(db, sharing=sharing)
    assert readers_of(db, cast, file(db, cast.alice, confidential=confidential)) == readers


def test_somebody_of_several_organisations_says_for_which(db: Database, cast: Cast):
    people.edit(
        db,
        OPERATOR,
        people.find(db, "bob@acme.example"),
        PersonFields(organisations=["acme", "globex"]),
    )
    bob = viewers.find(db, "bob@acme.example")
    assert wrong(db, bob) == {"organisation": "request.organisation_required"}
    ticket = file(db, bob, organisation="globex", software="cervo-atelier")
    assert readers_of(db, cast, ticket) == {"bob", "chloe", "dan", "root"}
    choices = request_forms.choices(db, bob)
    assert [(choice.slug, choice.products) for choice in choices] == [
        ("acme", (("icownect", "iCownect"),)),
        ("globex", (("cervo-atelier", "Cervo Atelier"),)),
    ]


def test_nobody_files_for_an_organisation_of_others(db: Database, cast: Cast):
    assert wrong(db, cast.chloe, organisation="acme") == {
        "organisation": "request.organisation_unknown"
    }


def test_a_contract_that_is_over_covers_nothing(db: Database, cast: Cast):
    change_acme(db, contract_ends="2020-01-01")
    request = RequestForm("After", "The contract is over.", software="icownect")
    problems = check(db, cast.alice, request, after_contract=True)
    assert {name: p.key for name, p in problems.items()} == {"software": "request.software_unknown"}
    assert request_forms.choices(db, cast.alice)[0].products == ()


def test_nobody_files_under_a_contract_that_is_over_unless_the_site_allows_it(
    db: Database, cast: Cast
):
    change_acme(db, contract_ends="2026-03-01")
    assert wrong(db, cast.alice) == {"organisation": "request.contract_ended"}
    assert file(db, cast.chloe).organisation == "Globex"
    assert file(db, cast.dan, requester="alice@acme.example").organisation == "Acme"
    request = RequestForm("After", "The contract is over.")
    ticket = filing.open(db, cast.alice, request, FilingTerms(new_id(), after_contract=True))
    assert ticket.organisation == "Acme"


def test_the_last_day_of_a_contract_is_a_day_of_it(db: Database, cast: Cast):
    change_acme(db, contract_ends="2026-03-02")
    assert file(db, cast.alice, software="icownect").product == "icownect"


def test_an_agent_files_on_behalf_of_a_customer(db: Database, cast: Cast):
    ticket = file(db, cast.dan, requester="Alice@acme.example", cc=["bob@acme.example"])
    assert (ticket.requester, ticket.organisation) == ("Alice Martin", "Acme")
    assert request_forms.choices(db, cast.dan, requester="alice@acme.example")[0].slug == "acme"
    assert tickets.find(db, cast.alice, ticket.id).is_of(cast.alice)
    assert wrong_requester(db, cast.dan) == "person.not_found"


def wrong_requester(db: Database, viewer: Viewer) -> str:
    with pytest.raises(InvalidForm) as refusal:
        file(db, viewer, requester="ghost@acme.example")
    return refusal.value.problems["requester"].key


def test_a_customer_files_only_in_their_own_name(db: Database, cast: Cast):
    assert file(db, cast.chloe, requester="alice@acme.example").requester == "Chloé Petit"
    assert request_forms.choices(db, cast.chloe, requester="alice@acme.example")[0].slug == "globex"


def test_strangers_file_nothing(db: Database, cast: Cast):
    with pytest.raises(SignInNeeded):
        file(db, ANONYMOUS)
    assert request_forms.choices(db, ANONYMOUS) == []


@pytest.mark.parametrize("key", ["", "short", "x" * 65, "with space", "a/b/c/d/e", "\x00" * 10])
def test_a_form_without_a_proper_key_is_not_ours(db: Database, cast: Cast, key: str):
    with pytest.raises(Invalid):
        filing.open(db, cast.alice, RequestForm("A", "B"), FilingTerms(key))


FIELDS = (
    FormField("where", {"fr": "Où ?"}, "choice", ("icownect",), True, ("barn", "field")),
    FormField("lot", {"fr": "Lot"}, "text", ("icownect",), True, when=("where", ("barn",))),
)


def test_a_product_asks_its_own_questions(db: Database, cast: Cast):
    field_editing.take_over(db, OPERATOR, FIELDS)

    def problems(**answers: str) -> dict[str, str]:
        request = RequestForm("A", "B", software="icownect", fields=answers)
        found = check(db, cast.alice, request, FIELDS)
        return {name: problem.key for name, problem in found.items()}

    assert problems() == {"fields.where": "request.field_required"}
    assert problems(where="moon") == {"fields.where": "request.field_unknown"}
    assert problems(where="barn") == {"fields.lot": "request.field_required"}
    assert problems(where="field") == {}
    answers = {"where": "barn", "lot": " 7 ", "never": "asked"}
    request = RequestForm("A", "B", software="icownect", fields=answers)
    ticket = filing.open(db, cast.alice, request, FilingTerms(new_id(), fields=FIELDS))
    assert ticket.fields == {"where": "barn", "lot": "7"}
    other = filing.open(db, cast.alice, RequestForm("A", "B"), FilingTerms(new_id(), fields=FIELDS))
    assert other.fields == {}


def test_versions_are_offered_from_what_the_viewer_reads(db: Database, cast: Cast):
    for version in ("4.2", "4.2", "4.1"):
        file(db, cast.alice, software="icownect", version=version)
    file(db, cast.alice, software="icownect", version="9.9", confidential=True)
    assert request_forms.list_versions(db, cast.bob, "icownect") == ["4.2", "4.1"]
    assert request_forms.list_versions(db, cast.chloe, "icownect") == []
    products.edit(
        db, OPERATOR, products.find(db, "icownect"), ProductFields(versions=["5.0", "4.1"])
    )
    assert request_forms.list_versions(db, cast.bob, "icownect") == ["5.0", "4.1", "4.2"]


def test_a_follow_up_is_linked_to_what_was_closed(db: Database, cast: Cast):
    past = tickets.find(db, cast.alice, take_over(db, status="closed", number=7))
    ticket = filing.follow_up(
        db, cast.alice, past, RequestForm("Again", "Lost again."), FilingTerms(new_id())
    )
    assert ticket.follows is not None and ticket.follows.number == 7
    (link,) = tickets.find(db, cast.alice, past.id).followed_by
    assert link.id == ticket.id


def test_a_link_to_what_one_may_not_read_is_not_shown(db: Database, cast: Cast):
    past = tickets.find(db, cast.alice, take_over(db, status="closed", number=7))
    request = RequestForm("Again", "Lost.", confidential=True)
    filing.follow_up(db, cast.alice, past, request, FilingTerms(new_id()))
    assert tickets.find(db, cast.bob, past.id).followed_by == ()
    with pytest.raises(NotFound):
        filing.follow_up(db, cast.chloe, past, RequestForm("Mine", "Mine."), FilingTerms(new_id()))


def test_only_what_is_closed_is_followed(db: Database, cast: Cast):
    ticket = file(db, cast.alice)
    with pytest.raises(Invalid):
        filing.follow_up(
            db, cast.alice, ticket, RequestForm("Again", "Lost."), FilingTerms(new_id())
        )


def test_a_request_keeps_the_moment_it_was_filed(db: Database, cast: Cast):
    ticket = file(db, cast.alice, at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
    assert ticket.created_at == ticket.updated_at == "2026-03-02T09:30:00Z"
