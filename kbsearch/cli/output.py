"""How commands answer: aligned columns for people, JSON for programs."""

import json
from collections.abc import Sequence

import click

from kbsearch import i18n


def say(message: str, **values: object) -> str:
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
