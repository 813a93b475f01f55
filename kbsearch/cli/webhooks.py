"""kbsearch webhook: the addresses that are told of what happens here."""

from dataclasses import asdict, replace

import click

from kbsearch.access import OPERATOR
from kbsearch.cli import Site, pass_site
from kbsearch.cli.output import echo_json, echo_table, json_option, say
from kbsearch.messages import webhooks
from kbsearch.messages.webhooks import Webhook, deliveries, events
from kbsearch.messages.webhooks.scopes import WebhookScope
from kbsearch.people import viewers

event_option = click.option(
    "--event", "kinds", multiple=True, help="A kind of events; repeat for several; all by default."
)


@click.group("webhook")
def webhook_command() -> None:
    """Webhooks: addresses that are told of events, signed after Standard Webhooks.

    Example: kbsearch webhook add https://tools.example/in --owner root@support.example
    """


@webhook_command.command("add")
@click.argument("url")
@click.option("--owner", required=True, help="Address of the administrator who is mailed.")
@event_option
@click.option("--organisation", default="", help="Only what is of this organisation, by slug.")
@click.option("--product", default="", help="Only what is about this product, by slug.")
@click.option("--tag", default="", help="Only what has this tag.")
@click.option("--with-fields", is_flag=True, help="With subjects, texts and names.")
@json_option
@pass_site
def webhook_add(
    site: Site,
    url: str,
    owner: str,
    kinds: tuple[str, ...],
    organisation: str,
    product: str,
    tag: str,
    with_fields: bool,
    as_json: bool,
) -> None:
    """Tell an address of events from now on, and print its secret: once, here.

    A chat room has an address as slack://…, mmosts://…, workflows://… or matrixs://…, and no
    secret: quote the address, which opens it.

    Example: kbsearch webhook add https://tools.example/in --owner root@support.example
    """
    viewer = replace(viewers.find(site.db, owner), via=OPERATOR.via)
    added = webhooks.add(
        site.db,
        viewer,
        site.settings,
        url,
        kinds or events.KINDS,
        scope=WebhookScope(organisation, product, tag, with_fields),
    )
    _tell_secret(added, as_json)


@webhook_command.command("list")
@json_option
@pass_site
def webhook_list(site: Site, as_json: bool) -> None:
    """List the webhooks, without their secrets.

    Example: kbsearch webhook list --json
    """
    endpoints = webhooks.list_all(site.db, OPERATOR)
    if as_json:
        echo_json([_public(webhook) for webhook in endpoints])
        return
    rows = [
        (webhook.id, webhook.shown, webhook.owner, _state(webhook), ", ".join(webhook.kinds))
        for webhook in endpoints
    ]
    echo_table([say("id"), say("address"), say("owner"), say("state"), say("events")], rows)


@webhook_command.command("rotate")
@click.argument("webhook_id", metavar="ID")
@click.option("--at-once", is_flag=True, help="The old secret has leaked: it signs no more.")
@json_option
@pass_site
def webhook_rotate(site: Site, webhook_id: str, at_once: bool, as_json: bool) -> None:
    """Give a webhook another secret; for 24 hours the old one signs too.

    Example: kbsearch webhook rotate 4qvT7SLHRT2w4PO7
    """
    webhook = webhooks.find(site.db, OPERATOR, webhook_id)
    changed = webhooks.rotate(site.db, OPERATOR, site.settings, webhook, at_once=at_once)
    _tell_secret(changed, as_json)


@webhook_command.command("disable")
@click.argument("webhook_id", metavar="ID")
@pass_site
def webhook_disable(site: Site, webhook_id: str) -> None:
    """Tell a webhook nothing more; what waits for it is given up.

    Example: kbsearch webhook disable 4qvT7SLHRT2w4PO7
    """
    webhook = webhooks.find(site.db, OPERATOR, webhook_id)
    webhooks.disable(site.db, OPERATOR, webhook)
    click.echo(say("%(url)s is told nothing more", url=webhook.shown))


@webhook_command.command("enable")
@click.argument("webhook_id", metavar="ID")
@pass_site
def webhook_enable(site: Site, webhook_id: str) -> None:
    """Tell a disabled webhook of events again.

    Example: kbsearch webhook enable 4qvT7SLHRT2w4PO7
    """
    webhook = webhooks.find(site.db, OPERATOR, webhook_id)
    webhooks.enable(site.db, OPERATOR, webhook)
    click.echo(say("%(url)s is told of events", url=webhook.shown))


@webhook_command.command("test")
@click.argument("webhook_id", metavar="ID")
@pass_site
def webhook_test(site: Site, webhook_id: str) -> None:
    """Have the worker send a webhook an event that means nothing: webhook.test.

    Example: kbsearch webhook test 4qvT7SLHRT2w4PO7
    """
    webhook = webhooks.find(site.db, OPERATOR, webhook_id)
    webhooks.test(site.db, OPERATOR, webhook)
    click.echo(say("A test is on its way to %(url)s; see its log.", url=webhook.shown))


@webhook_command.command("log")
@click.argument("webhook_id", metavar="ID")
@json_option
@pass_site
def webhook_log(site: Site, webhook_id: str, as_json: bool) -> None:
    """List what was sent to a webhook, the newest first.

    Example: kbsearch webhook log 4qvT7SLHRT2w4PO7
    """
    webhook = webhooks.find(site.db, OPERATOR, webhook_id)
    attempts = deliveries.of_webhook(site.db, webhook.id)
    if as_json:
        echo_json([asdict(delivery) for delivery in attempts])
        return
    rows = [
        (
            delivery.id,
            delivery.kind,
            delivery.state,
            str(delivery.attempts),
            delivery.at,
            delivery.problem or "",
        )
        for delivery in attempts
    ]
    headings = [say("id"), say("event"), say("state"), say("attempts"), say("at"), say("why")]
    echo_table(headings, rows)


def _tell_secret(webhook: Webhook, as_json: bool) -> None:
    if as_json:
        secret = {} if webhook.is_room else {"secret": webhook.secret}
        echo_json({**_public(webhook), **secret})
        return
    click.echo(say("%(url)s is told of events", url=webhook.shown))
    if webhook.is_room:
        return
    click.echo(say("Its secret, told only now: %(secret)s", secret=webhook.secret))


def _public(webhook: Webhook) -> dict[str, object]:
    """What is printed of one: the secret only by whoever has just made it."""
    values = asdict(webhook)
    del values["secret"], values["owner_id"]
    return {**values, "url": webhook.shown}


def _state(webhook: Webhook) -> str:
    return say("disabled") if webhook.disabled_at else say("enabled")
