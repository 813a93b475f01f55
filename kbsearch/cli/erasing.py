"""kbsearch forget: a person is erased."""

from dataclasses import asdict

import click

from kbsearch.access import OPERATOR
from kbsearch.cli import Refused, Site, pass_site
from kbsearch.cli.output import echo_json, json_option, say
from kbsearch.site import erasing


@click.command("forget")
@click.argument("email")
@click.option("--with-files", is_flag=True, help="Remove the files they attached as well.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_site
def forget_command(site: Site, email: str, with_files: bool, yes: bool, as_json: bool) -> None:
    """Erase a person: account, sessions, searches, drafts and mail go, for good.

    Their requests and answers stay, for their organisation, without their name, addresses and
    number, which are masked wherever somebody wrote them. The index of requests is built anew.
    A backup made before still knows them: restored, they are erased again. The register of the
    administration shows the certificate.

    Example: kbsearch forget alice@acme.example
    """
    if not yes:
        question = say("Type the address again to erase %(email)s for good", email=email)
        if click.prompt(question, default="", show_default=False, err=True) != email:
            raise Refused(say("nothing was erased"))
    erased = erasing.erase(site.db, OPERATOR, site.settings, email, with_files=with_files)
    if as_json:
        echo_json(asdict(erased))
        return
    click.echo(
        say(
            "Erased: %(requests)d requests and %(masked)d texts are without them, "
            "%(mails)d mails and %(files)d files are gone.",
            requests=erased.requests,
            masked=erased.masked,
            mails=erased.mails,
            files=erased.files,
        )
    )
    click.echo(
        say(
            "Certificate %(id)s, SHA-256 %(sha256)s: %(url)s",
            id=erased.certificate,
            sha256=erased.sha256,
            url=site.settings.url(f"admin/erasures/{erased.certificate}"),
        )
    )
