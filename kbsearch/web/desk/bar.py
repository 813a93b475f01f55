"""The bar of the staff: what waits for those who answer."""

from typing import NamedTuple

from kbsearch.messages.incoming import mails
from kbsearch.tickets.desk import queue
from kbsearch.web.render import db, viewer


class DeskCounts(NamedTuple):
    """Requests to answer, and mails for a person to judge."""

    todo: int
    mail: int


def desk_counts() -> DeskCounts:
    """For whoever answers; whole pages ask, the pieces of them do not."""
    return DeskCounts(queue.count_todo(db(), viewer()), mails.count_held(db(), viewer()))
