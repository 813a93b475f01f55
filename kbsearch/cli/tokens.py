"""kbsearch token: what programs act with, as somebody."""

from dataclasses import asdict

import click

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.cli import Site, pass_site
from kbsearch.cli.output import echo_json, echo_table, json_option, say
from kbsearch.errors import Invalid
from kbsearch.people import Person
from kbsearch.people.accounts import personal_tokens
from kbsearch.people.accounts.personal_tokens import USUAL_DAYS, PersonalToken, TokenFields


@click.group("token")
def token_command() -> None:
    """Personal tokens: with one, a program acts as its person by /api/v1.

    Example: kbsearch token add --as alice@acme.example --read-only --name reports
    """


@token_command.command("add")
@click.option("--as", "email", metavar="EMAIL", help="Whom it acts as; else the administrator.")
@click.option("--name", default="kbsearch token add", help="What it is for.")
@click.option("--read-only", is_flag=True, help="It changes nothing.")
@click.option("--search-only", is_flag=True, help="It opens nothing but the search.")
@click.option("--product", default="", metavar="SLUG", help="It reaches nothing of the others.")
@click.option(
    "--expires",
    "days",
    type=int,
    default=USUAL_DAYS,
    show_default=True,
    help="Days it is good for.",
)
@json_option
@pass_site
def token_add(
    site: Site,
    email: str | None,
    name: str,
    read_only: bool,
    search_only: bool,
    product: str,
    days: int,
    as_json: bool,
) -> None:
    """Make a token and print it: once, here.

    Example: kbsearch token add --as alice@acme.example --read-only --expires 30
    """
    fields = TokenFields(name, not read_only, search_only, product, days)
    added, secret = personal_tokens.add(site.db, OPERATOR, _person(site, email), fields)
    if as_json:
        echo_json({**_public(added), "token": secret})
        return
    click.echo(secret)
    click.echo(say("It acts as %(email)s and is shown this once.", email=added.email), err=True)


@token_command.command("list")
@click.option("--as", "email", metavar="EMAIL", help="Only those of this person.")
@json_option
@pass_site
def token_list(site: Site, email: str | None, as_json: bool) -> None:
    """List the tokens that still open something.

    Example: kbsearch token list --json
    """
    if email is None:
        tokens = personal_tokens.list_all(site.db)
    else:
        tokens = personal_tokens.list_of(site.db, people.find(site.db, email).id)
    if as_json:
        echo_json({"tokens": [_public(token) for token in tokens]})
        return
    rows = [
        (
            token.id,
            token.email,
            token.name,
            f"{token.hint}…",
            say("read and write") if token.may_write else say("read"),
            token.expires_at,
            token.used_at or say("never"),
        )
        for token in tokens
    ]
    headings = [say("id"), say("address"), say("name"), say("token"), say("access"), say("until")]
    echo_table([*headings, say("last used")], rows)


@token_command.command("revoke")
@click.argument("token_id", metavar="ID")
@pass_site
def token_revoke(site: Site, token_id: str) -> None:
    """Let a token open nothing more, from now on.

    Example: kbsearch token revoke 4qvT7SLHRT2w4PO7
    """
    revoked = personal_tokens.revoke(site.db, OPERATOR, token_id)
    click.echo(say("%(hint)s opens nothing any more", hint=f"{revoked.hint}…"))


def _person(site: Site, email: str | None) -> Person:
    """Whose it is to be: without an address, the one administrator there is."""
    if email is not None:
        return people.find(site.db, email)
    administrators = [
        person
        for person in people.list_all(site.db, role="administrator")
        if person.disabled_at is None
    ]
    if len(administrators) != 1:
        raise Invalid("token.whose")
    return administrators[0]


def _public(token: PersonalToken) -> dict[str, object]:
    return {name: value for name, value in asdict(token).items() if name != "person_id"}
