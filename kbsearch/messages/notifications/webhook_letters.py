"""The letter that tells the owner of a webhook that it is disabled, and why."""

from kbsearch import people
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.messages import webhooks
from kbsearch.messages.delivery import channels, senders
from kbsearch.messages.notifications import letters
from kbsearch.messages.webhooks import deliveries
from kbsearch.outbox import Handlers, Task


def handlers(settings: Settings, db: Database) -> Handlers:
    """Who tells the owner; nobody is told of what has been enabled again."""

    def tell(task: Task) -> None:
        webhook = webhooks.look(db, task.subject)
        if webhook is None or webhook.disabled_at is None:
            return
        owner = people.find_id(db, webhook.owner_id)
        if owner.disabled_at is not None:
            return
        letter = letters.compose(settings, "webhook_died", owner, task.id, {"webhook": webhook})
        senders.hand_over(lambda: channels.mail(settings, db).send(letter))

    return {deliveries.DIED: tell}
