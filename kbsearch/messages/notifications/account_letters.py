"""The letters about accounts that the outbox asks for: codes, links and notices.

Codes and links are made here, as they are sent: neither ever rests in the database. Whether an
address has an account is looked up here too, so that no request tells by how long it takes.
"""

from datetime import timedelta

from kbsearch import audit, people
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import NotFound
from kbsearch.messages.delivery import channels, senders
from kbsearch.messages.delivery.channels import MailChannel
from kbsearch.messages.notifications import letters
from kbsearch.outbox import Handlers, Task
from kbsearch.people import Person
from kbsearch.people.accounts import choosing, one_time_links, sign_ins_under_way, signing_in
from kbsearch.people.accounts.one_time_links import Purpose

CODE_MINUTES = sign_ins_under_way.CODE_LIFETIME // timedelta(minutes=1)


def handlers(settings: Settings, db: Database) -> Handlers:
    """Who writes what; what concerns nobody any more is not sent."""
    office = Office(settings, db, channels.mail(settings, db))
    return {
        sign_ins_under_way.CODE_WANTED: office.send_code,
        choosing.FORGOTTEN: office.send_reset_link,
        choosing.INVITED: office.send_invitation,
        choosing.CHANGED: office.tell_changed,
        signing_in.NEW_BROWSER: office.tell_new_browser,
    }


class Office:
    """Writes letters about accounts and hands them to the mail channel."""

    def __init__(self, settings: Settings, db: Database, mail: MailChannel) -> None:
        self.settings = settings
        self.db = db
        self.mail = mail

    def send_code(self, task: Task) -> None:
        try:
            waiting = sign_ins_under_way.find_id(self.db, task.subject)
        except NotFound:
            return  # finished or expired before it was this letter's turn
        person = people.find_id(self.db, waiting.person_id)
        code = sign_ins_under_way.make_code(self.db, self.settings, waiting)
        self._send(task, "sign_in_code", person, code=code, minutes=CODE_MINUTES)

    def send_reset_link(self, task: Task) -> None:
        try:
            person = people.find(self.db, task.subject)
        except NotFound:
            return
        if person.disabled_at is None:
            audit.record(self.db, "reset.sent", person_id=person.id)
            self._send(task, "password_reset", person, link=self._link("reset", person))

    def send_invitation(self, task: Task) -> None:
        person = self._present(task.subject)
        if person is not None:
            self._send(task, "invitation", person, link=self._link("mailed_invitation", person))

    def tell_changed(self, task: Task) -> None:
        person = self._present(task.subject)
        if person is not None:
            self._send(task, "password_changed", person, at=task.created_at)

    def tell_new_browser(self, task: Task) -> None:
        event = audit.find(self.db, task.subject)
        person = self._present(event.person_id or "")
        if person is not None:
            browser = str(event.details.get("browser", ""))
            self._send(task, "new_browser", person, at=event.at, browser=browser)

    def _present(self, person_id: str) -> Person | None:
        """The person, unless they are gone or their account is closed by now."""
        try:
            person = people.find_id(self.db, person_id)
        except NotFound:
            return None
        return None if person.disabled_at else person

    def _link(self, purpose: Purpose, person: Person) -> str:
        token = one_time_links.make(self.db, purpose, person)
        return one_time_links.url(self.settings, purpose, person, token)

    def _send(self, task: Task, name: str, person: Person, /, **values: object) -> None:
        """A retry carries another code or link: it is another letter, with another id."""
        message_id = task.id if task.attempts == 1 else f"{task.id}.{task.attempts}"
        brand = letters.brand_of(self.db, person)
        letter = letters.compose(self.settings, name, person, message_id, values, brand)
        senders.hand_over(lambda: self.mail.send(letter))
