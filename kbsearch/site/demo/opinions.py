"""What readers made of the articles: votes, and the words that agents confirmed they answer."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from kbsearch import articles
from kbsearch.articles.publishing.publish import publish
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.people import viewers
from kbsearch.search.learning import lessons, votes
from kbsearch.search.learning.lessons import LessonOrigin
from kbsearch.search.learning.votes import VoteFields
from kbsearch.site.demo import cast

AGENT = "dan@support.example"
APART = timedelta(hours=31)  # of two votes


def give(settings: Settings, db: Database) -> None:
    """Put the articles live, as a vote is on an edition of one, and give the opinions on them."""
    if not settings.content_path.is_dir():
        return
    publish(db, settings)
    moment = utc_now()
    agent = viewers.find(db, AGENT)
    with db.atomic():
        for opinions in cast.listed("opinions.yml"):
            card = articles.find_path(db, agent, opinions["path"])
            if card is None:  # the content is somebody's own
                continue
            article = articles.find(db, agent, card.language, card.slug)
            for who, fields in _votes(opinions):
                moment -= APART
                votes.give(db, viewers.find(db, who), None, article, fields, at=moment)
            origin = LessonOrigin("sent", card.id)
            lessons.teach(db, agent, opinions.get("sent", ()), card.path, origin, at=moment)


def _votes(opinions: Mapping[str, Any]) -> Iterator[tuple[str, VoteFields]]:
    for who in opinions["helped"]:
        yield who, VoteFields(helped=True)
    for remark in opinions.get("not_helped", ()):
        yield remark["who"], VoteFields(False, remark["reason"], remark["words"])
