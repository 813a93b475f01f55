"""Searches that found nothing, told to the webhooks that want to know: `search.failed`.

Somebody still typing has not failed yet: a search counts once it has stood for a minute. What is
told of it is what was searched for, with personal data masked.
"""

from datetime import datetime, timedelta

from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, site_state
from kbsearch.messages.webhooks import events

KIND = "search.failed"
SETTLED = timedelta(minutes=1)
TOLD_UNTIL = "search_failed_until"  # a row of `state`


def tell_new(db: Database, *, at: datetime | None = None) -> bool:
    """Tell of those that have settled since the last time; whether there were any."""
    until = stored((at or utc_now()) - SETTLED)
    with db.atomic():
        told_until = site_state.read(db, TOLD_UNTIL)
        since = told_until or until
        searches = db.query(
            """
            SELECT id FROM visit_events
            WHERE kind = 'searched' AND results = 0 AND text <> ''
              AND at > :since AND at <= :until ORDER BY at, id
            """,
            {"since": since, "until": until},
        )
        for row in searches:
            events.tell(db, KIND, row["id"])
        if until > since or told_until is None:
            site_state.write(db, TOLD_UNTIL, until)
    return bool(searches)
