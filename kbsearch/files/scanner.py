"""The virus scanner: clamd, spoken to in its own words, over a socket of this machine or another.

A file is read to it block by block; it answers in one line. Nothing is asked of it beyond that.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Literal

Outcome = Literal["clean", "infected", "unreadable"]

TIMEOUT_SECONDS = 60.0
CONNECT_SECONDS = 5.0
BLOCK_BYTES = 128 * 1024
MAX_ANSWER = 4096
MAX_NAME = 200


class ScannerAway(Exception):
    """Nobody answers there, or not as a scanner does."""


@dataclass(frozen=True)
class ScanResult:
    """What it says of a file: `name` is of what was found in it, or why it could not be read."""

    outcome: Outcome
    name: str = ""


def ping(address: str) -> None:
    """See whether it answers; raises ScannerAway."""
    with _line(address) as line:
        line.sendall(b"zPING\0")
        answer = _answer(line)
    if answer != "PONG":
        raise ScannerAway(f"it answers {answer!r}")


def scan(address: str, file: IO[bytes]) -> ScanResult:
    """Have a file looked at; raises ScannerAway."""
    with _line(address) as line:
        with suppress(BrokenPipeError, ConnectionResetError):  # it has seen enough, and says why
            line.sendall(b"zINSTREAM\0")
            while block := file.read(BLOCK_BYTES):
                line.sendall(struct.pack(">I", len(block)) + block)
            line.sendall(struct.pack(">I", 0))
        answer = _answer(line).removeprefix("stream: ")
    if answer == "OK":
        return ScanResult("clean")
    if answer.endswith(" FOUND"):
        return ScanResult("infected", answer.removesuffix(" FOUND")[:MAX_NAME])
    if answer.endswith(" ERROR"):
        return ScanResult("unreadable", answer.removesuffix(" ERROR")[:MAX_NAME])
    raise ScannerAway(f"it answers {answer[:MAX_NAME]!r}")


@contextmanager
def _line(address: str) -> Iterator[socket.socket]:
    """A connection for one question: to a path, or to host:port."""
    try:
        with _connected(address) as line:
            line.settimeout(TIMEOUT_SECONDS)
            yield line
    except OSError as problem:
        raise ScannerAway(problem.strerror or type(problem).__name__) from problem


def _connected(address: str) -> socket.socket:
    if not address.startswith("/"):
        host, _, port = address.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS)
    line = socket.socket(socket.AF_UNIX)
    try:
        line.settimeout(CONNECT_SECONDS)
        line.connect(address)
    except OSError:
        line.close()
        raise
    return line


def _answer(line: socket.socket) -> str:
    answer = b""
    while not answer.endswith(b"\0") and len(answer) < MAX_ANSWER:
        block = line.recv(MAX_ANSWER)
        if not block:
            break
        answer += block
    return answer.rstrip(b"\0").decode("utf-8", "replace").strip()
