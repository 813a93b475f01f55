"""The `kbsearch` command: each sub-command lives in a module of its own, imported when called."""

import functools
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import click

from kbsearch import config, config_sources, i18n
from kbsearch.database import Busy, Damaged, Database, Unreachable, engines
from kbsearch.errors import NotFound, Problem
from kbsearch.site import belonging, restoring
from kbsearch.site.browser_settings import BrowserSettings
from kbsearch.version import __version__

P = ParamSpec("P")
R = TypeVar("R")
Opening = Callable[[config_sources.Configuration], Database]

COMMANDS = {
    "init": "site",
    "adopt": "site",
    "completion": "completion",
    "config": "site",
    "doctor": "site",
    "migrate": "site",
    "monitoring": "monitoring",
    "move": "moving",
    "version": "site",
    "serve": "serve",
    "web": "serve",
    "worker": "serve",
    "check": "content",
    "publish": "content",
    "search": "search",
    "similar": "search",
    "evaluate": "search",
    "index": "search",
    "leave": "leaving",
    "lessons": "lessons",
    "org": "organisations",
    "user": "people",
    "product": "organisations",
    "token": "tokens",
    "identity": "identities",
    "import": "imports",
    "mail-in": "mail",
    "mcp": "assistants",
    "webhook": "webhooks",
    "notify": "notifications",
    "export": "exporting",
    "forget": "erasing",
    "erase": "erasing_tickets",
    "stats": "stats",
    "backup": "backups",
    "restore": "backups",
    "drill": "backups",
    "sweep": "sweeping",
}


class Lazy(click.Group):
    """A group that imports a command's module only when it is called or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"kbsearch.cli.{COMMANDS[name]}")
        command: click.Command = getattr(module, f"{name.replace('-', '_')}_command")
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Problem as problem:
            message = i18n.explain(problem, i18n.terminal_language())
            raise _refused(ctx.invoked_subcommand, message) from None
        except Busy:
            busy = i18n.explain(Problem("site.busy"), i18n.terminal_language())
            raise _refused(ctx.invoked_subcommand, busy) from None
        except config.ConfigError as problem:
            raise _refused(ctx.invoked_subcommand, str(problem)) from None


class Site:
    """What a command works on: the settings, and the database opened at its first use."""

    def __init__(self, configuration: config_sources.Configuration) -> None:
        self.configuration = configuration
        self.settings = configuration.settings
        self._db: Database | None = None

    @property
    def db(self) -> Database:
        if self._db is None:
            self._db = self.opened(belonging.open_database)
            BrowserSettings(self.settings, self.configuration.sources).renew(self._db)
        return self._db

    def opened(self, how: Opening) -> Database:
        """The database, as one of the ways to open it does."""
        restoring.see_that_none_is_under_way(self.settings.site)
        try:
            return how(self.configuration)
        except Unreachable as problem:
            name = self.settings.database_name
            raise Problem("site.database_unreachable", database=name, reason=problem) from None
        except (Damaged, OSError) as problem:
            name = self.settings.database_name
            raise Problem("site.database_unreadable", path=name, reason=problem) from None

    def require(self) -> None:
        """Raise Problem where there is no site: nothing is made outside one."""
        settings, sources = self.settings, self.configuration.sources
        content = settings.content_path
        if sources["content"] == "default":
            content = content / "articles"  # another project may have a folder of that name
        if self.configuration.path is None and not (
            engines.is_named(settings.database_address) or content.is_dir()
        ):
            raise NotFound("site.none_here")


pass_anywhere = click.make_pass_decorator(Site)  # for a command that also works outside a site


def pass_site(act: Callable[Concatenate[Site, P], R]) -> Callable[P, R]:
    """Give a command the site that it is called in; it is refused outside one."""

    @pass_anywhere
    @functools.wraps(act)
    def inside(site: Site, /, *args: P.args, **kwargs: P.kwargs) -> R:
        site.require()
        return act(site, *args, **kwargs)

    return inside


class Refused(click.ClickException):
    """The command could not do it: one line that says why and what to do. Exit status 1."""

    def show(self, file: object = None) -> None:
        click.echo(f"kbsearch: {self.message}", err=True)


class NotNow(Refused):
    """The same for a mail server: it keeps the mail and tries again, instead of returning it."""

    exit_code = 75  # EX_TEMPFAIL


@click.group(cls=Lazy, invoke_without_command=True)
@click.option(
    "-c", "--config", "path", type=click.Path(path_type=Path), help="The kbsearch.toml to use."
)
@click.version_option(__version__, prog_name="kbsearch")
@click.pass_context
def cli(ctx: click.Context, path: Path | None) -> None:
    """A self-hosted help centre. Without a command: kbsearch serve.

    Example: kbsearch init mysite --demo && cd mysite && kbsearch serve
    """
    try:
        ctx.obj = Site(config_sources.load(path))
    except config.ConfigError as problem:
        raise _refused(ctx.invoked_subcommand, str(problem)) from None
    if ctx.invoked_subcommand is None:
        serve = cli.get_command(ctx, "serve")
        assert serve is not None
        ctx.invoke(serve)


def _refused(command: str | None, message: str) -> Refused:
    return NotNow(message) if command == "mail-in" else Refused(message)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    cli.main(args=arguments, prog_name="kbsearch")
