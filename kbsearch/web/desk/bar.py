"""The bar of the staff: what waits for those who answer."""

from typing import NamedTuple

from kbsearch.messages.incoming import mails
from kbsearch.tickets.desk import queue
from kbsearch.web.render import db, spoken_language, viewer


class DeskCounts(NamedTuple):
    """How many requests are to be answered and mails to be judged, as it is written."""

    todo: str
    mail: str


def desk_counts() -> DeskCounts:
    """For whoever answers; whole pages ask, the pieces of them do not."""
    written = spoken_language().number
    return DeskCounts(
        written(queue.count_todo(db(), viewer())), written(mails.count_held(db(), viewer()))
    )
