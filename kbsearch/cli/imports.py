"""kbsearch import: people, past tickets and articles from another tool."""

from pathlib import Path
from typing import Any

import click

from kbsearch.cli import Site, article_imports, pass_site, system_imports
from kbsearch.cli.import_reports import (
    catch_up,
    counts_of,
    in_words,
    reading_bar,
    refuse_if_any,
    report_option,
    reporting,
    tell_outcome,
)
from kbsearch.cli.output import echo_json, json_option
from kbsearch.files import places

file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
format_option = click.option(
    "--format", "written_as", type=click.Choice(["jsonl", "csv"]), help="Else by the file's name."
)


@click.group("import")
def import_command() -> None:
    """Take over the people, past tickets and articles of another tool.

    Run it again as often as you like: what is there already and has not changed stays as it is.

    Example: kbsearch import tickets tickets.jsonl
    """


import_command.add_command(article_imports.import_articles)
for command in system_imports.COMMANDS:
    import_command.add_command(command)


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

    with reporting(report_path) as report, reading_bar(file) as tell:
        people.run(site.db, file, written_as=written_as, report=report, progress=tell)
    catch_up(site)
    tell_outcome(report, as_json)


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

    with reporting(report_path) as report, reading_bar(file) as tell:
        teams.run(site.db, file, written_as=written_as, report=report, progress=tell)
    tell_outcome(report, as_json)


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

    with reporting(report_path) as report, reading_bar(file) as tell:
        store = places.attached(site.settings)
        tickets.run(site.db, file, written_as=written_as, report=report, progress=tell, store=store)
    catch_up(site)
    tell_outcome(report, as_json)


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
    from kbsearch.site.importing.portable import SiteFolder

    requests = folder / "tickets.jsonl"
    with reporting(report_path) as report, reading_bar(requests) as tell:
        reports = SiteFolder(site.settings, site.db, folder).run(report.tell, tell)
    catch_up(site)
    if as_json:
        echo_json({name: counts_of(noun) for name, noun in reports.items()})
    else:
        for name, noun in reports.items():
            click.echo(f"{name}: {in_words(counts_of(noun))}")
    refuse_if_any(sum(noun.refused for noun in reports.values()))
