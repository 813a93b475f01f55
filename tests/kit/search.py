"""What the tests of the search share: publishing, indexing and asking, on real parts."""

from contextlib import closing
from pathlib import Path

from kbsearch.access import ANONYMOUS, Viewer
from kbsearch.articles.publishing.publish import Publication, publish
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.search import Hit, Question, Results
from kbsearch.search.ranking import Search
from kbsearch.search.ranking.indexing import Indexer


def write(content: Path, path: str, body: str, **front: object) -> None:
    """An article for everyone, unless its front matter says otherwise."""
    values = {"title": path, "audience": "everyone", **front}
    lines = "\n".join(f"{name}: {value!r}" for name, value in values.items())
    file = content / "articles" / f"{path}.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"---\n{lines}\n---\n\n{body}\n", encoding="utf-8")


def put_live(db: Database, settings: Settings) -> None:
    assert isinstance(publish(db, settings), Publication)


def follow(settings: Settings, db: Database) -> None:
    """Bring the index of tickets up to date, as the worker does."""
    with closing(Indexer(settings, db)) as indexer:
        indexer.apply_changes()


def ask(search: Search, text: str, viewer: Viewer = ANONYMOUS, **asked: object) -> Results:
    return search.ask(viewer, Question(text, **asked))  # type: ignore[arg-type]


def ids(hits: tuple[Hit, ...]) -> list[str]:
    return [hit.id for hit in hits]


def counts(facet: tuple[object, ...]) -> dict[str, int]:
    """A facet as a dict."""
    return {value.value: value.count for value in facet}  # type: ignore[attr-defined]


def remove(db: Database, number: int) -> None:
    """Take a ticket out of the database: the index does not know."""
    with db.atomic():
        mine = "(SELECT id FROM tickets WHERE number = :number)"
        for table in ("messages", "ticket_copies", "ticket_readers"):
            db.execute(f"DELETE FROM {table} WHERE ticket_id IN {mine}", {"number": number})  # noqa: S608
        db.execute("DELETE FROM tickets WHERE number = :number", {"number": number})
