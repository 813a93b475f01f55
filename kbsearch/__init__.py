"""kbsearch: a self-hosted help centre around a full-text index."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask

    from kbsearch.config import Settings
    from kbsearch.database import Database

LONGEST_WAIT = 0.6  # seconds that a page waits for its turn to write, and all those behind it
MOMENT = 2.5  # seconds in which nobody waits once more, when it was in vain


def create_app(
    settings: "Settings",
    db: "Database | None" = None,
    sources: "Mapping[str, str] | None" = None,
) -> "Flask":
    """The web application: the one place that wires its parts together.

    `sources` says where settings come from: the browser changes those alone that say `default`.
    """
    # imported here, so that reading the version or running a command stays quick
    from kbsearch.database.engines import open_database
    from kbsearch.database.migrations import migrate
    from kbsearch.search.ranking import Search
    from kbsearch.site.browser_settings import BrowserSettings
    from kbsearch.web import build

    if db is None:
        db = open_database(settings.database_address)
        migrate(db)
    db.limit_waiting(LONGEST_WAIT, moment=MOMENT)
    chosen = BrowserSettings(settings, sources or {})
    chosen.renew(db)
    return build(settings, db, Search(settings, db), chosen)
