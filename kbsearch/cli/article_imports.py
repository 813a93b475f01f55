"""kbsearch import articles: a help centre of another system as a branch of the content."""

from pathlib import Path

import click

from kbsearch import i18n
from kbsearch.articles.importing import run
from kbsearch.articles.importing.run import ImportOutcome
from kbsearch.cli import Refused, Site, pass_site
from kbsearch.cli.output import echo_json, json_option, say
from kbsearch.errors import Problem

SHOWN_ERRORS = 20


@click.command("articles")
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--from", "system", type=click.Choice(sorted(run.SOURCES)), help="Else by what SOURCE holds."
)
@click.option("--branch", default="", help="Where to write; else draft/import-SYSTEM.")
@json_option
@pass_site
def import_articles(
    site: Site, source: Path, system: str | None, branch: str, as_json: bool
) -> None:
    """Take the articles of another system over, as files on a branch that is not live.

    SOURCE is a folder. Look at the branch, then merge it: it is published as any other change.
    The addresses the articles had answer from then on. Run again, it changes nothing but what has
    changed in the source.

    Example: kbsearch import articles guide --from zendesk
    """
    try:
        outcome = run.run(site.settings, source, system or run.guessed(source), branch)
    except Problem as problem:
        raise Refused(i18n.explain(problem, i18n.terminal_language())) from None
    if as_json:
        echo_json(as_values(outcome))
    else:
        _print(outcome)
    if outcome.errors:
        raise click.exceptions.Exit(1)


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
