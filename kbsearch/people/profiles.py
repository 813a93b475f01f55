"""Profiles: what people say of themselves, and may change themselves.

The e-mail address and the role are not among it: administrators change those.
"""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from zoneinfo import available_timezones

from kbsearch import audit, people, revisions
from kbsearch.access import Viewer
from kbsearch.clock import utc_now
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import Person

DEFAULT_TIME_ZONE = "Europe/Paris"
YES = "on"  # what a browser sends for a box that is ticked
REGIONS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)


@dataclass(frozen=True)
class Profile:
    """A person as they see themselves; `mobile` counts once `mobile_verified_at` is set."""

    person: Person
    time_zone: str | None
    mobile: str | None
    mobile_verified_at: str | None
    single_keys: bool
    away_until: str | None = None  # the day an agent is back, while it is to come


def find(db: Database, viewer: Viewer, *, at: datetime | None = None) -> Profile:
    """The viewer's own profile."""
    rows = db.query(
        """
        SELECT time_zone, mobile, mobile_verified_at, single_keys,
               CASE WHEN away_until > :today THEN away_until END AS away_until
        FROM people WHERE id = :id
        """,
        {"id": viewer.person_id, "today": _day(at)},
    )
    if not rows or viewer.person_id is None:
        raise NotFound("person.not_found", email="")
    row = rows[0]
    person = people.find_id(db, viewer.person_id)
    return Profile(person, **{**row, "single_keys": bool(row["single_keys"])})


@dataclass(frozen=True)
class ProfileFields:
    """All that somebody may change of themselves; no language is the browser's.

    Who is not away has no `away_until`; customers never are.
    """

    name: str
    language: str | None
    time_zone: str | None
    single_keys: bool
    away_until: str | None = None


def edit(
    db: Database,
    viewer: Viewer,
    fields: ProfileFields,
    *,
    revision: str | None = None,
    at: datetime | None = None,
) -> Profile:
    """Change one's own profile; nothing else of the account can be changed this way.

    Raises Outdated when it is not as a page showed it at that revision.
    """
    profile = find(db, viewer, at=at)
    edited = {
        "name": fields.name,
        "language": fields.language or "",
        "time_zone": fields.time_zone or "",
        "single_keys": YES if fields.single_keys else "",
        "away_until": fields.away_until or "",
    }
    if fields.time_zone and not is_time_zone(fields.time_zone):
        raise Invalid("profile.time_zone_unknown", time_zone=fields.time_zone[:100])
    with db.atomic():
        revisions.check(revision, texts(find(db, viewer, at=at)), edited)
        db.execute(
            """
            UPDATE people
            SET name = :name, language = :language, time_zone = :zone, single_keys = :keys,
                away_until = :away_until
            WHERE id = :id
            """,
            {
                "name": people.checked_name(fields.name),
                "language": people.checked_language(fields.language),
                "zone": fields.time_zone or None,
                "keys": int(fields.single_keys),
                "away_until": _checked_return(fields.away_until, at) if viewer.is_agent else None,
                "id": profile.person.id,
            },
        )
        audit.record(db, "profile.changed", person_id=profile.person.id, actor_id=profile.person.id)
    return find(db, viewer, at=at)


def texts(profile: Profile) -> dict[str, str]:
    """What can be edited of a profile, as its form shows it."""
    return {
        "name": profile.person.name,
        "language": profile.person.language or "",
        "time_zone": profile.time_zone or DEFAULT_TIME_ZONE,
        "single_keys": YES if profile.single_keys else "",
        "away_until": profile.away_until or "",
    }


@cache
def time_zones() -> dict[str, tuple[str, ...]]:
    """The zones one can choose, by region and by their IANA names; those of before 1993 are out."""
    zones = sorted(available_timezones())
    return {region: tuple(z for z in zones if z.startswith(f"{region}/")) for region in REGIONS}


def is_time_zone(name: str) -> bool:
    """Whether it is one that people may choose."""
    return name in time_zones().get(name.partition("/")[0], ())


def _checked_return(text: str | None, at: datetime | None) -> str | None:
    """The day somebody is back: a later one."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise Invalid("profile.return_invalid") from None
    if day <= _day(at):
        raise Invalid("profile.return_invalid")
    return day


def _day(at: datetime | None) -> str:
    return (at or utc_now()).date().isoformat()
