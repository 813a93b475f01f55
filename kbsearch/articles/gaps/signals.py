"""Where gaps come from: the ledger's searches, the requests after them, and votes, step by step.

Each step reads on from where the last one ended, a batch at a time, so that the board asks the
database for counts alone. The texts are searched before anything is written: nobody waits.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from kbsearch import articles, people
from kbsearch.access import ANONYMOUS, Viewer
from kbsearch.articles import gaps
from kbsearch.articles.gaps import counts
from kbsearch.articles.gaps.counts import GapPlace, Signal, SignalKind
from kbsearch.articles.gaps.texts import STAFF, Asks, GapTexts
from kbsearch.articles.publishing import trailers
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Row, site_state
from kbsearch.errors import NotFound
from kbsearch.people import viewers
from kbsearch.search import Question
from kbsearch.search.fulltext.text import detect_language
from kbsearch.search.learning import visits

BATCH = 200
SEARCH_SETTLES = visits.VISIT_ENDS_AFTER  # what is opened later was found otherwise
VOTE_SETTLES = timedelta(minutes=1)
FOLLOWED = "gaps_followed"  # the publication whose commits have been looked at
# What is read on, in order of time; `:last_id` parts what happened in the same second.
_ON = """
    {0}.at >= :last_at AND ({0}.at > :last_at OR {0}.id > :last_id) AND {0}.at < :before
    ORDER BY {0}.at, {0}.id LIMIT :limit
"""
_SEARCHES = f"""
    SELECT e.id, e.at, e.text, e.product, e.results, e.visit_id, v.network, v.person_id,
      EXISTS (SELECT 1 FROM visit_events o WHERE o.visit_id = e.visit_id
        AND o.kind IN ('opened', 'confirmed') AND o.undone_at IS NULL AND o.position > e.position
        AND NOT EXISTS (SELECT 1 FROM visit_events n WHERE n.visit_id = e.visit_id
          AND n.kind = 'searched' AND n.position > e.position AND n.position < o.position)
      ) AS opened
    FROM visit_events e JOIN visits v ON v.id = e.visit_id
    WHERE e.kind = 'searched' AND e.text <> '' AND {_ON.format("e")}
"""  # noqa: S608 (constants)
_FILED = f"""
    SELECT e.id, e.at, e.ticket_id, e.product, e.visit_id, v.network, v.person_id
    FROM visit_events e JOIN visits v ON v.id = e.visit_id
    WHERE e.kind = 'filed' AND e.ticket_id IS NOT NULL AND {_ON.format("e")}
"""  # noqa: S608 (constants)
_VOTES = f"""
    SELECT v.id, v.at, v.path, v.reason, v.visit_id, w.network, v.person_id
    FROM article_votes v LEFT JOIN visits w ON w.id = v.visit_id
    WHERE v.helped = 0 AND v.reason <> '' AND {_ON.format("v")}
"""  # noqa: S608 (constants)
_SEARCH_BEFORE = """
    SELECT s.id, s.text, s.product, g.is_hidden, g.path
    FROM visit_events s JOIN tickets t ON t.id = :ticket_id
    LEFT JOIN products p ON p.id = t.product_id
    LEFT JOIN gap_signals g ON g.event_id = s.id AND g.kind = 'empty'
    WHERE s.visit_id IN (SELECT id FROM visits WHERE id = :visit_id OR person_id = :person_id)
      AND s.kind = 'searched' AND s.text <> ''
      AND s.at <= t.created_at AND s.fails_until >= t.created_at
      AND (s.product = '' OR p.slug IS NULL OR p.slug = s.product)
    ORDER BY s.at DESC, s.position DESC LIMIT 1
"""
_SEARCH_BEFORE_VOTE = """
    SELECT id, text FROM visit_events
    WHERE visit_id = :visit_id AND kind = 'searched' AND text <> '' AND at <= :at
    ORDER BY position DESC LIMIT 1
"""


PlacedSignal = tuple[GapPlace, Signal]
ReadSignal = Callable[[Row], PlacedSignal | None]


def take(db: Database, search: Asks, *, at: datetime | None = None) -> bool:
    """Take in a batch of each source; whether there was anything."""
    moment = at or utc_now()
    reading = Reading(db, search)
    settled = stored(moment - SEARCH_SETTLES)
    more = _batch(db, "searched", _SEARCHES, settled, reading.of_search)
    read_until = cursor(db, "searched")[0] if more else settled  # a request follows its search
    filed = _batch(db, "filed", _FILED, read_until, reading.of_request)
    votes = _batch(db, "vote", _VOTES, stored(moment - VOTE_SETTLES), reading.of_vote)
    return more or filed or votes


def follow(db: Database) -> bool:
    """Close what published commits say they close, and count votes on articles as they are now."""
    now = " ".join(site_state.read_all(db, ["live_publication", trailers.READ]).values())
    if now == (site_state.read(db, FOLLOWED) or ""):
        return False
    with db.atomic():
        for trailer in trailers.list_all(db, trailers.CLOSES_GAP):
            name = trailer.value.upper().removeprefix("G-")
            if name.isdecimal() and len(name) < 10:
                gaps.close(db, int(name), trailer.commit, trailer.path, trailer.published_at)
        voted = db.query(
            "SELECT DISTINCT gap_id AS id FROM gap_signals WHERE vote_id IS NOT NULL"
            " UNION SELECT id FROM gaps WHERE state = 'closed'"
        )
        counts.recount(db, [row["id"] for row in voted])
        site_state.write(db, FOLLOWED, now)
    return True


class Reading:
    """What a batch of rows says, each row as a signal of some gap."""

    def __init__(self, db: Database, search: Asks) -> None:
        self._db = db
        self._search = search
        self._texts = GapTexts(db, search)
        self._viewers: dict[str, Viewer] = {}
        self._hidden: dict[tuple[str, str, Viewer], str] = {}

    def of_search(self, row: Row) -> PlacedSignal | None:
        """A search that found nothing, or nothing worth opening, or went well."""
        outcome: SignalKind = "found" if row["opened"] else "ignored"
        kind: SignalKind = outcome if row["results"] else "empty"
        hidden = self._hidden_from(row) if kind == "empty" else ""
        signal = Signal(
            kind=kind,
            origin=row["id"],
            who=_who(row),
            at=row["at"],
            text=self._texts.clear(row["text"]),
            product=row["product"],
            is_hidden=bool(hidden),
            path=hidden,
            event_id=row["id"],
            person_id=row["person_id"],
        )
        return self._of_text(signal)

    def of_request(self, row: Row) -> PlacedSignal | None:
        """The last search of whoever filed a request, for three days before it."""
        searches = self._db.query(_SEARCH_BEFORE, row)
        if not searches:
            return None
        search = searches[0]
        signal = Signal(
            kind="filed",
            origin=row["ticket_id"],
            who=_who(row),
            at=row["at"],
            text=self._texts.clear(search["text"]),
            product=row["product"] or search["product"],
            is_hidden=bool(search["is_hidden"]),
            path=search["path"] or "",
            event_id=search["id"],
            ticket_id=row["ticket_id"],
            person_id=row["person_id"],
        )
        return self._of_text(signal)

    def of_vote(self, row: Row) -> PlacedSignal | None:
        """A reason why an article did not help; of the search, where it was the wrong article."""
        searches = self._db.query(_SEARCH_BEFORE_VOTE, row) if row["reason"] == "elsewhere" else []
        text = self._texts.clear(searches[0]["text"]) if searches else ""
        signal = Signal(
            kind="vote",
            origin=row["id"],
            who=_who(row),
            at=row["at"],
            text=text,
            vote_id=row["id"],
            event_id=searches[0]["id"] if searches else None,
            person_id=row["person_id"],
        )
        if text and (placed := self._of_text(signal)):
            return placed
        article = articles.find_path(self._db, STAFF, row["path"])
        if article is None:
            return None
        place = GapPlace(f"article:{row['path']}", path=row["path"], title=article.title)
        return place, signal

    def _of_text(self, signal: Signal) -> PlacedSignal | None:
        place = self._texts.place(signal.text)
        return (place, signal) if place else None

    def _hidden_from(self, row: Row) -> str:
        """The article that answers the staff and is not for whoever searched; empty if none."""
        viewer, text = self._viewer(row["person_id"]), row["text"]
        key = text, row["product"], viewer
        if key not in self._hidden:
            question = Question(
                text,
                language=detect_language(text),
                kind="article",
                product=row["product"] or None,
                limit=1,
            )
            visible, whole = (self._search.ask(who, question) for who in (viewer, STAFF))
            hits = whole.hits + whole.other_language
            visible_hits = visible.hits + visible.other_language
            self._hidden[key] = hits[0].id if hits and not visible_hits else ""
        return self._hidden[key]

    def _viewer(self, person_id: str | None) -> Viewer:
        if person_id is None:
            return ANONYMOUS
        if person_id not in self._viewers:
            try:
                email = people.find_id(self._db, person_id).email
                self._viewers[person_id] = viewers.find(self._db, email)
            except NotFound:  # no longer let in
                self._viewers[person_id] = ANONYMOUS
        return self._viewers[person_id]


def store(db: Database, placed_signals: Sequence[PlacedSignal]) -> None:
    """Put signals to their gaps. What went well is of interest where a gap is known."""
    touched = []
    for place, signal in placed_signals:
        gap_id = counts.gap_at(db, place)
        if gap_id is None and signal.kind == "found":
            continue
        gap_id = gap_id or counts.make(db, place, signal)
        counts.add(db, gap_id, place.key, signal)
        touched.append(gap_id)
    counts.recount(db, touched)


def _batch(db: Database, name: str, sql: str, before: str, read: ReadSignal) -> bool:
    """Take in the next rows of a source, up to a moment."""
    last_at, last_id = cursor(db, name)
    values = {"last_at": last_at, "last_id": last_id, "before": before, "limit": BATCH}
    rows = db.query(sql, values)
    if not rows:
        return False
    placed_signals = [signal for row in rows if (signal := read(row)) is not None]
    with db.atomic():
        store(db, placed_signals)
        keep(db, name, rows[-1])
    return True


def _who(row: Row) -> str:
    """Whoever it was, as far as can be told: without cookies each request is a visit."""
    if row["person_id"]:
        return f"user:{row['person_id']}"
    return f"network:{row['network']}" if row["network"] else f"visit:{row['visit_id']}"


def cursor(db: Database, name: str) -> tuple[str, str]:
    """How far a source has been read: the moment and the id of its last row."""
    at, _, row_id = (site_state.read(db, f"gaps_{name}") or "").partition(" ")
    return at, row_id


def keep(db: Database, name: str, row: Row) -> None:
    """Remember that a source has been read up to a row."""
    site_state.write(db, f"gaps_{name}", f"{row['at']} {row['id']}")
