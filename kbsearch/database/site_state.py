"""What the site remembers of itself: a text by its name, in the table `state`."""

from collections.abc import Sequence

from kbsearch.database import Database, one_of


def read(db: Database, name: str) -> str | None:
    """The text of a name, if there is one."""
    return read_all(db, [name]).get(name)


def read_all(db: Database, names: Sequence[str]) -> dict[str, str]:
    """Those of several names that are there, in the order of their names."""
    places, values = one_of("name", names)
    rows = db.query(
        f"SELECT name, value FROM state WHERE name IN ({places}) ORDER BY name",  # noqa: S608
        values,
    )
    return {row["name"]: row["value"] for row in rows}


def write(db: Database, name: str, value: str) -> None:
    """Remember a text, in the place of the one before."""
    db.execute(
        """
        INSERT INTO state (name, value) VALUES (:name, :value)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """,
        {"name": name, "value": value},
    )


def write_first(db: Database, name: str, value: str) -> None:
    """Remember a text, unless there is one; looking takes no lock, which would hold up others."""
    if read(db, name) is None:
        db.execute(
            "INSERT INTO state (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING",
            {"name": name, "value": value},
        )


def remove(db: Database, name: str) -> None:
    db.execute("DELETE FROM state WHERE name = :name", {"name": name})
