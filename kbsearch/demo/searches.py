"""What the demo's people searched lately and did not find: the gap board is not empty."""

from datetime import UTC, datetime, timedelta

from kbsearch import accounts, analytics
from kbsearch.access import ANONYMOUS
from kbsearch.db import Database

GUEST = ""
SEARCHES = (  # who, days ago, text, results, what was shown
    ("alice@acme.example", 6, "imprimante étiquettes bloquée", 0, ()),
    ("bob@acme.example", 5, "Imprimante etiquette bloquee", 0, ()),
    ("chloe@globex.example", 3, "étiquettes imprimante bloquée", 0, ()),
    (GUEST, 2, "imprimente étiquettes bloquée", 0, ()),
    ("bob@acme.example", 4, "changer de tarif", 2, ("fr/find/privacy", "fr/account/sign-in")),
    ("chloe@globex.example", 2, "changement tarif", 2, ("fr/find/privacy",)),
    ("alice@acme.example", 1, "changer tarifs", 1, ("fr/account/sign-in",)),
    (GUEST, 3, "export pour le comptable", 0, ()),
    ("chloe@globex.example", 1, "exports comptable", 0, ()),
)


def search(db: Database) -> None:
    """Put them into the ledger, as if it had counted them."""
    for email, days, text, results, shown in SEARCHES:
        viewer = accounts.viewer_for(db, email) if email else ANONYMOUS
        moment = datetime.now(UTC) - timedelta(days=days)
        visit = analytics.visit(db, viewer, at=moment)
        analytics.searched(db, visit, text, results=results, at=moment)
        analytics.shown(db, visit, shown, at=moment)
