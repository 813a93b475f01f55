"""Whole numbers beside our ids, for programs that know no others: given once, never again.

All kinds share one sequence, far above the numbers of tickets: no number means two things.
"""

from collections.abc import Iterable, Mapping

from kbsearch.database import Database, one_of

BELOW = 10**15  # no ticket has a number as high, wherever it came from
BATCH = 500  # keys of a query


def of(db: Database, kind: str, keys: Iterable[str]) -> Mapping[str, int]:
    """The number of each of these keys; those that have none yet are given one."""
    wanted = sorted(set(keys))
    known = _known(db, kind, wanted)
    missing = [key for key in wanted if key not in known]
    return {**known, **_given(db, kind, missing)} if missing else known


def one(db: Database, kind: str, key: str) -> int:
    """The number of one key."""
    return of(db, kind, [key])[key]


def key_of(db: Database, kind: str, number: int) -> str | None:
    """The key that has a number; None when no thing of that kind has it."""
    rows = db.query(
        "SELECT key FROM integer_ids WHERE number = :number AND kind = :kind",
        {"number": number, "kind": kind},
    )
    return str(rows[0]["key"]) if rows else None


def _known(db: Database, kind: str, keys: list[str]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for start in range(0, len(keys), BATCH):
        places, values = one_of("key", keys[start : start + BATCH])
        rows = db.query(
            f"SELECT key, number FROM integer_ids WHERE kind = :kind AND key IN ({places})",  # noqa: S608
            {**values, "kind": kind},
        )
        numbers |= {row["key"]: int(row["number"]) for row in rows}
    return numbers


def _given(db: Database, kind: str, keys: list[str]) -> dict[str, int]:
    with db.atomic():
        counted = db.query(
            """
            INSERT INTO counters (name, value) VALUES ('integer_id', :count)
            ON CONFLICT (name) DO UPDATE SET value = counters.value + :count RETURNING value
            """,
            {"count": len(keys)},
        )
        known = _known(db, kind, keys)  # another process may have been quicker
        first = BELOW + int(counted[0]["value"]) - len(keys) + 1
        rows = [
            {"number": number, "kind": kind, "key": key}
            for number, key in enumerate(keys, first)
            if key not in known
        ]
        db.insert_many("integer_ids", rows)
    return known | {str(row["key"]): int(str(row["number"])) for row in rows}
