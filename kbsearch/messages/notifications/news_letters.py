"""Letters about what somebody follows: one for what a publication brought, or one for a week.

Each piece of news is told to each person once, whatever is handled again. What they may read, still
follow and want to be told by mail is asked as it is written down, and again as the letter leaves.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.message import EmailMessage

from kbsearch import articles, outbox, people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.articles import Card, follows, news
from kbsearch.articles.follows import Way
from kbsearch.articles.news import ArticleNews
from kbsearch.articles.publishing import news as publishing
from kbsearch.clock import now, stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.errors import NotFound
from kbsearch.messages.delivery import channels, senders
from kbsearch.messages.notifications import digests, letters, opt_outs, ticket_letters
from kbsearch.outbox import Handlers, Task
from kbsearch.people import Person, notification_choices, undeliverable, viewers

LETTER = outbox.declare("news.letter", "mail")  # to one person
PREFERENCE = "article.followed"
BY_MAIL: tuple[Way, ...] = ("mail", "weekly")  # the one that comes first wins
MOST_TOLD = 10  # articles; of more, it says how many
MOST_SECTIONS = 5  # of an article


@dataclass(frozen=True)
class NewsTelling:
    """A letter to write: the articles that its reader may read, with what changed in each."""

    person: Person
    articles: Sequence[tuple[ArticleNews, Card]]


@dataclass(frozen=True)
class NewsLine:
    """An article in a letter, in the words of its language."""

    title: str
    url: str
    is_new: bool
    note: str
    sections: tuple[str, ...]


def fan_out(db: Database) -> Handlers:
    """What follows a publication: a letter for each who follows what it brought."""

    def write(task: Task) -> None:
        brought = news.list_of_publication(db, task.subject)
        for person_id, ways in _followers(db, brought).items():
            _ask(db, person_id, brought, ways)

    return {publishing.PUBLISHED: write}


def handlers(settings: Settings, db: Database) -> Handlers:
    """Who sends them; what holds no more by then is not told."""
    mail = channels.mail(settings, db)

    def carry(task: Task) -> None:
        _close(db, task.subject)
        telling = find(db, task.subject)
        if telling is None:
            _settle(db, task.subject, "dropped")
            return
        letter = compose(db, settings, telling, task.subject)
        senders.hand_over(db, task, lambda: mail.send(letter, [telling.person.email]))
        _settle(db, task.subject, "sent")

    return {LETTER: carry}


def find(db: Database, letter_id: str) -> NewsTelling | None:
    """What a letter says, as things stand now; None when there is nothing to tell any more."""
    rows = db.query(
        "SELECT person_id FROM news_letters WHERE id = :id AND settled_at IS NULL",
        {"id": letter_id},
    )
    reader = _reader(db, rows[0]["person_id"]) if rows else None
    if reader is None:
        return None
    told = news.as_read_by(db, reader, news.list_of_letter(db, letter_id))
    cards = {line.path: card for line, card in told}
    followed = {
        (each.kind, each.subject) for each in follows.list_mine(db, reader) if each.way in BY_MAIL
    }
    lines = [line for line, card in told if followed & follows.topics_of(card)]
    if not lines:
        return None
    person = people.find_id(db, rows[0]["person_id"])
    return NewsTelling(person, [(line, cards[line.path]) for line in _gathered(lines)])


def compose(
    db: Database, settings: Settings, telling: NewsTelling, message_id: str
) -> EmailMessage:
    """The letter: each article, what changed in it, and the way to it."""
    language = letters.language_of(settings, telling.person)
    base = f"{settings.base_url.rstrip('/')}/{language}"
    opt_out = opt_outs.url(settings, language, telling.person.id, PREFERENCE)
    told = telling.articles[:MOST_TOLD]
    letter = letters.compose(
        settings,
        "articles_followed",
        telling.person,
        message_id,
        {
            "lines": [_line(settings, one, card) for one, card in told],
            "count": len(telling.articles),
            "more": len(telling.articles) - len(told),
            "news_url": f"{base}/news",
            "follows_url": f"{base}/account/following",
            "opt_out_url": opt_out,
        },
        letters.brand_of(db, telling.person),
    )
    ticket_letters.mark_optional(letter, opt_out)
    return letter


def forget_old(db: Database) -> int:
    """Remove letters that left, or should have, as long ago as news are kept; how many."""
    return db.execute(
        "DELETE FROM news_letters WHERE COALESCE(settled_at, closed_at) < :before",
        {"before": stored(utc_now() - news.KEEP)},
    )


def _followers(db: Database, brought: Iterable[ArticleNews]) -> dict[str, dict[str, Way]]:
    """Who is to be told by mail of which news, and how: by their ids and those of the news."""
    by_path = {one.path: one.id for one in brought}
    # of everybody's, to find out who follows them; each reads them with their own eyes below
    cards = articles.list_paths(db, OPERATOR, by_path)
    news_of: dict[follows.Topic, list[str]] = {}
    for path, card in cards.items():
        for topic in follows.topics_of(card):
            news_of.setdefault(topic, []).append(by_path[path])
    wanted: dict[str, dict[str, Way]] = {}
    for follow in follows.list_of_topics(db, news_of.keys()):
        ways = wanted.setdefault(follow.person_id, {})
        for news_id in news_of[follow.kind, follow.subject] if follow.way in BY_MAIL else ():
            if ways.get(news_id) != BY_MAIL[0]:
                ways[news_id] = follow.way
    return wanted


def _ask(
    db: Database, person_id: str, brought: Iterable[ArticleNews], ways: Mapping[str, Way]
) -> None:
    """Ask for letters with what this person may read and was not told yet."""
    reader = _reader(db, person_id)
    if reader is None:
        return
    others = [one for one in brought if one.id in ways and one.author_id != person_id]
    told = [one for one, _ in news.as_read_by(db, reader, others)]
    with db.atomic():
        known = {
            row["news_id"]
            for row in db.query(
                "SELECT news_id FROM news_letter_lines WHERE person_id = :id", {"id": person_id}
            )
        }
        for way in BY_MAIL:
            ids = [one.id for one in told if ways[one.id] == way and one.id not in known]
            letter_id = _letter(db, reader, way) if ids else ""
            db.insert_many(
                "news_letter_lines",
                [{"person_id": person_id, "news_id": id, "letter_id": letter_id} for id in ids],
            )


def _letter(db: Database, reader: Viewer, way: Way) -> str:
    """The id of a new letter; of the one that gathers their week, where there is one."""
    if way == "weekly":
        rows = db.query(
            f"""
            SELECT id FROM news_letters
            WHERE person_id = :id AND way = 'weekly' AND closed_at IS NULL {db.holding}
            """,  # noqa: S608 (a constant)
            {"id": reader.person_id},
        )
        if rows:
            return str(rows[0]["id"])
    letter_id, moment = new_id(), utc_now()
    is_whole = way != "weekly"
    db.insert(
        "news_letters",
        {
            "id": letter_id,
            "person_id": reader.person_id,
            "way": way,
            "asked_at": stored(moment),
            "closed_at": stored(moment) if is_whole else None,
        },
    )
    due = None if is_whole else digests.next_week(reader.time_zone, moment)
    outbox.add(db, LETTER, letter_id, due=due)
    return letter_id


def _reader(db: Database, person_id: str) -> Viewer | None:
    """A person with what they may read; None where no such letter reaches them."""
    try:
        reader = viewers.find(db, people.find_id(db, person_id).email)
    except NotFound:
        return None  # their account is closed
    if undeliverable.is_so(db, person_id):
        return None
    return reader if notification_choices.wants(db, person_id, PREFERENCE, "mail") else None


def _gathered(lines: Iterable[ArticleNews]) -> list[ArticleNews]:
    """Each article once, with all that changed in it; the new ones first, then the last changed."""
    by_path: dict[str, ArticleNews] = {}
    for line in lines:
        before = by_path.pop(line.path, None)
        if before is not None:
            notes = dict.fromkeys(filter(None, (before.note, line.note)))
            line = replace(
                line,
                is_new=before.is_new or line.is_new,
                sections=tuple(dict.fromkeys((*before.sections, *line.sections))),
                note=" ".join(notes),
            )
        by_path[line.path] = line
    return sorted(by_path.values(), key=lambda line: not line.is_new)


def _line(settings: Settings, one: ArticleNews, card: Card) -> NewsLine:
    url = settings.url(f"articles/{card.slug}", card.language)
    return NewsLine(card.title, url, one.is_new, one.note, one.sections[:MOST_SECTIONS])


def _close(db: Database, letter_id: str) -> None:
    """Have it take in no more, before it is read: what comes now is for the next one."""
    db.execute(
        "UPDATE news_letters SET closed_at = :now WHERE id = :id AND closed_at IS NULL",
        {"id": letter_id, "now": now()},
    )


def _settle(db: Database, letter_id: str, outcome: str) -> None:
    db.execute(
        """
        UPDATE news_letters SET settled_at = :now, outcome = :outcome
        WHERE id = :id AND settled_at IS NULL
        """,
        {"id": letter_id, "outcome": outcome, "now": now()},
    )
