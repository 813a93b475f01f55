"""kbsearch stats: the help centre in numbers."""

from dataclasses import asdict

import click

from kbsearch import health, insights
from kbsearch.access import OPERATOR
from kbsearch.cli import Site, pass_site
from kbsearch.cli.output import echo_json, echo_table, json_option, say


@click.command("stats")
@click.option("--from", "first", metavar="DATE", default="", help="First day, as 2026-01-31.")
@click.option("--to", "last", metavar="DATE", default="", help="Last day; today by default.")
@json_option
@pass_site
def stats_command(site: Site, first: str, last: str, as_json: bool) -> None:
    """Print the numbers of a period, the last thirty days by default: those of the page Insights.

    Example: kbsearch stats --from 2026-01-01 --to 2026-03-31 --json
    """
    asked = insights.period(first, last)
    ledger = insights.deflection(site.db, OPERATOR, asked)
    groups = {name: insights.requests(site.db, OPERATOR, asked, name) for name in insights.GROUPS}
    opinion = insights.opinion(site.db, OPERATOR, asked)
    if as_json:
        echo_json(
            {
                "from": asked.first.isoformat(),
                "to": asked.last.isoformat(),
                "there_are": health.counts(site.db),
                "searches": asdict(ledger),
                "requests": {
                    name: [asdict(each) for each in some] for name, some in groups.items()
                },
                "satisfaction": {"good": opinion.good, "bad": opinion.bad},
            }
        )
        return
    click.echo(f"{asked.first} – {asked.last}")
    for name, count in {**asdict(ledger), "good": opinion.good, "bad": opinion.bad}.items():
        click.echo(f"  {name}: {count}")
    for name, some in groups.items():
        rows = [
            (
                each.name or "–",
                str(each.opened),
                _hours(each.first_answer.median),
                _hours(each.solution.median),
            )
            for each in some
        ]
        headings = (name, "opened", "first answer (h)", "solution (h)")
        echo_table([say(heading) for heading in headings], rows)


def _hours(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
