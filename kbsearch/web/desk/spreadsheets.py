"""Files for spreadsheets: CSV as the reader's Excel opens it, sent as its rows are read.

A double click is the whole test: a French Excel separates by semicolons, and reads 03/02/2026 09:41
and 1,5; an English one by commas, and 2026-02-03 09:41 and 1.5. Moments are of the reader's zone.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flask import send_file, stream_with_context
from werkzeug.wrappers import Response

from kbsearch.clock import parsed
from kbsearch.people.profiles import DEFAULT_TIME_ZONE
from kbsearch.tickets.listing import safe_cell
from kbsearch.web import patience
from kbsearch.web.render import language, viewer

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_DECIMAL = re.compile(r"-?\d+\.\d+")
BOM = "\ufeff"  # Excel takes a file without one for Latin-1


@dataclass(frozen=True)
class Dialect:
    """How a spreadsheet of that language reads a file."""

    language: str
    zone: str

    @property
    def separator(self) -> str:
        return ";" if self.language == "fr" else ","

    def cell(self, value: object) -> str:
        """A number or a moment as that language writes it; any other text as it is."""
        text = str(value)
        if _MOMENT.fullmatch(text):
            moment = parsed(text).astimezone(ZoneInfo(self.zone))
            return moment.strftime("%d/%m/%Y %H:%M" if self.language == "fr" else "%Y-%m-%d %H:%M")
        if self.language == "fr" and _DECIMAL.fullmatch(text):
            return text.replace(".", ",")
        return text


def spreadsheet(
    name: str, headings: Iterable[object], rows: Iterable[Iterable[object]]
) -> Response:
    """The answer that is saved as `<name>.csv`; no cell of it is a formula (RFC 4180)."""
    patience.ask_for(patience.EXPORT)
    lines = stream_with_context(_lines(headings, rows))
    response = Response(lines, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def archive(name: str, files: Iterable[tuple[str, Iterator[Iterable[object]]]]) -> Response:
    """The answer that is saved as `<name>.zip`: spreadsheets by name, their headings first."""
    patience.ask_for(patience.EXPORT)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for file_name, rows in files:
            with packed.open(f"{file_name}.csv", "w") as written:
                for line in _lines(next(rows), rows):
                    written.write(line.encode())
    content.seek(0)
    return send_file(content, "application/zip", as_attachment=True, download_name=f"{name}.zip")


def _lines(headings: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    dialect = Dialect(language(), viewer().time_zone or DEFAULT_TIME_ZONE)
    yield BOM + _line(headings, dialect)
    for row in rows:
        yield _line(row, dialect)


def _line(cells: Iterable[object], dialect: Dialect) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=dialect.separator)
    writer.writerow([safe_cell(dialect.cell(cell)) for cell in cells])
    return buffer.getvalue()
