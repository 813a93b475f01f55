"""How commands answer: aligned columns for people, JSON for programs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kbsearch import i18n

if TYPE_CHECKING:
    from rich.progress import Progress

    from kbsearch.site.demo import Account

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def say(message: str, /, **values: object) -> str:
    """The message in the language of the terminal."""
    return i18n.gettext(i18n.terminal_language(), message, **values)


def echo_json(value: object) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def echo_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under their headings, each column as wide as its widest cell."""
    lines = [tuple(headings), *rows]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def progress_bar() -> "Progress":
    """How far a long command is, on a terminal only; gone when it is done."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)


def public(values: dict[str, object]) -> dict[str, object]:
    """What programs get: no ids of the database."""
    return {name: value for name, value in values.items() if name != "id"}


def echo_accounts(accounts: "Sequence[Account]", mail: Path) -> None:
    """How to sign in as each of the demo's people, and where their mailed codes are."""
    rows = [
        (account.email, account.role, account.password, account.totp_secret or say("by mail"))
        for account in accounts
    ]
    headings = [say("address"), say("role"), say("password"), say("verification code")]
    echo_table(headings, rows)
    click.echo(say("A key of letters and digits goes into an authenticator application."))
    click.echo(say("Mailed codes lie in %(folder)s, the latest in the newest file.", folder=mail))
