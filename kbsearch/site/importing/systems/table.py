"""Any table: a row for each request, message, person or organisation, by a map of its columns."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path

from kbsearch.clock import parsed
from kbsearch.errors import Invalid
from kbsearch.site.importing import fields, lines
from kbsearch.site.importing.lines import Line
from kbsearch.site.importing.systems import LeftOut
from kbsearch.site.importing.systems.desk import Desk, laid_out
from kbsearch.site.importing.systems.table_fields import FIELD, NO, YES, folded, is_in
from kbsearch.site.importing.systems.table_map import TableMap
from kbsearch.site.importing.systems.things import (
    Company,
    DeskRequest,
    Group,
    Somebody,
    Thing,
    Utterance,
)

DATES = ("created_at", "updated_at", "solved_at", "at", "contract_ends")
SAMPLE = 200  # rows that a map is guessed from


def sample(source: Path, count: int = SAMPLE) -> list[dict[str, str]]:
    """The first rows that can be read, by the headings of their columns."""
    rows = (line.values for line in lines.read(source, "csv") if line.problem is None)
    return list(islice(rows, count))


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
        """What the rows are; of several rows of a request, the first says it."""
        seen: set[str] = set()
        for line in lines.read(self.source, "csv"):
            if line.notice is not None:
                self.left_out.add(line.notice)
            if line.problem is not None:
                self.left_out.refuse(line.number, "", line.problem)
                self.left_out.name("unreadable", f"{self.source.name}:{line.number}")
                continue
            values = self._values(line)
            if self.map.rows == "people":
                yield from self._person(values, line)
            elif self.map.rows == "organisations":
                yield from self._organisation(values, line)
            else:
                yield from self._of_requests(values, line, seen)

    def _of_requests(self, values: dict[str, str], line: Line, seen: set[str]) -> Iterator[Thing]:
        number = values.get("number", "")
        if not number:
            self.left_out.refuse(line.number, "", Invalid("import.missing", field="number"))
            return
        if number not in seen or self.map.rows == "tickets":
            seen.add(number)
            yield from self._request(number, values, line)
        if self.map.rows == "messages" and values.get("body", "").strip():
            yield self._message(number, values, line)

    def _values(self, line: Line) -> dict[str, str]:
        """A row by our names; its dates as they are stored, where they are of a spreadsheet."""
        columns = self.map.columns.items()
        values = {ours: str(line.values.get(theirs) or "") for ours, theirs in columns}
        return values | {name: lines.as_stored(values[name]) for name in DATES if name in values}

    def _request(self, number: str, values: dict[str, str], line: Line) -> Iterator[Thing]:
        status = self._meaning("status", values, line, number)
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
            severity=self._meaning("severity", values, line, number) or "minor",
            copies=_parts(values.get("cc", "")),
            tags=_parts(values.get("tags", "")),
            answers={n.removeprefix(FIELD): values[n] for n in names if values[n]},
            line=line.number,
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

    def _person(self, values: dict[str, str], line: Line) -> Iterator[Thing]:
        """Somebody, who is known by their address."""
        address = values.get("email", "").strip()
        if not address:
            self.left_out.refuse(line.number, "", Invalid("import.missing", field="email"))
            return
        companies = _parts(values.get("organisation", ""))
        yield from (Company(name.lower(), name, line=line.number) for name in companies)
        suspended = folded(values.get("suspended", ""))
        said = {
            "name": values.get("name", "").strip() or _joined(values),
            "language": self._meaning("language", values, line, address),
            "organisations": companies,
            "suspended": bool(suspended) and not is_in(suspended, NO),
        }
        yield Somebody(
            id=fields.address(address) or address.lower(),
            email=address,
            name=str(said["name"]),
            role=self._meaning("role", values, line, address) or "customer",
            language=str(said["language"]),
            company_ids=tuple(name.lower() for name in companies),
            is_suspended=bool(said["suspended"]),
            line=line.number,
            renews=tuple(name for name, value in said.items() if value),
        )

    def _organisation(self, values: dict[str, str], line: Line) -> Iterator[Thing]:
        """An organisation, which is known by its name."""
        name = values.get("name", "").strip()
        try:
            fields.required(name, "name")
            ends = fields.moment(values, "contract_ends") or ""
        except Invalid as problem:
            self.left_out.refuse(line.number, name[:80], problem)
            return
        shared = folded(values.get("shared", ""))
        said = {"sharing": shared, "contract_ends": ends}
        yield Company(
            id=name.lower(),
            name=name,
            is_shared=is_in(shared, YES),
            contract_ends=_day(ends),
            line=line.number,
            renews=tuple(field for field, value in said.items() if value),
        )

    def _meaning(self, name: str, values: dict[str, str], line: Line, subject: str) -> str:
        """What a word of a row is here; a word that nobody knows is told."""
        word = values.get(name, "")
        meaning = self.map.meaning(name, word)
        if not meaning and (word.strip() or name == "status"):
            if name in self.map.columns:
                self.left_out.alter(line.number, subject, UNKNOWN[name])
            else:  # no row is to blame
                self.left_out.add(UNKNOWN[name])
        return meaning


def _day(moment: str) -> str:
    """The day of a moment where people are: a spreadsheet's date is their midnight."""
    return parsed(moment).astimezone(lines.ZONE).date().isoformat() if moment else ""


# What is told of a word that nobody knows.
UNKNOWN = {
    "status": Invalid("import.status_unknown"),
    "severity": Invalid("import.severity_unknown"),
    "role": Invalid("import.role_unknown"),
    "language": Invalid("import.language_unknown"),
}


def _joined(values: dict[str, str]) -> str:
    return f"{values.get('first_name', '')} {values.get('last_name', '')}".strip()


def _parts(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.replace(";", ",").split(","))))
