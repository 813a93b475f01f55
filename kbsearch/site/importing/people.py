"""People, one record a line: accounts are opened, or changed where the record says otherwise."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kbsearch import people
from kbsearch.access import OPERATOR, ROLES, Role
from kbsearch.config import LANGUAGES
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound, Problem
from kbsearch.people import Person, PersonFields, organisations, profiles
from kbsearch.people.notification_choices import DIGESTS
from kbsearch.site.importing import fields, lines
from kbsearch.site.importing.lines import Format, Line
from kbsearch.site.importing.report import Report

BATCH = 1000
MAX_ZONE = 60
MAX_MOBILE = 30
MAX_WHY = 2_000


@dataclass(frozen=True)
class PersonRecord:
    """What a record says of somebody; None where it says nothing."""

    email: str
    name: str | None
    role: Role | None
    language: str | None
    organisations: tuple[str, ...] | None  # slugs or names
    disabled_at: str | None = None
    account: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # columns of a new account


def run(
    db: Database,
    path: Path,
    *,
    written_as: Format | None = None,
    report: Report | None = None,
    progress: Callable[[int], None] = lambda position: None,
) -> Report:
    """Take a file in, a transaction for each batch; running it again changes nothing."""
    report = report or Report()
    batch: list[Line] = []
    for line in lines.read(path, written_as or lines.format_of(path)):
        batch.append(line)
        if len(batch) == BATCH:
            _store(db, batch, report)
            progress(line.position)
            batch = []
    _store(db, batch, report)
    if batch:
        progress(batch[-1].position)
    return report


def parse(values: Mapping[str, Any]) -> PersonRecord:
    """The record a line means; raises Invalid. `organisations` may also be called by one name."""
    email = fields.required(fields.text(values, "email"), "email")
    field = "organisations" if "organisations" in values else "organisation"
    names = values.get(field)
    return PersonRecord(
        email=people.fold_email(email),
        name=fields.name(values, "name", people.MAX_NAME) or None,
        role=fields.choice(values, "role", ROLES),
        language=fields.choice(values, "language", LANGUAGES),
        organisations=None if names is None else tuple(fields.names(values, field)),
        disabled_at=fields.moment(values, "disabled_at"),
        account=_account(values),
    )


def _account(values: Mapping[str, Any]) -> dict[str, Any]:
    """What an account has besides, of a person that another site of this kind had."""
    moments = ("created_at", "disabled_at", "mobile_verified_at", "undeliverable_at")
    account: dict[str, Any] = {name: fields.moment(values, name) for name in moments}
    account["time_zone"] = fields.name(values, "time_zone", MAX_ZONE)
    if account["time_zone"] and not profiles.is_time_zone(account["time_zone"]):
        raise Invalid("profile.time_zone_unknown", time_zone=account["time_zone"])
    account["mobile"] = fields.name(values, "mobile", MAX_MOBILE)
    account["digest"] = fields.choice(values, "digest", DIGESTS)
    account["away_until"] = (fields.moment(values, "away_until") or "")[:10]
    account["undeliverable_why"] = fields.text(values, "undeliverable_why")[:MAX_WHY]
    account = {name: value for name, value in account.items() if value}
    if "single_keys" in values:
        account["single_keys"] = int(fields.flag(values, "single_keys"))
    return account


def _store(db: Database, batch: list[Line], report: Report) -> None:
    with db.atomic():
        for line in batch:
            if line.notice is not None:
                report.alter(line.number, str(line.values.get("email", ""))[:80], line.notice)
            try:
                if line.problem is not None:
                    raise line.problem
                with db.atomic():  # a refused line takes nothing with it, and leaves nothing
                    _keep(db, parse(line.values), report)
            except Problem as problem:
                report.refuse(line.number, str(line.values.get("email", ""))[:80], problem)


def _keep(db: Database, record: PersonRecord, report: Report) -> None:
    try:
        person = people.find(db, record.email)
    except NotFound:
        person = people.add(
            db,
            OPERATOR,
            PersonFields(
                email=record.email,
                name=record.name or record.email.partition("@")[0],
                role=record.role or "customer",
                organisations=_slugs(db, record) or (),
                language=record.language,
            ),
        )
        _furnish(db, person, record)
        report.created += 1
        return
    changes = _changes(db, person, record)
    shuts = record.disabled_at is not None and person.disabled_at is None
    if changes:
        people.edit(db, OPERATOR, person, PersonFields(**changes))
    if shuts:  # it is closed there; what is closed here stays closed
        people.disable(db, OPERATOR, person)
    if changes or shuts:
        report.updated += 1
    else:
        report.unchanged += 1


def _furnish(db: Database, person: Person, record: PersonRecord) -> None:
    """Give a new account what its record says besides; a closed one is closed from the start."""
    if record.account:
        columns = ", ".join(f"{name} = :{name}" for name in record.account)
        db.execute(
            f"UPDATE people SET {columns} WHERE id = :id",  # noqa: S608 (names of this module)
            {**record.account, "id": person.id},
        )


def _changes(db: Database, person: Person, record: PersonRecord) -> dict[str, Any]:
    values = {
        "name": record.name,
        "role": record.role,
        "language": record.language,
        "organisations": _slugs(db, record),
    }
    return {
        field: value
        for field, value in values.items()
        if value is not None and value != getattr(person, field)
    }


def _slugs(db: Database, record: PersonRecord) -> tuple[str, ...] | None:
    """Its organisations by slug, sorted as a person has them; unknown ones are made."""
    if record.organisations is None:
        return None
    return tuple(
        sorted({organisations.ensure(db, OPERATOR, name).slug for name in record.organisations})
    )
