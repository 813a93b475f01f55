"""kbsearch org, user and product: who may come in, and what their contracts cover."""

import sys
from dataclasses import asdict

import click

from kbsearch import choosing_passwords, organisations, passwords, people
from kbsearch.access import ROLES
from kbsearch.cli import Site, pass_site
from kbsearch.cli.output import echo_json, echo_table, say
from kbsearch.config import LANGUAGES
from kbsearch.organisations import SHARING

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
role_option = click.option("--role", type=click.Choice(ROLES), help="What they may do.")
language_option = click.option("--language", type=click.Choice(LANGUAGES), help="Of their mail.")
slug_option = click.option("--slug", help="Its name in addresses and audiences.")
sharing_option = click.option(
    "--sharing", type=click.Choice(SHARING), help="Which colleagues read each other's requests."
)
product_option = click.option(
    "--product", "products", multiple=True, help="Slug of a product covered; repeat for several."
)
starts_option = click.option("--contract-starts", metavar="DATE", help="First day, as 2026-01-31.")
ends_option = click.option("--contract-ends", metavar="DATE", help="Last day, as 2026-12-31.")


@click.group("org")
def org_command() -> None:
    """Organisations: the customers, their contracts and who shares requests.

    Example: kbsearch org add "Acme" --product icownect --sharing everyone
    """


@org_command.command("add")
@click.argument("name")
@slug_option
@sharing_option
@starts_option
@ends_option
@product_option
@pass_site
def org_add(
    site: Site,
    name: str,
    slug: str | None,
    sharing: str | None,
    contract_starts: str | None,
    contract_ends: str | None,
    products: tuple[str, ...],
) -> None:
    """Take a customer in.

    Example: kbsearch org add "Acme" --product icownect --contract-ends 2026-12-31
    """
    added = organisations.add(
        site.db,
        name,
        slug=slug,
        sharing=sharing or "nobody",
        contract_starts=contract_starts,
        contract_ends=contract_ends,
        products=products,
    )
    click.echo(say("%(name)s added as %(slug)s", name=added.name, slug=added.slug))


@org_command.command("edit")
@click.argument("slug")
@click.option("--name", help="Another name.")
@click.option("--slug", "new_slug", help="Another slug; articles for org:OLD must follow it.")
@sharing_option
@starts_option
@ends_option
@product_option
@click.option("--no-product", is_flag=True, help="No product at all.")
@pass_site
def org_edit(
    site: Site,
    slug: str,
    name: str | None,
    new_slug: str | None,
    sharing: str | None,
    contract_starts: str | None,
    contract_ends: str | None,
    products: tuple[str, ...],
    no_product: bool,
) -> None:
    """Change an organisation: only what is given; products are replaced as a whole.

    An empty date (--contract-ends "") takes the date away.

    Example: kbsearch org edit acme --sharing everyone
    """
    edited = organisations.edit(
        site.db,
        organisations.find(site.db, slug),
        name=name,
        slug=new_slug,
        sharing=sharing,
        contract_starts=contract_starts,
        contract_ends=contract_ends,
        products=products if products or no_product else None,
    )
    click.echo(say("%(slug)s changed", slug=edited.slug))


@org_command.command("list")
@json_option
@pass_site
def org_list(site: Site, as_json: bool) -> None:
    """List organisations.

    Example: kbsearch org list --json
    """
    known = organisations.list_all(site.db)
    if as_json:
        echo_json({"organisations": [_public(asdict(each)) for each in known]})
        return
    rows = [
        (
            each.slug,
            each.name,
            each.sharing,
            f"{each.contract_starts or ''} – {each.contract_ends or ''}".strip(" –") or "–",
            ", ".join(each.products),
        )
        for each in known
    ]
    headings = [say("slug"), say("name"), say("sharing"), say("contract"), say("products")]
    echo_table(headings, rows)


@click.group("user")
def user_command() -> None:
    """People: customers, agents, writers and administrators.

    Example: kbsearch user add alice@acme.example --name "Alice Martin" --org acme
    """


@user_command.command("add")
@click.argument("email")
@click.option("--name", required=True, help="Their full name.")
@role_option
@click.option("--org", "orgs", multiple=True, help="Slug of their organisation; may be repeated.")
@language_option
@click.option("--invite", is_flag=True, help="Mail them the link to choose a password.")
@click.option("--password", "ask", is_flag=True, help="Ask for their password here.")
@click.option("--password-stdin", is_flag=True, help="Read their password from standard input.")
@pass_site
def user_add(
    site: Site,
    email: str,
    name: str,
    role: str | None,
    orgs: tuple[str, ...],
    language: str | None,
    invite: bool,
    ask: bool,
    password_stdin: bool,
) -> None:
    """Open an account, and say how its person gets a password: by invitation, or right now.

    Example: kbsearch user add dan@support.example --name "Dan Leroy" --role agent --invite
    """
    if invite + ask + password_stdin > 1:
        raise click.UsageError(say("Pick one of --invite, --password and --password-stdin."))
    password = _read_password(ask, password_stdin)
    with site.db.atomic():
        added = people.add(
            site.db,
            email=email,
            name=name,
            role=role or "customer",
            organisations=orgs,
            language=language,
        )
        if password is not None:
            hashed = passwords.prepare(site.db, site.settings, added, password)
            passwords.keep(site.db, added, hashed)
        if invite:
            choosing_passwords.invite(site.db, added)
    told = say("%(email)s added as %(role)s", email=added.email, role=added.role)
    click.echo(told)


@user_command.command("edit")
@click.argument("email")
@click.option("--name", help="Another name.")
@role_option
@click.option("--org", "orgs", multiple=True, help="Their organisations from now on.")
@click.option("--no-org", is_flag=True, help="No organisation at all.")
@language_option
@click.option("--enable", is_flag=True, help="Open a closed account again.")
@pass_site
def user_edit(
    site: Site,
    email: str,
    name: str | None,
    role: str | None,
    orgs: tuple[str, ...],
    no_org: bool,
    language: str | None,
    enable: bool,
) -> None:
    """Change an account: only what is given. Another role ends its sessions.

    Example: kbsearch user edit alice@acme.example --org acme --org globex
    """
    person = people.find(site.db, email)
    with site.db.atomic():
        if enable:
            person = people.enable(site.db, person)
        edited = people.edit(
            site.db,
            person,
            name=name,
            role=role,
            language=language,
            organisations=orgs if orgs or no_org else None,
        )
    click.echo(say("%(email)s changed", email=edited.email))


@user_command.command("list")
@click.option("--org", help="Only the people of this organisation.")
@role_option
@json_option
@pass_site
def user_list(site: Site, org: str | None, role: str | None, as_json: bool) -> None:
    """List people.

    Example: kbsearch user list --role agent
    """
    if org is not None:
        organisations.find(site.db, org)
    known = people.list_all(site.db, organisation=org, role=role)
    if as_json:
        echo_json({"people": [_public(asdict(person)) for person in known]})
        return
    rows = [
        (
            person.email,
            person.name,
            person.role,
            ", ".join(person.organisations),
            say("closed") if person.disabled_at else "",
        )
        for person in known
    ]
    echo_table([say("address"), say("name"), say("role"), say("organisations"), ""], rows)


@user_command.command("disable")
@click.argument("email")
@pass_site
def user_disable(site: Site, email: str) -> None:
    """Close an account: its sessions and links end at once, its past stays.

    Example: kbsearch user disable alice@acme.example
    """
    person = people.disable(site.db, people.find(site.db, email))
    click.echo(say("%(email)s can no longer come in", email=person.email))


@user_command.command("invite")
@click.argument("email")
@click.option("--print", "to_print", is_flag=True, help="Print the link here, mail nothing.")
@json_option
@pass_site
def user_invite(site: Site, email: str, to_print: bool, as_json: bool) -> None:
    """Mail somebody the link to choose a password; it works once, within seven days.

    Example: kbsearch user invite alice@acme.example
    """
    person = people.find(site.db, email)
    told: dict[str, object] = {"email": person.email}
    if to_print:
        told["link"] = choosing_passwords.invitation_link(site.db, site.settings, person)
    else:
        choosing_passwords.invite(site.db, person)
    if as_json:
        echo_json(told)
    elif to_print:
        click.echo(told["link"])
    else:
        click.echo(say("%(email)s will get a mail with a link", email=person.email))


@click.group("product")
def product_command() -> None:
    """Products: what contracts cover, articles are about and requests name.

    Example: kbsearch product add "iCownect"
    """


@product_command.command("add")
@click.argument("name")
@slug_option
@pass_site
def product_add(site: Site, name: str, slug: str | None) -> None:
    """Support one more product.

    Example: kbsearch product add "Cervo Atelier" --slug cervo
    """
    added = organisations.add_product(site.db, name, slug=slug)
    click.echo(say("%(name)s added as %(slug)s", name=added.name, slug=added.slug))


@product_command.command("list")
@json_option
@pass_site
def product_list(site: Site, as_json: bool) -> None:
    """List products.

    Example: kbsearch product list --json
    """
    known = organisations.list_products(site.db)
    if as_json:
        echo_json({"products": [_public(asdict(product)) for product in known]})
        return
    echo_table([say("slug"), say("name")], [(product.slug, product.name) for product in known])


def _public(values: dict[str, object]) -> dict[str, object]:
    """What programs get: no ids of the database."""
    return {name: value for name, value in values.items() if name != "id"}


def _read_password(ask: bool, stdin: bool) -> str | None:
    """From the terminal, unseen and twice, or from a pipe; never from the command line."""
    if ask:
        typed: str = click.prompt(say("Password"), hide_input=True, confirmation_prompt=True)
        return typed
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return None
