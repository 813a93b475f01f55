"""The mail that one task asks for: by its kind, which template, to whom, what is filled in.

Codes and links are made here, as they are sent: neither ever rests in the database. Whether an
address has an account is looked up here too, so that no request tells by how long it takes. Whom
something concerns no more is told nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import quote

from kbsearch import audit, people, tickets
from kbsearch.articles.writing import branch_comments, review_reminders
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import NotFound
from kbsearch.messages import webhooks
from kbsearch.messages.delivery import channels, senders
from kbsearch.messages.notifications import letters
from kbsearch.messages.webhooks import deliveries
from kbsearch.outbox import Handlers, Task
from kbsearch.people import Person, viewers
from kbsearch.people.accounts import (
    addresses,
    choosing,
    inviting,
    mobiles,
    one_time_links,
    passkeys,
    personal_tokens,
    second_factor,
    sign_ins_under_way,
    signing_in,
)
from kbsearch.people.accounts.one_time_links import Purpose
from kbsearch.rules import effects, runs
from kbsearch.tickets import scanning
from kbsearch.vaults import outcomes

CODE_MINUTES = sign_ins_under_way.CODE_LIFETIME // timedelta(minutes=1)
NOTICES = (  # what happened to an account; each has a template of its name
    choosing.CHANGED,
    second_factor.ADDED,
    second_factor.REMOVED,
    second_factor.CODES_MADE,
    second_factor.CODE_USED,
    passkeys.ADDED,
    passkeys.REMOVED,
    mobiles.VERIFIED,
    mobiles.REMOVED,
    personal_tokens.ADDED,
)


@dataclass(frozen=True)
class Mailing:
    """A template, whose mail it becomes, and its values."""

    template: str
    person: Person
    values: Mapping[str, object] = field(default_factory=dict)
    is_secret: bool = False  # a retry carries another code or link: it is another letter


# None: it concerns nobody any more.
Writer = Callable[[Settings, Database, Task], Mailing | None]


def _code(settings: Settings, db: Database, task: Task) -> Mailing | None:
    try:
        waiting = sign_ins_under_way.find_id(db, task.subject)
    except NotFound:
        return None  # finished or expired before it was this letter's turn
    code = sign_ins_under_way.make_code(db, settings, waiting)
    person = people.find_id(db, waiting.person_id)
    return Mailing("sign_in_code", person, {"code": code, "minutes": CODE_MINUTES}, is_secret=True)


def _reset(settings: Settings, db: Database, task: Task) -> Mailing | None:
    try:
        person = people.find(db, task.subject)
    except NotFound:
        return None
    if person.disabled_at:
        return None
    audit.record(db, "reset.sent", person_id=person.id)
    return _link(settings, db, "password_reset", "reset", person, {})


def _invitation(settings: Settings, db: Database, task: Task) -> Mailing | None:
    person = _present(db, task.subject)
    if person is None:
        return None
    values = {"paragraphs": (), "is_reminder": False}
    return _link(settings, db, "invitation", "mailed_invitation", person, values)


def _planned_invitation(settings: Settings, db: Database, task: Task) -> Mailing | None:
    """Whoever came meanwhile is not invited any more."""
    person = _present(db, task.subject)
    letter = inviting.letter_for(db, person) if person else None
    if letter is None:
        return None
    inviting.note_sent(db, letter.person.id)
    is_reminder = task.kind == inviting.REMINDED
    values = {"paragraphs": letter.paragraphs, "is_reminder": is_reminder}
    if letter.by_sign_on:
        return _sign_on(settings, letter.person, values)
    return _link(settings, db, "invitation", "mailed_invitation", letter.person, values)


def _rehearsed_invitation(settings: Settings, db: Database, task: Task) -> Mailing | None:
    """The letter as others will get it; its link leads to the sign-in of whoever rehearses."""
    wave_id, person_id, language = task.subject.split(" ")
    person = _present(db, person_id)
    if person is None:
        return None
    letter = inviting.rehearsed_letter(db, wave_id, replace(person, language=language))
    if letter is None:
        return None
    values = {"paragraphs": letter.paragraphs, "is_reminder": False}
    mailing = _sign_on(settings, letter.person, values)
    return mailing if letter.by_sign_on else replace(mailing, template="invitation")


def _sign_on(settings: Settings, person: Person, values: Mapping[str, object]) -> Mailing:
    link = settings.url("login", letters.language_of(settings, person))
    return Mailing("invitation_sign_on", person, {**values, "link": link})


def _notice(settings: Settings, db: Database, task: Task) -> Mailing | None:
    person = _present(db, task.subject)
    template = task.kind.replace(".", "_")
    return Mailing(template, person, {"at": task.created_at}) if person else None


def _new_browser(settings: Settings, db: Database, task: Task) -> Mailing | None:
    event = audit.find(db, task.subject)
    person = _present(db, event.person_id or "")
    values = {"at": event.at, "browser": str(event.details.get("browser", ""))}
    return Mailing("new_browser", person, values) if person else None


def _webhook_died(settings: Settings, db: Database, task: Task) -> Mailing | None:
    webhook = webhooks.look(db, task.subject)
    if webhook is None or webhook.disabled_at is None:
        return None  # it has been enabled again
    owner = _present(db, webhook.owner_id)
    return Mailing("webhook_died", owner, {"webhook": webhook}) if owner else None


def _infected_file(settings: Settings, db: Database, task: Task) -> Mailing | None:
    attachment_id, _, person_id = task.subject.partition(" ")
    rows = db.query(
        """
        SELECT f.name, f.person_id, s.finding FROM attachments f
        JOIN file_scans s ON s.sha256 = f.sha256 WHERE f.id = :id
        """,
        {"id": attachment_id},
    )
    person = _present(db, person_id)
    if person is None or not rows:
        return None
    is_sender = rows[0]["person_id"] == person_id
    values = {"name": rows[0]["name"], "finding": rows[0]["finding"], "is_sender": is_sender}
    return Mailing("file_infected", person, values)


def _rule_notice(settings: Settings, db: Database, task: Task) -> Mailing | None:
    """A rule points somebody who answers to a request."""
    run_id, _, person_id = task.subject.partition(" ")
    run, person = runs.find(db, run_id), _present(db, person_id)
    if run is None or person is None:
        return None
    try:
        viewer = viewers.find(db, person.email)
        ticket = tickets.find(db, viewer, run.ticket_id)
    except NotFound:
        return None
    values = {"ticket": ticket, "rule": run.rule_name}
    return Mailing("rule_notice", person, values) if viewer.is_agent else None


def _branch_comment(settings: Settings, db: Database, task: Task) -> Mailing | None:
    comment_id, _, person_id = task.subject.partition(" ")
    comment, person = branch_comments.find(db, comment_id), _present(db, person_id)
    if comment is None or person is None:
        return None  # the branch is live by now
    language = letters.language_of(settings, person)
    url = f"{settings.base_url.rstrip('/')}/{language}/preview/{comment.branch}/#comments"
    return Mailing("branch_commented", person, {"comment": comment, "url": url})


def _review_due(settings: Settings, db: Database, task: Task) -> Mailing | None:
    due = review_reminders.find(db, task.subject)
    person = _present(db, due[1]) if due else None
    if due is None or person is None:
        return None  # reviewed, or gone, by now
    review, language = due[0], letters.language_of(settings, person)
    values = {
        "review": review,
        "url": settings.url(f"articles/{quote(review.slug)}", review.language),
        "edit_url": settings.url(f"desk/articles/new?article={quote(review.path)}", language),
    }
    return Mailing("article_review_due", person, values)


def _address_entered(settings: Settings, db: Database, task: Task) -> Mailing | None:
    made = addresses.make_token(db, task.subject)
    if made is None:
        return None  # confirmed, or too late
    change, token = made
    link = settings.url(f"address/{token}", change.person.language or "")
    values = {"link": link, "old": change.person.email}
    return Mailing(
        "address_entered", replace(change.person, email=change.email), values, is_secret=True
    )


def _address_replaced(settings: Settings, db: Database, task: Task) -> Mailing | None:
    person_id, _, old = task.subject.partition(" ")
    person = _present(db, person_id)
    if person is None:
        return None
    values = {"email": person.email, "at": task.created_at}
    return Mailing("address_replaced", replace(person, email=old), values)


def _backup_failed(settings: Settings, db: Database, task: Task) -> Mailing | None:
    """Whoever asks for the letter's turn reads what is wrong then, or nothing any more."""
    notes, person = outcomes.look(db), _present(db, task.subject)
    if notes.failure is None or person is None or person.role != "administrator":
        return None  # it is made good
    return Mailing("backup_failed", person, {"notes": notes})


# Whoever waits for a code does not wait for all the rest.
ABOUT_ACCOUNTS: dict[str, Writer] = {
    sign_ins_under_way.CODE_WANTED: _code,
    choosing.FORGOTTEN: _reset,
    choosing.INVITED: _invitation,
    inviting.PLANNED: _planned_invitation,
    inviting.REMINDED: _planned_invitation,
    inviting.REHEARSED: _rehearsed_invitation,
    signing_in.NEW_BROWSER: _new_browser,
    addresses.ENTERED: _address_entered,
    addresses.REPLACED: _address_replaced,
    **dict.fromkeys(NOTICES, _notice),
}
ABOUT_WEBHOOKS: dict[str, Writer] = {deliveries.DIED: _webhook_died}
ABOUT_FILES: dict[str, Writer] = {scanning.INFECTED: _infected_file}
ABOUT_RULES: dict[str, Writer] = {effects.NOTICE: _rule_notice}
ABOUT_ARTICLES: dict[str, Writer] = {
    branch_comments.COMMENTED: _branch_comment,
    review_reminders.DUE: _review_due,
}
ABOUT_BACKUPS: dict[str, Writer] = {outcomes.FAILED: _backup_failed}


def handlers(settings: Settings, db: Database, writers: Mapping[str, Writer]) -> Handlers:
    """Who sends what these write."""
    mail = channels.mail(settings, db)

    def send(task: Task) -> None:
        mailing = writers[task.kind](settings, db, task)
        if mailing is None:
            return
        is_again = mailing.is_secret and task.attempts > 1
        message_id = f"{task.id}.{task.attempts}" if is_again else task.id
        brand = letters.brand_of(db, mailing.person)
        letter = letters.compose(
            settings, mailing.template, mailing.person, message_id, mailing.values, brand
        )
        senders.hand_over(db, task, lambda: mail.send(letter))

    return dict.fromkeys(writers, send)


def _present(db: Database, person_id: str) -> Person | None:
    """The person, unless they are gone or their account is closed by now."""
    try:
        person = people.find_id(db, person_id)
    except NotFound:
        return None
    return None if person.disabled_at else person


def _link(
    settings: Settings,
    db: Database,
    template: str,
    purpose: Purpose,
    person: Person,
    values: Mapping[str, object],
) -> Mailing:
    token = one_time_links.make(db, purpose, person)
    link = one_time_links.url(settings, purpose, person, token)
    return Mailing(template, person, {**values, "link": link}, is_secret=True)
