"""Digests: what happened within an hour or a day in one letter; none when nothing did."""

from collections.abc import Iterable, Mapping
from email.message import EmailMessage
from typing import NamedTuple

from kbsearch import i18n, outbox
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.messages import notifications
from kbsearch.messages.delivery import channels, senders
from kbsearch.messages.notifications import Telling, letters, opt_outs
from kbsearch.messages.notifications.ticket_letters import mark_optional, status_name, url_of
from kbsearch.outbox import Handlers, Hopeless, Task
from kbsearch.tickets import Ticket

WANTED = outbox.declare("notice.digest", "mail")


class Chapter(NamedTuple):
    """A request in a digest, and what happened to it: when, and in words."""

    ticket: Ticket
    url: str
    status: str
    lines: list[tuple[str, str]]


def ask(db: Database) -> bool:
    """Have the digests written whose time has come; whether there are any."""
    due = notifications.whose_digest_is_due(db, WANTED)
    for person_id in due:
        outbox.add(db, WANTED, person_id)
    return bool(due)


def handlers(settings: Settings, db: Database) -> Handlers:
    """Who writes the digests that the outbox asks for."""
    mail = channels.mail(settings, db)

    def write(task: Task) -> None:
        by_notice = {
            notice_id: notifications.look(db, notice_id)
            for notice_id in notifications.gathered(db, task.subject)
        }
        tellings = [telling for telling in by_notice.values() if telling is not None]
        if tellings:
            letter = compose(settings, tellings, task.id)
            try:
                senders.hand_over(db, task, lambda: mail.send(letter, [tellings[0].person.email]))
            except Hopeless:  # what comes next is tried again, this is not
                _settle(db, by_notice, "refused")
                raise
        _settle(db, by_notice, "sent")

    return {WANTED: write}


def compose(settings: Settings, tellings: list[Telling], message_id: str) -> EmailMessage:
    """The letter that tells somebody of all this, request by request."""
    person = tellings[0].person
    language = letters.language_of(settings, person)
    opt_out = opt_outs.url(settings, language, person.id, opt_outs.EVERY_EVENT)
    letter = letters.compose(
        settings,
        "digest",
        person,
        message_id,
        {
            "chapters": _chapters(settings, language, tellings),
            "count": len({telling.ticket.id for telling in tellings}),
            "account_url": f"{settings.base_url.rstrip('/')}/{language}/account/notifications",
            "opt_out_url": opt_out,
        },
    )
    mark_optional(letter, opt_out)
    return letter


def _chapters(settings: Settings, language: str, tellings: Iterable[Telling]) -> list[Chapter]:
    chapters: dict[str, Chapter] = {}
    for telling in tellings:
        ticket = telling.ticket
        status = status_name(language, ticket.status, is_staff=True)
        chapter = chapters.setdefault(
            ticket.id, Chapter(ticket, url_of(settings, language, telling), status, [])
        )
        chapter.lines.append((telling.change.at, sentence(settings, language, telling)))
    return list(chapters.values())


def sentence(settings: Settings, language: str, telling: Telling) -> str:
    """What happened, in a few words."""
    change = telling.change
    who = change.actor or settings.site_name
    sentences = {
        "ticket.opened": i18n.gettext(language, "%(who)s filed the request", who=who),
        "ticket.replied": i18n.gettext(language, "%(who)s replied", who=who),
        "ticket.noted": i18n.gettext(language, "%(who)s wrote an internal note", who=who),
        "ticket.assigned": i18n.gettext(language, "%(who)s assigned it to you", who=who),
        "ticket.solved": i18n.gettext(language, "%(who)s marked it as solved", who=who),
        "ticket.reopened": i18n.gettext(language, "%(who)s reopened it", who=who),
        "ticket.closed": i18n.gettext(language, "It was closed"),
        "ticket.cc_added": i18n.gettext(language, "%(who)s put you in copy", who=who),
    }
    return sentences.get(change.kind) or i18n.gettext(
        language, "%(who)s changed its status", who=who
    )


def _settle(db: Database, by_notice: Mapping[str, Telling | None], outcome: str) -> None:
    with db.atomic():
        for notice_id, telling in by_notice.items():
            notifications.settle(db, notice_id, outcome if telling else "dropped")
