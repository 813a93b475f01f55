"""kbsearch stats: the help centre in numbers."""

from dataclasses import asdict

import click

from kbsearch import insights
from kbsearch.access import OPERATOR
from kbsearch.cli import Site, pass_site
from kbsearch.cli.output import echo_json, echo_table, json_option, say
from kbsearch.insights import deflection, handling
from kbsearch.people.profiles import DEFAULT_TIME_ZONE
from kbsearch.site import health


@click.command("stats")
@click.option("--from", "first", metavar="DATE", default="", help="First day, as 2026-01-31.")
@click.option("--to", "last", metavar="DATE", default="", help="Last day; today by default.")
@json_option
@pass_site
def stats_command(site: Site, first: str, last: str, as_json: bool) -> None:
    """Print the numbers of a period, the last thirty days by default: those of the page Insights.

    Days are those of Europe/Paris.

    Example: kbsearch stats --from 2026-01-01 --to 2026-03-31 --json
    """
    period = insights.period(first, last, zone=DEFAULT_TIME_ZONE)
    ledger = deflection.ledger(insights.visits(site.db, OPERATOR, period))
    handling.catch_up(site.db)
    groups = insights.shared(site.db, OPERATOR, period)
    opinion = insights.opinion(site.db, OPERATOR, period)
    thanked = insights.thanked(site.db, OPERATOR, period)
    if as_json:
        echo_json(
            {
                "from": period.first.isoformat(),
                "to": period.last.isoformat(),
                "there_are": health.counts(site.db),
                "searches": asdict(ledger),
                "requests": {name: [asdict(row) for row in some] for name, some in groups.items()},
                "satisfaction": {"good": opinion.good, "bad": opinion.bad},
                "thanks": asdict(thanked),
            }
        )
        return
    click.echo(f"{period.first} – {period.last}")
    for name, count in {**asdict(ledger), "good": opinion.good, "bad": opinion.bad}.items():
        click.echo(f"  {name}: {count}")
    for name, some in groups.items():
        rows = [
            (
                row.name or "–",
                str(row.opened),
                _hours(row.first_answer.median),
                _hours(row.solution.median),
                _hours(row.first_answer_open.median),
                _hours(row.solution_open.median),
            )
            for row in some
        ]
        headings = (
            name,
            "opened",
            "first answer (h)",
            "solution (h)",
            "answer, open (h)",
            "solution, open (h)",
        )
        echo_table([say(heading) for heading in headings], rows)


def _hours(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
