"""What commands change stands in the security log, with before and after, as a command's."""

from dataclasses import dataclass

import pytest

from kbsearch import people
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages import webhooks
from kbsearch.people.accounts.single_sign_on import identities
from tests.cli.test_people import Run, run
from tests.conftest import Cast
from tests.kit.security_log import added_by

__all__ = ["run"]  # a fixture

BOB = "bob@acme.example"
ISSUER = ("--issuer", "https://issuer.example")


@dataclass(frozen=True)
class Command:
    """What is typed, and the kind of row it leaves; WEBHOOK stands for the id of one."""

    words: tuple[str, ...]
    kind: str
    before: dict[str, str] | None = None
    after: dict[str, str] | None = None


COMMANDS = [
    Command(("org", "add", "Initech"), "organisation.added", {}),
    Command(
        ("org", "edit", "acme", "--sharing", "nobody"),
        "organisation.changed",
        {"sharing": "everyone"},
        {"sharing": "nobody"},
    ),
    Command(("org", "edit", "acme", "--accent", "#123456"), "look.changed", {}),
    Command(("product", "add", "Troupeau"), "product.added", {}),
    Command(
        ("product", "edit", "icownect", "--name", "iCow"),
        "product.changed",
        {"name": "iCownect"},
        {"name": "iCow"},
    ),
    Command(
        ("product", "version", "add", "icownect", "5.0"),
        "product.changed",
        {},
        {"versions": "5.0"},
    ),
    Command(("user", "add", "eve@acme.example", "--name", "Eve"), "person.added", {}),
    Command(
        ("user", "edit", BOB, "--role", "agent"),
        "person.changed",
        {"role": "customer"},
        {"role": "agent"},
    ),
    Command(("user", "disable", BOB), "person.disabled", {}),
    Command(
        ("user", "limit", "dan@support.example", "--product", "icownect"),
        "person.limited",
        {},
        {"limit_products": "icownect"},
    ),
    Command(("user", "invite", BOB), "person.invited"),
    Command(("user", "invite", "--everybody"), "invitations.planned"),
    Command(("user", "invite", BOB, "--print"), "invitation.printed"),
    Command(("user", "reset-factor", BOB), "second_factor.reset"),
    Command(("identity", "add", BOB, "42", *ISSUER), "identity.bound"),
    Command(("identity", "remove", "dan@support.example", *ISSUER), "identity.unbound"),
    Command(
        ("webhook", "add", "https://b.example/t0ken", "--owner", "root@support.example"),
        "webhook.added",
        {},
    ),
    Command(("webhook", "rotate", "WEBHOOK"), "webhook.secret_changed", {}, {}),
    Command(("webhook", "disable", "WEBHOOK"), "webhook.disabled", {}, {"disabled": "yes"}),
    Command(("webhook", "enable", "WEBHOOK"), "webhook.enabled", {}, {}),
    Command(("token", "add", "--as", BOB), "token.added", {}),
]


@pytest.mark.parametrize(
    "command", COMMANDS, ids=lambda command: f"{command.kind}: {command.words[2]}"
)
def test_each_command_that_changes_something_leaves_a_row(
    run: Run, settings: Settings, db: SqliteDatabase, cast: Cast, command: Command
):
    hook = webhooks.add(db, cast.root, settings, "https://a.example/t0ken", ["ticket.opened"])
    identities.bind(db, cast.root, people.find(db, "dan@support.example"), ISSUER[1], "7")
    words = [hook.id if word == "WEBHOOK" else word for word in command.words]
    (event,) = added_by(db, lambda: run(*words))
    assert (event.kind, event.details["by"]) == (command.kind, "command line")
    if command.before is not None:
        assert event.details["before"] == command.before
    if command.after is not None:
        assert event.details["after"] == command.after
    assert "t0ken" not in str(event) and hook.secret not in str(event)
