"""Letters about announcements: to those a new one concerns, and to those who wait for its end.

Each person gets one of each stage, whatever is handled again. Whether they may read it and want
such letters is asked as it leaves.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal

from kbsearch import announcements, outbox, people, tickets
from kbsearch.access import OPERATOR
from kbsearch.announcements import Announcement, editing, reach
from kbsearch.clock import now
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.errors import NotFound
from kbsearch.messages.delivery import channels, senders
from kbsearch.messages.notifications import letters, opt_outs, ticket_letters
from kbsearch.outbox import Handlers, Task
from kbsearch.people import Person, notification_choices, undeliverable, viewers
from kbsearch.text import markup
from kbsearch.tickets import Ticket

Stage = Literal["published", "ended"]
Audience = Callable[[Database, Announcement], list[str]]
SUMMARY = 600  # characters
LETTER = outbox.declare("announcement.letter", "mail")  # to one person


@dataclass(frozen=True)
class AnnouncementTelling:
    """A letter to write; whoever may not read the announcement learns of their request alone."""

    stage: Stage
    person: Person
    announcement: Announcement | None
    ticket: Ticket | None  # of theirs, that is of its incident

    @property
    def preference(self) -> str:
        return f"announcement.{self.stage}"


def fan_out(db: Database) -> Handlers:
    """What follows a publication, or an end: a letter for each person, asked for once."""

    def to(stage: Stage, audience: Audience) -> Callable[[Task], None]:
        def write(task: Task) -> None:
            try:
                announcement = announcements.find(db, OPERATOR, task.subject)
            except NotFound:
                return
            if announcement.state == ("current" if stage == "published" else "ended"):
                _ask(db, announcement, stage, audience(db, announcement))

        return write

    return {
        editing.PUBLISHED: to("published", reach.list_concerned),
        editing.ENDED: to("ended", reach.list_waiting),
    }


def handlers(settings: Settings, db: Database) -> Handlers:
    """Who sends them; what holds no more by then is not told."""
    mail = channels.mail(settings, db)

    def carry(task: Task) -> None:
        telling = find(db, task.subject)
        if telling is None:
            _settle(db, task.subject, "dropped")
            return
        letter = compose(db, settings, telling, task.subject)
        senders.hand_over(db, task, lambda: mail.send(letter, [telling.person.email]))
        _settle(db, task.subject, "sent")

    return {LETTER: carry}


def find(db: Database, letter_id: str) -> AnnouncementTelling | None:
    """What a letter says, as things stand now; None when there is nobody to tell any more."""
    rows = db.query(
        """
        SELECT announcement_id, person_id, stage FROM announcement_letters
        WHERE id = :id AND settled_at IS NULL
        """,
        {"id": letter_id},
    )
    if not rows:
        return None
    try:
        there = announcements.find(db, OPERATOR, rows[0]["announcement_id"])
        person = people.find_id(db, rows[0]["person_id"])
        reader = viewers.find(db, person.email)
    except NotFound:
        return None  # it is gone, or their account is closed
    stage: Stage = rows[0]["stage"]
    if there.state != ("current" if stage == "published" else "ended"):
        return None
    if reader.is_agent or undeliverable.is_so(db, person.id):
        return None
    if not notification_choices.wants(db, person.id, f"announcement.{stage}", "mail"):
        return None
    readable = None
    with suppress(NotFound):  # it does not concern them any more
        readable = announcements.find(db, reader, there.id)
    ticket = None
    if stage == "ended" and (ticket_id := reach.own_request(db, reader, there)):
        ticket = tickets.find(db, reader, ticket_id)
    return AnnouncementTelling(stage, person, readable, ticket) if readable or ticket else None


def compose(
    db: Database, settings: Settings, telling: AnnouncementTelling, message_id: str
) -> EmailMessage:
    """The letter, in its reader's language as far as the announcement has it."""
    language = letters.language_of(settings, telling.person)
    base = f"{settings.base_url.rstrip('/')}/{language}"
    opt_out = opt_outs.url(settings, language, telling.person.id, telling.preference)
    announcement, ticket = telling.announcement, telling.ticket
    letter = letters.compose(
        settings,
        f"announcement_{telling.stage}",
        telling.person,
        message_id,
        {
            "announcement": announcement,
            "ticket": ticket,
            "summary": markup.excerpt(announcement.text(language), SUMMARY) if announcement else "",
            "url": f"{base}/announcements/{announcement.id}" if announcement else "",
            "ticket_url": f"{base}/requests/{ticket.id}" if ticket else "",
            "account_url": f"{base}/account/notifications",
            "opt_out_url": opt_out,
        },
        letters.brand_of(db, telling.person),
    )
    ticket_letters.mark_optional(letter, opt_out)
    return letter


def _ask(db: Database, announcement: Announcement, stage: Stage, audience: list[str]) -> None:
    with db.atomic():
        for person_id in audience:
            letter_id = new_id()
            is_new = db.execute(
                """
                INSERT INTO announcement_letters (id, announcement_id, person_id, stage, asked_at)
                VALUES (:id, :announcement, :person, :stage, :now)
                ON CONFLICT (announcement_id, person_id, stage) DO NOTHING
                """,
                {
                    "id": letter_id,
                    "announcement": announcement.id,
                    "person": person_id,
                    "stage": stage,
                    "now": now(),
                },
            )
            if is_new:
                outbox.add(db, LETTER, letter_id)


def _settle(db: Database, letter_id: str, outcome: str) -> None:
    db.execute(
        """
        UPDATE announcement_letters SET settled_at = :now, outcome = :outcome
        WHERE id = :id AND settled_at IS NULL
        """,
        {"id": letter_id, "outcome": outcome, "now": now()},
    )
