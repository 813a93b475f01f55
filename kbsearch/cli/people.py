"""kbsearch user: who may come in."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TextIO

import click

from kbsearch import people
from kbsearch.access import OPERATOR, ROLES
from kbsearch.cli import Site, pass_site
from kbsearch.cli.output import echo_json, echo_table, json_option, public, say
from kbsearch.cli.usage import only_with
from kbsearch.config import LANGUAGES
from kbsearch.people import PersonFields, agent_limits, organisations
from kbsearch.people.accounts import choosing, directory, inviting, passwords
from kbsearch.people.accounts.inviting import WaveTerms
from kbsearch.people.agent_limits import AgentLimits
from kbsearch.tickets import teams

role_option = click.option("--role", type=click.Choice(ROLES), help="What they may do.")
language_option = click.option("--language", type=click.Choice(LANGUAGES), help="Of their mail.")


def many_options(command: Callable[..., None]) -> Callable[..., None]:
    """Of which organisations, and how fast."""
    command = click.option(
        "--per-hour", type=int, default=inviting.USUAL_PACE, show_default=True, help="The pace."
    )(command)
    return click.option(
        "--org", "orgs", multiple=True, help="The customers of this organisation; repeatable."
    )(command)


@click.group("user")
def user_command() -> None:
    """People: customers, agents, writers and administrators.

    Example: kbsearch user add alice@acme.example --name "Alice Martin" --org acme
    """


@user_command.command("add")
@click.argument("email")
@click.option("--name", required=True, help="Their full name.")
@role_option
@click.option("--org", "orgs", multiple=True, help="Slug of their organisation; may be repeated.")
@language_option
@click.option("--invite", is_flag=True, help="Mail them the link to choose a password.")
@click.option("--password", "ask", is_flag=True, help="Ask for their password here.")
@click.option("--password-stdin", is_flag=True, help="Read their password from standard input.")
@pass_site
def user_add(
    site: Site,
    email: str,
    name: str,
    role: str | None,
    orgs: tuple[str, ...],
    language: str | None,
    invite: bool,
    ask: bool,
    password_stdin: bool,
) -> None:
    """Open an account, and say how its person gets a password: by invitation, or right now.

    Example: kbsearch user add dan@support.example --name "Dan Leroy" --role agent --invite
    """
    if invite + ask + password_stdin > 1:
        raise click.UsageError(say("Pick one of --invite, --password and --password-stdin."))
    password = _read_password(ask, password_stdin)
    with site.db.atomic():
        fields = PersonFields(name, email, role, organisations=orgs, language=language)
        added = directory.add(site.db, OPERATOR, fields, invited=invite)
        if password is not None:
            hashed = passwords.prepare(site.db, site.settings, added, password)
            passwords.keep(site.db, added, hashed)
    line = say("%(email)s added as %(role)s", email=added.email, role=added.role)
    click.echo(line)


@user_command.command("edit")
@click.argument("email")
@click.option("--name", help="Another name.")
@role_option
@click.option("--org", "orgs", multiple=True, help="Their organisations from now on.")
@click.option("--no-org", is_flag=True, help="No organisation at all.")
@language_option
@click.option("--enable", is_flag=True, help="Open a closed account again.")
@pass_site
def user_edit(
    site: Site,
    email: str,
    name: str | None,
    role: str | None,
    orgs: tuple[str, ...],
    no_org: bool,
    language: str | None,
    enable: bool,
) -> None:
    """Change an account: only what is given. Another role ends its sessions.

    Example: kbsearch user edit alice@acme.example --org acme --org globex
    """
    if orgs and no_org:
        raise click.UsageError(
            say("Give one of %(one)s and %(other)s.", one="--org", other="--no-org")
        )
    person = people.find(site.db, email)
    fields = PersonFields(
        name=name,
        role=role,
        organisations=orgs if orgs or no_org else None,
        language=language,
    )
    with site.db.atomic():
        if enable:
            person = people.enable(site.db, OPERATOR, person)
        edited = people.edit(site.db, OPERATOR, person, fields)
    click.echo(say("%(email)s changed", email=edited.email))


@user_command.command("limit")
@click.argument("email")
@click.option("--team", "names", multiple=True, help="Name of a team; may be repeated.")
@click.option("--product", "slugs", multiple=True, help="Slug of a product; may be repeated.")
@click.option("--none", "is_free", is_flag=True, help="No limit: every request.")
@pass_site
def user_limit(
    site: Site, email: str, names: tuple[str, ...], slugs: tuple[str, ...], is_free: bool
) -> None:
    """Limit an agent to the requests of some teams or products, and of no others.

    They also see those assigned to them and those they filed.

    Example: kbsearch user limit dan@support.example --team Hardware --product cervo-atelier
    """
    if bool(names or slugs) == is_free:
        raise click.UsageError(say("Give --team, --product or both; or --none."))
    person = people.find(site.db, email)
    ids = (teams.find_name(site.db, OPERATOR, name).id for name in names)
    agent_limits.edit(site.db, OPERATOR, person, AgentLimits(tuple(ids), slugs))
    if is_free:
        click.echo(say("%(email)s sees every request", email=person.email))
    else:
        limited_to = ", ".join((*names, *slugs))
        click.echo(say("%(email)s sees only: %(limits)s", email=person.email, limits=limited_to))


@user_command.command("list")
@click.option("--org", help="Only the people of this organisation.")
@role_option
@json_option
@pass_site
def user_list(site: Site, org: str | None, role: str | None, as_json: bool) -> None:
    """List people.

    Example: kbsearch user list --role agent
    """
    if org is not None:
        organisations.find(site.db, org)
    everybody = people.list_all(site.db, organisation=org, role=role)
    if as_json:
        echo_json({"people": [public(asdict(person)) for person in everybody]})
        return
    rows = [
        (
            person.email,
            person.name,
            person.role,
            ", ".join(person.organisations),
            say("closed") if person.disabled_at else "",
        )
        for person in everybody
    ]
    echo_table([say("address"), say("name"), say("role"), say("organisations"), ""], rows)


@user_command.command("disable")
@click.argument("email")
@pass_site
def user_disable(site: Site, email: str) -> None:
    """Close an account: its sessions and links end at once, its past stays.

    Example: kbsearch user disable alice@acme.example
    """
    person = people.disable(site.db, OPERATOR, people.find(site.db, email))
    click.echo(say("%(email)s can no longer come in", email=person.email))


@user_command.command("invite")
@click.argument("email", required=False)
@click.option("--print", "to_print", is_flag=True, help="Print the link here, mail nothing.")
@many_options
@click.option("--everybody", is_flag=True, help="The customers of every organisation.")
@click.option("--words-fr", type=click.File(encoding="utf-8"), help="Words of the letter, French.")
@click.option("--words-en", type=click.File(encoding="utf-8"), help="The same in English.")
@click.option("--sign-on", "by_sign_on", is_flag=True, help="They come by single sign-on.")
@click.option("--rehearse", metavar="EMAIL", help="Only send the letter to this account of ours.")
@json_option
@pass_site
def user_invite(
    site: Site,
    email: str | None,
    to_print: bool,
    orgs: tuple[str, ...],
    per_hour: int,
    everybody: bool,
    words_fr: TextIO | None,
    words_en: TextIO | None,
    by_sign_on: bool,
    rehearse: str | None,
    as_json: bool,
) -> None:
    """Mail somebody the link to choose a password; it works once, within seven days.

    With --org or --everybody, all customers who have never come in nor been invited, so many an
    hour.

    Example: kbsearch user invite alice@acme.example
    """
    if bool(email) + bool(orgs) + everybody != 1:
        raise click.UsageError(say("Give one of EMAIL, --org and --everybody."))
    if email is None:
        only_with("EMAIL", "to_print")
        texts = {"fr": words_fr, "en": words_en}
        words = {tongue: file.read() for tongue, file in texts.items() if file is not None}
        terms = WaveTerms(orgs, per_hour, words, by_sign_on)
        _invite_many(site, terms, rehearse, as_json=as_json)
        return
    only_with("--org", "rehearse", "words_fr", "words_en", "by_sign_on", "per_hour")
    person = people.find(site.db, email)
    values: dict[str, object] = {"email": person.email}
    if to_print:
        values["link"] = choosing.invitation_link(site.db, OPERATOR, site.settings, person)
    else:
        choosing.invite(site.db, OPERATOR, person)
    if as_json:
        echo_json(values)
    elif to_print:
        click.echo(values["link"])
    else:
        click.echo(say("%(email)s will get a mail with a link", email=person.email))


def _invite_many(site: Site, terms: WaveTerms, rehearse: str | None, *, as_json: bool) -> None:
    if rehearse is not None:
        inviting.rehearse(site.db, OPERATOR, terms, people.find(site.db, rehearse))
        if as_json:
            echo_json({"rehearsed": rehearse})
        else:
            click.echo(say("%(email)s will get the e-mail, nobody else", email=rehearse))
        return
    count = inviting.plan(site.db, OPERATOR, terms)
    if as_json:
        echo_json({"invited": count})
    else:
        click.echo(say("%(count)s invitations will leave", count=count))


@user_command.command("remind")
@many_options
@json_option
@pass_site
def user_remind(site: Site, orgs: tuple[str, ...], per_hour: int, as_json: bool) -> None:
    """Write again to those who were invited among many and have not come, twice at most.

    Example: kbsearch user remind --org acme
    """
    count = inviting.remind(site.db, OPERATOR, orgs, per_hour)
    if as_json:
        echo_json({"reminded": count})
    else:
        click.echo(say("%(count)s reminders will leave", count=count))


@user_command.command("invited")
@click.option("--org", "org", default="", help="Only the people of this organisation.")
@click.option("--state", type=click.Choice(inviting.STATES), help="Only these.")
@json_option
@pass_site
def user_invited(site: Site, org: str, state: str | None, as_json: bool) -> None:
    """List who has come, who was invited, who was not, and whom no mail reaches.

    Example: kbsearch user invited --state unreached
    """
    counts = inviting.count_states(site.db, OPERATOR, org)
    most = max(1, sum(counts.values()))
    listed = inviting.list_people(site.db, OPERATOR, org, state or "", size=most)
    if as_json:
        people_of = [asdict(one) for one in listed]
        for values in people_of:
            values.pop("person_id")
        echo_json({"counts": counts, "people": people_of})
        return
    headings = [say("address"), say("name"), say("state"), say("since"), ""]
    cells = [
        (one.email, one.name, one.state, one.sent_at or one.due_at or "", one.why) for one in listed
    ]
    echo_table(headings, cells)


@user_command.command("reset-factor")
@click.argument("email")
@pass_site
def user_reset_factor(site: Site, email: str) -> None:
    """Take away the authenticator of somebody who lost phone and recovery codes.

    Make sure it is them who ask. Their sessions end, a mail tells them, and a code comes by mail
    until they set up another authenticator, which staff do at their next sign-in.

    Example: kbsearch user reset-factor dan@support.example
    """
    person = people.find(site.db, email)
    if directory.reset_second_factor(site.db, OPERATOR, person):
        click.echo(say("%(email)s gets the next code by mail", email=person.email))
    else:
        click.echo(say("%(email)s has no authenticator", email=person.email))


def _read_password(ask: bool, stdin: bool) -> str | None:
    """From the terminal, unseen and twice, or from a pipe; never from the command line."""
    if ask:
        password: str = click.prompt(say("Password"), hide_input=True, confirmation_prompt=True)
        return password
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return None
