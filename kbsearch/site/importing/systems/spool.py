"""What a source holds, laid out on the disk by ticket and person: memory stays flat.

Sources tell of a ticket on one page and of its comments on others, of one thing several times, and
in any order. The later version of a thing wins.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kbsearch.database import Database, Row, one_of
from kbsearch.database.engines import open_database

BATCH = 500
AT_ONCE = 5000  # ids that a question names
TABLES = (
    "CREATE TABLE things (kind TEXT NOT NULL, id TEXT NOT NULL, place INTEGER NOT NULL,"
    " updated_at TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id))",
    "CREATE TABLE comments (ticket_id TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,"
    " PRIMARY KEY (ticket_id, id))",
    "CREATE TABLE slugs (slug TEXT PRIMARY KEY, organisation_id TEXT NOT NULL)",
    "CREATE TABLE ties (ticket_id TEXT NOT NULL, kind TEXT NOT NULL, other_id TEXT NOT NULL,"
    " PRIMARY KEY (ticket_id, kind))",
)
MAX_PLACE = 2**62


@contextmanager
def opened() -> Iterator["Spool"]:
    """A spool that is gone afterwards."""
    with TemporaryDirectory(prefix="kbsearch-import-") as folder:
        db = open_database(Path(folder) / "spool.sqlite3")
        try:
            for table in TABLES:
                db.define(table)
            yield Spool(db, Path(folder) / "files")
        finally:
            db.close()


class Spool:
    """Things by kind and id, comments by ticket, ties between tickets."""

    def __init__(self, db: Database, files: Path) -> None:
        self.db = db
        self.files = files  # where a source may put what is no file of its own

    def keep(self, kind: str, values: dict[str, Any], *, is_whole: bool = True) -> None:
        """A thing; what only mentions one (`is_whole` False) never replaces it."""
        updated_at = str(values.get("updated_at") or "") if is_whole else ""
        later = "WHERE excluded.updated_at >= things.updated_at" if is_whole else "WHERE 1 = 0"
        identity = str(values["id"])
        place = int(identity) if identity.isascii() and identity.isdecimal() else MAX_PLACE
        self.db.execute(
            f"""
            INSERT INTO things (kind, id, place, updated_at, body)
            VALUES (:kind, :id, :place, :updated, :body)
            ON CONFLICT (kind, id) DO UPDATE
            SET updated_at = excluded.updated_at, body = excluded.body {later}
            """,  # noqa: S608 (constants)
            {
                "kind": kind,
                "id": identity,
                "place": min(place, MAX_PLACE),
                "updated": updated_at,
                "body": json.dumps(values),
            },
        )

    def keep_comment(self, ticket_id: object, values: dict[str, Any]) -> None:
        """A comment; pages and events tell different things of it, and none takes away."""
        key = {"ticket": str(ticket_id), "id": str(values["id"])}
        rows = self.db.query(
            "SELECT body FROM comments WHERE ticket_id = :ticket AND id = :id", key
        )
        before = json.loads(rows[0]["body"]) if rows else {}
        body = before | {name: value for name, value in values.items() if value not in (None, [])}
        self.db.execute(
            """
            INSERT INTO comments (ticket_id, id, body) VALUES (:ticket, :id, :body)
            ON CONFLICT (ticket_id, id) DO UPDATE SET body = excluded.body
            """,
            {**key, "body": json.dumps(body)},
        )

    def tie(self, ticket_id: object, kind: str, other_id: object) -> None:
        """That one ticket goes on from or in another."""
        self.db.execute(
            """
            INSERT INTO ties (ticket_id, kind, other_id) VALUES (:ticket, :kind, :other)
            ON CONFLICT (ticket_id, kind) DO NOTHING
            """,
            {"ticket": str(ticket_id), "kind": kind, "other": str(other_id)},
        )

    def claim_slug(self, slug: str, organisation_id: str) -> bool:
        """Whether a slug is this organisation's and no other's."""
        values = {"slug": slug, "id": organisation_id}
        self.db.execute(
            "INSERT INTO slugs (slug, organisation_id) VALUES (:slug, :id) ON CONFLICT DO NOTHING",
            values,
        )
        row = self.db.query("SELECT organisation_id FROM slugs WHERE slug = :slug", values)[0]
        return bool(row["organisation_id"] == organisation_id)

    def slugs_of(self, organisation_ids: Iterable[str]) -> dict[str, str]:
        places, values = one_of("organisation", sorted(set(organisation_ids)))
        rows = self.db.query(
            f"SELECT slug, organisation_id FROM slugs WHERE organisation_id IN ({places})",  # noqa: S608
            values,
        )
        return {row["organisation_id"]: row["slug"] for row in rows}

    def count(self, kind: str) -> int:
        rows = self.db.query("SELECT COUNT(*) AS n FROM things WHERE kind = :kind", {"kind": kind})
        return int(rows[0]["n"])

    def batches(self, kind: str) -> Iterator[list[dict[str, Any]]]:
        """Things of a kind in the order of their numbers."""
        last: Row = {"place": -1, "id": ""}
        while rows := self.db.query(
            """
            SELECT place, id, body FROM things
            WHERE kind = :kind AND (place > :place OR place = :place AND id > :id)
            ORDER BY place, id LIMIT :limit
            """,
            {"kind": kind, "place": last["place"], "id": last["id"], "limit": BATCH},
        ):
            last = rows[-1]
            yield [json.loads(row["body"]) for row in rows]

    def find(self, kind: str, ids: Iterable[object]) -> dict[str, dict[str, Any]]:
        """Things by their id, where they are."""
        things: dict[str, dict[str, Any]] = {}
        for places, values in _pieces({str(identity) for identity in ids}):
            rows = self.db.query(
                f"SELECT id, body FROM things WHERE kind = :kind AND id IN ({places})",  # noqa: S608
                {**values, "kind": kind},
            )
            things |= {row["id"]: json.loads(row["body"]) for row in rows}
        return things

    def comments(self, ticket_ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """The comments of tickets, as they were written one after the other."""
        comments: dict[str, list[dict[str, Any]]] = {}
        for places, values in _pieces(set(ticket_ids)):
            for row in self.db.query(
                f"SELECT ticket_id, body FROM comments WHERE ticket_id IN ({places})",  # noqa: S608
                values,
            ):
                comments.setdefault(row["ticket_id"], []).append(json.loads(row["body"]))
        for conversation in comments.values():
            conversation.sort(key=lambda comment: (_text(comment, "created_at"), _order(comment)))
        return comments

    def ties(self, ticket_ids: Sequence[str]) -> dict[tuple[str, str], str]:
        """What tickets go on from ('follows') and in ('merged_into')."""
        places, values = one_of("ticket", ticket_ids)
        rows = self.db.query(
            f"SELECT ticket_id, kind, other_id FROM ties WHERE ticket_id IN ({places})",  # noqa: S608
            values,
        )
        return {(row["ticket_id"], row["kind"]): row["other_id"] for row in rows}


def _pieces(ids: Collection[str]) -> Iterator[tuple[str, dict[str, object]]]:
    """The insides of `IN (…)` for any number of ids: an engine takes some thousands at once."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), AT_ONCE):
        yield one_of("id", ordered[start : start + AT_ONCE])


def _text(values: dict[str, Any], field: str) -> str:
    return str(values.get(field) or "")


def _order(comment: dict[str, Any]) -> tuple[int, str]:
    identity = str(comment.get("id"))
    return len(identity), identity
