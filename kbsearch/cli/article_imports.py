"""kbsearch import articles: a help centre of another system as a branch of the content."""

from pathlib import Path

import click

from kbsearch import i18n
from kbsearch.articles.importing import run
from kbsearch.articles.importing.run import ImportOutcome
from kbsearch.cli import Refused, Site, pass_site
from kbsearch.cli.import_reports import import_bar
from kbsearch.cli.live_accounts import folder_of, open_account
from kbsearch.cli.output import echo_json, json_option, say
from kbsearch.errors import Problem

SHOWN_ERRORS = 20
ZENDESK = "zendesk"


@click.command("articles")
@click.argument("source", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--from", "system", type=click.Choice(sorted(run.SOURCES)), help="Else by what SOURCE holds."
)
@click.option("--url", metavar="URL", help="A live Zendesk; its token is read from stdin.")
@click.option("--branch", default="", help="Where to write; else draft/import-SYSTEM.")
@click.option("--lang", default="", metavar="LANGUAGE", help="Of pages that do not say theirs.")
@json_option
@pass_site
def import_articles(
    site: Site,
    source: Path | None,
    system: str | None,
    url: str | None,
    branch: str,
    lang: str,
    as_json: bool,
) -> None:
    """Take the articles of another system over, as files on a branch that is not live.

    SOURCE is a folder; with --url it is where the articles of a live Zendesk are copied to first,
    and may be left out. Look at the branch, then merge it: it is published as any other change. The
    addresses the articles had answer from then on. Run again, it changes nothing but what has
    changed in the source.

    Example: kbsearch import articles guide --from zendesk
    """
    if url is not None:
        if system not in (None, ZENDESK):
            raise click.UsageError(say("--url is of a Zendesk."))
        source, system = _copy_guide(site, url, source), ZENDESK
    elif source is None:
        raise click.UsageError(say("Give a folder, or --url."))
    elif not source.is_dir():
        raise Refused(say("%(path)s: there is no such folder", path=source))
    if lang and lang not in site.settings.languages:
        raise Refused(say("%(lang)s is no language of this site", lang=lang))
    try:
        outcome = run.run(site.settings, source, system or run.guessed(source), branch, lang)
    except Problem as problem:
        raise Refused(i18n.explain(problem, i18n.terminal_language())) from None
    if as_json:
        echo_json(as_values(outcome))
    else:
        _print(outcome)
    if outcome.errors:
        raise click.exceptions.Exit(1)


def _copy_guide(site: Site, url: str, folder: Path | None) -> Path:
    """Copy the articles of a live account into a folder, as far as they are not there yet."""
    from kbsearch.site.importing.systems.zendesk.guide_mirror import GuideMirror

    live = open_account(site, url)
    place = folder or folder_of(site, f"{live.host}-guide")
    with import_bar() as bar:
        task = bar.add_task(live.host, total=None)
        copy = GuideMirror(place, live, lambda count: bar.advance(task, count))
        for name in copy.fill():
            click.echo(say("%(name)s: not open to this token", name=name), err=True)
    return place


def as_values(outcome: ImportOutcome) -> dict[str, object]:
    """What was done, for programs."""
    language = i18n.terminal_language()
    counts = {name: getattr(outcome, name) for name in ("created", "updated", "unchanged")}
    return {
        "branch": outcome.branch,
        "commit": outcome.commit,
        "articles": outcome.pages,
        "drafts": outcome.drafts,
        **counts,
        "changes": [
            {"kind": kind, "count": count, "examples": outcome.report.details[kind]}
            for kind, count in sorted(outcome.report.counts.items())
        ],
        "errors": [finding.as_json(language) for finding in outcome.errors],
    }


def _print(outcome: ImportOutcome) -> None:
    """A line for each kind of change, then what is left for a person."""
    language = i18n.terminal_language()
    for kind, count in outcome.report.counts.most_common():
        examples = ", ".join(outcome.report.details[kind][:3])
        words = i18n.gettext(language, f"import_articles.change.{kind}")
        click.echo(f"{count:>6}  {words}{f' ({examples})' if examples else ''}")
    for finding in outcome.errors[:SHOWN_ERRORS]:
        click.echo(finding.as_text(language), err=True)
    counted = say(
        "%(pages)s articles (%(drafts)s drafts) on the branch %(branch)s: %(created)s files "
        "created, %(updated)s updated, %(unchanged)s unchanged",
        **{name: getattr(outcome, name) for name in ("pages", "drafts", "branch")},
        **{name: getattr(outcome, name) for name in ("created", "updated", "unchanged")},
    )
    click.echo(counted)
    if outcome.errors:
        files = len({finding.path for finding in outcome.errors})
        click.echo(say("%(count)s files need a person: see above", count=files), err=True)
