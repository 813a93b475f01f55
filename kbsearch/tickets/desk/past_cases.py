"""Past cases beside a request: how each was solved, and what of it may be said to a customer.

What everybody who reads the request may open can be named and quoted as it stands. Of all other
cases, of another organisation or of a confidential one, only the solution is quoted, without
personal data.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from kbsearch import access, people, tickets
from kbsearch.access import CUSTOMERS, EVERYONE, Viewer
from kbsearch.database import Database, one_of
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import viewers
from kbsearch.search import Hit
from kbsearch.search.fulltext import essence
from kbsearch.search.learning import case_clicks
from kbsearch.search.learning.case_clicks import Kind
from kbsearch.text import masking, typed
from kbsearch.tickets import Ticket, messages, visibility


@dataclass(frozen=True)
class PastCase:
    """A solved request like another, as an agent sees it beside that one."""

    ticket_id: str
    number: int
    subject: str
    language: str
    product: str  # a slug
    version: str
    date: str  # when it was solved
    solution: str  # Markdown, without greeting and signature; empty when nobody answered
    reasons: tuple[str, ...]
    is_open_to_all: bool  # whether everybody who reads the request may open it
    click: Kind | None  # the viewer's


@dataclass(frozen=True)
class Quotation:
    """The solution of a past case, to be put into an answer."""

    text: str
    is_masked: bool


def list_beside(
    db: Database, viewer: Viewer, ticket: Ticket, hits: Sequence[Hit]
) -> list[PastCase]:
    """Cases that the search found for a request, in its order, with how they were solved."""
    access.only_agents(viewer, "ticket.not_found")
    numbers = [int(hit.id) for hit in hits]
    places, values = one_of("number", numbers)
    condition, principals = visibility.condition(viewer)
    rows = db.query(
        f"""
        SELECT t.id, t.number, t.status, COALESCE(t.solved_at, t.updated_at) AS date
        FROM tickets t WHERE t.number IN ({places}) AND {condition}
        """,  # noqa: S608 (names of parameters)
        {**values, **principals},
    )
    cases = {row["number"]: row for row in rows}
    solutions = _solutions(db, {row["id"]: row["status"] for row in rows})
    open_to_all = _open_to_readers_of(db, ticket, [row["id"] for row in rows])
    clicks = {click.number: click.kind for click in case_clicks.list_mine(db, viewer, ticket)}
    return [
        PastCase(
            ticket_id=cases[number]["id"],
            number=number,
            subject=hit.title,
            language=hit.language,
            product=hit.products[0] if hit.products else "",
            version=hit.version,
            date=cases[number]["date"],
            solution=_essence(solutions.get(cases[number]["id"], ""), hit.title),
            reasons=hit.reasons,
            is_open_to_all=cases[number]["id"] in open_to_all,
            click=clicks.get(number),
        )
        for number, hit in zip(numbers, hits, strict=True)
        if number in cases
    ]


def quotation(db: Database, viewer: Viewer, ticket: Ticket, case: Ticket) -> Quotation:
    """How a case was solved, as it may be said to those who read the request."""
    access.only_agents(viewer, "ticket.not_found")
    solution = next((message for message in case.messages if message.solution), None)
    text = _essence(_markdown(vars(solution)), case.subject) if solution else ""
    if not text:
        raise Invalid("case.no_solution", number=case.number)
    if case.id in _open_to_readers_of(db, ticket, [case.id]):
        return Quotation(text, is_masked=False)
    keep = [word for word in (case.product_name, case.version) if word]
    masked = masking.mask(text, _names(case), keep=keep, language=case.language)
    return Quotation(masked.text, is_masked=True)


def link(db: Database, viewer: Viewer, ticket: Ticket, case: Ticket, site: str) -> str:
    """A case as a link in Markdown; refused where somebody who reads the request cannot open it.

    `site` is the address of the site, with the language: answers are read in mail too.
    """
    access.only_agents(viewer, "ticket.not_found")
    if case.id not in _open_to_readers_of(db, ticket, [case.id]):
        raise Invalid("case.not_open_to_all", number=case.number)
    subject = case.subject.replace("[", "(").replace("]", ")")
    return f"[#{case.number} {subject}]({site}/requests/{case.id})"


def find(db: Database, viewer: Viewer, number: int) -> Ticket:
    """A request or a case by its number, for agents."""
    access.only_agents(viewer, "ticket.not_found")
    return tickets.find_number(db, viewer, number)


def keep_quoted(db: Database, viewer: Viewer, ticket: Ticket, numbers: Iterable[int]) -> None:
    """Remember which cases an answer that was sent had been filled with."""
    for number in numbers if viewer.is_agent else ():
        try:
            case_clicks.record(db, viewer, ticket, find(db, viewer, number), "quoted")
        except (NotFound, Invalid):
            continue  # the answer has left: a case that is gone since is no reason to fail


def _solutions(db: Database, statuses: Mapping[str, str]) -> dict[str, str]:
    """The text that solved each of some tickets, by the ticket's id."""
    places, values = one_of("ticket", list(statuses))
    message_rows = messages.read(db, f"t.id IN ({places}) AND m.internal = 0", values)
    solutions = {}
    for ticket_id, rows in groupby(message_rows, key=lambda row: str(row["ticket_id"])):
        solution = messages.solution(list(rows), statuses[ticket_id])
        if solution is not None:
            solutions[ticket_id] = _markdown(solution)
    return solutions


def _markdown(message: Mapping[str, Any]) -> str:
    """What a message says, as Markdown whatever it was typed as."""
    body = str(message["body"])
    return typed.as_markdown(body) if message["typed"] else body


def _essence(body: str, subject: str) -> str:
    return essence.of_description(body, subject).strip() if body.strip() else ""


def _names(case: Ticket) -> list[str]:
    """Whoever had to do with a case, and for whom."""
    names = [
        case.requester,
        case.organisation,
        *(copy.name for copy in case.copies),
        *(message.author for message in case.messages),
    ]
    return [name for name in dict.fromkeys(names) if name]


def _open_to_readers_of(db: Database, ticket: Ticket, case_ids: Sequence[str]) -> set[str]:
    """Those of some cases that everybody who is told of a ticket may read.

    None where nobody is who may sign in, or somebody in copy has no account.
    """
    readers = readers_of(db, ticket)
    if not readers:
        return set()
    words = _words(db, case_ids)
    return {
        case_id
        for case_id in case_ids
        if all(
            reader.sees_all_tickets or words[case_id] & set(reader.principals) for reader in readers
        )
    }


def readers_of(db: Database, ticket: Ticket) -> list[Viewer]:
    """Those who read a ticket, as viewers: its people, and one for all who share it."""
    if any(copy.person_id is None for copy in ticket.copies):
        return []
    words = _words(db, [ticket.id])[ticket.id]
    principals = sorted(word for word in words if word.startswith(("user:", "org:")))
    readers = [_reader(db, principal) for principal in principals]
    return [reader for reader in readers if reader is not None]


def _reader(db: Database, principal: str) -> Viewer | None:
    kind, _, person_id = principal.partition(":")
    if kind != "user":
        return Viewer("customer", principals=(EVERYONE, CUSTOMERS, principal))
    try:
        return viewers.find(db, people.find_id(db, person_id).email)
    except NotFound:  # who may not sign in reads nothing
        return None


def _words(db: Database, ticket_ids: Iterable[str]) -> defaultdict[str, set[str]]:
    words = visibility.words(db, ticket_ids)
    return defaultdict(set, {ticket_id: set(own) for ticket_id, own in words.items()})
