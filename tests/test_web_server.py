"""One web process under slow, hasty and hostile clients: a real process, real connections."""

import asyncio
import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from kbsearch import serving
from kbsearch.leash import READY

SERVER = """
import socket, sys, threading, time
from kbsearch import logs, web_server
from kbsearch.leash import Leash

typed = threading.Event()

def app(environ, start_response):
    if environ["PATH_INFO"] == "/fr/search":
        typed.set()
    if environ["PATH_INFO"] == "/fr/login":
        body = b"typed meanwhile" if typed.wait(10) else b"kept everybody waiting"
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
    if environ["PATH_INFO"] == "/slow":
        time.sleep(1)
    body = environ["PATH_INFO"].encode()
    if environ["PATH_INFO"] == "/big":
        body = b"x" * 20_000_000
    if environ["PATH_INFO"] == "/grows":
        start_response("200 OK", [("Content-Length", "5")])
        return (time.sleep(1) or b"x" for _ in range(5))
    if environ["PATH_INFO"] == "/hangs":
        time.sleep(5)
    if environ["PATH_INFO"] == "/export":
        environ["kbsearch.patience"](300)
    if environ["PATH_INFO"] == "/panic":
        raise BaseException("what a panic of the engine is in Python")
    if environ["PATH_INFO"] == "/proxied":
        body = environ.get("HTTP_X_FORWARDED_FOR", "nobody").encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]

logs.start()
web_server.PATIENCE = 2.0
leash = Leash(int(sys.argv[2]))
web_server.run(app, socket.socket(fileno=int(sys.argv[1])), leash)
"""


class Server:
    """A web process that answers every path with itself."""

    def __init__(self) -> None:
        listener = serving.listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        self.leash, theirs = socket.socketpair()
        with listener, theirs:
            files = [listener.fileno(), theirs.fileno()]
            command = [sys.executable, "-c", SERVER, *map(str, files)]
            self.process = subprocess.Popen(command, pass_fds=files, stderr=subprocess.PIPE)
        assert self.leash.recv(1) == bytes([READY])

    def beats(self) -> bytes:
        """What the process has told its parent since this was last asked."""
        try:
            return self.leash.recv(4096, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b""

    def connect(self, timeout: float = 5) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        connection = self.connect()
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    with server.leash, server.process:
        yield server
        server.process.kill()


def test_it_answers_under_300_slow_headers_and_300_slow_bodies(server):
    async def slow_client(stop: asyncio.Event, begin: bytes) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(begin)
        while not stop.is_set():
            writer.write(b"X-a: b\r\n")
            await asyncio.sleep(0.5)
        writer.transport.abort()

    async def scenario() -> list[float]:
        stop = asyncio.Event()
        headers = b"GET / HTTP/1.1\r\nHost: slow\r\n"
        body = b"POST / HTTP/1.1\r\nHost: slow\r\nContent-Length: 100000\r\n\r\n"
        clients = [
            asyncio.create_task(slow_client(stop, begin))
            for begin in (headers, body)
            for _ in range(300)
        ]
        await asyncio.sleep(1)
        waits = []
        for _ in range(20):
            started = time.monotonic()
            assert await asyncio.to_thread(server.get, "/healthz") == (200, b"/healthz")
            waits.append(time.monotonic() - started)
            await asyncio.sleep(0.05)
        stop.set()
        await asyncio.gather(*clients)
        return waits

    # in a thread of its own: the browser tests leave a loop in this one
    with ThreadPoolExecutor(max_workers=1) as pool:
        waits = pool.submit(asyncio.run, scenario()).result()
    assert sorted(waits)[len(waits) // 2] < 0.5


def test_whoever_types_does_not_wait_for_those_who_sign_in(server):
    connections = [server.connect(timeout=20) for _ in range(5)]
    for connection in connections:
        connection.request("POST", "/fr/login", body=b"password=x")
    assert server.get("/fr/search") == (200, b"/fr/search")
    for connection in connections:
        assert connection.getresponse().read() == b"typed meanwhile"
        connection.close()


def test_a_sign_in_is_finished_after_term(server):
    connection = server.connect(timeout=20)
    connection.request("POST", "/fr/login", body=b"password=x")
    assert server.get("/fr/search") == (200, b"/fr/search")
    server.process.send_signal(signal.SIGTERM)
    assert connection.getresponse().read() == b"typed meanwhile"
    connection.close()
    assert server.process.wait(timeout=3) == 0


def test_a_running_request_is_finished_after_term(server):
    connection = server.connect()
    connection.request("GET", "/slow")
    time.sleep(0.3)
    server.process.send_signal(signal.SIGTERM)
    assert connection.getresponse().read() == b"/slow"
    connection.close()
    assert server.process.wait(timeout=3) == 0


def test_an_answer_on_its_way_to_a_slow_reader_is_finished_after_term(server):
    connection = server.connect()
    connection.request("GET", "/big")
    answer = connection.getresponse()
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.8)
    assert len(answer.read()) == 20_000_000
    connection.close()
    assert server.process.wait(timeout=3) == 0


def test_a_slow_reader_of_two_big_answers_keeps_nobody_waiting(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as reader:
        reader.sendall(2 * b"GET /big HTTP/1.1\r\nHost: slow\r\n\r\n")
        time.sleep(0.5)
        assert server.get("/quick") == (200, b"/quick")
        received = 0
        while received < 40_000_000:
            received += len(reader.recv(1_000_000))


def test_a_panic_ends_its_connection_and_nothing_else(server):
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        server.get("/panic")
    assert server.get("/") == (200, b"/")


def test_an_answer_that_grows_is_a_sign_of_life_and_one_that_hangs_is_none(server):
    connection = server.connect(timeout=20)
    for path, hangs in (("/grows", False), ("/hangs", True)):
        connection.request("GET", path)
        server.beats()
        connection.getresponse().read()
        assert (len(server.beats()) < 3) == hangs, path
    connection.close()


def test_a_request_may_ask_for_patience(server):
    server.get("/export")
    assert bytes([10]) in server.beats()


def test_a_sign_in_that_never_ends_silences_the_process(server):
    connection = server.connect()
    connection.request("POST", "/fr/login", body=b"password=x")  # waits for somebody to type
    time.sleep(3)
    server.beats()
    time.sleep(3)
    assert server.beats() == b""
    assert server.get("/healthz") == (200, b"/healthz")
    connection.close()


def test_nobody_new_is_let_in_after_term_and_idle_connections_delay_nothing(server):
    idle = server.connect()
    idle.request("GET", "/")
    idle.getresponse().read()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=2) == 0
    with pytest.raises(ConnectionRefusedError):
        server.get("/")
    idle.close()


def test_an_upload_that_never_ends_is_cut_after_the_drain_time(server):
    with socket.create_connection(("127.0.0.1", server.port)) as upload:
        upload.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=12) == 0
    assert server.process.stderr is not None
    assert b"1 connections were cut" in server.process.stderr.read()


def test_the_end_of_the_parent_is_the_end_of_the_web_process(server):
    server.leash.close()
    assert server.process.wait(timeout=3) == 0


def test_a_query_of_100_kilobytes_of_emoji_is_answered(server):
    assert server.get("/?q=" + quote("🙂" * 25_000))[0] == 200


def test_an_endless_header_is_refused(server):
    assert server.get("/?q=" + "a" * 600_000)[0] == 431


def test_without_a_proxy_forwarded_addresses_are_not_believed(server):
    assert server.get("/proxied", {"X-Forwarded-For": "10.0.0.1"}) == (200, b"nobody")
