"""What a new site needs before its first customer asks: done or not, by looking."""

from dataclasses import dataclass
from typing import Literal, get_args

from kbsearch.access import Viewer, only_administrators
from kbsearch.config import FIELDS, Settings
from kbsearch.database import Database
from kbsearch.vaults import outcomes

StepName = Literal[
    "name", "mail", "product", "organisation", "customer", "colleague", "article", "backup"
]
STEPS: tuple[StepName, ...] = get_args(StepName)  # in the order in which they are taken


@dataclass(frozen=True)
class FirstStep:
    """A step of the first day, and whether it was taken."""

    name: StepName
    is_done: bool


def look(db: Database, viewer: Viewer, settings: Settings) -> list[FirstStep]:
    """The steps in their order; administrators alone see them."""
    only_administrators(viewer)
    done = db.query(
        """
        SELECT
          EXISTS (SELECT 1 FROM departures WHERE channel = 'mail' AND state = 'accepted') AS mail,
          EXISTS (SELECT 1 FROM products) AS product,
          EXISTS (SELECT 1 FROM organisation_products) AS organisation,
          EXISTS (SELECT 1 FROM people WHERE role = 'customer' AND erased_at IS NULL) AS customer,
          EXISTS (SELECT 1 FROM people WHERE role IN ('agent', 'administrator')
                  AND disabled_at IS NULL AND erased_at IS NULL AND id <> :me) AS colleague,
          EXISTS (SELECT 1 FROM articles a JOIN state s ON s.value = a.publication_id
                  WHERE s.name = 'live_publication') AS article
        """,
        {"me": viewer.person_id or ""},
    )[0]
    done["name"] = settings.site_name != FIELDS["site_name"].default
    done["backup"] = outcomes.look(db).latest is not None
    return [FirstStep(name, bool(done[name])) for name in STEPS]
