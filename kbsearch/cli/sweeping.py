"""kbsearch sweep: files that belong to nothing go to the trash."""

import click

from kbsearch.cli import Site, pass_site
from kbsearch.cli.output import say
from kbsearch.files import places
from kbsearch.messages.incoming import mails
from kbsearch.tickets import files as attachments

ALL = 1.0


@click.command("sweep")
@pass_site
def sweep_command(site: Site) -> None:
    """Move every old file that belongs to nothing to var/trash, however many they are.

    The worker does so every hour, and leaves alone what looks too much: doctor tells. Make sure
    that the database is the right one. What is in the trash leaves it after 30 days.

    Example: kbsearch sweep
    """
    trash = places.trash(site.settings)
    files = places.attached(site.settings)
    moved = attachments.forget_orphans(site.db, files, trash, share=ALL)
    moved += mails.forget_old(site.db, site.settings, trash, share=ALL)
    line = say("%(count)d files are in %(folder)s now", count=moved, folder=trash.place)
    click.echo(line)
