"""The two help centres that a year is played on: their settings, their customers, their teams."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.people import PersonFields, notification_choices, organisations, viewers
from kbsearch.people.organisations import OrganisationFields, products
from kbsearch.people.organisations.products import ProductFields
from kbsearch.promises import targets
from kbsearch.target_tables import TargetTable
from kbsearch.team_tables import TeamTable
from kbsearch.tickets import field_editing, teams
from tests.kit.incoming import receiving
from tests.kit.web import write_articles

EVERYBODYS_WORD, CUSTOMERS_WORD = "zaeveryone", "zacustomers"  # of articles, by who reads them
ORGANISATION_WORD, STAFF_WORD = "zaorganisation", "zaagents"


@dataclass(frozen=True)
class Portal:
    """A help centre; `customers` are organisations, by slug, with how they share and who is in."""

    name: str
    products: tuple[str, ...]
    customers: Mapping[str, tuple[str, tuple[str, ...]]]
    agents: tuple[str, ...]
    options: Mapping[str, Any]

    def settings(self, site: Path) -> Settings:
        return replace(
            receiving(Settings(site=site)),
            site_name=self.name,
            default_audience="everyone",  # there is a feed and a site map
            reply_domain="reply.support.example",
            **self.options,
        )


# Software for labs: a contract each, requests are nobody else's, a person named reads them all.
E_CERVO = Portal(
    "e-Cervo",
    ("Cervo Atelier", "Cervo Stock"),
    {
        "acme": ("nobody", ("alice", "bob", "carol")),
        "globex": ("people", ("chloe", "denis", "eve")),
        "initech": ("nobody", ("fanny",)),
    },
    ("dan", "gus"),
    {
        "undo_seconds": 8,
        "targets": (
            TargetTable(severity="blocking", first_answer=120, solution=1440),
            TargetTable(first_answer=1440, solution=7200),
        ),
    },
)
# Farms: all of a farm read its requests, also after the contract.
ICOWNECT = Portal(
    "iCownect",
    ("iCownect", "iCownect Mobile"),
    {
        "ferme-a": ("everyone", ("alice", "bob", "carol")),
        "ferme-b": ("everyone", ("chloe", "denis")),
        "ferme-c": ("nobody", ("eve", "fanny")),
    },
    ("dan", "gus"),
    {
        "undo_seconds": 30,
        "close_after_days": 7,
        "expired_contract_requests": True,
        "teams": (TeamTable("first line", ("dan@support.example",)),),
        "targets": (TargetTable(organisation="ferme-a", first_answer=480, solution=2880),),
    },
)
PORTALS = (E_CERVO, ICOWNECT)


def open_portal(portal: Portal, settings: Settings, db: Database) -> None:
    """Everybody with an account, what they may do, and a few articles."""
    slugs = [products.add(db, OPERATOR, ProductFields(name)).slug for name in portal.products]
    for name, (_, members) in portal.customers.items():
        organisations.add(db, OPERATOR, OrganisationFields(name, products=slugs))
        for member in members:
            address = f"{member}@{name}.example"
            fields = PersonFields(member.title(), address, organisations=[name])
            people.add(db, OPERATOR, fields)
    staff = dict.fromkeys(portal.agents, "agent") | {"wendy": "writer", "root": "administrator"}
    for name, role in staff.items():
        address = f"{name}@support.example"
        people.add(db, OPERATOR, PersonFields(name.title(), address, role))
    for name, (sharing, members) in portal.customers.items():
        shared = OrganisationFields(sharing=sharing, followers=[f"{members[-1]}@{name}.example"])
        organisations.edit(db, OPERATOR, organisations.find(db, name), shared)
    for address, digest in (("gus@support.example", "daily"), ("root@support.example", "hourly")):
        viewer = viewers.find(db, address)
        events = [(event, "mail") for event in notification_choices.STAFF_EVENTS]
        notification_choices.choose(db, viewer, events, digest=digest)
    teams.take_over(db, OPERATOR, settings.teams)
    field_editing.take_over(db, OPERATOR, settings.fields)
    targets.take_over(db, settings.targets)
    write_content(portal, settings, "first")


def write_content(portal: Portal, settings: Settings, edition: str) -> None:
    """An article for everybody, one for customers, one for an organisation, one for agents."""
    organisation = next(iter(portal.customers))
    audiences = {
        "everyone": EVERYBODYS_WORD,
        "customers": CUSTOMERS_WORD,
        f"org:{organisation}": ORGANISATION_WORD,
        "agents": STAFF_WORD,
    }
    articles = {
        f"fr/aide/{word}.md": (
            f"---\ntitle: La barrière {word}\nslug: {word}\naudience: {audience}\n---\n"
            f"Refermer la barrière {word}, {edition}.\n"
        )
        for audience, word in audiences.items()
    }
    write_articles(settings.content_path, articles)
