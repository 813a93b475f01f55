"""kbsearch import: people, past tickets and articles from another tool."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from kbsearch import i18n
from kbsearch.cli import Refused, Site, article_imports, pass_site
from kbsearch.cli.output import echo_json, say
from kbsearch.files.store import FileStore
from kbsearch.site.importing.report import Remark, Report

if TYPE_CHECKING:
    from kbsearch.site.importing.systems import LeftOut
    from kbsearch.site.importing.systems.moving_in import Arrival

SHOWN_REMARKS = 20

file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
format_option = click.option(
    "--format", "written_as", type=click.Choice(["jsonl", "csv"]), help="Else by the file's name."
)
report_option = click.option(
    "--report",
    "report_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every refused or altered line here, as JSON Lines.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("import")
def import_command() -> None:
    """Take over the people, past tickets and articles of another tool.

    Run it again as often as you like: what is there already and has not changed stays as it is.

    Example: kbsearch import tickets tickets.jsonl
    """


import_command.add_command(article_imports.import_articles)


@import_command.command("people")
@file_argument
@format_option
@report_option
@json_option
@pass_site
def import_people(
    site: Site, file: Path, written_as: Any, report_path: Path | None, as_json: bool
) -> None:
    """Open or change accounts: email, name, role, organisation, language.

    Organisations that are not known are made, without a contract.

    Example: kbsearch import people people.csv
    """
    from kbsearch.site.importing import people

    with _reporting(report_path) as report, _progress(file) as progress:
        people.run(site.db, file, written_as=written_as, report=report, progress=progress)
    _catch_up(site)
    _finish(report, as_json)


@import_command.command("teams")
@file_argument
@format_option
@report_option
@json_option
@pass_site
def import_teams(
    site: Site, file: Path, written_as: Any, report_path: Path | None, as_json: bool
) -> None:
    """Make or change teams: name, members (addresses), products, way, archived.

    People come first, requests after them: of a team that is not here they come without it.

    Example: kbsearch import teams teams.jsonl
    """
    from kbsearch.site.importing import teams

    with _reporting(report_path) as report, _progress(file) as progress:
        teams.run(site.db, file, written_as=written_as, report=report, progress=progress)
    _finish(report, as_json)


@import_command.command("tickets")
@file_argument
@format_option
@report_option
@json_option
@pass_site
def import_tickets(
    site: Site, file: Path, written_as: Any, report_path: Path | None, as_json: bool
) -> None:
    """Take past tickets in, by the number they had. Required: number, subject, status, created_at.

    A table has the columns number, subject, description, requester, organisation, cc (addresses,
    commas), product, version, severity, status, created_at, updated_at, solved_at, language,
    confidential, tags, assignee, team, and messages (as JSON). Interrupted, simply run it again.

    Example: kbsearch import tickets tickets.jsonl --report refused.jsonl
    """
    from kbsearch.site.importing import tickets

    with _reporting(report_path) as report, _progress(file) as progress:
        store = FileStore(site.settings.files_path)
        tickets.run(
            site.db, file, written_as=written_as, report=report, progress=progress, store=store
        )
    _catch_up(site)
    _finish(report, as_json)


@import_command.command("site")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@report_option
@json_option
@pass_site
def import_site(site: Site, folder: Path, report_path: Path | None, as_json: bool) -> None:
    """Take over a whole site: FOLDER is what 'kbsearch export' wrote.

    Nobody is mailed, nobody has a password yet. Content comes where the site has none of its own;
    publish it afterwards. Run again, it changes nothing.

    Example: kbsearch import site /tmp/leaving
    """
    from kbsearch.site.importing.whole import SiteFolder

    requests = folder / "tickets.jsonl"
    with _reporting(report_path) as report, _progress(requests) as progress:
        reports = SiteFolder(site.settings, site.db, folder).run(report.tell, progress)
    _catch_up(site)
    if as_json:
        echo_json({name: _counts(noun) for name, noun in reports.items()})
    else:
        for name, noun in reports.items():
            click.echo(f"{name}: {_counted(_counts(noun))}")
    _refuse_if_any(sum(noun.refused for noun in reports.values()))


@import_command.command("zendesk")
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--since", metavar="MOMENT", help="Only requests changed from then on.")
@click.option("--dry-run", "rehearsal", is_flag=True, help="Only say what would come.")
@report_option
@json_option
@pass_site
def import_zendesk(
    site: Site,
    source: Path,
    since: str | None,
    rehearsal: bool,
    report_path: Path | None,
    as_json: bool,
) -> None:
    """Take a whole Zendesk over: SOURCE is a folder of its exports.

    Organisations, people, requests with what was said, files. Nobody is mailed, what is here
    already stays as it is. Interrupted, or once Zendesk has gone on, simply run it again.

    Example: kbsearch import zendesk export/ --dry-run
    """
    from kbsearch.site.importing import fields
    from kbsearch.site.importing.systems import moving_in
    from kbsearch.site.importing.systems.moving_in import Move
    from kbsearch.site.importing.systems.zendesk import export

    moment = fields.moment({"since": since}, "since") or ""
    with (
        export.opened(source, moment) as system,
        _reporting(report_path) as report,
        _bar() as bar,
    ):
        task = bar.add_task(source.name, total=system.count_requests())
        move = Move(FileStore(site.settings.files_path), rehearsal, report.tell)
        arrival = moving_in.run(
            site.db, system, move, lambda count: bar.update(task, completed=count)
        )
    if not rehearsal:
        _catch_up(site)
    _finish_moving(arrival, system.left_out, rehearsal=rehearsal, as_json=as_json)


def _finish_moving(
    arrival: "Arrival", left_out: "LeftOut", *, rehearsal: bool, as_json: bool
) -> None:
    """What came, noun by noun; then what did not, by reason and by name."""
    language = i18n.terminal_language()
    nouns = {noun: _counts(report) for noun, report in vars(arrival).items()}
    reasons = [
        {"kind": key, "count": count, "reason": i18n.explain(left_out.problems[key], language)}
        for key, count in sorted(left_out.counts.items())
    ]
    if as_json:
        echo_json({"dry_run": rehearsal, **nouns, "reasons": reasons, "left_out": left_out.names})
    else:
        for noun, counts in nouns.items():
            click.echo(f"{say(noun)}: {_counted(counts)}")
        for reason in reasons:
            click.echo(f"{reason['count']} × {reason['reason']}")
        for kind, names in sorted(left_out.names.items()):
            click.echo(
                say("Not taken over, %(kind)s: %(names)s", kind=kind, names=", ".join(names))
            )
        if rehearsal:
            click.echo(say("This was a rehearsal: nothing was changed."))
    _refuse_if_any(sum(report.refused for report in vars(arrival).values()))


def _catch_up(site: Site) -> None:
    """Bring the index up to date; where a worker is running, wait until it has done so."""
    from kbsearch.search.ranking import indexing

    with _bar() as bar:
        task = bar.add_task(say("Indexing"), total=None)
        try:
            indexing.catch_up(
                site.settings,
                site.db,
                lambda count, in_all: bar.update(task, completed=count, total=in_all),
            )
        except TimeoutError:
            click.echo(say("the worker is busy: the index follows later"), err=True)


@contextmanager
def _reporting(path: Path | None) -> Iterator[Report]:
    """A report that also goes to a file, remark by remark."""
    language = i18n.terminal_language()
    with ExitStack() as stack:
        report = Report()
        if path is not None:
            try:
                target = stack.enter_context(path.open("w", encoding="utf-8"))
            except OSError as problem:
                raise Refused(f"{path}: {problem.strerror}") from None

            def tell(remark: Remark) -> None:
                target.write(json.dumps(remark.told(language), ensure_ascii=False) + "\n")

            report.tell = tell
        yield report


@contextmanager
def _progress(file: Path) -> Iterator[Callable[[int], None]]:
    """A bar by bytes read."""
    with _bar() as bar:
        task = bar.add_task(file.name, total=file.stat().st_size if file.is_file() else 0)
        yield lambda position: bar.update(task, completed=position)


def _bar() -> Progress:
    """On a terminal only."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _finish(report: Report, as_json: bool) -> None:
    language = i18n.terminal_language()
    counts = _counts(report)
    if as_json:
        echo_json({**counts, "remarks": [remark.told(language) for remark in report.remarks]})
    else:
        for remark in report.remarks[:SHOWN_REMARKS]:
            values = remark.told(language)
            click.echo(say("line %(line)s (%(subject)s): %(reason)s", **values), err=True)
        unseen = report.refused + report.altered - SHOWN_REMARKS
        if unseen > 0:
            click.echo(say("… and %(count)s more: --report FILE has all", count=unseen), err=True)
        click.echo(_counted(counts))
    _refuse_if_any(report.refused)


def _counts(report: Report) -> dict[str, int]:
    names = ("read", "created", "updated", "unchanged", "refused", "altered")
    return {name: getattr(report, name) for name in names}


def _counted(counts: dict[str, int]) -> str:
    return say(
        "%(read)s read: %(created)s created, %(updated)s updated, %(unchanged)s unchanged, "
        "%(refused)s refused",
        **counts,
    )


def _refuse_if_any(count: int) -> None:
    """Status 1 for scripts, where something was refused."""
    if count:
        raise Refused(
            say("%(count)s lines were refused: correct them and run it again", count=count)
        )
