"""kbsearch import zendesk, freshdesk, zammad…: a whole help desk of another system."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import update_wrapper
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.exceptions import Exit

from kbsearch import i18n, people
from kbsearch.cli import Refused, Site, pass_site
from kbsearch.cli.import_reports import (
    catch_up,
    counts_of,
    import_bar,
    in_words,
    refuse_if_any,
    report_option,
    reporting,
)
from kbsearch.cli.live_accounts import folder_of, open_account
from kbsearch.cli.output import echo_json, json_option, say
from kbsearch.cli.usage import only_with
from kbsearch.files import places

if TYPE_CHECKING:
    from kbsearch.site.importing.systems import LeftOut, System
    from kbsearch.site.importing.systems.moving_in import ArrivalCounts

Opening = Callable[..., "AbstractContextManager[System]"]  # of a site, a source, a moment
HELP = """Take a whole {name} over: SOURCE is {source}.

    Organisations, people, requests with what was said, files. Nobody is mailed, what is here
    already stays as it is. Interrupted, or once {name} has gone on, simply run it again.

    Example: kbsearch import {command} {example} --dry-run
    """


def _opening(module: str) -> Opening:
    """How a system is opened whose source says all of it."""

    def opening(site: Site, source: Path, since: str) -> "AbstractContextManager[System]":
        system = import_module(f"kbsearch.site.importing.systems.{module}")
        opened: AbstractContextManager[System] = system.opened(source, since)
        return opened

    return opening


def _takes_over(opening: Opening) -> Callable[..., None]:
    """A command of a function that opens a system: the options they share, and what follows."""

    @click.option("--since", metavar="MOMENT", help="Only requests changed from then on.")
    @click.option("--dry-run", "rehearsal", is_flag=True, help="Only say what would come.")
    @click.option("--compare", is_flag=True, help="Only compare what is there with what is here.")
    @click.option(
        "--save",
        "save_path",
        type=click.Path(dir_okay=False, path_type=Path),
        help="With --compare: write it here too, as .csv or .html.",
    )
    @report_option
    @json_option
    @pass_site
    def take(
        site: Site,
        /,
        source: Path | None,
        since: str | None,
        rehearsal: bool,
        compare: bool,
        save_path: Path | None,
        report_path: Path | None,
        as_json: bool,
        **own: Any,
    ) -> None:
        from kbsearch.site.importing import fields

        moment = fields.moment({"since": since}, "since") or ""
        if not compare:
            only_with("--compare", "save_path")
        with opening(site, source, moment, **own) as system:
            if compare:
                tell_both_sides(site, system, save_path, as_json=as_json)
                return
            take_over(site, system, report_path, rehearsal=rehearsal, as_json=as_json)

    return update_wrapper(take, opening)


def _command(
    name: str, opening: Opening, source: str, example: str, *, files: bool
) -> click.Command:
    """The command that takes such a system over."""
    place = click.Path(exists=True, file_okay=files, path_type=Path)
    take = click.argument("source", type=place)(_takes_over(opening))
    command = click.command(name.lower())(take)
    command.help = HELP.format(name=name, source=source, command=name.lower(), example=example)
    return command


@click.command("zendesk")
@click.argument("source", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--url", metavar="URL", help="A live account; its token is read from stdin.")
@_takes_over
def import_zendesk(
    site: Site, source: Path | None, since: str, url: str | None
) -> "AbstractContextManager[System]":
    """Take a whole Zendesk over: SOURCE is a folder of its exports.

    With --url it is the folder where a live account is copied to first, and may be left out. The
    token comes from standard input: ADDRESS/token:TOKEN, or that of an OAuth client.

    Organisations, people, requests with what was said, files. Nobody is mailed, what is here
    already stays as it is. Interrupted, or once Zendesk has gone on, simply run it again.

    Example: kbsearch import zendesk --url https://acme.zendesk.com < token.txt
    """
    from kbsearch.site.importing.systems.zendesk import export

    if url is not None:
        source = _copy_account(site, url, source, since)
    elif source is None:
        raise click.UsageError(say("Give a folder of exports, or --url."))
    elif not source.is_dir():
        raise Refused(say("%(path)s: there is no such folder", path=source))
    return export.opened(source, since)


def _copy_account(site: Site, url: str, folder: Path | None, since: str) -> Path:
    """Copy what a live account has into a folder, as far as it is not there yet."""
    from kbsearch.site.importing.systems.zendesk import mirror

    live = open_account(site, url)
    place = folder or folder_of(site, live.host)
    with import_bar() as bar:
        task = bar.add_task(live.host, total=None)
        copy = mirror.Mirror(place, live, lambda count: bar.advance(task, count))
        for name in copy.fill(since):
            click.echo(say("%(name)s: not open to this token", name=name), err=True)
    return place


@click.command("mbox")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--ours", multiple=True, metavar="ADDRESS", help="One that answers; repeatable.")
@_takes_over
def import_mbox(
    site: Site, source: Path, since: str, ours: tuple[str, ...]
) -> "AbstractContextManager[System]":
    """Take a support mailbox over: SOURCE is an mbox file or a folder of .eml files.

    Mails that answer each other are a request, with their dates and files. Those of people who
    answer here, of mail_from and of --ours are answers. Nobody is mailed; run it again as you like.

    Example: kbsearch import mbox support.mbox --ours support@example.com
    """
    from kbsearch.site.importing.systems import mbox

    answering = people.find_all(site.db, [id for id, _ in people.list_answering(site.db)])
    addresses = [*ours, *mbox.addresses_in(site.settings.mail_from)]
    staff = {*(person.email for person in answering), *map(people.fold_email, addresses)}
    return mbox.opened(source, staff, since)


@click.command("csv")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--map",
    "map_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Which column is what, as TOML; otherwise it is guessed.",
)
@click.option(
    "--rows",
    type=click.Choice(["tickets", "people", "organisations"]),
    default="tickets",
    help="What a row is, where the map is guessed.",
)
@click.option("--guess", "only_guess", is_flag=True, help="Only print the map that is guessed.")
@_takes_over
def import_csv(
    site: Site, source: Path, since: str, map_path: Path | None, rows: str, only_guess: bool
) -> "AbstractContextManager[System]":
    """Take any table over: SOURCE has a request a row, a message of one, or a person…

    A map says which column is what, and what its words mean; save the guessed one and correct it.
    Nobody is mailed. Requests that went on here stay as they are; of people and organisations
    that are here, what the table says of them counts.

    Example: kbsearch import csv requests.csv --guess > map.toml
    """
    from kbsearch.site.importing import lines
    from kbsearch.site.importing.systems import table, table_guess, table_map

    headings = lines.headings(source)
    if map_path is not None:
        columns = table_map.parse(map_path.read_text("utf-8", "replace"), headings)
    else:
        columns = table_guess.guess(headings, table.sample(source), rows)
    if only_guess:
        click.echo(columns.as_toml(), nl=False)
        raise Exit
    return table.opened(source, columns, since)


def tell_both_sides(site: Site, system: "System", save_path: Path | None, *, as_json: bool) -> None:
    """Compare a system with what is here, and change nothing."""
    from kbsearch.cli import comparisons
    from kbsearch.site.importing.systems import comparing

    with import_bar() as bar:
        task = bar.add_task(say("Requests"), total=system.count_requests())
        both = comparing.compare(site.db, system, lambda count: bar.update(task, completed=count))
    comparisons.tell(both, save_path, as_json=as_json)


def take_over(
    site: Site,
    system: "System",
    report_path: Path | None,
    *,
    rehearsal: bool,
    as_json: bool,
) -> None:
    """Take a system in, and say what came of it."""
    from kbsearch.site.importing.systems import moving_in
    from kbsearch.site.importing.systems.moving_in import Move

    with reporting(report_path) as report, import_bar() as bar:
        task = bar.add_task(say("Requests"), total=system.count_requests())
        move = Move(places.attached(site.settings), rehearsal, report.tell)
        arrival = moving_in.run(
            site.db, system, move, lambda count: bar.update(task, completed=count)
        )
    if not rehearsal:
        catch_up(site)
    _tell(arrival, system.left_out, rehearsal=rehearsal, as_json=as_json)


def _tell(arrival: "ArrivalCounts", left_out: "LeftOut", *, rehearsal: bool, as_json: bool) -> None:
    """What came, noun by noun; then what did not, by reason and by name."""
    language = i18n.terminal_language()
    nouns = {noun: counts_of(report) for noun, report in vars(arrival).items()}
    reasons = [
        {"kind": key, "count": count, "reason": i18n.explain(left_out.problems[key], language)}
        for key, count in sorted(left_out.counts.items())
    ]
    if as_json:
        echo_json(
            {
                "dry_run": rehearsal,
                **nouns,
                "conflicts": arrival.conflicts,
                "reasons": reasons,
                "left_out": left_out.names,
            }
        )
    else:
        for noun, counts in nouns.items():
            click.echo(f"{say(noun)}: {in_words(counts)}")
        for reason in reasons:
            click.echo(f"{reason['count']} × {reason['reason']}")
        if arrival.conflicts:
            click.echo(say("Stay as they are here: %(names)s", names=", ".join(arrival.conflicts)))
        for kind, names in sorted(left_out.names.items()):
            click.echo(
                say("Not taken over, %(kind)s: %(names)s", kind=kind, names=", ".join(names))
            )
        if rehearsal:
            click.echo(say("This was a rehearsal: nothing was changed."))
    refuse_if_any(sum(report.refused for report in vars(arrival).values()))


EXPORTS = "a folder of its exports"
API = "a folder of answers of its API"
DUMP = "a dump of its database"
FOLDER = f"{DUMP}, or a folder with it"
COMMANDS = (
    import_zendesk,
    _command("Freshdesk", _opening("freshdesk"), EXPORTS, "export/", files=False),
    _command(
        "Zammad", _opening("zammad"), "a folder of answers of its API", "export/", files=False
    ),
    _command(
        "FreeScout", _opening("freescout"), f"{DUMP}, or a folder with it", "export/", files=True
    ),
    _command("osTicket", _opening("osticket"), DUMP, "osticket.sql", files=True),
    _command("GLPI", _opening("glpi"), f"{FOLDER}, or of answers of its API", "glpi/", files=True),
    _command("Jira", _opening("jira"), API, "export/", files=False),
    _command("HelpScout", _opening("helpscout"), API, "export/", files=False),
    import_mbox,
    import_csv,
)
