"""Tables that are taken over: uploaded, their columns named, checked, then left to the worker."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flask import make_response, redirect, request
from werkzeug.wrappers import Response

from kbsearch.errors import Invalid, Problem
from kbsearch.i18n import explain
from kbsearch.site.importing import table_imports
from kbsearch.site.importing.systems.table_fields import FIELD, FIELDS, KEYS, WORDS
from kbsearch.site.importing.systems.table_map import TableMap
from kbsearch.site.importing.table_imports import MAX_MAP, TableContent, TableFile, TableImport
from kbsearch.web.admin.door import bp, names_a_page
from kbsearch.web.admin.forms import Form, is_on, render_form, text
from kbsearch.web.admin.table_words import field_names, meaning_name, rows_name, state_name
from kbsearch.web.desk.spreadsheets import spreadsheet
from kbsearch.web.render import db, language, render, site, spoken_language, viewer

OWN = FIELD  # the choice of a column that becomes a field by its own name
KINDS = ("tickets", "people", "organisations")
# What is wrong with a map rather than with the table.
OF_MAPS = {"import.map_wrong", "import.unknown_value", "import.column_twice", "import.missing"}


class MappedColumn(NamedTuple):
    """A column of the table in the form: what it is, and what stands in it."""

    heading: str
    examples: list[str]
    choice: str


class ForeignWord(NamedTuple):
    """A word of a column, and what it means here."""

    word: str
    meaning: str


@bp.get("/tables")
def list_tables() -> Response:
    return tables_page(Form({"rows": "tickets"}))


@bp.post("/tables")
def upload_table() -> Response:
    """Keep the file that was sent; what is wrong with it is said on the form."""
    file, map_file = request.files.get("file"), request.files.get("map")
    rows = text("rows") if text("rows") in KINDS else "tickets"
    form = Form({"rows": rows})
    if file is None or not file.filename:
        return tables_page(refused(form, "file", Invalid("import.no_file")))
    map_bytes = map_file.stream.read(MAX_MAP) if map_file else b""
    table_file = TableFile(
        file.filename, file.stream, rows, map_bytes.decode("utf-8-sig", "replace")
    )
    try:
        table = table_imports.upload(db(), viewer(), site().settings, table_file)
    except Invalid as problem:
        of_map = bool(map_bytes) and problem.key in OF_MAPS
        return tables_page(refused(form, "map" if of_map else "file", problem))
    return redirect(address(table), 303)


@bp.get("/tables/<id>")
def show_table(id: str) -> Response:
    item = table_of(id)
    content = table_imports.content(site().settings, item)
    return table_page(item, content, table_imports.map_of(item), Form())


@bp.post("/tables/<id>")
def check_table(id: str) -> Response:
    """Keep what the columns are, and have it rehearsed."""
    item = table_of(id)
    content = table_imports.content(site().settings, item)
    rows = table_imports.map_of(item).rows
    choices = {heading: text(f"c{place}") for place, heading in enumerate(content.headings)}
    columns = mapped(content, choices, rows)
    try:
        check_choices(choices, rows)
        table_imports.check(db(), viewer(), site().settings, item, columns)
    except Invalid as problem:
        return table_page(item, content, columns, refused(Form(choices), "columns", problem))
    return redirect(address(item), 303)


@bp.get("/tables/<id>/state")
def show_table_state(id: str) -> Response:
    item = table_of(id)
    return render("admin/_table_state.html", **state_of(item))


@bp.post("/tables/<id>/runs")
def start_table(id: str) -> Response:
    return moved(id, lambda item: table_imports.start(db(), viewer(), item, text("revision")))


@bp.post("/tables/<id>/stop")
def stop_table(id: str) -> Response:
    return moved(id, lambda item: table_imports.stop(db(), viewer(), item))


@bp.post("/tables/<id>/removal")
def remove_table(id: str) -> Response:
    table_imports.remove(db(), viewer(), site().settings, table_of(id))
    return redirect(f"/{language()}/admin/tables?done=removed", 303)


@bp.get("/tables/<id>/map")
def download_table_map(id: str) -> Response:
    """The map as `kbsearch import csv --map` reads it."""
    answer = make_response(table_of(id).map_text)
    answer.headers["Content-Type"] = "application/toml; charset=utf-8"
    answer.headers["Content-Disposition"] = 'attachment; filename="map.toml"'
    return answer


@bp.get("/tables/<id>/report")
def download_table_report(id: str) -> Response:
    """Every row that was refused or altered, with the reason."""
    item, _ = table_of(id), spoken_language().translate
    tongue = language()
    outcomes = {True: _("Refused"), False: _("Taken over with a change")}
    rows = (
        (row.line, row.subject, outcomes[row.refused], reason(row.key, row.values, tongue))
        for row in table_imports.report(site().settings, item)
    )
    return spreadsheet("report", (_("Line"), _("Row"), _("Outcome"), _("Reason")), rows)


def moved(id: str, act: Callable[[TableImport], None]) -> Response:
    """The page after a change of its state; where it has moved on meanwhile, the page says so."""
    item = table_of(id)
    try:
        act(item)
    except Invalid:
        return redirect(f"{address(item)}?done=moved-on", 303)
    return redirect(address(item), 303)


def mapped(content: TableContent, choices: Mapping[str, str], rows: str) -> TableMap:
    """What was chosen for each column, and for the words of some, as a map."""
    columns = {
        f"{FIELD}{heading}" if choice == OWN else choice: heading
        for heading, choice in choices.items()
        if choice
    }
    words = {name: words_sent(name) for name in WORDS if name in columns}
    if rows in ("tickets", "messages"):
        rows = "messages" if "body" in columns else "tickets"
    return TableMap(columns, words, rows, are_public=is_on("public"))


def words_sent(name: str) -> dict[str, str]:
    """The meanings that were chosen for the words of a column."""
    theirs, ours = request.form.getlist(f"word-{name}"), request.form.getlist(f"meaning-{name}")
    return {word: meaning for word, meaning in zip(theirs, ours, strict=False) if meaning}


def check_choices(choices: Mapping[str, str], rows: str) -> None:
    """Raise Invalid where two columns are one thing, or what tells rows apart is none of them."""
    named = [choice for choice in choices.values() if choice and choice != OWN]
    names = field_names()
    for name in named:
        if named.count(name) > 1:
            raise Invalid("import.field_twice", name=names.get(name, name[:80]))
    if KEYS[rows] not in named:
        raise Invalid("import.column_missing", name=names[KEYS[rows]])


def tables_page(form: Form) -> Response:
    return render_form(
        "admin/tables.html",
        form=form,
        tables=table_imports.list_all(db(), viewer()),
        rows_of=lambda item: rows_name(table_imports.map_of(item).rows),
        state_name=state_name,
        kinds=[(kind, rows_name(kind)) for kind in KINDS],
        limit=table_imports.MAX_TABLE // 1_000_000,
        days=table_imports.KEEP.days,
        done=request.args.get("done", ""),
    )


def table_page(item: TableImport, content: TableContent, columns: TableMap, form: Form) -> Response:
    _ = spoken_language().translate
    choices = form.values or {theirs: ours for ours, theirs in columns.columns.items()}
    shown = [
        MappedColumn(heading, content.examples(heading), choice_of(choices.get(heading, "")))
        for heading in content.headings
    ]
    names = field_names()
    options = [("", _("Leave out")), *((name, names[name]) for name in FIELDS[columns.rows])]
    if "number" in FIELDS[columns.rows]:
        options.append((OWN, _("A field of its own")))
    words = {
        name: [ForeignWord(*pair) for pair in pairs.items()]
        for name, pairs in content.words(columns).items()
        if pairs
    }
    return render_form(
        "admin/table.html",
        form=form,
        columns=shown,
        options=options,
        words=words,
        meanings={name: [(m, meaning_name(name, m)) for m in WORDS[name]] for name in words},
        names=names,
        map=columns,
        rows=rows_name(columns.rows),
        says_who_reads={"public", "internal"} & columns.columns.keys(),
        done=request.args.get("done", ""),
        **state_of(item),
    )


def state_of(item: TableImport) -> dict[str, Any]:
    """What the part of the page that follows the worker shows."""
    tongue = language()
    outcome = item.outcome
    rows = outcome.get("rows", {})
    return {
        "table": item,
        "address": address(item),
        "state": state_name(item.state),
        "counts": [(rows_name(noun), values) for noun, values in outcome.get("counts", {}).items()],
        "reasons": [
            (each["count"], reason(each["key"], each["values"], tongue))
            for each in outcome.get("reasons", ())
        ],
        "refused_rows": rows.get("refused", 0),
        "altered_rows": rows.get("altered", 0),
        "first_rows": [
            {**row, "reason": reason(row["key"], row["values"], tongue)}
            for row in rows.get("first", ())
        ],
        "problem": reason(**outcome["problem"], tongue=tongue) if "problem" in outcome else "",
    }


def reason(key: str, values: Mapping[str, object], tongue: str) -> str:
    """A problem in words, its field by the name that the form gives it."""
    field = str(values.get("field", ""))
    shown = {**values, "field": field_names().get(field, field)} if field else values
    return explain(Problem(key, **shown), tongue)


def refused(form: Form, name: str, problem: Problem) -> Form:
    return Form(form.values, name, explain(problem, language()))


def choice_of(ours: str) -> str:
    return OWN if ours.startswith(FIELD) else ours


def address(item: TableImport) -> str:
    return f"/{language()}/admin/tables/{item.id}"


@names_a_page()
def table_of(id: str) -> TableImport:
    return table_imports.find(db(), viewer(), id)
