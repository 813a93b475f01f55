"""kbsearch notify: what is on its way out, why it has not left, and a mail to try the server."""

from dataclasses import asdict

import click

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.cli import Refused, Site, pass_site
from kbsearch.cli.output import echo_json, echo_table, json_option, say
from kbsearch.database import new_id
from kbsearch.messages.delivery import channels, departures
from kbsearch.messages.delivery.channels import ChannelError
from kbsearch.messages.notifications import letters
from kbsearch.site import outgoing


@click.group("notify")
def notify_command() -> None:
    """Mail and webhooks on their way out: waiting, failed, given up.

    Example: kbsearch notify list
    """


@notify_command.command("list")
@click.option("--channel", type=click.Choice(outgoing.CHANNELS), help="Only what leaves that way.")
@click.option("--state", type=click.Choice(outgoing.STATES), help="Only what stands like that.")
@json_option
@pass_site
def notify_list(site: Site, channel: str | None, state: str | None, as_json: bool) -> None:
    """List what has not left: given up (dead) first, then the oldest.

    Example: kbsearch notify list --channel mail --state dead
    """
    listing = outgoing.look(site.db, OPERATOR, channel=channel, state=state)
    if as_json:
        echo_json([asdict(task) for task in listing.found])
        return
    rows = [
        (
            task.id,
            task.channel,
            task.state,
            task.kind,
            task.to,
            str(task.number or ""),
            str(task.attempts),
            task.due_at,
            task.problem,
        )
        for task in listing.found
    ]
    headings = (
        "id", "channel", "state", "event", "to", "request", "attempts", "next try", "why",
    )  # fmt: skip
    echo_table([say(heading) for heading in headings], rows)
    if listing.total > len(rows):
        line = say("%(shown)d of %(total)d are shown", shown=len(rows), total=listing.total)
        click.echo(line, err=True)


@notify_command.command("retry")
@click.argument("ids", metavar="ID...", nargs=-1)
@click.option("--dead", is_flag=True, help="All that were given up.")
@pass_site
def notify_retry(site: Site, ids: tuple[str, ...], dead: bool) -> None:
    """Send it now, and try as often as at first.

    Example: kbsearch notify retry --dead
    """
    if bool(ids) == dead:
        raise click.UsageError(say("Name what to send, or say --dead."))
    if dead:
        count = outgoing.all_dead_again(site.db, OPERATOR)
    else:
        for sending_id in ids:
            outgoing.again(site.db, OPERATOR, sending_id)
        count = len(ids)
    click.echo(say("%(count)s on the way", count=count))


@notify_command.command("test")
@click.argument("email")
@pass_site
def notify_test(site: Site, email: str) -> None:
    """Mail somebody a few words now, and say what the server answers.

    Example: kbsearch notify test root@support.example
    """
    person = people.find(site.db, email)
    letter = letters.compose(site.settings, "test", person, new_id(), {})
    try:
        receipt = channels.mail(site.settings, site.db).send(letter)
    except ChannelError as problem:
        raise Refused(str(problem)) from None
    departures.enter_trial(site.db, receipt)
    click.echo(say("The mail has left for %(email)s.", email=person.email))
