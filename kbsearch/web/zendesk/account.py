"""What programs ask of an account before all else, and what there is none of here."""

from typing import Any

from kbsearch import integer_ids
from kbsearch.errors import NotFound
from kbsearch.people import exports
from kbsearch.tickets import fields as vendor_fields
from kbsearch.tickets import tags, teams
from kbsearch.tickets.teams import Team
from kbsearch.web.render import db, site, viewer
from kbsearch.web.zendesk import door, pages, shapes, ticket_shapes
from kbsearch.web.zendesk.answers import Values, offer, url
from kbsearch.web.zendesk.pages import PagedList
from kbsearch.web.zendesk.shapes import GROUP

EPOCH = "2020-01-01T00:00:00Z"
EMPTY = (
    "ticket_forms",
    "brands",
    "macros",
    "user_fields",
    "organization_fields",
    "group_memberships",
    "satisfaction_ratings",
    "custom_roles",
    "triggers",
    "views",
    "automations",
)


@offer("/users/me", open_to_all=True)
def show_me() -> Values:
    """Whose token it is"""
    if not viewer().is_signed_in:
        return {"user": {"id": None, "name": "Anonymous user", "email": None, "role": "end-user"}}
    (me,) = shapes.users([exports.find_self(db(), viewer())])
    return {"user": {**me, "authenticity_token": None}}


@offer("/account/settings")
def show_settings() -> Values:
    """The settings that movers of data look at"""
    door.agent()
    return {"settings": {"active_features": {"organization_access_enabled": True}}}


@offer("/groups")
def list_groups() -> Values:
    """The teams"""
    listed = teams.list_all(db(), door.agent())
    return pages.page("groups", PagedList.of(listed), _groups)


@offer("/groups/<int:number>")
def show_group(number: int) -> Values:
    """A team"""
    team = teams.find(db(), door.agent(), integer_ids.key_of(db(), GROUP, number) or "")
    return {"group": _groups([team])[0]}


@offer("/ticket_fields")
def list_fields() -> Values:
    """Zendesk's own fields that a ticket has here, the product, the version and the questions"""
    door.agent()
    custom = ticket_shapes.field_ids()
    system = ("subject", "description", "status", "priority", "group", "assignee")
    own = integer_ids.of(db(), "system_field", system)
    titles = {
        each.name: each.told(site().settings.languages[0])
        for each in vendor_fields.list_all(db(), viewer())
    }
    fields = [_field(own[name], name, name, name.capitalize()) for name in system]
    fields += [
        _field(number, "text", name, titles.get(name, name.capitalize()), removable=True)
        for name, number in custom.items()
    ]
    return pages.page("ticket_fields", PagedList.of(fields), list)


@offer("/tags")
def list_tags() -> Values:
    """The tags of tickets, with how many have each"""
    listed = tags.list_all(db(), door.agent())
    return pages.page(
        "tags",
        PagedList.of(listed),
        lambda some: [{"name": tag.name, "count": tag.tickets} for tag in some],
    )


@offer("/<any(" + ",".join(EMPTY) + "):name>")
def list_nothing(name: str) -> Values:
    """What there is none of here"""
    door.agent()
    return pages.page(name, PagedList[Values].of([]), list)


@offer("/slas/policies")
def list_policies() -> Values:
    """None in this shape"""
    door.agent()
    return pages.page("sla_policies", PagedList[Values].of([]), list)


@offer("/incremental/ticket_metric_events")
def list_metric_events() -> Values:
    """None in this shape"""
    door.agent()
    return pages.of_moment("ticket_metric_events", [], last="", is_whole=True)


def group_of(number: object) -> str | None:
    """The id of the team that has a number; None takes it away."""
    if number is None:
        return None
    key = integer_ids.key_of(db(), GROUP, number) if isinstance(number, int) else None
    if key is None:
        raise NotFound("team.not_found")
    return key


def _groups(listed: Any) -> list[dict[str, Any]]:
    ids = integer_ids.of(db(), GROUP, (team.id for team in listed))
    return [_group(ids[team.id], team) for team in listed]


def _group(number: int, team: Team) -> dict[str, Any]:
    return {
        "id": number,
        "url": url(f"/api/v2/groups/{number}.json"),
        "name": team.name,
        "description": "",
        "default": False,
        "is_public": True,
        "deleted": team.archived_at is not None,
        "created_at": EPOCH,
        "updated_at": team.archived_at or EPOCH,
    }


def _field(
    number: int, kind: str, name: str, title: str, *, removable: bool = False
) -> dict[str, Any]:
    return {
        "id": number,
        "url": url(f"/api/v2/ticket_fields/{number}.json"),
        "type": kind,
        "title": title,
        "raw_title": title,
        "description": "",
        "raw_description": "",
        "position": 0,
        "active": True,
        "required": False,
        "removable": removable,
        "key": name,
        "tag": None,
        "created_at": EPOCH,
        "updated_at": EPOCH,
    }
