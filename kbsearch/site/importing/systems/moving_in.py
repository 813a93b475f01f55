"""A help desk moves in: organisations, people, teams, then requests; nobody is mailed.

Nothing that was closed is opened by it, and what is here already is never overwritten; who is shut
out there later is shut out here too.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from typing import Any

from kbsearch import audit, people
from kbsearch.access import OPERATOR
from kbsearch.clock import utc_now
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound, Problem
from kbsearch.files.store import FileStore
from kbsearch.people import Person, PersonFields, organisations
from kbsearch.people.organisations import Organisation, OrganisationFields, slugs
from kbsearch.site.importing import storing, tickets
from kbsearch.site.importing.attaching import FileFolder
from kbsearch.site.importing.lines import Line
from kbsearch.site.importing.report import Remark, Report
from kbsearch.site.importing.systems import CompanyRecord, GroupRecord, NewcomerRecord, System
from kbsearch.tickets import teams
from kbsearch.tickets.teams import TeamFields

BATCH = 500


@dataclass
class ArrivalCounts:
    """What came, noun by noun, or would."""

    organisations: Report = field(default_factory=Report)
    people: Report = field(default_factory=Report)
    teams: Report = field(default_factory=Report)
    tickets: Report = field(default_factory=Report)

    @property
    def conflicts(self) -> list[str]:
        """The numbers of requests that went on both here and there: they stay as they are here."""
        remarks = self.tickets.remarks
        return [one.subject for one in remarks if one.problem.key == "import.went_on_here"]


@dataclass(frozen=True)
class Move:
    """How it is done: where files are kept, whether it is only rehearsed, who hears of it."""

    store: FileStore
    rehearsal: bool = False
    tell: Callable[[Remark], None] = lambda remark: None


def run(
    db: Database,
    system: System,
    move: Move,
    progress: Callable[[int], None] = lambda count: None,
) -> ArrivalCounts:
    """Take a help desk in, in batches: interrupted, it is simply run again."""

    def hear(remark: Remark) -> None:
        system.left_out.add(remark.problem)
        move.tell(remark)

    for remark in system.left_out.remarks:
        move.tell(remark)
    rehearsal = move.rehearsal
    arrival = ArrivalCounts(*(Report(hear) for _ in range(4)))
    others = {}  # slugs of the source, and what they are here: nothing for what was refused
    for place, company in enumerate(system.companies(), 1):
        slug = _take_company(db, place, company, arrival.organisations, rehearsal=rehearsal)
        if slug != company.slug:
            others[company.slug] = slug
    newcomers = enumerate((_inside(person, others) for person in system.newcomers()), 1)
    while batch := list(islice(newcomers, BATCH)):
        with db.atomic():
            for place, newcomer in batch:
                _take_newcomer(db, place, newcomer, arrival.people, rehearsal=rehearsal)
    for place, group in enumerate(system.groups(), 1):
        _take_group(db, place, group, arrival.teams, rehearsal=rehearsal)
    lines = (
        Line(values.get("line") or place, place, _with_company(values, others))
        for place, values in enumerate(system.requests(), 1)
    )
    folder = FileFolder(system.folder, move.store)
    tickets.take_in(db, lines, arrival.tickets, progress, folder, rehearsal=rehearsal)
    if not rehearsal:
        storing.reserve_numbers(db)
    return arrival


def _take_company(
    db: Database, place: int, company: CompanyRecord, report: Report, *, rehearsal: bool
) -> str:
    """Its slug here, if it comes; a new one may read, and files nothing until we say so."""
    line = company.line or place
    try:
        there = _organisation(db, company)
        if there is None:
            _add_company(db, company, rehearsal=rehearsal)
            report.created += 1
        elif changes := _renewed_company(there, company):
            if not rehearsal:
                organisations.edit(db, OPERATOR, there, OrganisationFields(**changes))
            report.updated += 1
        else:
            report.unchanged += 1
    except Problem as problem:
        report.refuse(line, company.name[:80], problem)
        return ""
    return there.slug if there else company.slug


def _organisation(db: Database, company: CompanyRecord) -> Organisation | None:
    """The one that is here, by its slug or else its name."""
    with suppress(NotFound):
        return organisations.find(db, company.slug)
    with suppress(NotFound):
        return organisations.find_named(db, company.name)
    return None


def _add_company(db: Database, company: CompanyRecord, *, rehearsal: bool) -> None:
    fields = OrganisationFields(
        name=slugs.checked_name(company.name),
        slug=slugs.checked_slug(company.slug),
        sharing="everyone" if company.is_shared else "nobody",
        contract_ends=company.contract_ends or _yesterday(),
    )
    if not rehearsal:
        organisations.add(db, OPERATOR, fields)


def _renewed_company(there: Organisation, company: CompanyRecord) -> dict[str, Any]:
    """What its source says otherwise, where that is to count."""
    said = {
        "sharing": "everyone" if company.is_shared else "nobody",
        "contract_ends": company.contract_ends,
    }
    values = {name: said[name] for name in company.renews}
    return {name: value for name, value in values.items() if value != getattr(there, name)}


def _inside(newcomer: NewcomerRecord, others: Mapping[str, str]) -> NewcomerRecord:
    """Somebody with their organisations as they are here, without what was refused."""
    ours = {others.get(slug, slug) for slug in newcomer.organisations} - {""}
    return replace(newcomer, organisations=tuple(sorted(ours)))


def _with_company(values: dict[str, Any], others: Mapping[str, str]) -> dict[str, Any]:
    """A request with its organisation: one that was refused would be made anew, and open."""
    slug = values.get("organisation", "")
    return {**values, "organisation": others[slug]} if slug in others else values


def _take_newcomer(
    db: Database, place: int, newcomer: NewcomerRecord, report: Report, *, rehearsal: bool
) -> None:
    """Who has an account keeps it, but for what the source renews and for who is shut out there."""
    line = newcomer.line or place
    try:
        person = _person(db, newcomer.email)
        if person is None:
            people.checked_name(newcomer.name)
            if not rehearsal:
                with db.atomic():
                    _open_account(db, newcomer)
            report.created += 1
        elif _renew(db, person, newcomer, rehearsal=rehearsal):
            report.updated += 1
        elif newcomer.is_suspended and person.disabled_at is None:
            _shut_out(db, line, person, report, rehearsal=rehearsal)
        else:
            report.unchanged += 1
    except Problem as problem:
        report.refuse(line, newcomer.email[:80], problem)


def _person(db: Database, email: str) -> Person | None:
    with suppress(NotFound):
        return people.find(db, email)
    return None


def _renew(db: Database, person: Person, newcomer: NewcomerRecord, *, rehearsal: bool) -> bool:
    """Change what the source says otherwise, never what somebody may do; whether anything was."""
    values = {name: getattr(newcomer, name) for name in newcomer.renews if name != "suspended"}
    changes = {name: value for name, value in values.items() if value != getattr(person, name)}
    shuts = "suspended" in newcomer.renews and person.disabled_at is None
    if shuts and person.role != "customer":
        raise Invalid("import.staff_stays", email=person.email)
    if changes and not rehearsal:
        people.edit(db, OPERATOR, person, PersonFields(**changes))
    if shuts and not rehearsal:
        people.disable(db, OPERATOR, person)
    return bool(changes) or shuts


def _shut_out(db: Database, line: int, person: Person, report: Report, *, rehearsal: bool) -> None:
    """Close an account, unless its person works here or was let in again by one of us."""
    if person.role != "customer" or _was_let_in_again(db, person):
        report.unchanged += 1
        problem = Invalid("import.suspended_kept_open", email=person.email)
        report.alter(line, person.email[:80], problem)
        return
    if not rehearsal:
        people.disable(db, OPERATOR, person)
    report.updated += 1


def _was_let_in_again(db: Database, person: Person) -> bool:
    return any(event.kind == "person.enabled" for event in audit.list_of(db, person.id, limit=500))


def _take_group(
    db: Database, place: int, group: GroupRecord, report: Report, *, rehearsal: bool
) -> None:
    """A team that is here stays as it is; of a new one those are members who answer here."""
    try:
        teams.find_name(db, OPERATOR, group.name)
        report.unchanged += 1
        return
    except NotFound:
        pass
    try:
        if not rehearsal:
            with db.atomic():
                _make_team(db, group)
        report.created += 1
    except Problem as problem:
        report.refuse(place, group.name[:80], problem)


def _make_team(db: Database, group: GroupRecord) -> None:
    addresses = {
        person.email: person.id
        for person in people.find_all(db, [id for id, _ in people.list_answering(db)])
    }
    members = [addresses[email] for email in group.members if email in addresses]
    team = teams.add(db, OPERATOR, TeamFields(group.name, members=members))
    if group.is_archived:
        teams.archive(db, OPERATOR, team)


def _open_account(db: Database, newcomer: NewcomerRecord) -> None:
    fields = PersonFields(
        email=newcomer.email,
        name=newcomer.name,
        role=newcomer.role,
        organisations=newcomer.organisations,
        language=newcomer.language,
    )
    person = people.add(db, OPERATOR, fields)
    if newcomer.is_suspended:
        people.disable(db, OPERATOR, person)


def _yesterday() -> str:
    return (utc_now().date() - timedelta(days=1)).isoformat()
