"""kbsearch org and product: the customers, what their contracts cover, what they see."""

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import reduce
from pathlib import Path
from typing import Any

import click

from kbsearch.access import OPERATOR
from kbsearch.cli import Site, pass_site
from kbsearch.cli.output import echo_json, echo_table, json_option, public, say
from kbsearch.errors import Invalid
from kbsearch.people import organisations
from kbsearch.people.accounts import closing
from kbsearch.people.organisations import (
    SHARING,
    Organisation,
    OrganisationFields,
    branding,
    products,
)
from kbsearch.people.organisations.branding import LookFields
from kbsearch.people.organisations.products import ProductFields

Command = Callable[..., Any]
text_file = click.File("r", encoding="utf-8")
slug_option = click.option("--slug", help="Its name in addresses and audiences.")
contract_options = (
    click.option(
        "--sharing", type=click.Choice(SHARING), help="Who reads a request besides its writer."
    ),
    click.option("--contract-starts", metavar="DATE", help="First day, as 2026-01-31."),
    click.option("--contract-ends", metavar="DATE", help="Last day, as 2026-12-31."),
    click.option(
        "--product", "products", multiple=True, help="Slug of a product covered; repeatable."
    ),
    click.option("--phone", help="The support phone number its people see."),
    click.option(
        "--trusted-devices/--no-trusted-devices",
        default=None,
        help="Whether its people may trust a device for 30 days.",
    ),
)
look_options = (
    click.option("--accent", metavar="#RRGGBB", help="Its colour."),
    click.option(
        "--logo",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A PNG, JPEG or WebP file of 200 kB at most.",
    ),
    click.option("--welcome-fr", type=text_file, help="Markdown file shown at home, in French."),
    click.option("--welcome-en", type=text_file, help="Markdown file shown at home, in English."),
)


def with_options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options at once, in the order they are listed."""
    return lambda command: reduce(
        lambda wrapped, option: option(wrapped), reversed(options), command
    )


@click.group("org")
def org_command() -> None:
    """Organisations: the customers, their contracts, their look and who shares requests.

    Example: kbsearch org add "Acme" --product icownect --sharing everyone
    """


@org_command.command("add")
@click.argument("name")
@slug_option
@with_options(*contract_options, *look_options)
@pass_site
def org_add(
    site: Site,
    /,
    name: str,
    slug: str | None,
    **options: Any,
) -> None:
    """Take a customer in.

    Example: kbsearch org add "Acme" --product icownect --contract-ends 2026-12-31
    """
    look = _look(options)
    with site.db.atomic():
        added = organisations.add(
            site.db, OPERATOR, OrganisationFields(name=name, slug=slug, **options)
        )
        branding.dress(site.db, OPERATOR, added.id, look)
    click.echo(say("%(name)s added as %(slug)s", name=added.name, slug=added.slug))


@org_command.command("edit")
@click.argument("slug")
@click.option("--name", help="Another name.")
@click.option("--slug", "new_slug", help="Another slug; articles for org:OLD must follow it.")
@with_options(*contract_options, *look_options)
@click.option("--no-product", is_flag=True, help="No product at all.")
@click.option("--no-logo", is_flag=True, help="No logo any more.")
@click.option(
    "--follower", "followers", multiple=True, help="Address of one who reads all requests."
)
@click.option("--no-follower", is_flag=True, help="Nobody is named to read requests.")
@pass_site
def org_edit(
    site: Site,
    /,
    slug: str,
    new_slug: str | None,
    products: tuple[str, ...],
    no_product: bool,
    no_logo: bool,
    followers: tuple[str, ...],
    no_follower: bool,
    **options: Any,
) -> None:
    """Change an organisation: only what is given; products and followers as a whole.

    What is given empty (--contract-ends "", --accent "", --phone "") is taken away. Followers
    count with --sharing people.

    Example: kbsearch org edit acme --sharing people --follower alice@acme.example
    """
    look = _look(options)
    if no_logo:
        look = replace(look, logo=b"")
    fields = OrganisationFields(
        slug=new_slug,
        products=products if products or no_product else None,
        followers=followers if followers or no_follower else None,
        **options,
    )
    with site.db.atomic():
        organisation = organisations.find(site.db, slug)
        edited = organisations.edit(site.db, OPERATOR, organisation, fields)
        branding.dress(site.db, OPERATOR, edited.id, look)
    click.echo(say("%(slug)s changed", slug=edited.slug))


@org_command.command("disable")
@click.argument("slug")
@pass_site
def org_disable(site: Site, slug: str) -> None:
    """Let nobody file for it, and none of its people sign in; all of it stays.

    Example: kbsearch org disable acme
    """
    closing.disable(site.db, OPERATOR, organisations.find(site.db, slug))
    click.echo(say("%(slug)s is disabled", slug=slug))


@org_command.command("enable")
@click.argument("slug")
@pass_site
def org_enable(site: Site, slug: str) -> None:
    """Open a disabled organisation again, with its people.

    Example: kbsearch org enable acme
    """
    closing.enable(site.db, OPERATOR, organisations.find(site.db, slug))
    click.echo(say("%(slug)s is enabled", slug=slug))


@org_command.command("list")
@json_option
@pass_site
def org_list(site: Site, as_json: bool) -> None:
    """List organisations.

    Example: kbsearch org list --json
    """
    all_organisations = organisations.list_all(site.db)
    if as_json:
        echo_json(
            {"organisations": [_told(site, organisation) for organisation in all_organisations]}
        )
        return
    rows = [
        (
            organisation.slug,
            organisation.name,
            organisation.sharing,
            f"{organisation.contract_starts or ''} – {organisation.contract_ends or ''}".strip(" –")
            or "–",
            ", ".join(organisation.products),
            organisation.phone or "",
        )
        for organisation in all_organisations
    ]
    headings = ("slug", "name", "sharing", "contract", "products", "phone")
    echo_table([say(heading) for heading in headings], rows)


@click.group("product")
def product_command() -> None:
    """Products: what contracts cover, articles are about and requests name.

    Example: kbsearch product add "iCownect"
    """


where_options = (
    click.option("--where-fr", help="Where to find the version, in French."),
    click.option("--where-en", help="Where to find the version, in English."),
)


@product_command.command("add")
@click.argument("name")
@slug_option
@with_options(*where_options)
@pass_site
def product_add(
    site: Site, name: str, slug: str | None, where_fr: str | None, where_en: str | None
) -> None:
    """Support one more product.

    Example: kbsearch product add "Cervo Atelier" --slug cervo
    """
    fields = ProductFields(name=name, where_fr=where_fr, where_en=where_en)
    added = products.add(site.db, OPERATOR, fields, slug=slug)
    click.echo(say("%(name)s added as %(slug)s", name=added.name, slug=added.slug))


@product_command.command("edit")
@click.argument("slug")
@click.option("--name", help="Another name.")
@with_options(*where_options)
@pass_site
def product_edit(
    site: Site, slug: str, name: str | None, where_fr: str | None, where_en: str | None
) -> None:
    """Change a product: only what is given.

    Example: kbsearch product edit cervo --where-en "Help > About"
    """
    product = products.find(site.db, slug)
    fields = ProductFields(name=name, where_fr=where_fr, where_en=where_en)
    products.edit(site.db, OPERATOR, product, fields)
    click.echo(say("%(slug)s changed", slug=slug))


@product_command.command("disable")
@click.argument("slug")
@pass_site
def product_disable(site: Site, slug: str) -> None:
    """Let nobody file about it any more; its requests and articles stay.

    Example: kbsearch product disable cervo
    """
    products.disable(site.db, OPERATOR, products.find(site.db, slug))
    click.echo(say("%(slug)s is disabled", slug=slug))


@product_command.command("enable")
@click.argument("slug")
@pass_site
def product_enable(site: Site, slug: str) -> None:
    """Let people file about a disabled product again.

    Example: kbsearch product enable cervo
    """
    products.enable(site.db, OPERATOR, products.find(site.db, slug))
    click.echo(say("%(slug)s is enabled", slug=slug))


@product_command.command("list")
@json_option
@pass_site
def product_list(site: Site, as_json: bool) -> None:
    """List products.

    Example: kbsearch product list --json
    """
    all_products = products.list_all(site.db)
    if as_json:
        echo_json({"products": [public(asdict(product)) for product in all_products]})
        return
    rows = [(product.slug, product.name, ", ".join(product.versions)) for product in all_products]
    echo_table([say("slug"), say("name"), say("versions")], rows)


@product_command.group("version")
def product_version() -> None:
    """The versions of a product that a request may name, the newest first.

    Example: kbsearch product version add icownect 4.3.0
    """


@product_version.command("add")
@click.argument("slug")
@click.argument("version")
@pass_site
def product_version_add(site: Site, slug: str, version: str) -> None:
    """Know a version, the newest from now on.

    Example: kbsearch product version add icownect 4.3.0
    """
    product = products.find(site.db, slug)
    product = products.add_version(site.db, OPERATOR, product, version)
    line = say("%(version)s is the newest of %(name)s", version=version, name=product.name)
    click.echo(line)


@product_version.command("list")
@click.argument("slug")
@json_option
@pass_site
def product_version_list(site: Site, slug: str, as_json: bool) -> None:
    """List the versions of a product, the newest first.

    Example: kbsearch product version list icownect
    """
    product = products.find(site.db, slug)
    if as_json:
        echo_json({"versions": product.versions})
        return
    for version in product.versions:
        click.echo(version)


def _look(options: dict[str, Any]) -> LookFields:
    """The options about the look, taken out of what was given."""
    logo, texts = options.pop("logo"), {n: options.pop(n) for n in ("welcome_fr", "welcome_en")}
    try:
        read = {name: file.read() if file else None for name, file in texts.items()}
    except UnicodeDecodeError:
        raise Invalid("look.welcome_not_utf8") from None
    return LookFields(
        accent=options.pop("accent"), logo=logo.read_bytes() if logo else None, **read
    )


def _told(site: Site, organisation: Organisation) -> dict[str, object]:
    followers = organisations.followers(site.db, organisation)
    return {**public(asdict(organisation)), "followers": followers}
