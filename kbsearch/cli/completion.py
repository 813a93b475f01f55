"""kbsearch completion: the shell completes commands and options as they are typed."""

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print what makes a SHELL complete the commands of kbsearch, made from them.

    Example: kbsearch completion bash > ~/.local/share/bash-completion/completions/kbsearch
    """
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(ctx.find_root().command, {}, "kbsearch", "_KBSEARCH_COMPLETE").source())
