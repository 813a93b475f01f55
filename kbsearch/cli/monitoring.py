"""kbsearch monitoring: the files that Prometheus and Grafana take."""

import shutil
from pathlib import Path

import click

from kbsearch import resources
from kbsearch.cli.output import say


@click.command("monitoring")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def monitoring_command(folder: Path) -> None:
    """Put alert rules for Prometheus and a dashboard for Grafana into DIR.

    What is there of earlier releases is replaced.

    Example: kbsearch monitoring /etc/prometheus/kbsearch
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(resources.folder("monitoring").iterdir()):
        shutil.copyfile(path, folder / path.name)
        click.echo(say("%(file)s written", file=folder / path.name))
