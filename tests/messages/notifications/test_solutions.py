"""Published articles on the requests they solve, and the letters to those who had asked."""

from dataclasses import replace
from pathlib import Path

import pytest

from kbsearch import outbox, people, tickets
from kbsearch.access import OPERATOR
from kbsearch.articles.publishing.publish import Publication, publish
from kbsearch.articles.writing import drafts as article_drafts
from kbsearch.articles.writing import proposals as article_proposals
from kbsearch.articles.writing.composition import ArticleBrief, compose
from kbsearch.articles.writing.proposals import ReaderTelling
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.messages.notifications import article_letters, solutions
from kbsearch.people import notification_choices as preferences
from tests.articles.writing.test_composition import solve
from tests.conftest import Cast
from tests.kit import mail
from tests.kit.writers import article, commit, git, repository, write

PATH = "en/guide/lost"


@pytest.fixture
def content(settings: Settings, db: SqliteDatabase) -> Path:
    content = repository(settings)
    write(content, "articles/en/guide/page.md", article("First title"))
    commit(content)
    go_live(db, settings)
    return content


def go_live(db: SqliteDatabase, settings: Settings) -> None:
    outcome = publish(db, settings)
    assert isinstance(outcome, Publication), outcome


def publish_lost(db, settings, content: Path, audience: str = "customers") -> None:
    write(content, f"articles/{PATH}.md", article("Find a lost collar", audience=audience))
    commit(content, "Lost\n\nSolves-Ticket: 1042")
    go_live(db, settings)


def work(db: SqliteDatabase, settings: Settings) -> list[tuple[str, str]]:
    """Do what the outbox asks for; the letters that left, by address and text."""
    handlers = outbox.together(solutions.handlers(db), article_letters.handlers(settings, db))
    kinds = {row["kind"] for row in db.query("SELECT kind FROM outbox")}
    idle = {kind: lambda task: None for kind in kinds - set(handlers)}
    before = len(mail.letters(settings))
    while outbox.run_one(db, {**handlers, **idle}):
        pass
    assert db.query("SELECT problem FROM outbox WHERE problem IS NOT NULL") == []
    sent = mail.letters(settings)[before:]
    return sorted((str(letter["To"]), mail.text_of(letter)) for letter in sent)


def told_to(sent: list[tuple[str, str]]) -> list[str]:
    return [to.partition("<")[2].rstrip(">") for to, _ in sent]


def test_a_request_shows_the_article_that_its_commit_names(db, settings, cast: Cast, content):
    ticket = tickets.find(db, cast.dan, solve(db))
    assert solutions.of_ticket(db, cast.dan, ticket) == []
    publish_lost(db, settings, content)
    for viewer in (cast.dan, cast.alice):
        (card,) = solutions.of_ticket(db, viewer, ticket)
        assert (card.path, card.title) == (PATH, "Find a lost collar")


def test_an_article_that_is_not_for_the_requester_is_not_shown_to_them(db, settings, cast, content):
    ticket = tickets.find(db, cast.dan, solve(db))
    publish_lost(db, settings, content, audience="org:globex")
    assert solutions.of_ticket(db, cast.dan, ticket)
    assert solutions.of_ticket(db, cast.alice, ticket) == []
    assert solutions.tell(db, cast.dan, ticket, PATH) == 0
    assert work(db, settings) == []


def test_an_article_that_was_withdrawn_is_shown_no_more(db, settings, cast, content):
    ticket = tickets.find(db, cast.dan, solve(db))
    publish_lost(db, settings, content)
    git(content, "rm", "--quiet", f"articles/{PATH}.md")
    commit(content)
    go_live(db, settings)
    assert solutions.of_ticket(db, cast.dan, ticket) == []
    with pytest.raises(NotFound):
        solutions.tell(db, cast.dan, ticket, PATH)


def test_those_who_asked_are_told_once(db, settings, cast, content):
    ticket = tickets.find(db, cast.dan, solve(db, cc=["bob@acme.example", "someone@else.example"]))
    publish_lost(db, settings, content)
    assert work(db, settings) == [], "nobody is told unless an agent says so"
    assert solutions.told(db, cast.dan, ticket, PATH) == solutions.LetterCount(2, 0)
    assert solutions.tell(db, cast.dan, ticket, PATH) == 2
    sent = work(db, settings)
    assert told_to(sent) == ["alice@acme.example", "bob@acme.example"]
    for _, text in sent:
        assert "Find a lost collar" in text and "/en/articles/lost" in text
        assert "Restart the service" not in text, "the letter says where, the article says what"
    assert solutions.tell(db, cast.dan, ticket, PATH) == 0
    assert work(db, settings) == []


def test_only_agents_tell(db, settings, cast, content):
    ticket = tickets.find(db, cast.dan, solve(db))
    publish_lost(db, settings, content)
    for viewer in (cast.alice, cast.wendy, cast.nobody):
        with pytest.raises(NotFound):
            solutions.tell(db, viewer, ticket, PATH)
    with pytest.raises(NotFound):
        solutions.tell(db, cast.dan, ticket, "en/guide/page")


def test_who_wants_no_such_letter_gets_none(db, settings, cast, content):
    ticket = tickets.find(db, cast.dan, solve(db, cc=["bob@acme.example"]))
    publish_lost(db, settings, content)
    preferences.decline(db, str(cast.alice.person_id), solutions.PREFERENCE)
    assert solutions.tell(db, cast.dan, ticket, PATH) == 1
    preferences.decline(db, str(cast.bob.person_id), "")  # since, and before it leaves
    assert work(db, settings) == []


def test_who_may_not_read_it_any_more_gets_no_letter(db, settings, cast, content):
    ticket = tickets.find(db, cast.dan, solve(db, cc=["bob@acme.example"]))
    publish_lost(db, settings, content)
    assert solutions.tell(db, cast.dan, ticket, PATH) == 2
    people.disable(db, OPERATOR, people.find(db, "bob@acme.example"))
    write(content, f"articles/{PATH}.md", article("Find a lost collar", audience="agents"))
    commit(content)
    go_live(db, settings)
    assert work(db, settings) == []
    assert {row["outcome"] for row in db.query("SELECT outcome FROM article_tellings")} == {
        "dropped"
    }


def test_a_promise_made_with_the_proposal_is_kept_at_publication(db, settings, cast, content):
    solve(db)
    made = compose(db, cast.dan, ArticleBrief(tickets=[1042], audience="customers"))
    made = replace(made, article=replace(made.article, category="guide", body="Restart it."))
    draft = article_drafts.save(db, cast.dan, "draft-key-1", made)
    branch = article_proposals.propose(
        db, cast.dan, settings, draft.key, telling=ReaderTelling(those_who_asked=True)
    )
    assert article_proposals.is_announced(db, draft)
    assert work(db, settings) == []
    git(content, "merge", "--quiet", branch)
    go_live(db, settings)
    assert told_to(work(db, settings)) == ["alice@acme.example"]
    go_live(db, settings)
    assert work(db, settings) == []
    assert not article_proposals.is_announced(db, draft)


def test_a_promise_can_be_taken_back(db, settings, cast, content):
    solve(db)
    made = compose(db, cast.dan, ArticleBrief(tickets=[1042], audience="customers"))
    made = replace(made, article=replace(made.article, category="guide", body="Restart it."))
    draft = article_drafts.save(db, cast.dan, "draft-key-1", made)
    article_proposals.propose(
        db, cast.dan, settings, draft.key, telling=ReaderTelling(those_who_asked=True)
    )
    branch = article_proposals.propose(db, cast.dan, settings, draft.key)
    git(content, "merge", "--quiet", branch)
    go_live(db, settings)
    assert work(db, settings) == []
