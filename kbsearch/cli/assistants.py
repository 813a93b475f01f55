"""kbsearch mcp: the Model Context Protocol on stdin and stdout."""

import json
import sys

import click

from kbsearch.access import ANONYMOUS
from kbsearch.cli import Site, pass_site
from kbsearch.people import viewers
from kbsearch.search.ranking import Search
from kbsearch.web.assistants import protocol
from kbsearch.web.assistants.tools import Bench


@click.command("mcp")
@click.option("--as", "email", metavar="EMAIL", help="Act as this person; else as a stranger.")
@click.option("--read-only", is_flag=True, help="Prepare no drafts.")
@pass_site
def mcp_command(site: Site, email: str | None, read_only: bool) -> None:
    """Talk to an assistant by the Model Context Protocol, on stdin and stdout.

    Example: kbsearch mcp --as alice@acme.example
    """
    search = Search(site.settings, site.db)
    for line in sys.stdin.buffer:
        # asked at every message: whoever leaves an organisation has left it here too
        viewer = viewers.find(site.db, email) if email else ANONYMOUS
        may_write = viewer.is_signed_in and not read_only
        bench = Bench(site.settings, site.db, search, viewer, may_write)
        answer = protocol.answer(bench, protocol.read(line))
        if answer is not None:
            click.echo(json.dumps(answer, ensure_ascii=False))
