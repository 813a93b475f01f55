"""kbsearch mail-in: what a mail server hands each mail to."""

import logging
import sys

import click

from kbsearch.cli import NotNow, Site, pass_site
from kbsearch.cli.output import echo_json, say
from kbsearch.messages.incoming import parsing, reasons, taking
from kbsearch.messages.incoming.taking import Envelope

log = logging.getLogger(__name__)


@click.command("mail-in")
@click.option("--from", "sender", metavar="ADDRESS", help="Who the envelope is from ('': nobody).")
@click.option("--to", "recipient", metavar="ADDRESS", default="", help="Whom it is for.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_site
def mail_in_command(site: Site, sender: str | None, recipient: str, as_json: bool) -> None:
    """Take in the mail on the standard input: into its request, or held for an agent.

    Exit status 0: it is kept, whatever became of it. 75: not now, the mail server tries again.

    Example: kbsearch mail-in < message.eml
    """
    raw = _read()
    try:
        arrival = taking.take(site.db, site.settings, raw, Envelope(sender, recipient))
    except Exception as problem:
        log.exception("a mail was not taken")
        raise NotNow(f"{type(problem).__name__}: {problem}") from None
    if as_json:
        echo_json({"state": arrival.state, "reason": arrival.reason, "new": arrival.is_new})
    else:
        click.echo(
            " ".join(say(sentence) for sentence in reasons.sentences(arrival.state, arrival.reason))
        )


def _read() -> bytes:
    """The mail, and not more of it than may be kept; the rest is read all the same."""
    raw = sys.stdin.buffer.read(parsing.MAX_BYTES + 1)
    while sys.stdin.buffer.read(1 << 20):
        pass
    return raw
