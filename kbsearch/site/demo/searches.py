"""What the demo's people searched lately: the gap board and the insights are not empty."""

from datetime import datetime, timedelta

from kbsearch.access import ANONYMOUS
from kbsearch.clock import utc_now
from kbsearch.database import Database
from kbsearch.people import viewers
from kbsearch.search.learning import visits

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
FOUND = (  # who, days ago, text, what was opened, whether they said that it solved it
    ("alice@acme.example", 26, "mot de passe oublié", "fr/account/forgotten-password", True),
    ("bob@acme.example", 24, "changer mot de passe", "fr/account/forgotten-password", False),
    (GUEST, 19, "mots de passe oubliés", "fr/account/forgotten-password", True),
    ("chloe@globex.example", 17, "recevoir les SMS", "fr/account/your-account", False),
    ("alice@acme.example", 12, "mettre un collègue en copie", "fr/requests/people-in-copy", True),
    (GUEST, 11, "joindre une capture", "fr/requests/attach-files", False),
    ("bob@acme.example", 6, "rouvrir une demande", "fr/requests/solved-and-reopened", False),
    ("chloe@globex.example", 4, "code de vérification", "fr/account/sign-in", True),
    ("alice@acme.example", 3, "Mot de passe oublié", "fr/account/forgotten-password", True),
)


def search(db: Database) -> None:
    """Put them into the ledger, as if it had counted them."""
    for email, days, text, results, path in SEARCHES:
        visit, moment = _search(db, email, days, text, results)
        visits.shown(db, visit, path, at=moment)
    for email, days, text, opened, is_confirmed in FOUND:
        visit, moment = _search(db, email, days, text, 3)
        visits.opened(db, visit, opened, at=moment)
        if is_confirmed:
            visits.confirmed(db, visit, opened, at=moment)


def _search(
    db: Database, email: str, days: int, text: str, results: int
) -> tuple[str | None, datetime]:
    viewer = viewers.find(db, email) if email else ANONYMOUS
    moment = utc_now() - timedelta(days=days)
    visit = visits.visit(db, viewer, at=moment)
    visits.searched(db, visit, text, results=results, at=moment)
    return visit, moment
