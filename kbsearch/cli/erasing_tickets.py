"""kbsearch erase: requests are erased."""

from dataclasses import asdict

import click

from kbsearch.access import OPERATOR
from kbsearch.cli import Refused, Site, pass_site
from kbsearch.cli.output import echo_json, json_option, say
from kbsearch.site import erasing_tickets


@click.command("erase")
@click.argument("numbers", nargs=-1, required=True, type=click.IntRange(1, 2**53))
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_site
def erase_command(site: Site, numbers: tuple[int, ...], yes: bool, as_json: bool) -> None:
    """Erase requests: their messages, notes, files and mail go, for good.

    They leave every list, count and search, and their addresses answer as if they had never been.
    All of them are erased, or none. The index of requests is built anew. A backup made before
    still has them: restored, they are erased again. The security log says which numbers went.

    Example: kbsearch erase 1001 1002
    """
    wanted = " ".join(map(str, dict.fromkeys(numbers)))
    if not yes:
        question = say("Type the numbers again to erase %(numbers)s for good", numbers=wanted)
        answer = click.prompt(question, default="", show_default=False, err=True)
        if answer.split() != wanted.split():
            raise Refused(say("nothing was erased"))
    erased = erasing_tickets.erase(site.db, OPERATOR, site.settings, numbers)
    if as_json:
        echo_json(asdict(erased))
        return
    line = say(
        "Erased: %(requests)d requests, with %(messages)d messages, %(mails)d mails and "
        "%(files)d files.",
        **asdict(erased),
    )
    click.echo(line)
