"""kbsearch init, config, doctor, migrate and version: the site itself."""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from kbsearch import config, config_sources, people
from kbsearch.access import OPERATOR
from kbsearch.cli import Refused, Site, pass_site
from kbsearch.cli.output import echo_accounts, echo_json, echo_table, json_option, say
from kbsearch.database import migrations
from kbsearch.database.engines import open_database
from kbsearch.database.sqlite import SQLITE_VERSION
from kbsearch.people import PersonFields
from kbsearch.people.accounts import choosing
from kbsearch.site import belonging, demo, doctor, new
from kbsearch.version import __version__

MASK = "********"
MARKS = {"ok": "✓", "warn": "!", "fail": "✗"}


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--demo", "with_demo", is_flag=True, help="With people and past requests to try.")
@click.option("--admin", metavar="EMAIL", help="The first administrator's address.")
@json_option
def init_command(folder: Path, with_demo: bool, admin: str | None, as_json: bool) -> None:
    """Make a new site in DIR: settings, content under git, data folder, first administrator.

    Without --admin, a terminal is asked for the address. Run again on a site, it changes nothing.

    Example: kbsearch init mysite --admin you@company.example
    """
    if new.is_site(folder):
        click.echo(
            say("%(folder)s is a site already; nothing was changed", folder=folder), err=True
        )
        if as_json:
            echo_json({"accounts": []})
        return
    address = "" if with_demo else people.fold_email(admin or _asked_address())
    under_git = new.create(folder, demo=with_demo)
    if not under_git:
        line = say("git is not there: the content is a plain folder, published as it stands")
        click.echo(line, err=True)
    site = Site(config_sources.load(folder / config.CONFIG_NAME))
    if with_demo:
        opened = demo.fill(site.settings, site.db)
        if as_json:
            echo_json({"accounts": [_without_nothing(asdict(account)) for account in opened]})
            return
        click.echo(say("%(folder)s is ready: cd %(folder)s && kbsearch serve", folder=folder))
        echo_accounts(opened, site.settings.data_path / "mail")
        return
    person = people.add(
        site.db, OPERATOR, PersonFields(email=address, name="Administrator", role="administrator")
    )
    link = choosing.invitation_link(site.db, OPERATOR, site.settings, person)
    if as_json:
        echo_json({"accounts": [{"email": person.email, "link": link}]})
        return
    click.echo(say("%(folder)s is ready: cd %(folder)s && kbsearch serve", folder=folder))
    click.echo(say("Choose the password of %(email)s within seven days:", email=person.email))
    click.echo(link)


def _asked_address() -> str:
    """Whose site it is, of whoever sits at the terminal; nobody is chosen in silence."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise Refused(say("whose site is it? Say: kbsearch init DIR --admin EMAIL"))
    address: str = click.prompt(say("E-mail address of the first administrator"), err=True)
    return address


@click.command("adopt")
@click.option("--new-key", is_flag=True, help="Go on with another secret key: it is lost.")
@click.option(
    "--old-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --new-key: the file of the key before. All that it sealed stays good.",
)
@pass_site
def adopt_command(site: Site, new_key: bool, old_key: Path | None) -> None:
    """Make data folder and content belong to this database, where the site refuses to start.

    Only for those who know why they did not: files that no request names leave after a while.
    With --new-key, authenticators are taken away, and webhooks need a new secret; not so with
    --old-key, which changes a key that may have leaked: stop the site and move the file away first.

    Example: kbsearch adopt
    """
    if old_key and not new_key:
        raise click.UsageError(say("--old-key goes with --new-key"))
    if old_key:
        belonging.change_key(site.configuration, old_key)
        click.echo(say("the key that is there counts from now on; remove %(path)s", path=old_key))
        return
    if new_key:
        for person in belonging.take_key(site.configuration):
            click.echo(say("%(email)s sets up another authenticator", email=person.email))
        click.echo(say("the key that is there counts from now on; renew the secrets of webhooks"))
        return
    site.opened(belonging.adopt).close()
    click.echo(
        say(
            "%(database)s, %(data)s and %(content)s are one site from now on.",
            database=site.settings.database_name,
            data=site.settings.data_path,
            content=site.settings.content_path,
        )
    )


@click.group("config")
def config_command() -> None:
    """The settings in force.

    Example: kbsearch config show
    """


@config_command.command("show")
@json_option
@pass_site
def config_show(site: Site, as_json: bool) -> None:
    """Show every setting, its value (secrets masked) and where it comes from.

    Example: kbsearch config show --json
    """
    values: dict[str, object] = {}
    for name, item in config.FIELDS.items():
        value = getattr(site.settings, name)
        if name in config_sources.TABLES:
            value = tuple(table.name for table in value)
        if name in ("database", "index"):
            value = config.shown(value)
        values[name] = MASK if item.metadata["secret"] and value else value
    sources = site.configuration.sources
    if as_json:
        plain = {n: str(v) if isinstance(v, Path) else v for n, v in values.items()}
        settings = {name: {"value": v, "source": sources[name]} for name, v in plain.items()}
        echo_json({"settings": settings})
        return
    rows = [
        (name, ", ".join(value) if isinstance(value, tuple) else str(value), sources[name])
        for name, value in values.items()
    ]
    echo_table([say("setting"), say("value"), say("source")], rows)


@click.command("doctor")
@click.option("--deep", is_flag=True, help="Read every file, and all of the repository.")
@click.option("--strict", is_flag=True, help="Warnings count as failures.")
@json_option
@pass_site
def doctor_command(site: Site, deep: bool, strict: bool, as_json: bool) -> None:
    """Look for what is wrong: one line each, with the remedy. Exit status 1 if something fails.

    Nothing is changed, and nothing is sent.

    Example: kbsearch doctor --deep
    """
    checks = list(doctor.examine(site.configuration, deep=deep))
    lines = [
        {
            "name": check.name,
            "state": check.state,
            "told": say(check.told, **dict(check.values)),
            "remedy": say(check.remedy, **dict(check.values)) if check.remedy else "",
        }
        for check in checks
    ]
    if as_json:
        echo_json({"checks": lines})
    else:
        for line in lines:
            mark = MARKS[line["state"]]
            click.echo(f"{mark} {line['name']}: {line['told']}. {line['remedy']}".rstrip())
    wrong = ("fail", "warn") if strict else ("fail",)
    failed = sum(check.state in wrong for check in checks)
    if failed:
        raise Refused(say("%(count)s checks failed: their lines say what to do", count=failed))


@click.command("migrate")
@click.option("--list", "only_list", is_flag=True, help="Show the steps, change nothing.")
@json_option
@pass_site
def migrate_command(site: Site, only_list: bool, as_json: bool) -> None:
    """Bring the database schema up to date; every command that needs it does so by itself.

    Example: kbsearch migrate --list
    """
    belonging.look(site.configuration)
    db = open_database(site.settings.database_address)
    steps = migrations.pending(db) if only_list else migrations.migrate(db)
    db.close()
    if as_json:
        echo_json({"pending" if only_list else "applied": steps})
    elif not steps:
        click.echo(say("the schema is up to date"))
    else:
        for step in steps:
            click.echo(step)


@click.command("version")
@json_option
def version_command(as_json: bool) -> None:
    """Print the version of kbsearch, and those of the engines it stands on.

    Example: kbsearch version
    """
    from importlib.metadata import version

    versions = {
        "kbsearch": __version__,
        "sqlite": ".".join(map(str, SQLITE_VERSION)),
        "tantivy": version("tantivy"),
        "flask": version("flask"),
    }
    if as_json:
        echo_json(versions)
    else:
        click.echo("  ".join(f"{name} {number}" for name, number in versions.items()))


def _without_nothing(values: dict[str, object]) -> dict[str, object]:
    """What an account has: no second factor, no line about it."""
    return {name: value for name, value in values.items() if value is not None}
