"""Asking other servers, the slow and the hostile ones among them, over real sockets."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from kbsearch.messages.delivery import fetching
from kbsearch.messages.delivery.fetching import AddressUnreachable, ask
from tests.kit.waiting import HUNG

OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A listener that does this with each connection once a request has come."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    try:
                        behave(connection)
                    except OSError:
                        continue  # the other side has left

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/there"
        listener.shutdown(socket.SHUT_RDWR)


def sending(*pieces: bytes) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return behave


def falling_silent(begin: bytes) -> Callable[[socket.socket], None]:
    """It says no more, and does not hang up before the other side does."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(begin)
        connection.settimeout(HUNG)
        connection.recv(1)

    return behave


def dripping(piece: bytes) -> Callable[[socket.socket], None]:
    """Each piece comes in time, the whole never does."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(OK)
        while True:
            connection.sendall(piece)
            time.sleep(0.05)

    return behave


def test_an_object_is_answered():
    with server(sending(OK + b"\r\n" + b'{"a": 1}')) as url:
        assert ask(url).content == {"a": 1}


def test_a_refusal_is_an_answer():
    with server(sending(b"HTTP/1.1 400 Bad\r\n\r\n" + b'{"error": "invalid_grant"}')) as url:
        assert ask(url).status == 400


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        OK + b"\r\n",
        OK + b"\r\nnot json",
        OK + b"\r\n[1]",
        OK + b"\r\n" + b"[" * 100_000,
        OK + b"\r\n\xff\xfe",
        OK + b"Content-Length: 100\r\n\r\n{}"[:-1],
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n{}",
        b"HTTP/1.1 500 Oops\r\n\r\n{}",
        OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n{}",
        OK + b"A: b\r\n" * 200 + b"\r\n{}",
        OK + b"\r\n{}" + b" " * 300_000,
        OK + b'\r\n{"a": "' + b"x" * 300_000 + b'"}',
    ],
)
def test_what_is_no_answer_is_unreachable(answer: bytes):
    with server(sending(answer)) as url, pytest.raises(AddressUnreachable):
        ask(url)


@pytest.mark.parametrize("answer", [b"", OK, OK + b"\r\n{"])
def test_silence_ends(answer: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetching, "STEP_SECONDS", 0.3)
    with (
        server(falling_silent(answer)) as url,
        pytest.raises(AddressUnreachable, match="TimeoutError"),
    ):
        ask(url)


@pytest.mark.parametrize("piece", [b"X" * 10, b"\r\n" + b" " * 10])
def test_dripping_ends(piece: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetching, "WHOLE_SECONDS", 0.5)
    with server(dripping(piece)) as url, pytest.raises(AddressUnreachable):
        ask(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://127.0.0.1:1/", "http:///x"])
def test_nobody_there_is_unreachable(url: str):
    with pytest.raises(AddressUnreachable):
        ask(url)


def test_https_is_checked():
    with server(sending(OK)) as url, pytest.raises(AddressUnreachable):
        ask(url.replace("http://", "https://"))
