"""Solved requests that tell the same and have no article: what several had to ask a person for."""

from datetime import datetime

from kbsearch import tickets
from kbsearch.articles.gaps import counts
from kbsearch.articles.gaps.counts import CASES_COUNT_FOR, Signal
from kbsearch.articles.gaps.signals import cursor, keep
from kbsearch.articles.gaps.texts import STAFF, Asks, GapTexts
from kbsearch.articles.publishing import trailers
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Row, one_of
from kbsearch.search.fulltext import essence
from kbsearch.search.fulltext.clicks import NEARLY_THE_SAME
from kbsearch.tickets import Ticket
from kbsearch.tickets.codes import IS_RESOLVED
from kbsearch.tickets.desk import duplicates

BATCH = 10  # requests compared with all others in one step
FEWEST = 3  # requests of a cluster
FEWEST_PEOPLE = 2


def take(db: Database, search: Asks, *, at: datetime | None = None) -> bool:
    """Compare the next requests that were solved with those like them; whether there were any."""
    moment = at or utc_now()
    oldest = stored(moment - CASES_COUNT_FOR)
    last_at, last_id = cursor(db, "case")
    rows = db.query(
        f"""
        SELECT t.id, t.solved_at AS at FROM tickets t
        WHERE {IS_RESOLVED} AND t.solved_at >= :last_at
          AND (t.solved_at > :last_at OR t.id > :last_id) AND t.solved_at < :now
        ORDER BY t.solved_at, t.id LIMIT :limit
        """,  # noqa: S608 (a constant)
        {
            "last_at": max(last_at, oldest),
            "last_id": last_id,
            "now": stored(moment),
            "limit": BATCH,
        },
    )
    if not rows:
        return False
    reader = GapTexts(db, search)
    for row in rows:
        cluster = _cluster(db, search, row["id"], oldest)
        if cluster:
            _store(db, reader, cluster)
    keep(db, "case", rows[-1])
    return True


def drop_answered(db: Database) -> None:
    """Forget the clusters that an article solves by now, as its commit says."""
    solved = {trailer.value for trailer in trailers.list_all(db, trailers.SOLVES_TICKET)}
    rows = db.query(
        """
        SELECT DISTINCT s.gap_id, t.number FROM gap_signals s JOIN tickets t ON t.id = s.ticket_id
        WHERE s.kind = 'case'
        """
    )
    for gap_id in {row["gap_id"] for row in rows if str(row["number"]) in solved}:
        db.execute("DELETE FROM gap_signals WHERE gap_id = :gap AND kind = 'case'", {"gap": gap_id})
        counts.recount(db, [gap_id])


def _cluster(db: Database, search: Asks, ticket_id: str, since: str) -> list[Row]:
    """The solved requests that tell the same as one, it among them; none with an article."""
    ticket = tickets.find(db, STAFF, ticket_id)
    alike = search.alike(STAFF, ticket, since)
    numbers = {hit.number for hit in alike if hit.codes or hit.nearness >= NEARLY_THE_SAME}
    places, values = one_of("number", [*(numbers | _linked(db, ticket)), ticket.number])
    rows = db.query(
        f"""
        SELECT t.id, t.number, t.subject, t.language, t.solved_at, t.requester_id,
          COALESCE(p.slug, '') AS product,
          COALESCE(t.requester_id, t.requester_email, t.id) AS who,
          EXISTS (SELECT 1 FROM messages m WHERE m.ticket_id = t.id AND m.internal = 0
                  AND m.body LIKE '%/articles/%') AS is_answered
        FROM tickets t LEFT JOIN products p ON p.id = t.product_id
        WHERE t.number IN ({places}) AND t.solved_at >= :since
          AND {IS_RESOLVED} ORDER BY t.number
        """,  # noqa: S608 (a constant, names of parameters)
        {**values, "since": since},
    )
    if any(row["is_answered"] or _is_solved_by_article(db, row["number"]) for row in rows):
        return []
    enough = len(rows) >= FEWEST and len({row["who"] for row in rows}) >= FEWEST_PEOPLE
    return rows if enough else []


def _is_solved_by_article(db: Database, number: int) -> bool:
    return bool(trailers.list_all(db, trailers.SOLVES_TICKET, value=str(number)))


def _linked(db: Database, ticket: Ticket) -> set[int]:
    """What agents said is the same."""
    links = duplicates.of_ticket(db, STAFF, ticket)
    original = [links.original] if links.original else []
    return {link.number for link in [*original, *links.duplicates]}


def _store(db: Database, reader: GapTexts, cluster: list[Row]) -> None:
    """Put them to the gap that one of them belongs to, or to the one of the oldest's subject."""
    texts = {row["id"]: reader.clear(essence.of_subject(row["subject"])) for row in cluster}
    places, values = one_of("ticket", list(texts))
    gap_rows = db.query(
        f"""
        SELECT gap_id FROM gap_signals WHERE ticket_id IN ({places})
        ORDER BY CASE WHEN kind = 'case' THEN 0 ELSE 1 END, at LIMIT 1
        """,  # noqa: S608 (names of parameters)
        values,
    )
    place = next(filter(None, map(reader.place, texts.values())), None)
    gap_id = str(gap_rows[0]["gap_id"]) if gap_rows else place and counts.gap_at(db, place)
    if not (gap_id or place):
        return
    with db.atomic():
        for row in cluster:
            signal = Signal(
                kind="case",
                origin=row["id"],
                who=f"user:{row['requester_id']}" if row["requester_id"] else f"ticket:{row['id']}",
                at=row["solved_at"],
                text=texts[row["id"]],
                product=row["product"],
                ticket_id=row["id"],
                person_id=row["requester_id"],
            )
            if not gap_id and place:
                gap_id = counts.make(db, place, signal)
            counts.add(db, str(gap_id), "", signal)
        counts.recount(db, [str(gap_id)])
