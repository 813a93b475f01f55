"""Announcements among the results of a search: those that say what was typed."""

from datetime import timedelta

from kbsearch.access import Viewer
from kbsearch.announcements import Announcement, list_published
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database
from kbsearch.search.fulltext.text import STOP_WORDS, words_of

MOST_WORDS = 24  # of a long text, the first
LONGEST_TEXT = 1_000
SHORTEST_STEM = 4
LONGEST_ENDING = 4
READ = 2_000  # characters of a text
FOUND_FOR = timedelta(days=180)  # after it is over
MOST = 3


class AnnouncementSearch:
    """Announcements for every key pressed: that there are none is asked once, until a write."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._none_at: object = None  # the version of the database

    def __call__(self, viewer: Viewer, text: str) -> list[Announcement]:
        version = self._db.version()
        if version == self._none_at:
            return []
        if not self._db.query("SELECT 1 FROM announcements WHERE published_at IS NOT NULL LIMIT 1"):
            self._none_at = version
            return []
        return search(self._db, viewer, text)


def search(db: Database, viewer: Viewer, text: str) -> list[Announcement]:
    """The published announcements with at least half of the words, in either language."""
    words = _words(text[:LONGEST_TEXT])
    since = stored(utc_now() - FOUND_FOR)
    lively = list_published(db, viewer, over_since=since) if words else []
    return [one for one in lively if 2 * _count(words, one) >= len(words)][:MOST]


def _words(text: str) -> list[str]:
    small = STOP_WORDS["fr"] | STOP_WORDS["en"]
    return [word for word in dict.fromkeys(words_of(text)) if word not in small][:MOST_WORDS]


def _count(words: list[str], announcement: Announcement) -> int:
    """How many of the words its titles and texts have."""
    said = "\n".join(
        (
            announcement.title_fr,
            announcement.title_en,
            announcement.text_fr[:READ],
            announcement.text_en[:READ],
            announcement.product or "",
        )
    )
    there = set(words_of(said))
    return sum(any(_is_form(word, other) for other in there) for word in words)


def _is_form(word: str, other: str) -> bool:
    """Whether two words share all but their endings, or the first is not yet finished."""
    stem = word[: max(SHORTEST_STEM, len(word) - 2)]
    return word == other or (
        len(word) >= SHORTEST_STEM
        and other.startswith(stem)
        and len(other) - len(stem) <= LONGEST_ENDING
    )
