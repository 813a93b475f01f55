"""What the tests of pages share: a small content folder, signing in, and a scripted search."""

import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from kbsearch.access import Viewer
from kbsearch.articles.publishing.publish import Publication, publish
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.people.accounts import sessions as accounts
from kbsearch.search import Hit, Question, Results
from kbsearch.search.ranking.indexing import Indexer
from kbsearch.web.render import WebSite

HTMX = {"HX-Request": "true"}

ARTICLES = {
    "fr/compte/mot-de-passe.md": """
        ---
        title: Réinitialiser son mot de passe
        audience: everyone
        tags: [connexion]
        product: [icownect]
        version: "4.x"
        alias: [ancien-mot-de-passe]
        summary: Recevoir un lien et choisir un nouveau mot de passe.
        ---
        Demandez un lien, puis choisissez un nouveau mot de passe.

        ## Demander un lien

        Le lien arrive par e-mail. Le mot « passe » a plusieurs sens.

        ## Choisir un mot de passe

        ```python
        print("douze caractères")
        ```

        | Règle | Valeur |
        |---|---:|
        | Longueur | 12 |

        ## Ensuite

        > [!NOTE]
        > Connectez-vous.
        """,
    "en/compte/mot-de-passe.md": """
        ---
        title: Reset your password
        slug: reset-your-password
        audience: everyone
        ---
        Ask for a link, then choose a new password.

        ## Ask for a link

        It comes by e-mail.
        """,
    "fr/compte/contrat.md": """
        ---
        title: Lire son contrat
        audience: customers
        ---
        Réservé aux clients : le numéro confidentiel est CANARI-7.
        """,
    "fr/compte/globex.md": """
        ---
        title: La procédure de Globex
        audience: org:globex
        ---
        Pour Globex seulement : CANARI-8.
        """,
}


def write_articles(content: Path, articles: dict[str, str] | None = None) -> None:
    """A plain content folder with the articles above, or others."""
    for name, text in (articles or ARTICLES).items():
        path = content / "articles" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = text.strip("\n").splitlines()
        margin = len(lines[0]) - len(lines[0].lstrip())
        path.write_text("\n".join(line[margin:] for line in lines) + "\n", encoding="utf-8")


def publish_articles(settings: Settings, db: Database) -> None:
    write_articles(settings.content_path)
    published = publish(db, settings)
    assert isinstance(published, Publication), published
    with closing(Indexer(settings, db)) as indexer:
        indexer.ensure()


@dataclass
class Scripted:
    """A search that answers what it was told to, and remembers what it was asked."""

    results: Results = Results((), 0)
    delay: float = 0.0  # seconds
    asked: list[tuple[Viewer, Question]] = field(default_factory=list)

    def ask(self, viewer: Viewer, question: Question) -> Results:
        self.asked.append((viewer, question))
        if self.delay:
            time.sleep(self.delay)
        return self.results

    def suggest(self, viewer: Viewer, *, subject: str, limit: int, **said: str) -> Results:
        return self.ask(viewer, Question(subject, limit=limit))


def script(app: Flask, results: Results, delay: float = 0.0) -> Scripted:
    """Make the application's search answer this."""
    search = Scripted(results, delay)
    site: WebSite = app.extensions["kbsearch"]
    app.extensions["kbsearch"] = replace(site, search=search)  # type: ignore[arg-type]
    return search


def hit(title: str = "Réinitialiser son mot de passe", **changes: object) -> Hit:
    values: dict[str, object] = {
        "kind": "article",
        "id": "fr/compte/mot-de-passe",
        "title": title,
        "url": "/fr/articles/mot-de-passe#demander-un-lien",
        "score": 1.0,
        "language": "fr",
        "section": "Demander un lien",
        "snippet": "Un nouveau <mark>mot</mark> de passe",
        "date": "2026-11-02T10:00:00Z",
    }
    return Hit(**{**values, **changes})  # type: ignore[arg-type]


def sign_in(client: FlaskClient, db: Database, viewer: Viewer) -> str:
    """Give the client a session of that person; its token."""
    assert viewer.person_id is not None
    token = accounts.open_session(db, viewer.person_id)
    client.set_cookie("kb", token)
    return token


def add_ticket(db: Database, readers: tuple[str, ...], **changes: object) -> str:
    """A past request with an answer, a note and its readers; its id."""
    ticket = {
        "id": new_id(),
        "number": 1042,
        "subject": "Code jamais reçu",
        "description": "Message : **ERR-1042** <script>alert(1)</script>",
        "language": "fr",
        "version": "4.2.1",
        "severity": "major",
        "status": "solved",
        "created_at": "2026-10-01T09:00:00Z",
        "updated_at": "2026-10-02T09:00:00Z",
        "solved_at": "2026-10-02T09:00:00Z",
        "revision": 1,
        **changes,
    }
    db.insert("tickets", ticket)
    for word in readers:
        db.insert("ticket_readers", {"ticket_id": ticket["id"], "word": word})
    said = [
        ("dan@support.example", "Quel téléphone ?", 0, 0),
        ("dan@support.example", "NOTE-CANARI : fiche à corriger", 1, 0),
        ("dan@support.example", "Le numéro a été **corrigé**.", 0, 1),
    ]
    for position, (author, body, internal, solution) in enumerate(said):
        db.insert(
            "messages",
            {
                "id": new_id(),
                "ticket_id": ticket["id"],
                "position": position,
                "author_email": author,
                "at": "2026-10-01T10:00:00Z",
                "body": body,
                "internal": internal,
                "solution": solution,
            },
        )
    return str(ticket["id"])
