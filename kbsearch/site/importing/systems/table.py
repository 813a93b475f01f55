"""Any table: a row for each request, or for each message of one, by a map of its columns."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from kbsearch.errors import Invalid
from kbsearch.site.importing import lines
from kbsearch.site.importing.lines import Line
from kbsearch.site.importing.systems import LeftOut
from kbsearch.site.importing.systems.desk import Desk, laid_out
from kbsearch.site.importing.systems.table_map import FIELD, TableMap
from kbsearch.site.importing.systems.things import Company, DeskRequest, Group, Thing, Utterance

DATES = ("created_at", "updated_at", "solved_at", "at")


def opened(source: Path, table_map: TableMap, since: str = "") -> AbstractContextManager[Desk]:
    """The table as requests, of them those changed from a moment on; gone afterwards."""
    return laid_out(source.parent, lambda _, left: MappedTable(source, table_map, left), since)


class MappedTable:
    """The rows of a table, each as its map says."""

    def __init__(self, source: Path, table_map: TableMap, left_out: LeftOut) -> None:
        self.source = source
        self.map = table_map
        self.left_out = left_out

    def things(self) -> Iterator[Thing]:
        """Requests, organisations and teams; of several rows of a request, the first says them."""
        seen: set[str] = set()
        for line in lines.read(self.source, "csv"):
            if line.notice is not None:
                self.left_out.add(line.notice)
            if line.problem is not None:
                self.left_out.add(line.problem)
                self.left_out.name("unreadable", f"{self.source.name}:{line.number}")
                continue
            values = self._values(line)
            number = values.get("number", "")
            if not number:
                self.left_out.add(Invalid("import.missing", field="number"))
                continue
            if number not in seen or self.map.rows == "tickets":
                seen.add(number)
                yield from self._request(number, values)
            if self.map.rows == "messages" and values.get("body", "").strip():
                yield self._message(number, values, line)

    def _values(self, line: Line) -> dict[str, str]:
        """A row by our names; its dates as they are stored, where they are of a spreadsheet."""
        columns = self.map.columns.items()
        values = {ours: str(line.values.get(theirs) or "") for ours, theirs in columns}
        return values | {name: lines.as_stored(values[name]) for name in DATES if name in values}

    def _request(self, number: str, values: dict[str, str]) -> Iterator[Thing]:
        status = self.map.meaning("status", values.get("status", ""))
        if not status:
            self.left_out.add(Invalid("import.status_unknown"))
        company, team = values.get("organisation", "").strip(), values.get("team", "").strip()
        if company:
            yield Company(company.lower(), company)
        if team:
            yield Group(team.lower(), team)
        names = [ours for ours in self.map.columns if ours.startswith(FIELD)]
        yield DeskRequest(
            id=number,
            number=number,
            status=status or "open",
            created_at=values.get("created_at", "") or values.get("at", ""),
            updated_at=values.get("updated_at", ""),
            solved_at=values.get("solved_at", ""),
            subject=values.get("subject", ""),
            text=values.get("description", ""),
            requester=values.get("requester", ""),
            assignee=values.get("assignee", ""),
            company_id=company.lower(),
            group_id=team.lower(),
            product=values.get("product", ""),
            version=values.get("version", ""),
            severity=self.map.meaning("severity", values.get("severity", "")) or "minor",
            copies=_parts(values.get("cc", "")),
            tags=_parts(values.get("tags", "")),
            answers={n.removeprefix(FIELD): values[n] for n in names if values[n]},
        )

    def _message(self, number: str, values: dict[str, str], line: Line) -> Utterance:
        """What a row says."""
        return Utterance(
            id=str(line.number),
            request_id=number,
            at=values.get("at", "") or values.get("created_at", ""),
            text=values["body"],
            author=values.get("author", ""),
            is_public=self.map.is_public(values),
        )


def _parts(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.replace(";", ",").split(","))))
