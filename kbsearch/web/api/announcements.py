"""Known problems and notices, for those they concern; agents read what is not published too."""

from typing import Any

from kbsearch import announcements
from kbsearch.announcements import Announcement
from kbsearch.web.api import shapes
from kbsearch.web.api.directory import PAGE, cut
from kbsearch.web.api.door import caller, check_product, token
from kbsearch.web.api.fields import Choice, Values
from kbsearch.web.api.operations import ApiAnswer, Operation, offer
from kbsearch.web.render import db, site


@offer(
    Operation(
        "GET",
        "/announcements",
        shapes.listing("announcements", shapes.ANNOUNCEMENT),
        query={**PAGE, "state": Choice(announcements.STATES)},
    )
)
def list_announcements(arguments: Values) -> ApiAnswer:
    """Known problems and notices, by id: those that concern the caller"""
    narrowed, state = token().product, arguments.get("state")
    readable = [
        announcement
        for announcement in announcements.list_all(db(), caller())
        if (narrowed is None or announcement.product == narrowed)
        and (state is None or announcement.state == state)
    ]
    page, further = cut(readable, lambda one: one.id, arguments)
    return ApiAnswer({"announcements": [values_of(one) for one in page], "next": further})


@offer(Operation("GET", "/announcements/<id>", shapes.ANNOUNCEMENT))
def show_announcement(arguments: Values, id: str) -> ApiAnswer:
    """A known problem or a notice"""
    announcement = announcements.find(db(), caller(), id)
    check_product(announcement.product)
    return ApiAnswer(values_of(announcement))


def values_of(announcement: Announcement) -> dict[str, Any]:
    url = site().settings.url(f"announcements/{announcement.id}")
    values = shapes.values(announcement, shapes.ANNOUNCEMENT)
    return {**values, "state": announcement.state, "url": url}
