"""kbsearch export: leaving with everything."""

from dataclasses import asdict
from pathlib import Path

import click

from kbsearch import audit
from kbsearch.access import EVERYONE, OPERATOR
from kbsearch.articles.publishing.front_matter import AUDIENCES
from kbsearch.cli import Refused, Site, pass_site
from kbsearch.cli.output import echo_json, json_option, progress_bar, say
from kbsearch.cli.usage import only_with
from kbsearch.config import is_audience
from kbsearch.files.folder import for_its_owner
from kbsearch.people import viewers
from kbsearch.site import exporting, own_data, static_site
from kbsearch.site.exporting import Exported
from kbsearch.site.static_site import StaticSite


@click.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--static", "is_static", is_flag=True, help="The help pages as a site of files.")
@click.option("--audience", default=EVERYONE, metavar="WHO", help="Whose pages: with --static.")
@click.option("--lang", "languages", multiple=True, help="Only this language: with --static.")
@click.option("--person", metavar="EMAIL", help="Only what is of this person, in a ZIP file DIR.")
@json_option
@pass_site
def export_command(
    site: Site,
    folder: Path,
    is_static: bool,
    audience: str,
    languages: tuple[str, ...],
    person: str | None,
    as_json: bool,
) -> None:
    """Write requests, files, people, organisations, products and content to an empty folder DIR.

    With --static, write the articles that an audience may read (everyone, customers, agents,
    org:SLUG, product:SLUG) as a site of files with its own search, which any web server offers.

    Requests and people are JSON Lines that 'kbsearch import' reads; content is Markdown under
    git. To save a site and bring it back, there is 'kbsearch backup'. With --person: what the site
    keeps about somebody and the files they attached, as they may take it away themselves.

    Example: kbsearch export /tmp/leaving
    """
    if person is not None and is_static:
        message = say("Give one of %(one)s and %(other)s.", one="--static", other="--person")
        raise click.UsageError(message)
    if not is_static:
        only_with("--static", "audience", "languages")
    if person is not None:
        _export_person(site, person, folder, as_json)
        return
    if not is_audience(audience):
        raise click.BadParameter(AUDIENCES, param_hint="--audience")
    if unknown := set(languages) - set(site.settings.languages):
        raise click.BadParameter(", ".join(sorted(unknown)), param_hint="--lang")
    exported: StaticSite | Exported
    with progress_bar() as progress:
        task = progress.add_task(say("Articles" if is_static else "Requests"), total=None)

        def tell(count: int, in_all: int) -> None:
            progress.update(task, completed=count, total=in_all)

        if is_static:
            exported = static_site.write(
                site.settings, site.db, folder, audience=audience, languages=languages, tell=tell
            )
        else:
            exported = exporting.export(site.settings, site.db, folder, tell)
    if as_json:
        echo_json(asdict(exported))
        return
    for noun, count in asdict(exported).items():
        click.echo(f"{say(noun)}: {count}")


def _export_person(site: Site, email: str, file: Path, as_json: bool) -> None:
    viewer = viewers.find(site.db, email)
    try:
        with open(file, "xb", opener=for_its_owner) as target:
            try:
                count = own_data.pack(site.db, site.settings, viewer, target)
            except BaseException:
                file.unlink()
                raise
    except OSError as problem:
        raise Refused(say("%(file)s: %(reason)s", file=file, reason=problem.strerror)) from None
    audit.act(site.db, OPERATOR, "data.exported", person_id=viewer.person_id)
    if as_json:
        echo_json({"file": str(file), "files": count})
    else:
        click.echo(say("%(file)s: their data and %(count)d files", file=file, count=count))
