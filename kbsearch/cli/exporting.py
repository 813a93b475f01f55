"""kbsearch export: leaving with everything."""

from dataclasses import asdict
from pathlib import Path

import click

from kbsearch.cli import Site, pass_site
from kbsearch.cli.output import echo_json, json_option, progress_bar, say
from kbsearch.site import exporting


@click.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@json_option
@pass_site
def export_command(site: Site, folder: Path, as_json: bool) -> None:
    """Write requests, files, people, organisations, products and content to an empty folder DIR.

    Requests and people are JSON Lines that 'kbsearch import' reads; content is Markdown under
    git. To save a site and bring it back, there is 'kbsearch backup'.

    Example: kbsearch export /tmp/leaving
    """
    with progress_bar() as progress:
        task = progress.add_task(say("Requests"), total=None)
        exported = exporting.export(
            site.settings,
            site.db,
            folder,
            lambda count, in_all: progress.update(task, completed=count, total=in_all),
        )
    if as_json:
        echo_json(asdict(exported))
        return
    for noun, count in asdict(exported).items():
        click.echo(f"{say(noun)}: {count}")
