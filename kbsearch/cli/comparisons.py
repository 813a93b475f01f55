"""How a comparison of two help desks is told: as text, JSON, a table or a page of its own."""

import csv
import io
from collections.abc import Iterator
from html import escape
from pathlib import Path

import click

from kbsearch import i18n
from kbsearch.cli import Refused
from kbsearch.cli.output import echo_json, echo_table, say
from kbsearch.site.importing.systems.comparing import BothSides, RequestPair
from kbsearch.tickets.listing import safe_cell

SHOWN_MISSING = 20
STYLE = "body{font:1rem/1.5 system-ui,sans-serif;margin:1rem auto;max-width:70rem;padding:0 1rem}"
STYLE += "table{border-collapse:collapse}td,th{border:1px solid #767676;padding:.25rem .5rem;"
STYLE += "text-align:left;vertical-align:top;overflow-wrap:anywhere}tr.other td{background:#fff3c4}"


def tell(both: BothSides, path: Path | None, *, as_json: bool) -> None:
    """Say it; in a file too, a page where its name ends with .html, a table otherwise."""
    if path is not None:
        is_page = path.suffix.lower() in (".html", ".htm")
        try:
            path.write_text(_page(both) if is_page else _table(both), "utf-8")
        except OSError as problem:
            raise Refused(f"{path}: {problem.strerror}") from None
    if as_json:
        echo_json(_as_json(both))
        return
    headings = [say("month"), say("status"), say("there"), say("here")]
    echo_table(headings, [(m, s, str(there), str(here)) for m, s, there, here in both.rows()])
    if both.missing:
        names = ", ".join(map(str, both.missing[:SHOWN_MISSING]))
        click.echo(say("Not here (%(count)s): %(names)s", count=len(both.missing), names=names))
    same = sum(not pair.differences for pair in both.pairs)
    click.echo(say("%(same)s of %(count)s requests read side by side are the same",
                   same=same, count=len(both.pairs)))  # fmt: skip
    for number, field, there, here in _differences(both):
        click.echo(f"  #{number}  {field}: {there} | {here}")


def _differences(both: BothSides) -> Iterator[tuple[int, str, str, str]]:
    labels = _labels()
    for pair in both.pairs:
        for name in pair.differences:
            yield (pair.number, labels[name], *pair.sides[name])


def _as_json(both: BothSides) -> dict[str, object]:
    counts = [
        {"month": month, "status": status, "there": there, "here": here}
        for month, status, there, here in both.rows()
    ]
    requests = [
        {
            "number": pair.number,
            "differences": pair.differences,
            "there": {name: there for name, (there, _) in pair.sides.items()},
            "here": {name: here for name, (_, here) in pair.sides.items()},
        }
        for pair in both.pairs
    ]
    return {"counts": counts, "missing": list(both.missing), "requests": requests}


def _table(both: BothSides) -> str:
    """A row a count, then a row a field of each request."""
    labels = _labels()
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([say("month or request"), say("status or field"), say("there"), say("here")])
    writer.writerows(both.rows())
    for pair in both.pairs:
        for name, sides in pair.sides.items():
            writer.writerow([f"#{pair.number}", labels[name], *map(safe_cell, sides)])
    return "\ufeff" + buffer.getvalue()


def _page(both: BothSides) -> str:
    title = say("Both sides")
    counts = "".join(_row(cells, same=cells[2] == cells[3]) for cells in both.rows())
    headings = _headings(say("month"), say("status"), say("there"), say("here"))
    pairs = "".join(map(_pair, both.pairs))
    return (
        f'<!doctype html><html lang="{i18n.terminal_language()}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style><h1>{escape(title)}</h1>"
        f"<table>{headings}{counts}</table>{pairs}</html>\n"
    )


def _pair(pair: RequestPair) -> str:
    labels = _labels()
    rows = "".join(
        _row((labels[name], there, here), same=there == here)
        for name, (there, here) in pair.sides.items()
    )
    headings = _headings("", say("there"), say("here"))
    return f"<h2>#{pair.number}</h2><table>{headings}{rows}</table>"


def _headings(*names: str) -> str:
    return f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in names)}</tr>"


def _row(cells: tuple[object, ...], *, same: bool) -> str:
    content = "".join(f"<td>{escape(str(cell))}</td>" for cell in cells)
    return f"<tr{'' if same else ' class=other'}>{content}</tr>"


def _labels() -> dict[str, str]:
    """What the fields of a request are called."""
    return {
        "subject": say("Subject"),
        "status": say("Status"),
        "severity": say("Severity"),
        "requester": say("Requester"),
        "organisation": say("Organisation"),
        "assignee": say("Agent"),
        "team": say("Team"),
        "tags": say("Tags"),
        "created_at": say("Opened"),
        "answers": say("answers"),
        "notes": say("notes"),
        "files": say("files"),
        "last_words": say("last message"),
    }
