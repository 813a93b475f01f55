"""The text message with the code that verifies a mobile number."""

from kbsearch import i18n, people
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.messages.delivery import channels, senders
from kbsearch.outbox import Handlers, Task
from kbsearch.people.accounts import mobiles


def handlers(settings: Settings, db: Database) -> Handlers:
    """Who sends it."""
    sms = channels.sms(settings)

    def send_code(task: Task) -> None:
        request = mobiles.find_request(db, task.subject)
        if request is None:
            return  # over, or asked again for another number
        person = people.find_id(db, request.person_id)
        text = i18n.gettext(
            person.language or settings.languages[0],
            "%(code)s is your code for %(site)s. It is good for %(minutes)s minutes.",
            code=mobiles.code_of(settings, request),
            site=settings.site_name,
            minutes=mobiles.CODE_MINUTES,
        )
        senders.hand_over(db, task, lambda: sms.send(request.mobile, text))

    return {mobiles.CODE_ASKED: send_code}
