"""kbsearch leave: what a move to another system would lose."""

import click

from kbsearch.cli import Site, pass_site
from kbsearch.cli.output import echo_json, json_option, say
from kbsearch.files import places
from kbsearch.site.portable import leaving
from kbsearch.site.portable.leaving import TARGETS, LeavingOutcome, Target


@click.command("leave")
@click.option("--check", is_flag=True, expose_value=False, help="Only count: it never does more.")
@click.option("--to", "target", type=click.Choice(TARGETS), help="One shape; otherwise each.")
@json_option
@pass_site
def leave_command(site: Site, target: Target | None, as_json: bool) -> None:
    """Say what a move to Zendesk's shape, to CSV or to Markdown would lose, and change nothing.

    Everything is counted in this site as it is now. 'kbsearch export' writes what leaves.

    Example: kbsearch leave --check --to zendesk
    """
    store = places.attached(site.settings)
    moves = {
        to: list(leaving.outcomes(site.db, store, to)) for to in ([target] if target else TARGETS)
    }
    if as_json:
        echo_json({"to": {to: _as_json(outcomes) for to, outcomes in moves.items()}})
        return
    for to, outcomes in moves.items():
        lost = [outcome for outcome in outcomes if outcome.becomes is None]
        click.echo(say("To %(target)s: %(count)s kinds are lost", target=to, count=len(lost)))
        for outcome in outcomes:
            click.echo(f"  {_in_words(outcome)}")


def _in_words(outcome: LeavingOutcome) -> str:
    thing = f"{outcome.count} × {say(outcome.kind.label)}"
    if outcome.becomes is None:
        return say("lost: %(thing)s", thing=thing)
    if outcome.becomes:
        return say("kept: %(thing)s, as %(shape)s", thing=thing, shape=say(outcome.becomes))
    return say("kept: %(thing)s", thing=thing)


def _as_json(outcomes: list[LeavingOutcome]) -> dict[str, object]:
    lost = {o.kind.name: o.count for o in outcomes if o.becomes is None}
    kept = {o.kind.name: o.count for o in outcomes if o.becomes is not None}
    return {"lost": lost, "kept": kept}
