"""Files for spreadsheets: CSV as programs and people open it, sent as its rows are read."""

import csv
import io
from collections.abc import Iterable, Iterator

from flask import stream_with_context
from werkzeug.wrappers import Response

from kbsearch.tickets.lists import safe_cell
from kbsearch.web import patience

BOM = "\ufeff"  # Excel takes a file without one for Latin-1


def spreadsheet(
    name: str, headings: Iterable[object], rows: Iterable[Iterable[object]]
) -> Response:
    """The answer that is saved as `<name>.csv`; no cell of it is a formula (RFC 4180)."""

    patience.ask_for(patience.EXPORT)

    def lines() -> Iterator[str]:
        yield BOM + _line(headings)
        for row in rows:
            yield _line(row)

    response = Response(stream_with_context(lines()), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _line(cells: Iterable[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([safe_cell(str(cell)) for cell in cells])
    return buffer.getvalue()
