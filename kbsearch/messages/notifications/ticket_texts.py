"""Text messages about requests: what happened and where to read it, short enough for one.

Only to a number that was verified, for events its owner asked for. Each costs money: there is a
limit a day for each person and for the site. Codes to sign in or to verify a number are no part
of it.
"""

from datetime import datetime

from kbsearch import i18n, limits
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import TooMany
from kbsearch.limits import DAYS, Limit
from kbsearch.messages import notifications
from kbsearch.messages.delivery import channels, senders
from kbsearch.messages.notifications import NOTICE_KINDS, Telling, letters
from kbsearch.messages.notifications.ticket_letters import status_name, url_of
from kbsearch.outbox import Handlers, Task
from kbsearch.text.normal_form import nfkd

# The letters of GSM 03.38: a message of these alone holds 160, any other letter makes it 70.
GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
LONGEST_NAME = 40  # of the site, in a message


def handlers(settings: Settings, db: Database) -> Handlers:
    """Who carries notices by text message."""
    sms = channels.sms(settings)

    def carry(task: Task) -> None:
        telling = notifications.look(db, task.subject)
        number = _number(db, telling.person.id) if telling else None
        if telling is None or number is None:
            notifications.settle(db, task.subject, "dropped")
            return
        if not _is_within_limits(db, settings, task, telling):
            notifications.settle(db, task.subject, "too_many")
            return
        text = compose(settings, telling)
        senders.hand_over(db, task, lambda: sms.send(number, text))
        notifications.settle(db, task.subject, "sent")

    return {NOTICE_KINDS["sms"]: carry}


def compose(settings: Settings, telling: Telling) -> str:
    """What the message says."""
    language = letters.language_of(settings, telling.person)
    site = settings.site_name[:LONGEST_NAME]
    url = url_of(settings, language, telling)
    return plain(f"{site}: {_sentence(language, telling)} {url}")


def plain(text: str) -> str:
    """The text in the letters that cost least: `’` is `'`, `ê` is `e`, what has none is `?`."""
    return "".join(sign if sign in GSM else _nearest(sign) for sign in text)


def _nearest(sign: str) -> str:
    signs = {"’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "…": "...", "œ": "oe"}
    if sign in signs:
        return signs[sign]
    if sign in "–—‑−":
        return "-"
    if sign.isspace():
        return " "
    bare = "".join(part for part in nfkd(sign) if part in GSM)
    return bare or "?"


def _sentence(language: str, telling: Telling) -> str:
    number, change = telling.ticket.number, telling.change
    status = status_name(language, telling.ticket.status, is_staff=telling.viewer.is_agent)
    sentences = {
        "ticket.opened": i18n.gettext(language, "request %(number)s was received.", number=number),
        "ticket.replied": i18n.gettext(language, "new reply to request %(number)s.", number=number),
        "ticket.noted": i18n.gettext(language, "note on request %(number)s.", number=number),
        "ticket.assigned": i18n.gettext(language, "request %(number)s is yours.", number=number),
        "ticket.solved": i18n.gettext(language, "request %(number)s is solved.", number=number),
        "ticket.closed": i18n.gettext(language, "request %(number)s is closed.", number=number),
        "ticket.due_soon": i18n.gettext(language, "request %(number)s is due soon.", number=number),
        "ticket.overdue": i18n.gettext(language, "request %(number)s is overdue.", number=number),
        "ticket.cc_added": i18n.gettext(
            language, "you are in copy of request %(number)s.", number=number
        ),
    }
    return sentences.get(change.kind) or i18n.gettext(
        language, "request %(number)s: %(status)s.", number=number, status=status
    )


def _number(db: Database, person_id: str) -> str | None:
    rows = db.query(
        "SELECT mobile FROM people WHERE id = :id AND mobile_verified_at IS NOT NULL",
        {"id": person_id},
    )
    return rows[0]["mobile"] if rows else None


def _is_within_limits(
    db: Database,
    settings: Settings,
    task: Task,
    telling: Telling,
    at: datetime | None = None,
) -> bool:
    """Count this message against the day's; tried again, it does not count again."""
    of_person = Limit("sms.person", ((settings.sms_a_day, DAYS),))
    of_site = Limit("sms.site", ((settings.sms_a_day_in_all, DAYS),))
    try:
        with db.atomic():
            if notifications.begin(db, task.subject):
                limits.take_all(db, [(of_person, telling.person.id), (of_site, "")], at=at)
    except TooMany:
        return False
    return True
