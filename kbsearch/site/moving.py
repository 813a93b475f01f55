"""A site whose database moves: from a file to a server, or back."""

from contextlib import closing

from kbsearch.config import Settings
from kbsearch.database import Database, engines, moving
from kbsearch.errors import Problem
from kbsearch.site import restoring


def move(
    settings: Settings, db: Database, address: engines.Address, tell: moving.Progress
) -> dict[str, int]:
    """Copy the database of a site that is not running into another, which is blank.

    The rows of each table. The site goes on with the one that its settings name.
    """
    with restoring.alone(settings):
        if not engines.is_blank(address):
            raise Problem("move.not_empty")
        with closing(engines.open_database(address)) as target:
            return moving.copy(db, target, tell)
