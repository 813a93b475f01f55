"""Who and what the demo is about: its products, its customers with their looks, its people."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from kbsearch import announcements, people, resources, rules, tickets, timekeeping
from kbsearch.access import OPERATOR
from kbsearch.announcements import editing, following
from kbsearch.announcements.editing import AnnouncementFields
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.people import Person, PersonFields, agent_limits, organisations, viewers
from kbsearch.people.accounts import second_factor
from kbsearch.people.agent_limits import AgentLimits
from kbsearch.people.organisations import OrganisationFields, branding, products
from kbsearch.people.organisations.branding import LookFields
from kbsearch.people.organisations.products import ProductFields
from kbsearch.people.organisations.slugs import slug_of
from kbsearch.promises import calendars, targets
from kbsearch.promises.calendars import CalendarFields
from kbsearch.promises.targets import TargetFields
from kbsearch.rules import RuleFields
from kbsearch.site.browser_settings import BrowserSettings
from kbsearch.tickets import field_editing, teams
from kbsearch.tickets.desk import incident_groups, saved_replies
from kbsearch.tickets.desk.saved_replies import SavedReplyFields
from kbsearch.tickets.field_editing import FieldForm
from kbsearch.tickets.teams import TeamFields
from kbsearch.timekeeping import TimeFields, budgets
from kbsearch.timekeeping.budgets import BudgetFields

STAFF = ("agent", "writer", "administrator")


def folder() -> Path:
    """Where the demo's files lie."""
    return resources.folder("demo")


def listed(name: str) -> list[dict[str, Any]]:
    """The entries of one of its files."""
    entries: list[dict[str, Any]] = yaml.safe_load((folder() / name).read_text("utf-8"))
    return entries


def add_products(db: Database) -> None:
    for product in listed("products.yml"):
        products.add(db, OPERATOR, ProductFields(**product))


def add_organisations(db: Database) -> None:
    """Take the customers in; those who follow its requests come with `follow`."""
    for fields in listed("organisations.yml"):
        added = organisations.add(
            db,
            OPERATOR,
            OrganisationFields(
                fields["name"],
                products=fields["products"],
                sharing=fields["sharing"],
                contract_ends=_in_days(fields["contract_ends"]),
                phone=fields["phone"],
                trusted_devices=fields.get("trusted_devices", False),
            ),
        )
        look = LookFields(
            accent=fields["accent"],
            welcome_fr=fields["welcome_fr"],
            welcome_en=fields["welcome_en"],
            logo=(folder() / "logos" / f"{added.slug}.png").read_bytes(),
        )
        branding.dress(db, OPERATOR, added.id, look)


def add_promises(db: Database) -> None:
    """The office's hours, and what is promised in them; what blocks is answered day and night."""
    week = ("9:00-12:30, 13:30-18:00",) * 5 + ("", "")
    fields = CalendarFields("Bureau de Saint-Étienne", "Europe/Paris", week, holidays="france")
    office = calendars.add(db, OPERATOR, fields)
    for target in (
        TargetFields("blocking", first_answer="1", next_answer="1", solution="8"),
        TargetFields("major", calendar=office.id, first_answer="4", next_answer="4", solution="16"),
        TargetFields(calendar=office.id, first_answer="8", next_answer="8", solution="40"),
    ):
        targets.add(db, OPERATOR, target)


def add_people(settings: Settings, db: Database) -> Iterator[tuple[Person, str | None]]:
    """Open the accounts; yields those who sign in, with the key of their second factor."""
    import pyotp  # one command needs it

    for fields in listed("people.yml"):
        signs_in, slug = fields.pop("signs_in", False), fields.pop("organisation", None)
        person = people.add(
            db, OPERATOR, PersonFields(**fields, organisations=[slug] if slug else [])
        )
        totp_secret = pyotp.random_base32() if person.role in STAFF else None
        if totp_secret:
            second_factor.set_totp(db, settings, person.id, totp_secret)
        if signs_in:
            yield person, totp_secret


def follow(db: Database) -> None:
    """Let people follow the requests of their organisation."""
    for fields in listed("organisations.yml"):
        if "followers" in fields:
            there = organisations.find(db, slug_of(fields["name"]))
            organisations.edit(
                db, OPERATOR, there, OrganisationFields(followers=fields["followers"])
            )


def add_teams(db: Database) -> None:
    """Put those who answer into teams, by what they answer for."""
    for fields in listed("teams.yml"):
        members = [people.find(db, email).id for email in fields.pop("members")]
        limited = [people.find(db, email) for email in fields.pop("limited", ())]
        team = teams.add(db, OPERATOR, TeamFields(**fields, members=members))
        for person in limited:
            agent_limits.edit(db, OPERATOR, person, AgentLimits(teams=(team.id,)))


def choose_look(settings: Settings, db: Database) -> None:
    """Give the site the look of the vendor, as an administrator would."""
    look: dict[str, str] = yaml.safe_load((folder() / "look.yml").read_text("utf-8"))
    BrowserSettings(replace(settings)).save(db, OPERATOR, "site", look)


def add_fields(db: Database) -> None:
    """Ask for what the vendor needs to know besides."""
    for values in listed("fields.yml"):
        del values["answers"]
        field_editing.add(db, OPERATOR, FieldForm(**values))


def add_saved_replies(db: Database) -> None:
    for reply in listed("saved_replies.yml"):
        saved_replies.add(db, OPERATOR, SavedReplyFields(**reply))


def add_rules(db: Database) -> None:
    """What happens by itself, with what the other files made."""
    ids = {calendar.name: calendar.id for calendar in calendars.list_all(db)}
    ids |= {team.name: team.id for team in teams.list_all(db, OPERATOR)}
    ids |= {reply.name: reply.id for reply in saved_replies.list_all(db, OPERATOR)}
    for rule in listed("rules.yml"):
        conditions, actions = (
            {kind: [ids.get(value, value) for value in values] for kind, values in part.items()}
            for part in (rule["if"], rule["then"])
        )
        fields = RuleFields(
            rule["name"], rule["moment"], rule.get("hours", ""), conditions, actions
        )
        added = rules.add(db, OPERATOR, fields)
        rules.switch(db, OPERATOR, added, is_on=rule["is_on"])


def add_budgets(db: Database) -> None:
    """The hours that contracts have, and what was spent of them today."""
    for told in listed("hours.yml"):
        customer = organisations.find(db, told["organisation"])
        agreed = BudgetFields(told["hours"], told["span"], told["is_shown"])
        budgets.edit(db, OPERATOR, customer, agreed)
        agent = viewers.find(db, told["agent"])
        for number, spent in told["spent"].items():
            ticket = tickets.find_number(db, agent, number)
            timekeeping.record(db, agent, ticket, TimeFields(spent))


def add_announcements(db: Database) -> None:
    """What customers are told of problems and changes; some of them have the problem too."""
    ids = {problem.title: problem.id for problem in incident_groups.list_all(db, OPERATOR)}
    for texts in listed("announcements.yml"):
        problem = ids.get(texts.pop("incident", ""), "")
        affected, is_over = texts.pop("me_too", ()), texts.pop("is_over", False)
        added = editing.add(db, OPERATOR, AnnouncementFields(**texts, problem_id=problem))
        editing.publish(db, OPERATOR, added, by_mail=False)
        for email in affected:
            customer = viewers.find(db, email)
            following.say_me_too(db, customer, announcements.find(db, customer, added.id))
        if is_over:
            editing.end(db, OPERATOR, added)


def _in_days(days: int) -> str:
    return (utc_now().date() + timedelta(days=days)).isoformat()
