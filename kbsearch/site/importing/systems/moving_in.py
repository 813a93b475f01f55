"""A help desk moves in: organisations, people, teams, then requests; nobody is mailed.

Nothing that was closed is opened by it, and what is here already is never overwritten.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from typing import Any

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.clock import utc_now
from kbsearch.database import Database
from kbsearch.errors import NotFound, Problem
from kbsearch.files.store import FileStore
from kbsearch.people import PersonFields, organisations
from kbsearch.people.organisations import OrganisationFields
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

    rehearsal = move.rehearsal
    arrival = ArrivalCounts(*(Report(hear) for _ in range(4)))
    refused = {
        company.slug
        for place, company in enumerate(system.companies(), 1)
        if not _take_company(db, place, company, arrival.organisations, rehearsal=rehearsal)
    }
    newcomers = enumerate((_outside(person, refused) for person in system.newcomers()), 1)
    while batch := list(islice(newcomers, BATCH)):
        with db.atomic():
            for place, newcomer in batch:
                _take_newcomer(db, place, newcomer, arrival.people, rehearsal=rehearsal)
    for place, group in enumerate(system.groups(), 1):
        _take_group(db, place, group, arrival.teams, rehearsal=rehearsal)
    lines = (
        Line(place, place, _without_company(values, refused))
        for place, values in enumerate(system.requests(), 1)
    )
    folder = FileFolder(system.folder, move.store)
    tickets.take_in(db, lines, arrival.tickets, progress, folder, rehearsal=rehearsal)
    if not rehearsal:
        storing.reserve_numbers(db)
    return arrival


def _take_company(
    db: Database, place: int, company: CompanyRecord, report: Report, *, rehearsal: bool
) -> bool:
    """One that is here stays as it is; a new one may read, and files nothing until we say so."""
    try:
        organisations.find(db, company.slug)
        report.unchanged += 1
        return True
    except NotFound:
        pass
    fields = OrganisationFields(
        name=company.name,
        slug=company.slug,
        sharing="everyone" if company.is_shared else "nobody",
        contract_ends=company.contract_ends or _yesterday(),
    )
    try:
        if not rehearsal:
            organisations.add(db, OPERATOR, fields)
        report.created += 1
    except Problem as problem:
        report.refuse(place, company.name[:80], problem)
        return False
    return True


def _outside(newcomer: NewcomerRecord, refused: set[str]) -> NewcomerRecord:
    """Somebody without the organisations that were refused: the others are theirs."""
    slugs = tuple(slug for slug in newcomer.organisations if slug not in refused)
    return replace(newcomer, organisations=slugs)


def _without_company(values: dict[str, Any], refused: set[str]) -> dict[str, Any]:
    """A request without an organisation that was refused: it would be made anew, and open."""
    is_refused = values.get("organisation") in refused
    return {**values, "organisation": ""} if is_refused else values


def _take_newcomer(
    db: Database, place: int, newcomer: NewcomerRecord, report: Report, *, rehearsal: bool
) -> None:
    """Who has an account keeps it as it is; who was shut out there comes with a closed one."""
    try:
        people.find(db, newcomer.email)
        report.unchanged += 1
        return
    except NotFound:
        pass
    except Problem as problem:
        report.refuse(place, newcomer.email[:80], problem)
        return
    try:
        if not rehearsal:
            with db.atomic():
                _open_account(db, newcomer)
        report.created += 1
    except Problem as problem:
        report.refuse(place, newcomer.email[:80], problem)


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
