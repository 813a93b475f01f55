"""Options that go with others only: refused where they would be passed over."""

import click
from click.core import ParameterSource

from kbsearch.cli.output import say


def only_with(other: str, *names: str) -> None:
    """Refuse the options of these names that were given, as `other` was not; exit status 2."""
    context = click.get_current_context()
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in names and source is ParameterSource.COMMANDLINE:
            option = max(parameter.opts, key=len)
            message = say("%(option)s goes with %(other)s.", option=option, other=other)
            raise click.UsageError(message)
