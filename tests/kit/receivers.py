"""Receivers of webhooks as real sockets: kind ones that remember, hostile ones of every sort."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.messages.delivery import senders
from kbsearch.messages.delivery.guarded_http import Guard
from kbsearch.messages.webhooks.sender import WebhookSender

Manner = Callable[[socket.socket], None]


@dataclass
class Receiver:
    """What listens on a port of this machine, and what it was sent."""

    port: int
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)  # of a kind one; 204 once it is empty

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def sent_to(settings: Settings, db: Database, guard: Guard) -> Iterator[None]:
    """Webhooks are sent meanwhile, through a guard that lets them reach receivers."""
    with senders.at_work({"webhooks": WebhookSender(settings, db, "worker", guard).send}):
        yield


@contextmanager
def receiver(manner: Manner | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver that reads a request and then behaves in its manner; by default it is kind."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    found = Receiver(listener.getsockname()[1])
    lock = threading.Lock()

    def serve(line: socket.socket) -> None:
        try:
            if tls is not None:
                line = tls.wrap_socket(line, server_side=True)
            line.settimeout(30)
            headers, body = read_request(line)
            with lock:
                found.received.append((headers, body))
                answer = found.answers.pop(0) if found.answers else b"HTTP/1.1 204 No\r\n\r\n"
            if manner is None:
                line.sendall(answer)
            else:
                manner(line)
        except OSError:
            pass  # who called has hung up
        finally:
            line.close()

    def accept() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(line,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield found
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def read_request(line: socket.socket) -> tuple[dict[str, str], bytes]:
    """The headers, their names in small letters, and the body."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        piece = line.recv(4096)
        if not piece:
            raise OSError("nothing was asked")
        raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    pairs = (each.partition(":") for each in lines[1:])
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    headers[""] = lines[0]
    while len(body) < int(headers.get("content-length", 0)):
        body += line.recv(4096)
    return headers, body


def never_answers(line: socket.socket) -> None:
    line.recv(1)


def drips_headers(line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        line.sendall(f"X-{number % 10}".encode())
        time.sleep(0.05)


def drips_body(line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
    while True:
        line.sendall(b".")
        time.sleep(0.05)


def drips_until(over: threading.Event, begin: bytes, piece: bytes) -> Manner:
    """A receiver that does not come to an end of its answer before that."""

    def drip(line: socket.socket) -> None:
        line.sendall(begin)
        while not over.wait(0.05):
            line.sendall(piece)

    return drip


def endless_body(line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        line.sendall(b"x" * 65536)


def big_header(line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nX-Big: " + b"a" * 200_000 + b"\r\n\r\n")


def many_headers(line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 90 + b"Y: " + b"c" * 20_000 + b"\r\n\r\n")


def continues_for_ever(line: socket.socket) -> None:
    while True:
        line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def resets(line: socket.socket) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def talks_garbage(line: socket.socket) -> None:
    line.sendall(bytes(range(256)) * 8)


def says_nothing(line: socket.socket) -> None:
    line.shutdown(socket.SHUT_RDWR)


def saying(answer: str) -> Manner:
    """A receiver that answers this, a line a header."""

    def say(line: socket.socket) -> None:
        line.sendall(answer.replace("\n", "\r\n").encode() + b"\r\n\r\n")

    return say


def certificate(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """A certificate for a name, signed by itself, and a server that shows it."""
    key, file = folder / f"{name}.key", folder / f"{name}.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    more = ["-keyout", str(key), "-out", str(file), "-subj", f"/CN={name}"]
    more += ["-addext", f"subjectAltName=DNS:{name}"]
    subprocess.run([*command.split(), *more], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file, key)
    return file, server
