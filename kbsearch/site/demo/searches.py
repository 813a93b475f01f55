"""What the demo's people searched lately: the gap board and the insights are not empty."""

from datetime import datetime, timedelta

from kbsearch.access import ANONYMOUS
from kbsearch.clock import utc_now
from kbsearch.database import Database
from kbsearch.people import viewers
from kbsearch.search.learning import visits

GUEST = ""
CONTRACT = "account/invoices-and-contract"
SEARCHES = (  # who, days ago, text, results, what was shown
    ("alice@acme.example", 6, "relier le robot de traite", 0, ()),
    ("bob@acme.example", 5, "Relier robot de traite", 0, ()),
    ("chloe@globex.example", 3, "robots de traite relier", 0, ()),
    (GUEST, 2, "relier un robot de traitte", 0, ()),
    ("bob@acme.example", 4, "changer de tarif", 2, (f"fr/{CONTRACT}", "fr/troupelia/faq")),
    ("chloe@globex.example", 2, "changement tarif", 2, (f"fr/{CONTRACT}",)),
    ("alice@acme.example", 1, "changer tarifs", 1, ("fr/troupelia/faq",)),
    (GUEST, 3, "thème sombre tablette atelier", 0, ()),
    ("chloe@globex.example", 1, "tablette atelier thème sombre", 0, ()),
)
FOUND = (  # who, days ago, text, what was opened, whether they said that it solved it
    ("alice@acme.example", 26, "mot de passe oublié", "fr/account/forgotten-password", True),
    ("bob@acme.example", 24, "changer mot de passe", "fr/account/forgotten-password", False),
    (GUEST, 19, "mots de passe oubliés", "fr/account/forgotten-password", True),
    ("chloe@globex.example", 17, "imprimer sans prix", "fr/etablia/print-templates", False),
    ("alice@acme.example", 12, "vache disparue de la liste", "fr/troupelia/missing-animal", True),
    (GUEST, 11, "voyant rouge", "fr/troupelia/install-gateway", False),
    ("bob@acme.example", 6, "pile collier", "fr/troupelia/collar-battery", False),
    ("chloe@globex.example", 4, "lien de signature expiré", "fr/scellea/signer-cannot-open", True),
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
