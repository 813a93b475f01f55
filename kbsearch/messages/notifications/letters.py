"""Letters: templates/mail/<name>.html filled in, in the language of their reader, as a mail.

A letter is written once and said twice: as text, and as HTML that looks the same without images,
style sheet or width. Whatever is filled in stays text: a name adds no header and no markup.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import cache, partial
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from kbsearch import i18n, request_ids, resources
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.messages.notifications import raw_fields, threads
from kbsearch.people import Person, organisations
from kbsearch.people.organisations import Organisation, branding
from kbsearch.people.profiles import DEFAULT_TIME_ZONE
from kbsearch.tickets.codes import SEVERITY_NAMES, Severity


@dataclass(frozen=True)
class Reader:
    """Whoever gets a letter and has no account."""

    name: str
    email: str
    language: str | None
    time_zone: str | None = None


@dataclass(frozen=True)
class Brand:
    """Whose letter it is to its reader: their organisation's name, colour and number to call."""

    name: str = ""
    accent: str = "#17494d"  # the site's own
    phone: str | None = None


OURS = Brand()


def brand_of(db: Database, person: Person) -> Brand:
    """The brand of somebody's organisation; the site's own where they have none, or several."""
    if len(person.organisations) != 1:
        return OURS
    return brand_for(organisations.find(db, person.organisations[0]))


def brand_for(organisation: Organisation) -> Brand:
    """The brand of an organisation."""
    return Brand(organisation.name, organisation.look.accent or OURS.accent, organisation.phone)


def compose(
    settings: Settings,
    name: str,
    person: Person | Reader,
    message_id: str,
    values: Mapping[str, object],
    brand: Brand = OURS,
) -> EmailMessage:
    """The letter of that name to this person; `message_id` is one for each letter, for ever."""
    language = language_of(settings, person)
    context = {
        **values,
        "settings": settings,
        "person": person,
        "language": language,
        "zone": person.time_zone or DEFAULT_TIME_ZONE,
        "site_url": f"{settings.base_url.rstrip('/')}/{language}/",
        "brand": brand,
        "phone": brand.phone or settings.support_phone,
        "shades": branding.shades(accent_of(settings, brand)),
    }
    letter = EmailMessage(raw_fields.POLICY)
    letter["Subject"] = one_line(_filled("_subject.txt", language, name, context))
    letter["From"] = sender(settings)
    letter["To"] = address(person.name, person.email)
    letter["Date"] = format_datetime(utc_now())
    letter["Message-ID"] = f"<{message_id}@{threads.domain(settings)}>"
    letter["Auto-Submitted"] = "auto-generated"
    if request_id := request_ids.current():
        letter[request_ids.HEADER] = request_id
    letter["X-MS-Reactions"] = "disallow"  # a thumb under a letter reaches nobody here
    letter.set_content(_filled("_letter.txt", language, name, context).strip("\n") + "\n")
    letter.add_alternative(_filled("_letter.html", language, name, context), subtype="html")
    letter["Content-Language"] = language
    return letter


def accent_of(settings: Settings, brand: Brand) -> str:
    """The colour of an organisation's letters; the site's own where it has none."""
    return (settings.accent if brand.accent == OURS.accent else "") or brand.accent


def sender(settings: Settings) -> Address:
    """Who letters are from: `mail_from`, or no-reply at the site's host."""
    if settings.mail_from:
        name, email = parseaddr(settings.mail_from)
        return address(name or settings.site_name, email)
    return address(settings.site_name, f"no-reply@{threads.domain(settings)}")


def address(name: str, email: str) -> Address:
    """Somebody as a header names them."""
    return Address(one_line(name), addr_spec=email)


def language_of(settings: Settings, person: Person | Reader) -> str:
    """The language to write to somebody in."""
    return person.language or settings.languages[0]


def one_line(text: str) -> str:
    return " ".join(text.split())


def _filled(layout: str, language: str, name: str, context: Mapping[str, Any]) -> str:
    """The letter in a layout: its subject, or one of its forms, the same words in other pieces."""
    form = layout.rpartition(".")[2]
    environment = _environment(language, form)
    parts: dict[str, Any] = {**context, "layout": environment.get_template(layout)}
    parts["say"] = environment.get_template(f"_pieces.{form}").make_module(parts)
    return environment.get_template(f"{name}.html").render(parts)


@cache
def _environment(language: str, form: str) -> Environment:
    is_html = form == "html"
    environment = Environment(
        loader=FileSystemLoader(resources.folder("templates") / "mail"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=is_html,
    )

    def translate(message: str, /, **values: object) -> str:
        text = i18n.gettext(language, message)
        return (Markup(text) if is_html else text) % values if values else text

    def moment(at: str, zone: str) -> str:
        """With the place whose time it is: a letter may be read elsewhere."""
        place = zone.rpartition("/")[2].replace("_", " ")
        return f"{i18n.moment(language, at, zone)} ({place})"

    def translate_many(one: str, many: str, number: int) -> str:
        text = i18n.catalogue(language).ngettext(one, many, number)
        return text % {"number": i18n.number(language, number)}

    def size(count: int) -> str:
        return i18n.file_size(language, count)

    def severity(code: Severity) -> str:
        return i18n.gettext(language, SEVERITY_NAMES[code])

    environment.globals |= {
        "_": translate,
        "ngettext": translate_many,
        "date": partial(i18n.date, language),
        "moment": moment,
        "file_size": size,
        "severity": severity,
    }
    return environment
