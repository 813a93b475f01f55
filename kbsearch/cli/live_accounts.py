"""A live account of another system: its address from the command, its token from stdin."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kbsearch.cli import Refused, Site
from kbsearch.cli.output import say

if TYPE_CHECKING:
    from kbsearch.site.importing.systems.zendesk.account import LiveAccount

ACCOUNT_DEADLINE = 120.0  # seconds for one answer, also of a big file
TOLD_WAIT = 60.0  # seconds: a longer pause is told


def open_account(site: Site, url: str) -> "LiveAccount":
    """The Zendesk account at an address, opened by the token on standard input."""
    from kbsearch.messages.delivery.guarded_http import Exceptions, Guard
    from kbsearch.site.importing.systems.zendesk import account

    targets = Exceptions.of(site.settings.webhook_private_targets)
    guard = Guard(targets, deadline=ACCOUNT_DEADLINE)
    token = sys.stdin.readline().strip()
    if not token:
        raise Refused(say("The token is read from standard input, and there is none."))
    return account.LiveAccount(account.origin(url, guard), token, guard, _wait)


def _wait(seconds: float) -> None:
    if seconds >= TOLD_WAIT:
        click.echo(say("Zendesk asks us to wait %(seconds)d seconds", seconds=seconds), err=True)
    time.sleep(seconds)


def folder_of(site: Site, host: str) -> Path:
    """Where what an account has is copied to, unless the command says another place."""
    return site.settings.data_path / "imports" / host.replace(":", "-")
