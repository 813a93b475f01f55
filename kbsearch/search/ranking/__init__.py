"""Asking: the one place where a text becomes results, for the box, the pages, the CLI, the API."""

import logging
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock

from kbsearch import tickets
from kbsearch.access import Viewer
from kbsearch.config import LANGUAGES, Settings
from kbsearch.database import Database
from kbsearch.search import Hit, Kind, Question, Results
from kbsearch.search.fulltext import similar_index
from kbsearch.search.fulltext.clicks import Clicks
from kbsearch.search.fulltext.confirmed import Wordings
from kbsearch.search.fulltext.documents import Click, Taught
from kbsearch.search.fulltext.engine import guarded
from kbsearch.search.fulltext.plan import IndexUnreachable, Place
from kbsearch.search.fulltext.query import Terms, understand
from kbsearch.search.fulltext.shelf import Articles
from kbsearch.search.fulltext.similar_index import Alike, Likeness
from kbsearch.search.fulltext.speller import Speller
from kbsearch.search.fulltext.text import normal
from kbsearch.search.fulltext.ticket_index import TicketIndex
from kbsearch.search.fulltext.ticket_writer import day_of
from kbsearch.search.learning import case_clicks, lessons
from kbsearch.search.ranking import hits, reader_versions
from kbsearch.search.ranking.answer import Answer
from kbsearch.search.ranking.generations import live_folders, ticket_place
from kbsearch.search.ranking.indexing import ask_rebuild
from kbsearch.search.ranking.known import Snapshot
from kbsearch.tickets import changes

log = logging.getLogger(__name__)

DEEPEST = 1_000  # hits; nobody pages further
MOST_ALIKE = 50  # recent requests compared with one
SPARE = 5  # similar cases looked at besides, for those the viewer may not read


class Search:
    """The search of one process. Indexes are opened at the first question, never before a fork."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self._settings = settings
        self._db = db
        self._lock = Lock()
        self._articles: Articles | None = None
        self._tickets: tuple[str, TicketIndex] | None = None
        self._snapshot: tuple[object, Snapshot] | None = None
        self._wordings: tuple[int, Mapping[str, Wordings]] = (0, {})

    def ask(self, viewer: Viewer, question: Question) -> Results:
        """Answer a question with what the viewer may see; no text makes it fail."""
        started = time.perf_counter()
        question = replace(
            question,
            limit=max(1, min(question.limit, 100)),
            page=max(1, min(question.page, DEEPEST // max(1, question.limit))),
            product=normal(question.product or "") or None,
        )
        terms = understand(question.text)
        results = Results((), 0)
        if not terms.is_empty:
            snapshot = self._look()
            shelf = self._open_articles(snapshot.live.get("article_index"))
            cases = self._open_tickets(snapshot.live.get("ticket_index"))
            try:
                with guarded():
                    wordings = self._learnt(snapshot)
                    results = Answer(snapshot, viewer, question, shelf, cases, wordings).find(terms)
            except IndexUnreachable as problem:  # articles lie here, whatever becomes of a cluster
                log.warning("the index of requests does not answer: %s", problem)
                results = self._without_tickets(snapshot, viewer, question, shelf, terms)
            except ValueError:  # a damaged file shows when it is read, not before
                self._report_damage()
                results = Answer(snapshot, viewer, question, None, None).find(terms)
        shown = reader_versions.preferred(self._db, viewer, results.hits)
        took_ms = round((time.perf_counter() - started) * 1000, 2)
        return replace(results, hits=shown, took_ms=took_ms)

    def _without_tickets(
        self,
        snapshot: Snapshot,
        viewer: Viewer,
        question: Question,
        shelf: Articles | None,
        terms: Terms,
    ) -> Results:
        """The answer of the articles and of the database, while the tickets' index is away."""
        try:
            with guarded():
                wordings = self._learnt(snapshot)
                return Answer(snapshot, viewer, question, shelf, None, wordings).find(terms)
        except ValueError:
            self._report_damage()
            return Answer(snapshot, viewer, question, None, None).find(terms)

    def spelt(self, viewer: Viewer, text: str, language: str) -> tuple[str, frozenset[str]]:
        """A text as it would be corrected, and its words that are in nothing the viewer reads."""
        snapshot = self._look()
        shelf = self._open_articles(snapshot.live.get("article_index"))
        if shelf is None:
            return text, frozenset()
        try:
            with guarded():
                cases = self._open_tickets(snapshot.live.get("ticket_index"))
                speller = Speller(shelf, cases, viewer, language)
                corrected = speller.correct(replace(understand(text), unfinished=None)) or text
                return corrected, speller.unknown(corrected)
        except ValueError as problem:
            self._report(problem)
            return text, frozenset()

    def similar(
        self,
        viewer: Viewer,
        *,
        number: int | None = None,
        subject: str = "",
        description: str = "",
        language: str = "fr",
        limit: int = 5,
    ) -> tuple[Hit, ...]:
        """Solved tickets like one (by number) or like a text, with what they share.

        For agents; nobody else gets any. Raises NotFound for an unknown number.
        """
        if not viewer.is_agent:
            return ()
        ticket = tickets.find_number(self._db, viewer, number) if number is not None else None
        cases = self._open_tickets(live_folders(self._db).get("ticket_index"))
        if cases is None:
            return ()
        try:
            with guarded():
                return self._similar(viewer, cases, ticket, (subject, description), language, limit)
        except ValueError as problem:
            self._report(problem)
            return ()

    def _similar(
        self,
        viewer: Viewer,
        cases: TicketIndex,
        ticket: tickets.Ticket | None,
        text: tuple[str, str],
        language: str,
        limit: int,
    ) -> tuple[Hit, ...]:
        likeness = _likeness(cases, ticket, *text)
        without = ticket.number if ticket else None
        seen_by = cases.seen_by(viewer.principals)
        ranked = similar_index.ranked(
            cases, likeness, limit + SPARE, without=without, clicks=self._clicks, seen_by=seen_by
        )
        confirmed = tickets.visible_numbers(self._db, viewer, (number for number, _ in ranked))
        visible = [case for case in ranked if case[0] in confirmed][:limit]
        by_number = cases.cases([number for number, _ in visible])
        similar = []
        for number, score in visible:
            hit = replace(by_number[number], score=score)
            codes, words = similar_index.shared(cases, hit, likeness)
            reasons = hits.reasons(codes, words, hit, ticket, language)
            similar.append(hits.of_similar(hit, language, reasons))
        return tuple(similar)

    def _clicks(self, numbers: Collection[int]) -> list[Click]:
        return case_clicks.touching(self._db, numbers)

    def alike(self, viewer: Viewer, ticket: tickets.Ticket, since: str) -> list[Alike]:
        """Requests like one, solved or not, that changed since a moment; for agents.

        The version that is in use at the time is no sign of anything: it is left out.
        """
        cases = self._open_tickets(live_folders(self._db).get("ticket_index"))
        if cases is None or not viewer.is_agent:
            return []
        try:
            with guarded():
                likeness = similar_index.likeness(cases, ticket.subject, ticket.description)
                seen_by = cases.seen_by(viewer.principals)
                alike = similar_index.recent(cases, likeness, day_of(since), MOST_ALIKE, seen_by)
                confirmed = tickets.visible_numbers(self._db, viewer, [hit.number for hit in alike])
                return [hit for hit in alike if hit.number in confirmed]
        except ValueError as problem:
            self._report(problem)
            return []

    def numbers(self, viewer: Viewer, text: str, limit: int) -> list[int]:
        """The newest tickets of the viewer's that have every word of a text, by number.

        The database confirms them: the index may lag behind. None while there is no index.
        """
        terms = understand(text)
        cases = self._open_tickets(live_folders(self._db).get("ticket_index"))
        if cases is None or terms.is_empty or not viewer.is_signed_in:
            return []
        try:
            with guarded():
                return cases.having_all(terms, viewer.principals, limit)
        except ValueError as problem:
            self._report(problem)
            return []

    def rank(
        self,
        viewer: Viewer,
        question: Question,
        wordings: Mapping[str, Wordings] | None = None,
    ) -> list[tuple[str, float]]:
        """The order `ask` shows, without what showing costs: ids and scores of one kind.

        `wordings` are those to learn from instead of what people confirmed here.
        """
        terms = understand(question.text)
        if terms.is_empty:
            return []
        snapshot = self._look()
        shelf = self._open_articles(snapshot.live.get("article_index"))
        cases = self._open_tickets(snapshot.live.get("ticket_index"))
        learnt = self._learnt(snapshot) if wordings is None else wordings
        return Answer(snapshot, viewer, question, shelf, cases, learnt).rank(terms)

    def rank_similar(
        self,
        viewer: Viewer,
        *,
        number: int | None = None,
        subject: str = "",
        description: str = "",
        limit: int,
        clicks: Clicks | None = None,
    ) -> list[tuple[str, float]]:
        """The order `similar` shows, without what showing costs: numbers and scores.

        `clicks` are those to learn from instead of what agents said here.
        """
        cases = self._open_tickets(live_folders(self._db).get("ticket_index"))
        if cases is None or not viewer.is_agent:
            return []
        ticket = tickets.find_number(self._db, viewer, number) if number is not None else None
        likeness = _likeness(cases, ticket, subject, description)
        seen_by = cases.seen_by(viewer.principals)
        ranked = similar_index.ranked(
            cases, likeness, limit, without=number, clicks=clicks or self._clicks, seen_by=seen_by
        )
        return [(str(case), score) for case, score in ranked]

    def missing(self, documents: Iterable[str], kind: Kind | None) -> list[str]:
        """Which articles (by path) and tickets (by number) are in no index that answers a kind."""
        live = live_folders(self._db)
        shelf = self._open_articles(live.get("article_index")) if kind != "ticket" else None
        cases = self._open_tickets(live.get("ticket_index")) if kind != "article" else None
        return [
            name
            for name in documents
            if not (
                cases is not None and cases.has(int(name))
                if name.isdecimal()
                else shelf is not None and shelf.has(name)
            )
        ]

    def _learnt(self, snapshot: Snapshot) -> Mapping[str, Wordings]:
        """The confirmed wordings by language, read anew when one was added or forgotten."""
        if not self._settings.learning or not snapshot.lessons_revision:
            return {}
        if self._wordings[0] != snapshot.lessons_revision:
            self._wordings = snapshot.lessons_revision, by_language(lessons.active(self._db))
        return self._wordings[1]

    def _look(self) -> Snapshot:
        """What the database says; asked anew as soon as anything was written to it."""
        version = self._db.version()
        held = self._snapshot
        if held is None or held[0] != version:
            held = self._snapshot = version, Snapshot(self._db)
        return held[1]

    def _open_articles(self, name: str | None) -> Articles | None:
        held = self._articles
        if name is None or (held is not None and held.folder.name == name):
            return held if name else None
        place = self._settings.index_path / name
        with self._lock:
            try:
                with guarded():
                    self._articles = Articles(place)
            except ValueError:
                self._articles = None
                self._ask_rebuild("articles", place)
            return self._articles

    def _open_tickets(self, name: str | None) -> TicketIndex | None:
        held = self._tickets
        if name is None:
            return None
        if held is not None and held[0] == name:
            with suppress(ValueError), guarded():
                if held[1].view.is_remote:
                    held[1].catch_up(changes.last_revision(self._db))
                else:
                    held[1].refresh()
                return held[1]
        place = ticket_place(self._settings, name)
        with self._lock:
            try:
                with guarded():
                    self._tickets = (name, TicketIndex(place))
            except ValueError:
                self._tickets = None
                self._ask_rebuild("tickets", place)
            return self._tickets[1] if self._tickets else None

    def _ask_rebuild(self, subject: str, place: Place) -> None:
        """Of a folder that is not here there is nothing to say: it may be on the host that leads,
        whose worker looks after it by itself.
        """
        if not isinstance(place, Path) or place.exists():
            ask_rebuild(self._db, subject)

    def _report(self, problem: ValueError) -> None:
        """A cluster that does not answer is no damage: it comes back by itself."""
        if isinstance(problem, IndexUnreachable):
            log.warning("the index of requests does not answer: %s", problem)
        else:
            self._report_damage()

    def _report_damage(self) -> None:
        self._articles = self._tickets = None
        for subject in ("articles", "tickets"):
            ask_rebuild(self._db, subject)


def by_language(taught: Iterable[Taught]) -> Mapping[str, Wordings]:
    """Confirmed wordings, as the index of each language takes them."""
    every = list(taught)
    return {language: Wordings(every, language) for language in LANGUAGES} if every else {}


def _likeness(
    cases: TicketIndex, ticket: tickets.Ticket | None, subject: str, description: str
) -> Likeness:
    """What to look for: the likeness of a ticket, or of a text."""
    if ticket is None:
        return similar_index.likeness(cases, subject, description)
    return similar_index.likeness(
        cases,
        ticket.subject,
        ticket.description,
        product=ticket.product or "",
        version=ticket.version or "",
    )
