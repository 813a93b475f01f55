"""What the outbox sends about profiles and second factors: notices by mail, codes by text."""

from kbsearch import i18n, people
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import NotFound
from kbsearch.messages.delivery import channels, senders
from kbsearch.messages.notifications import letters
from kbsearch.outbox import Handlers, Task
from kbsearch.people.accounts import mobiles, second_factor

NOTICES = (  # each has a letter of its name
    second_factor.ADDED,
    second_factor.REMOVED,
    second_factor.CODES_MADE,
    second_factor.CODE_USED,
    mobiles.VERIFIED,
    mobiles.REMOVED,
)


def handlers(settings: Settings, db: Database) -> Handlers:
    """Who tells what; somebody whose account is closed by now is told nothing."""

    def tell(task: Task) -> None:
        try:
            person = people.find_id(db, task.subject)
        except NotFound:
            return
        if person.disabled_at is None:
            name = task.kind.replace(".", "_")
            values, brand = {"at": task.created_at}, letters.brand_of(db, person)
            letter = letters.compose(settings, name, person, task.id, values, brand)
            senders.hand_over(lambda: channels.mail(settings, db).send(letter))

    return dict.fromkeys(NOTICES, tell)


def code_handlers(settings: Settings, db: Database) -> Handlers:
    """Who sends the code that verifies a mobile number."""

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
        senders.hand_over(lambda: channels.sms(settings).send(request.mobile, text))

    return {mobiles.CODE_ASKED: send_code}
