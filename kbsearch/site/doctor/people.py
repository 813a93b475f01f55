"""The people: somebody administers, the team has its second factor, mail reaches everybody."""

from collections.abc import Iterator

from kbsearch import people as accounts
from kbsearch.access import OPERATOR
from kbsearch.database import Database
from kbsearch.messages import webhooks
from kbsearch.people import undeliverable
from kbsearch.people.accounts import second_factor
from kbsearch.site.doctor.checks import Check, Patient, fail, listed, ok, warn
from kbsearch.tickets import teams as all_teams


def administrators(_: Patient, db: Database) -> Iterator[Check]:
    if any(not person.disabled_at for person in accounts.list_all(db, role="administrator")):
        yield ok("administrators", "somebody administers")
    else:
        yield fail(
            "administrators",
            "nobody is left to administer",
            'Open an account: kbsearch user add EMAIL --name "NAME" --role administrator',
        )


def second_factors(_: Patient, db: Database) -> Iterator[Check]:
    without = second_factor.list_staff_without(db)
    if without:
        yield warn(
            "factors",
            "%(count)s of the team have no authenticator app yet: %(names)s",
            "Each sets it up at the first sign-in: invite them again, or close the account.",
            count=len(without),
            names=listed(without),
        )
    else:
        yield ok("factors", "everybody of the team has an authenticator app")


def teams(patient: Patient, db: Database) -> Iterator[Check]:
    tables, there = patient.settings.teams, all_teams.list_all(db, OPERATOR)
    unknown = all_teams.unknown(db, tables) if not there else []
    empty = [team.name for team in there if not team.archived_at and not team.members]
    if unknown:
        yield warn(
            "teams",
            "[[teams]] of kbsearch.toml name who or what is not here: %(names)s",
            "Correct them there, or make the teams at /admin/teams.",
            names=listed(unknown),
        )
    elif empty:
        yield warn(
            "teams",
            "nobody of these teams answers: %(names)s",
            "Choose their members, or archive them, at /admin/teams.",
            names=listed(empty),
        )
    elif there or tables:
        yield ok("teams", "every team has somebody who answers")


def unreached(_: Patient, db: Database) -> Iterator[Check]:
    names = [person.email for person in undeliverable.list_all(db)]
    if names:
        yield warn(
            "unreached",
            "mail does not reach %(count)s people: %(names)s",
            "Correct their addresses; their pages say what their servers answered.",
            count=len(names),
            names=listed(names),
        )


def webhooks_disabled(_: Patient, db: Database) -> Iterator[Check]:
    names = [endpoint.host for endpoint in webhooks.list_disabled(db)]
    if names:
        yield warn(
            "webhooks",
            "%(count)s webhooks are told nothing any more: %(names)s",
            "Enable or remove them: kbsearch webhook list",
            count=len(names),
            names=listed(names),
        )
