"""Whether the site can do its work: what /readyz, /metrics and `doctor` look at."""

import json
import shutil
from dataclasses import dataclass
from typing import get_args

from kbsearch import outbox
from kbsearch.clock import now, parsed, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, Row
from kbsearch.errors import Problem
from kbsearch.files import places
from kbsearch.outbox import Channel
from kbsearch.processes.parent_pipe import PATIENCE
from kbsearch.site import outgoing
from kbsearch.vaults import outcomes

LATE_AFTER = 900  # seconds that something waits to leave before somebody should look


@dataclass(frozen=True)
class Health:
    """What the database knows of the site; ages are in seconds."""

    publication: str | None
    commit: str | None
    refused_commit: str | None
    worker_age: float | None
    worker_patience: float  # the age up to which the worker said that it may be silent
    outbox_age: float | None
    outbox_dead: int
    index_lag: float  # since when a change waits to be found; 0 where none does
    last_backup: str | None  # when the last one was whole
    waiting: dict[str, float]  # by channel, how long its oldest has waited
    late: tuple[str, ...]  # the channels where that is too long
    article_index: str | None  # the folder in service
    ticket_index: str | None

    @property
    def is_worker_alive(self) -> bool:
        return self.worker_age is not None and self.worker_age < self.worker_patience


def look(db: Database) -> Health:
    """Read it; raises what the database raises when it cannot be read."""
    state = {row["name"]: row["value"] for row in db.query("SELECT name, value FROM state")}
    publication = state.get("live_publication")
    live = db.query("SELECT commit_id FROM publications WHERE id = :id", {"id": publication or ""})
    refused = state.get("refused_publication")
    waiting = outgoing.oldest(db)
    return Health(
        publication=publication,
        commit=live[0]["commit_id"] if live else None,
        refused_commit=json.loads(refused).get("commit") if refused else None,
        worker_age=_age(state.get("worker_seen")),
        worker_patience=float(state.get("worker_patience", PATIENCE)),
        outbox_age=_age(outbox.oldest_waiting(db)),
        outbox_dead=outbox.count_dead(db),
        index_lag=_age(outbox.oldest_waiting(db, "index")) or 0.0,
        last_backup=latest.at if (latest := outcomes.look(db).latest) else None,
        waiting={channel: round(age) for channel, age in waiting.items()},
        late=tuple(sorted(channel for channel, age in waiting.items() if age > LATE_AFTER)),
        article_index=state.get("article_index"),
        ticket_index=state.get("ticket_index"),
    )


def free_space(settings: Settings) -> dict[str, int]:
    """How many bytes are free where data and index lie."""
    folders = {"data": settings.data_path, "index": settings.index_path}
    return {
        name: shutil.disk_usage(folder).free for name, folder in folders.items() if folder.is_dir()
    }


def latest_moments(db: Database) -> list[str]:
    """The latest moments that the site noted as they passed, where it noted any."""
    rows = db.query(
        """
        SELECT value AS latest FROM state WHERE name = 'worker_seen'
        UNION ALL SELECT MAX(created_at) FROM outbox
        UNION ALL SELECT MAX(at) FROM security_log
        UNION ALL SELECT MAX(at) FROM ticket_events
        """
    )
    return [row["latest"] for row in rows if row["latest"]]


def has_files(settings: Settings) -> bool:
    """Whether what people attach can be reached. Pages can be read without it."""
    try:
        places.storage(settings).check()
    except Problem:
        return False
    return True


def mark_worker_seen(db: Database, patience: float = PATIENCE) -> None:
    """Say that the worker is alive at this moment, and for how many seconds it may be silent."""
    db.execute(
        """
        INSERT INTO state (name, value)
        VALUES ('worker_seen', :now), ('worker_patience', :patience)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """,
        {"now": now(), "patience": str(patience)},
    )


@dataclass(frozen=True)
class Queue:
    """Work of a channel that is not done: how much of it, and since when the oldest waits."""

    channel: Channel
    waiting: int
    failed: int  # it will be tried again
    dead: int  # given up
    age: float  # in seconds; 0 where nothing waits


def queues(db: Database) -> list[Queue]:
    """The queues of every channel."""
    rows = db.query(
        """
        SELECT channel, SUM(CASE WHEN dead_at IS NOT NULL THEN 1 ELSE 0 END) AS dead,
               SUM(CASE WHEN dead_at IS NULL AND problem IS NOT NULL THEN 1 ELSE 0 END) AS failed,
               SUM(CASE WHEN dead_at IS NULL AND problem IS NULL THEN 1 ELSE 0 END) AS waiting,
               MIN(CASE WHEN dead_at IS NULL THEN created_at END) AS oldest
        FROM outbox WHERE done_at IS NULL GROUP BY channel
        """
    )
    by_channel = {row["channel"]: row for row in rows}
    return [_queue(channel, by_channel.get(channel, {})) for channel in get_args(Channel)]


def _queue(channel: Channel, row: Row) -> Queue:
    return Queue(
        channel,
        waiting=row.get("waiting", 0),
        failed=row.get("failed", 0),
        dead=row.get("dead", 0),
        age=_age(row.get("oldest")) or 0.0,
    )


_LIVE_ARTICLES = """
    articles a JOIN state s ON s.name = 'live_publication' AND s.value = a.publication_id
"""


def counts(db: Database) -> dict[str, int]:
    """How much there is, by noun."""
    return {
        "articles": _count(db, _LIVE_ARTICLES),
        "tickets": _count(db, "tickets"),
        "organisations": _count(db, "organisations"),
        "people": _count(db, "people"),
        "sessions": _count(db, "sessions"),
    }


def _count(db: Database, table: str) -> int:
    return int(db.query(f"SELECT COUNT(*) AS n FROM {table}")[0]["n"])  # noqa: S608 (constants)


def _age(moment: str | None) -> float | None:
    return (utc_now() - parsed(moment)).total_seconds() if moment else None
