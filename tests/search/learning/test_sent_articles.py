"""An article that an agent sent in the answer that solved a request teaches the search."""

import dataclasses

import pytest

from kbsearch import outbox
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search.learning import sent_articles
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.requests import file
from tests.kit.web import publish_articles


@pytest.fixture
def slug(settings: Settings, db: SqliteDatabase) -> str:
    publish_articles(settings, db)
    (row,) = db.query("SELECT slug FROM articles WHERE title = 'Réinitialiser son mot de passe'")
    return str(row["slug"])


def work(settings: Settings, db: SqliteDatabase) -> None:
    handlers = sent_articles.handlers(settings, db)
    while outbox.run_one(db, handlers, outbox.Share(only=handlers or {"none"})):
        pass


def taught(db: SqliteDatabase) -> list[tuple[str, str, str | None]]:
    rows = db.query("SELECT wording, path, person_id FROM lessons ORDER BY wording, path")
    return [(row["wording"], row["path"].rpartition("/")[2], row["person_id"]) for row in rows]


def test_a_link_in_the_answer_that_solved_it_teaches_the_subject(
    settings: Settings, db: SqliteDatabase, cast: Cast, slug: str
):
    ticket = file(db, cast.alice, subject="Impossible de me connecter")
    link = f"Voyez [ceci](http://127.0.0.1:8080/fr/articles/{slug}#etapes) et /fr/articles/missing"
    replies.note(db, cast.dan, ticket, ReplyForm(new_id(), link))
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), link))
    work(settings, db)
    assert taught(db) == [], "not before it is solved"
    lifecycle.solve(db, cast.alice, ticket)
    work(settings, db)
    db.execute("UPDATE outbox SET done_at = NULL, due_at = created_at WHERE kind = 'ticket.solved'")
    work(settings, db)
    (path,) = db.query("SELECT path FROM articles WHERE slug = :slug", {"slug": slug})
    name = path["path"].rpartition("/")[2]
    assert taught(db) == [("Impossible de me connecter", name, cast.dan.person_id)]


def test_what_customers_and_notes_say_teaches_nothing(
    settings: Settings, db: SqliteDatabase, cast: Cast, slug: str
):
    ticket = file(db, cast.alice, subject="Impossible de me connecter")
    replies.reply(db, cast.alice, ticket, ReplyForm(new_id(), f"/fr/articles/{slug}"))
    replies.note(db, cast.dan, ticket, ReplyForm(new_id(), f"/fr/articles/{slug}"))
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "http://evil.example/fr/articles/x"))
    lifecycle.solve(db, cast.dan, ticket)
    work(settings, db)
    assert taught(db) == []


def test_it_is_off_with_the_setting(settings: Settings, db: SqliteDatabase, cast: Cast, slug: str):
    assert sent_articles.handlers(dataclasses.replace(settings, learning=False), db) == {}
