"""Letters: templates/mail/<name>.txt filled in, in the language of their reader, as a mail.

The first line of a template is the subject. What is filled in stays text: no header can be added
by a name, and no letter is HTML.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from kbsearch import i18n, resources
from kbsearch.clock import parsed
from kbsearch.config import Settings
from kbsearch.mail import threads
from kbsearch.people import Person


@dataclass(frozen=True)
class Reader:
    """Whoever gets a letter and has no account."""

    name: str
    email: str
    language: str | None


def compose(
    settings: Settings,
    name: str,
    person: Person | Reader,
    message_id: str,
    values: Mapping[str, object],
) -> EmailMessage:
    """The letter of that name to this person; `message_id` is one for each letter, for ever."""
    language = person.language or settings.languages[0]
    text = _template(language, name).render(
        settings=settings, person=person, site_url=f"{_base(settings)}/{language}/", **values
    )
    subject, _, body = text.partition("\n")
    letter = EmailMessage()
    letter["Subject"] = _one_line(subject)
    letter["From"] = sender(settings)
    letter["To"] = _address(person.name, person.email)
    letter["Date"] = format_datetime(datetime.now(UTC))
    letter["Message-ID"] = f"<{message_id}@{threads.domain(settings)}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(body.strip("\n") + "\n")
    letter["Content-Language"] = language
    return letter


def sender(settings: Settings) -> Address:
    """Who letters are from: `mail_from`, or no-reply at the site's host."""
    if settings.mail_from:
        name, address = parseaddr(settings.mail_from)
        return _address(name or settings.site_name, address)
    return _address(settings.site_name, f"no-reply@{threads.domain(settings)}")


def _address(name: str, email: str) -> Address:
    return Address(_one_line(name), addr_spec=email)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _base(settings: Settings) -> str:
    return settings.base_url.rstrip("/")


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(resources.folder("templates") / "mail"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # plain text
    )

    def translate(message: str, **values: object) -> str:
        return i18n.gettext(language, message, **values)

    def moment(at: str) -> str:
        return f"{i18n.date(language, at)} {parsed(at):%H:%M} UTC"

    environment.globals |= {"_": translate, "moment": moment}
    return environment


@cache
def _template(language: str, name: str) -> Template:
    return _environment(language).get_template(f"{name}.txt")
