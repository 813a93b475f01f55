"""People and organisations as Zendesk writes them: every key, null where we know nothing."""

from collections.abc import Iterable, Sequence
from typing import Any

from kbsearch import integer_ids
from kbsearch.people import exports
from kbsearch.people.exports import ExportedOrganisation, ExportedPerson, PeopleQuery
from kbsearch.web.render import db, site, viewer
from kbsearch.web.zendesk.answers import url

ROLES = {"administrator": "admin", "agent": "agent"}
USER, ADDRESS, ORGANIZATION, GROUP = "user", "address", "organization", "group"
NO_USER: dict[str, Any] = dict.fromkeys(
    (
        "phone",
        "shared_phone_number",
        "photo",
        "external_id",
        "alias",
        "last_login_at",
        "signature",
        "details",
        "notes",
        "role_type",
        "custom_role_id",
        "ticket_restriction",
        "default_group_id",
        "two_factor_auth_enabled",
    )
)
FLAGS: dict[str, Any] = {
    "shared": False,
    "shared_agent": False,
    "moderator": False,
    "only_private_comments": False,
    "restricted_agent": False,
    "report_csv": False,
    "tags": [],
    "user_fields": {},
}


def user_ids(person_ids: Iterable[str | None]) -> dict[str | None, int | None]:
    """The number of each person; None's is null."""
    return _with_nobody(USER, person_ids)


def address_ids(addresses: Iterable[str | None]) -> dict[str | None, int | None]:
    """The numbers of people without an account."""
    return _with_nobody(ADDRESS, addresses)


def _with_nobody(kind: str, keys: Iterable[str | None]) -> dict[str | None, int | None]:
    known = integer_ids.of(db(), kind, (key for key in keys if key))
    numbers: dict[str | None, int | None] = {None: None}
    for key, number in known.items():
        numbers[key] = number
    return numbers


def users(people: Sequence[ExportedPerson]) -> list[dict[str, Any]]:
    ids = user_ids(person.id for person in people)
    organizations = integer_ids.of(
        db(), ORGANIZATION, (person.organisation_id for person in people if person.organisation_id)
    )
    return [
        _user(
            ids[person.id],
            person.name,
            person.email,
            role=ROLES.get(person.role, "end-user"),
            locale=person.language,
            created_at=person.created_at,
            updated_at=person.updated_at,
            time_zone=person.time_zone,
            iana_time_zone=person.time_zone,
            organization_id=organizations.get(person.organisation_id or ""),
            active=not person.is_disabled,
            suspended=person.is_disabled,
            verified=True,
        )
        for person in people
    ]


def strangers(addresses: Sequence[str]) -> list[dict[str, Any]]:
    """People whom only their address is known of."""
    ids = address_ids(addresses)
    return [_user(ids[address], address, address, role="end-user") for address in addresses]


def organizations(things: Sequence[ExportedOrganisation]) -> list[dict[str, Any]]:
    ids = integer_ids.of(db(), ORGANIZATION, (each.id for each in things))
    return [
        {
            "id": ids[each.id],
            "url": url(f"/api/v2/organizations/{ids[each.id]}.json"),
            "name": each.name,
            "external_id": each.slug,
            "shared_tickets": each.is_shared,
            "shared_comments": each.is_shared,
            "created_at": each.created_at,
            "updated_at": each.created_at,
            "domain_names": [],
            "details": "",
            "notes": "",
            "group_id": None,
            "tags": [],
            "organization_fields": {},
        }
        for each in things
    ]


def users_of(person_ids: Iterable[str | None]) -> list[dict[str, Any]]:
    """Those of these people whom the viewer knows."""
    ids = sorted({each for each in person_ids if each})
    if not viewer().is_agent:
        return []
    return users(exports.cut_people(db(), viewer(), PeopleQuery(ids=ids), 0, len(ids)))


def _user(number: int | None, name: str, email: str, **known: Any) -> dict[str, Any]:
    return {
        "id": number,
        "url": url(f"/api/v2/users/{number}.json"),
        "name": name,
        "email": email,
        "created_at": None,
        "updated_at": None,
        "time_zone": None,
        "iana_time_zone": None,
        "locale": site().settings.languages[0],
        "locale_id": None,
        "organization_id": None,
        "active": True,
        "suspended": False,
        "verified": False,
        **NO_USER,
        **FLAGS,
        **{key: value for key, value in known.items() if value is not None},
    }
