"""A database of release 0.1 with one of everything, as that release left it."""

import gzip
from pathlib import Path

FILE = Path(__file__).parent.parent / "database" / "0.1.sqlite3.gz"


def put_database(path: Path) -> None:
    """Let a site begin with it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(gzip.decompress(FILE.read_bytes()))
