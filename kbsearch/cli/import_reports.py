"""What the commands that import share: their options, bars, reports and last words."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from kbsearch import i18n
from kbsearch.cli import Refused, Site
from kbsearch.cli.output import echo_json, say
from kbsearch.site.importing.report import Remark, Report

SHOWN_REMARKS = 20

report_option = click.option(
    "--report",
    "report_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every refused or altered line here, as JSON Lines.",
)


def catch_up(site: Site) -> None:
    """Bring the index up to date; where a worker is running, wait until it has done so."""
    from kbsearch.search.ranking import indexing

    with import_bar() as bar:
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
def reporting(path: Path | None) -> Iterator[Report]:
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
def reading_bar(file: Path) -> Iterator[Callable[[int], None]]:
    """A bar by bytes read."""
    with import_bar() as bar:
        task = bar.add_task(file.name, total=file.stat().st_size if file.is_file() else 0)
        yield lambda position: bar.update(task, completed=position)


def import_bar() -> Progress:
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


def tell_outcome(report: Report, as_json: bool) -> None:
    language = i18n.terminal_language()
    counts = counts_of(report)
    if as_json:
        echo_json({**counts, "remarks": [remark.told(language) for remark in report.remarks]})
    else:
        for remark in report.remarks[:SHOWN_REMARKS]:
            values = remark.told(language)
            click.echo(say("line %(line)s (%(subject)s): %(reason)s", **values), err=True)
        unseen = report.refused + report.altered - SHOWN_REMARKS
        if unseen > 0:
            click.echo(say("… and %(count)s more: --report FILE has all", count=unseen), err=True)
        click.echo(in_words(counts))
    refuse_if_any(report.refused)


def counts_of(report: Report) -> dict[str, int]:
    names = ("read", "created", "updated", "unchanged", "refused", "altered")
    return {name: getattr(report, name) for name in names}


def in_words(counts: dict[str, int]) -> str:
    return say(
        "%(read)s read: %(created)s created, %(updated)s updated, %(unchanged)s unchanged, "
        "%(refused)s refused",
        **counts,
    )


def refuse_if_any(count: int) -> None:
    """Status 1 for scripts, where something was refused."""
    if count:
        raise Refused(
            say("%(count)s lines were refused: correct them and run it again", count=count)
        )
