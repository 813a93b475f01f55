"""Teams, one record a line: made, or changed where the record says otherwise."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound, Problem
from kbsearch.people.organisations import products
from kbsearch.site.importing import fields, lines
from kbsearch.site.importing.lines import Format, Line
from kbsearch.site.importing.report import Report
from kbsearch.tickets import teams
from kbsearch.tickets.teams import WAYS, TeamFields


def run(
    db: Database,
    path: Path,
    *,
    written_as: Format | None = None,
    report: Report | None = None,
    progress: Callable[[int], None] = lambda position: None,
) -> Report:
    """Take a file in; running it again changes nothing."""
    report = report or Report()
    for line in lines.read(path, written_as or lines.format_of(path)):
        name = str(line.values.get("name", ""))[:80]
        if line.notice is not None:
            report.alter(line.number, name, line.notice)
        try:
            if line.problem is not None:
                raise line.problem
            with db.atomic():
                _keep(db, line, name, report)
        except Problem as problem:
            report.refuse(line.number, name, problem)
        progress(line.position)
    return report


def _keep(db: Database, line: Line, name: str, report: Report) -> None:
    def alter(problem: Problem) -> None:
        report.alter(line.number, name, problem)

    given = _read(db, line.values, alter)
    is_archived = fields.flag(line.values, "archived")
    try:
        old = teams.find_name(db, OPERATOR, given.name or "")
    except NotFound:
        added = teams.add(db, OPERATOR, given)
        if is_archived:
            teams.archive(db, OPERATOR, added)
        report.created += 1
        return
    new = teams.edit(db, OPERATOR, old, given)
    if "archived" in line.values:
        new = (teams.archive if is_archived else teams.restore)(db, OPERATOR, new)
    if new == old:
        report.unchanged += 1
    else:
        report.updated += 1


def _read(db: Database, values: Mapping[str, Any], alter: Callable[[Problem], None]) -> TeamFields:
    """What a record says of a team; `alter` hears which of its members do not answer here."""
    members = None
    if "members" in values:
        answering = dict(people.list_answering(db))
        members = []
        for address in fields.names(values, "members"):
            person_id = _id_of(db, address)
            if person_id in answering:
                members.append(person_id)
            else:
                alter(Invalid("import.no_agent", value=address[:80]))
    slugs = None
    if "products" in values:
        slugs = [
            products.ensure(db, OPERATOR, slug).slug for slug in fields.names(values, "products")
        ]
    name = fields.required(fields.name(values, "name", teams.MAX_NAME), "name")
    return TeamFields(name, fields.choice(values, "way", WAYS), members, slugs)


def _id_of(db: Database, address: str) -> str:
    try:
        return people.find(db, address).id
    except Problem:
        return ""
