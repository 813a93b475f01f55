"""kbsearch move: the whole database, from SQLite to PostgreSQL or back."""

import click

from kbsearch import config, config_sources
from kbsearch.cli import Refused, Site, pass_site
from kbsearch.cli.output import echo_json, json_option, progress_bar, say
from kbsearch.database import Damaged, Unreachable
from kbsearch.errors import Problem
from kbsearch.site import moving


@click.command("move")
@click.option("--to", "target", metavar="URL", required=True, help="postgresql://… or a file.")
@json_option
@pass_site
def move_command(site: Site, target: str, as_json: bool) -> None:
    """Copy the whole database into another, empty one: from SQLite to PostgreSQL, or back.

    Stop the site first. What was written is read again and compared row by row; the database that
    was there stays as it is. Name the new one in the setting database afterwards.

    Example: kbsearch move --to postgresql://kbsearch@db.example/help
    """
    try:
        place = config_sources.database_of(target)
    except ValueError as problem:
        raise Refused(f"--to: {problem}") from None
    name = config.shown(place)
    try:
        with progress_bar() as progress:
            task = progress.add_task("", total=None)
            counts = moving.move(
                site.settings,
                site.db,
                place,
                lambda table: progress.update(task, description=table),
            )
    except (Damaged, Unreachable) as problem:
        raise Problem("site.database_unreachable", database=name, reason=problem) from None
    if as_json:
        echo_json({"rows": counts})
        return
    count = sum(counts.values())
    click.echo(
        say("%(count)d rows of %(tables)d tables: the same", count=count, tables=len(counts))
    )
    click.echo(say("Set database to %(database)s, then start the site.", database=name))
