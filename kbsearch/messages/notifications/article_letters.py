"""Letters that tell whoever filed a request that an article now answers it."""

from email.message import EmailMessage

from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.messages.delivery import channels, senders
from kbsearch.messages.notifications import letters, opt_outs, solutions, ticket_letters
from kbsearch.messages.notifications.letters import Brand
from kbsearch.messages.notifications.solutions import ArticleTelling
from kbsearch.outbox import Handlers, Task
from kbsearch.people import organisations


def handlers(settings: Settings, db: Database) -> Handlers:
    """Who sends them; what holds no more by then is not told."""
    mail = channels.mail(settings, db)

    def carry(task: Task) -> None:
        telling = solutions.find(db, task.subject)
        if telling is None:
            solutions.settle(db, task.subject, "dropped")
            return
        letter = compose(db, settings, telling, task.subject)
        senders.hand_over(db, task, lambda: mail.send(letter, [telling.person.email]))
        solutions.settle(db, task.subject, "sent")

    return {solutions.TOLD: carry}


def compose(
    db: Database, settings: Settings, telling: ArticleTelling, message_id: str
) -> EmailMessage:
    """The letter: which request, which article."""
    language = letters.language_of(settings, telling.person)
    base = settings.base_url.rstrip("/")
    opt_out = opt_outs.url(settings, language, telling.person.id, solutions.PREFERENCE)
    article = telling.article
    letter = letters.compose(
        settings,
        "article_published",
        telling.person,
        message_id,
        {
            "ticket": telling.ticket,
            "article": article,
            "url": f"{base}/{article.language}/articles/{article.slug}",
            "ticket_url": f"{base}/{language}/requests/{telling.ticket.id}",
            "account_url": f"{base}/{language}/account/notifications",
            "opt_out_url": opt_out,
        },
        _brand(db, telling),
    )
    ticket_letters.mark_optional(letter, opt_out)
    return letter


def _brand(db: Database, telling: ArticleTelling) -> Brand:
    slug = telling.ticket.organisation_slug
    return letters.brand_for(organisations.find(db, slug)) if slug else letters.OURS
