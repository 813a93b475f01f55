"""kbsearch identity: who people are at the provider they sign in with."""

from dataclasses import asdict

import click

from kbsearch import people, saml_metadata
from kbsearch.access import OPERATOR
from kbsearch.cli import Site, pass_site
from kbsearch.cli.output import echo_json, echo_table, say
from kbsearch.errors import Invalid
from kbsearch.people.accounts.single_sign_on import identities

issuer_option = click.option(
    "--issuer", help='Who calls them so: the provider\'s issuer (the default), or "jwt".'
)


@click.group("identity")
def identity_command() -> None:
    """Identities: which account somebody comes into by single sign-on.

    Example: kbsearch identity add alice@acme.example 248289761001
    """


@identity_command.command("add")
@click.argument("email")
@click.argument("subject")
@issuer_option
@pass_site
def identity_add(site: Site, email: str, subject: str, issuer: str | None) -> None:
    """Let whom the provider calls SUBJECT come in as EMAIL. The log names refused subjects.

    Example: kbsearch identity add alice@acme.example 248289761001
    """
    person = people.find(site.db, email)
    identities.bind(site.db, OPERATOR, person, _issuer(site, issuer), subject)
    click.echo(say("%(subject)s comes in as %(email)s", subject=subject, email=person.email))


@identity_command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_site
def identity_list(site: Site, as_json: bool) -> None:
    """List identities.

    Example: kbsearch identity list --json
    """
    bindings = identities.list_all(site.db)
    if as_json:
        echo_json({"identities": [asdict(identity) for identity in bindings]})
        return
    rows = [
        (identity.email, identity.issuer, identity.subject, identity.created_at)
        for identity in bindings
    ]
    echo_table([say("address"), say("issuer"), say("subject"), say("since")], rows)


@identity_command.command("remove")
@click.argument("email")
@issuer_option
@pass_site
def identity_remove(site: Site, email: str, issuer: str | None) -> None:
    """Take an identity away; the sessions of the account end.

    Example: kbsearch identity remove alice@acme.example
    """
    person = people.find(site.db, email)
    identities.unbind(site.db, OPERATOR, person, _issuer(site, issuer))
    click.echo(say("%(email)s no longer comes in that way", email=person.email))


def _issuer(site: Site, name: str | None) -> str:
    issuer = name or site.settings.oidc_issuer
    if not issuer and site.settings.saml_metadata:
        issuer = identities.SAML + saml_metadata.read(site.settings.saml_metadata_path).entity_id
    if not issuer:
        raise Invalid("identity.issuer_missing")
    return issuer
