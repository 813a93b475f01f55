"""What a widget acts with in the pages of the vendor's application: a pass, for one hour.

It lives in the memory of the widget's frame and is no session: no cookie opens the widget, so that
no page that frames it can make somebody click in their own name. It says whom it is for and until
when, and its code is an HMAC of that.
"""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

from kbsearch import keys, people
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
    ends = int(((at or utc_now()) + LIFETIME).timestamp())
    content = f"{person.id}.{ends}"
    return f"{_code(settings, content)}.{content}"


def viewer_of(
    db: Database, settings: Settings, secret: str, *, at: datetime | None = None
) -> Viewer | None:
    """Whom it is for; None when it is over, not ours, or of somebody who is no customer now."""
    code, _, content = secret.partition(".")
    expected = _code(settings, content)
    if not hmac.compare_digest(expected.encode(), code.encode("utf-8", "surrogatepass")):
        return None
    person_id, _, ends = content.partition(".")
    if int(ends) <= (at or utc_now()).timestamp():
        return None
    try:
        viewer = viewers.find(db, people.find_id(db, person_id).email)
    except NotFound:
        return None
    return viewer if viewer.role == "customer" else None


def _code(settings: Settings, content: str) -> str:
    key = keys.derive(settings, PURPOSE)
    digest = hmac.digest(key, content.encode("utf-8", "surrogatepass"), "sha256")
    return urlsafe_b64encode(digest).decode("ascii").rstrip("=")
