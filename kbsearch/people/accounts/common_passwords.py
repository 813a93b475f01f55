"""Passwords that everybody knows: 1.4 million of twelve characters or more, in five megabytes.

The file is made by `scripts/common_passwords.py`, from the list that VENDOR.toml beside it names.
It holds the first five bytes of the SHA-1 of each, in their order: 65,537 numbers of four bytes say
where those begin that share their first two bytes, the other three of each follow. One password in
a million that nobody knows is taken for a known one.
"""

import mmap
import struct
from hashlib import sha1
from pathlib import Path

LIST = Path(__file__).parent / "common_passwords.bin"
BUCKETS = 0x1_0000
KEPT = 5  # bytes of each hash
_REST = KEPT - 2
_FIRST = 4 * (BUCKETS + 1)  # bytes before the first of the rests


def is_common(password: str) -> bool:
    """Whether the password is in the list, letter for letter."""
    digest = sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    with LIST.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start, end = struct.unpack_from(">2I", data, 4 * int.from_bytes(digest[:2]))
        rests = data[_FIRST + _REST * start : _FIRST + _REST * end]
    rest = digest[2:KEPT]
    return any(rests[at : at + _REST] == rest for at in range(0, len(rests), _REST))
