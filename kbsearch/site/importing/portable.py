"""A site moves in: a folder that `kbsearch export` wrote, noun by noun, as often as one likes."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import fields as names_of
from pathlib import Path
from typing import Any

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.errors import Invalid, NotFound, Problem
from kbsearch.files import places
from kbsearch.people import organisations
from kbsearch.people.organisations import Organisation, OrganisationFields, branding, products
from kbsearch.people.organisations.branding import MAX_LOGO, LookFields
from kbsearch.people.organisations.products import ProductFields
from kbsearch.site.exporting import DRAFT_FILES, MACROS, RULES
from kbsearch.site.importing import fields, lines, teams, tickets
from kbsearch.site.importing import people as accounts
from kbsearch.site.importing.attaching import FileFolder, FileRecord
from kbsearch.site.importing.lines import Line
from kbsearch.site.importing.report import Remark, Report
from kbsearch.site.portable import lines as sheet_lines
from kbsearch.site.portable import prepared
from kbsearch.site.portable.sheets import SHEETS

Values = Mapping[str, Any]
Keep = Callable[[Line, Report], None]
MAX_FORM_KEY = 200


@dataclass(frozen=True)
class SiteFolder:
    """A folder with an export, and the site that takes it in."""

    settings: Settings
    db: Database
    path: Path

    def run(
        self,
        tell: Callable[[Remark], None] = lambda remark: None,
        progress: Callable[[int], None] = lambda position: None,
    ) -> dict[str, Report]:
        """Take it in; what came of each noun, by its name. Content comes where there is none."""
        reports: dict[str, Report] = {}

        def report(name: str) -> Report:
            return reports.setdefault(name, Report(tell))

        self._each(self._objects("products.json"), self._keep_product, report("products"))
        companies = "organisations.json"
        self._each(self._objects(companies), self._keep_organisation, report("organisations"))
        if (path := self.path / "people.jsonl").is_file():
            accounts.run(self.db, path, report=report("people"))
        self._each(self._objects(companies), self._keep_followers, report("followers"))
        if (path := self.path / "teams.jsonl").is_file():
            teams.run(self.db, path, report=report("teams"))
        self._take_sheets(report, first=True)
        store = places.attached(self.settings)
        if (path := self.path / "tickets.jsonl").is_file():
            requests = report("tickets")
            tickets.run(self.db, path, report=requests, progress=progress, store=store)
        self._take_sheets(report, first=False)
        self._each(self._lines(RULES), self._keep_rule, report("rules"))
        self._each(self._lines(MACROS), self._keep_macro, report("macros"))
        self._count_gaps_from_there()
        self._each(self._lines(DRAFT_FILES), self._keep_draft_file, report("draft files"))
        self._copy_content()
        return {name: noun for name, noun in reports.items() if noun.read}

    def _take_sheets(self, report: Callable[[str], Report], *, first: bool) -> None:
        for sheet in SHEETS:
            if sheet.comes_first is first:
                rows = self._lines(f"{sheet.name}.jsonl")
                sheet_lines.take_in(self.db, sheet, rows, report(sheet.name))

    def _objects(self, name: str) -> Iterator[Line]:
        """The objects of a file that is one list."""
        path = self.path / name
        if not path.is_file():
            return
        try:
            values = json.loads(path.read_text("utf-8"))
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, list):
            yield Line(1, 0, {}, Invalid("import.not_json"))
            return
        for number, value in enumerate(values, 1):
            is_object = isinstance(value, dict)
            problem = None if is_object else Invalid("import.not_an_object")
            yield Line(number, 0, value if is_object else {}, problem)

    def _lines(self, name: str) -> Iterator[Line]:
        path = self.path / name
        yield from lines.read(path, "jsonl") if path.is_file() else ()

    def _each(self, read: Iterator[Line], keep: Keep, report: Report) -> None:
        for line in read:
            try:
                if line.problem is not None:
                    raise line.problem
                with self.db.atomic():
                    keep(line, report)
            except Problem as problem:
                name = line.values.get("slug") or line.values.get("name")
                report.refuse(line.number, str(name or "")[:80], problem)

    def _keep_product(self, line: Line, report: Report) -> None:
        values = line.values
        slug = fields.required(fields.text(values, "slug"), "slug")
        given = ProductFields(
            name=fields.text(values, "name"),
            versions=tuple(fields.names(values, "versions")),
            where_fr=fields.text(values, "where_fr"),
            where_en=fields.text(values, "where_en"),
        )
        try:
            old = products.find(self.db, slug)
        except NotFound:
            products.add(self.db, OPERATOR, given, slug=slug)
            report.created += 1
            return
        _count(report, old, products.edit(self.db, OPERATOR, old, given))

    def _keep_organisation(self, line: Line, report: Report) -> None:
        values = line.values
        slug = fields.required(fields.text(values, "slug"), "slug")
        given = OrganisationFields(
            name=fields.text(values, "name"),
            slug=slug,
            sharing=fields.text(values, "sharing") or "nobody",
            contract_starts=fields.text(values, "contract_starts"),
            contract_ends=fields.text(values, "contract_ends"),
            products=tuple(fields.names(values, "products")),
            phone=fields.text(values, "phone"),
            trusted_devices=fields.flag(values, "trusted_devices"),
            contract=fields.text(values, "contract"),
        )
        look = self._look(values)
        old: Organisation | None
        try:
            old = organisations.find(self.db, slug)
        except NotFound:
            old = None
        if old is None:
            added = organisations.add(self.db, OPERATOR, given)
            branding.dress(self.db, OPERATOR, added.id, look)
            report.created += 1
            return
        if any(_differs(old, given, name) for name in CONTRACT):
            organisations.edit(self.db, OPERATOR, old, given)
        if not _wears(old, look):
            branding.dress(self.db, OPERATOR, old.id, look)
        _count(report, old, organisations.find_id(self.db, old.id))

    def _look(self, values: Values) -> LookFields:
        logo = b""
        if name := fields.text(values, "logo"):
            path = FileFolder(self.path, places.attached(self.settings)).find(
                FileRecord("logo", name)
            )
            with path.open("rb") as file:
                logo = file.read(MAX_LOGO + 1)
        return LookFields(
            accent=fields.text(values, "accent"),
            welcome_fr=fields.text(values, "welcome_fr"),
            welcome_en=fields.text(values, "welcome_en"),
            logo=logo,
        )

    def _keep_followers(self, line: Line, report: Report) -> None:
        """Once people are there: who is told of every request of an organisation."""
        old = organisations.find(self.db, fields.text(line.values, "slug"))
        addresses = sorted(fields.names(line.values, "followers"))
        if addresses == list(organisations.followers(self.db, old)):
            return
        organisations.edit(self.db, OPERATOR, old, OrganisationFields(followers=addresses))
        report.updated += 1

    def _keep_rule(self, line: Line, report: Report) -> None:
        prepared.keep_rule(self.db, line.values, report)

    def _keep_macro(self, line: Line, report: Report) -> None:
        prepared.keep_macro(self.db, line.values, report)

    def _keep_draft_file(self, line: Line, report: Report) -> None:
        """A file of a form that was not sent; it is on the disk before its row."""
        values = line.values
        person = people.find(self.db, fields.text(values, "person"))
        key = fields.required(fields.name(values, "form_key", MAX_FORM_KEY), "form_key")
        name = fields.text(values, "name")
        record = FileRecord(name, fields.required(fields.text(values, "file"), "file"))
        attachment = FileFolder(self.path, places.attached(self.settings)).take(record)
        columns = {
            "person_id": person.id,
            "form_key": key,
            "name": attachment.name,
            "sha256": attachment.sha256,
        }
        there = self.db.query(
            """
            SELECT 1 FROM attachments WHERE person_id = :person_id AND form_key = :form_key
              AND name = :name AND sha256 = :sha256
            """,
            columns,
        )
        if there:
            report.unchanged += 1
            return
        at = fields.required(fields.moment(values, "created_at") or "", "created_at")
        self.db.insert(
            "attachments", {**attachment.row, **columns, "id": new_id(), "created_at": at}
        )
        report.created += 1

    def _count_gaps_from_there(self) -> None:
        self.db.execute(
            """
            UPDATE counters SET value = (SELECT MAX(number) FROM gaps)
            WHERE name = 'gap' AND value < (SELECT MAX(number) FROM gaps)
            """
        )

    def _copy_content(self) -> None:
        """The content with its repository, where the site has none of its own yet."""
        source, target = self.path / "content", self.settings.content_path
        if source.is_dir() and not (target.is_dir() and any(target.iterdir())):
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)


CONTRACT = tuple(f.name for f in names_of(OrganisationFields) if f.name != "followers")


def _differs(old: Organisation, given: OrganisationFields, name: str) -> bool:
    before, after = getattr(old, name), getattr(given, name)
    if name == "products":
        return sorted(before) != sorted(after)
    return (before or "") != (after or "")


def _wears(old: Organisation, look: LookFields) -> bool:
    """Whether an organisation looks like that already."""
    there = old.look
    logo = branding.logo_hash(look.logo) if look.logo else None
    return (
        (there.accent or "") == look.accent
        and (there.welcome_fr, there.welcome_en) == (look.welcome_fr, look.welcome_en)
        and (there.logo.hash if there.logo else None) == logo
    )


def _count(report: Report, old: object, new: object) -> None:
    if old == new:
        report.unchanged += 1
    else:
        report.updated += 1
