"""What a widget acts with in the pages of the vendor's application: a pass, for one hour.

It lives in the memory of the widget's frame and is no session: no cookie opens the widget, so that
no page that frames it can make somebody click in their own name.
"""

from datetime import datetime, timedelta

from kbsearch import people, signing
from kbsearch.access import Viewer
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import NotFound
from kbsearch.people import Person, viewers

PURPOSE = "widget.pass"
LIFETIME = timedelta(hours=1)


def make(settings: Settings, person: Person, *, at: datetime | None = None) -> str:
    """A pass for this person."""
    return signing.sign(settings, PURPOSE, person.id, (at or utc_now()) + LIFETIME)


def viewer_of(
    db: Database, settings: Settings, secret: str, *, at: datetime | None = None
) -> Viewer | None:
    """Whom it is for; None when it is over, not ours, or of somebody who is no customer now."""
    person_id = signing.read(settings, PURPOSE, secret, at=at)
    if person_id is None:
        return None
    try:
        viewer = viewers.find(db, people.find_id(db, person_id).email)
    except NotFound:
        return None
    return viewer if viewer.role == "customer" else None
