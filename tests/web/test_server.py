"""One web process under slow, hasty and hostile clients: a real process, real connections."""

import asyncio
import contextlib
import http.client
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import quote

import pytest

from kbsearch.processes import tree as serving
from kbsearch.processes.parent_pipe import READY
from kbsearch.web import server as web_server
from tests.kit.waiting import HUNG, until

SERVER = """
import socket, sys, threading, time
from kbsearch.web import connections, server as web_server; from kbsearch.processes import logs
from kbsearch.processes.parent_pipe import ParentPipe

typed = threading.Event()
leaving = []

def app(environ, start_response):
    if environ["PATH_INFO"] == "/fr/search":
        typed.set()
    if environ["PATH_INFO"] in ("/fr/login", "/fr/login/sso", "/login/sso/callback"):
        body = b"typed meanwhile" if typed.wait(120) else b"kept everybody waiting"
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
    if environ["PATH_INFO"] == "/slow":
        time.sleep(1)
    body = environ["PATH_INFO"].encode()
    if environ["PATH_INFO"] == "/readyz":
        body = b"no" if leaving else b"yes"
    if environ["PATH_INFO"] == "/big":
        body = b"x" * 20_000_000
    if environ["kbsearch.refused"]:
        body = environ["kbsearch.refused"].encode()
    if environ["PATH_INFO"] == "/echo":
        body = environ["wsgi.input"].read()
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

for place in sys.argv[3:]:
    name, value = place.split("=")
    setattr(connections, name, float(value))
logs.start()
web_server.PATIENCE = 2.0
parent_pipe = ParentPipe(int(sys.argv[2]))
share = int(getattr(connections, "SHARE", 0))
listener = socket.socket(fileno=int(sys.argv[1]))
web_server.run(
    app,
    listener,
    parent_pipe,
    web_server.ServerOptions(
        connections_per_address=share,
        longest_body=lambda environ: 10_000_000 if environ["PATH_INFO"] == "/up" else 100_000,
        leaving_seconds=float(getattr(connections, "LEAVING", 0)),
        announce=lambda: leaving.append(True),
    ),
)
"""


class Server:
    """A web process that answers every path with itself."""

    def __init__(self, **changed: float) -> None:
        listener = serving.listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        self.pipe, theirs = socket.socketpair()
        with listener, theirs:
            files = [listener.fileno(), theirs.fileno()]
            constants = [f"{name}={value}" for name, value in changed.items()]
            command = [sys.executable, "-c", SERVER, *map(str, files), *constants]
            self.process = subprocess.Popen(command, pass_fds=files, stderr=subprocess.PIPE)
        assert self.pipe.recv(1) == bytes([READY])

    def beats(self) -> bytes:
        """What the process has told its parent since this was last asked."""
        try:
            return self.pipe.recv(4096, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b""

    def connect(self, source: str = "") -> http.client.HTTPConnection:
        address = (source, 0) if source else None
        return http.client.HTTPConnection("127.0.0.1", self.port, HUNG, address)

    def half_open(self, source: str, count: int, stack: ExitStack) -> list[socket.socket]:
        """Connections on which a request was begun and is not ended."""
        opened = []
        for _ in range(count):
            connection = socket.create_connection(
                ("127.0.0.1", self.port), timeout=HUNG, source_address=(source, 0)
            )
            opened.append(stack.enter_context(connection))
            with contextlib.suppress(ConnectionError):  # cut off already
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        return opened

    def get(
        self, path: str, headers: dict[str, str] | None = None, source: str = ""
    ) -> tuple[int, bytes]:
        connection = self.connect(source=source)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextlib.contextmanager
def running(**changed: float) -> Iterator[Server]:
    """A server some of whose constants are changed."""
    server = Server(**changed)
    with server.pipe, server.process:
        try:
            yield server
        finally:
            server.process.kill()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """For those who leave it as they found it: it takes a second to start."""
    with running() as server:
        yield server


@pytest.fixture
def own_server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def many_files() -> Iterator[None]:
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


def is_cut(connection: socket.socket) -> bool:
    """Whether the server ends a connection, which it may do with a reset."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_it_answers_under_300_slow_headers_and_300_slow_bodies():
    async def slow_client(port: int, stop: asyncio.Event, begin: bytes) -> bool:
        """Send a piece now and then; whether it was let do so to the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begin)
        while not stop.is_set():
            writer.write(b"X-a: b\r\n")
            await asyncio.sleep(0.5)
        is_at_it = not reader.at_eof()
        writer.transport.abort()
        return is_at_it

    async def scenario(server: Server) -> list[bool]:
        stop = asyncio.Event()
        headers = b"GET / HTTP/1.1\r\nHost: slow\r\n"
        body = b"POST / HTTP/1.1\r\nHost: slow\r\nContent-Length: 100000\r\n\r\n"
        clients = [
            asyncio.create_task(slow_client(server.port, stop, begin))
            for begin in (headers, body)
            for _ in range(300)
        ]
        await asyncio.sleep(1)
        for _ in range(20):
            assert await asyncio.to_thread(server.get, "/healthz") == (200, b"/healthz")
        stop.set()
        return await asyncio.gather(*clients)

    # in a thread of its own: the browser tests leave a loop in this one
    with running(HEADER_SECONDS=HUNG) as server, ThreadPoolExecutor(max_workers=1) as pool:
        undisturbed = pool.submit(asyncio.run, scenario(server)).result()
    assert all(undisturbed), "none had to be done with first"


def test_half_open_connections_of_one_address_keep_nobody_else_out(many_files):
    with running(SHARE=250) as server, ExitStack() as stack:
        early = server.connect(source="127.0.0.2")
        early.request("GET", "/early")
        assert early.getresponse().read() == b"/early"
        server.half_open("127.0.0.1", 2 * 1000 + 100, stack)
        assert server.get("/late", source="127.0.0.3") == (200, b"/late")
        early.request("GET", "/again")
        assert early.getresponse().read() == b"/again"
        early.close()
        assert server.get("/own") == (200, b"/own")


@pytest.mark.parametrize("share", [0, 250])
def test_half_open_connections_of_many_addresses_make_room_for_whoever_comes(many_files, share):
    with running(SHARE=share, CONNECTIONS=100) as server, ExitStack() as stack:
        first, *_ = server.half_open("127.0.0.1", 20, stack)
        for number in range(2, 12):
            server.half_open(f"127.0.0.{number}", 20, stack)
        assert server.get("/late") == (200, b"/late")
        assert is_cut(first)


def test_an_address_has_its_share_and_the_oldest_of_its_own_go_first():
    with running(SHARE=10) as server, ExitStack() as stack:
        (other,) = server.half_open("127.0.0.2", 1, stack)
        own = server.half_open("127.0.0.1", 15, stack)
        assert server.get("/", source="127.0.0.3") == (200, b"/")
        assert all(is_cut(each) for each in own[:5])
        for each in (other, *own[5:]):
            each.sendall(b"\r\n")
            assert each.recv(1000).startswith(b"HTTP/1.1 200")


def test_an_upload_that_gets_on_stays_when_half_open_ones_have_to_go():
    with running(CONNECTIONS=50, BODY_RATE=100) as server, ExitStack() as stack:
        upload = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), HUNG))
        upload.sendall(
            b"POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 5001\r\n\r\n" + b"x" * 5000
        )
        assert server.get("/") == (200, b"/")
        server.half_open("127.0.0.1", 120, stack)
        assert server.get("/") == (200, b"/")
        upload.sendall(b"x")
        assert upload.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_header_has_its_time_and_an_idle_connection_a_longer_one():
    with running(HEADER_SECONDS=1) as server, ExitStack() as stack:
        idle = server.connect()
        idle.request("GET", "/")
        idle.getresponse().read()
        (half,) = server.half_open("127.0.0.1", 1, stack)
        assert is_cut(half)
        time.sleep(1)
        idle.request("GET", "/again")
        assert idle.getresponse().read() == b"/again"
        idle.close()


def test_a_body_that_drips_is_cut_off_and_one_that_flows_is_not():
    with running(HEADER_SECONDS=1, BODY_RATE=1000) as server, ExitStack() as stack:
        drips, flows = (
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), HUNG))
            for _ in range(2)
        )
        for each in (drips, flows):
            each.sendall(b"POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n")
        for _ in range(6):
            with contextlib.suppress(ConnectionError):
                drips.sendall(b"x")
            flows.sendall(b"x" * 10_000)
            time.sleep(0.5)
        assert is_cut(drips)
        assert flows.recv(1000).startswith(b"HTTP/1.1 200")


def exchange(server: Server, sent: bytes) -> bytes:
    """All that comes back on a connection that the server ends."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=HUNG) as connection:
        connection.sendall(sent)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def post(path: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode() + body


def test_a_body_that_is_too_long_is_refused_before_it_is_sent(server):
    answer = exchange(server, post("/small", "Content-Length: 100001"))
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"too long")
    assert b"Connection: close" in answer
    length = "Content-Length: 100001"
    waiting = exchange(server, post("/small", length, "Expect: 100-continue"))
    assert waiting.startswith(b"HTTP/1.1 200") and b"100 Continue" not in waiting


def test_whoever_sends_it_all_the_same_reads_why_it_is_not_wanted(server):
    connection = server.connect()
    connection.request("POST", "/small", body=b"x" * 20_000_000)
    answer = connection.getresponse()
    assert answer.read() == b"too long"
    connection.close()


def test_a_body_without_a_length_is_held_to_the_same(server):
    head = post("/small", "Transfer-Encoding: chunked")
    chunk = b"C350\r\n" + b"x" * 50_000 + b"\r\n"
    assert exchange(server, head + 3 * chunk).endswith(b"too long")
    whole = exchange(
        server,
        post("/echo", "Transfer-Encoding: chunked", "Connection: close") + chunk + b"0\r\n\r\n",
    )
    assert whole.endswith(b"x" * 50_000)


def test_what_follows_a_refused_body_is_no_request(server):
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = exchange(server, post("/small", "Content-Length: 100001") + smuggled)
    assert answer.count(b"HTTP/1.1") == 1


def test_a_body_that_is_wanted_is_sent_after_100_continue(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=HUNG) as connection:
        connection.sendall(post("/up", "Content-Length: 200000", "Expect: 100-continue"))
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"x" * 200_000)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")


def test_there_is_room_for_so_many_bodies_at_a_time():
    with running(SPOOLED=500_000) as server, ExitStack() as stack:
        first = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), HUNG))
        first.sendall(post("/up", "Content-Length: 300000", body=b"x" * 1000))
        assert server.get("/") == (200, b"/")
        assert exchange(server, post("/up", "Content-Length: 300000")).endswith(b"no space")
        first.sendall(b"x" * 299_000)
        assert first.recv(1000).startswith(b"HTTP/1.1 200")
        second = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), HUNG))
        second.sendall(post("/up", "Content-Length: 300000", body=b"x" * 300_000))
        assert second.recv(1000).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (["Content-Length: " + "9" * 5000], b""),
        (["Content-Length: 1x", "Expect: 100-continue"], b""),
        (["Content-Length: 3", "Content-Length: 5"], b""),
        (["Transfer-Encoding: chunked"], b"zz\r\n"),
        (["Transfer-Encoding: chunked"], b"1;" + b"a" * 90_000),
        (["Transfer-Encoding: chunked"], b"0\r\nX-Trailer: " + b"a" * 90_000),
        (["Transfer-Encoding: chunked"], b"2\r\nabcd\r\n"),
    ],
    ids=["endless number", "no number", "two", "no hex", "endless head", "endless trailer", "end"],
)
def test_a_malformed_body_is_refused_at_once(server, headers, body):
    assert b" 400 " in exchange(server, post("/up", *headers, body=body))[:20]


def test_half_an_address_is_refused(server):
    assert exchange(server, b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n").startswith(
        (b"HTTP/1.1 400", b"HTTP/1.0 400")
    )


def test_whoever_types_does_not_wait_for_those_who_sign_in(own_server):
    connections = [own_server.connect() for _ in range(5)]
    for connection in connections:
        connection.request("POST", "/fr/login", body=b"password=x")
    assert own_server.get("/fr/search") == (200, b"/fr/search")
    for connection in connections:
        assert connection.getresponse().read() == b"typed meanwhile"
        connection.close()


@pytest.mark.parametrize("path", ["/fr/login/sso?next=/fr/", "/login/sso/callback?code=1"])
def test_whoever_types_does_not_wait_for_those_whose_provider_is_asked(own_server, path: str):
    connections = [own_server.connect() for _ in range(5)]
    for connection in connections:
        connection.request("GET", path)
    assert own_server.get("/fr/search") == (200, b"/fr/search")
    for connection in connections:
        assert connection.getresponse().read() == b"typed meanwhile"
        connection.close()


@pytest.mark.parametrize(
    "address",
    [
        "GET /attachments/x/y.png",
        "GET /attachments/token/x/",
        "POST /fr/requests/new",
        "POST /fr/requests/R-1/messages",
        "POST /fr/requests/drafts/key/files",
        "POST /fr/account/data",
        "GET /fr/desk/mail/x/original.eml",
        "POST /fr/desk/mail/x/attach",
        "GET /api/v1/attachments/x",
        "POST /api/v1/attachments",
        "POST /api/v2/uploads.json",
        "GET /readyz",
    ],
)
def test_what_reads_or_keeps_a_file_may_wait_for_its_bucket(address: str):
    assert web_server.ASKING.fullmatch(address)


@pytest.mark.parametrize(
    "address",
    ["GET /fr/requests/new", "GET /fr/requests/R-1", "GET /fr/desk/mail", "GET /fr/search"],
)
def test_what_reads_rows_does_not(address: str):
    assert not web_server.ASKING.fullmatch(address)


def test_a_sign_in_is_finished_after_term(own_server):
    connection = own_server.connect()
    connection.request("POST", "/fr/login", body=b"password=x")
    assert own_server.get("/fr/search") == (200, b"/fr/search")
    own_server.process.send_signal(signal.SIGTERM)
    assert connection.getresponse().read() == b"typed meanwhile"
    connection.close()
    assert own_server.process.wait(timeout=HUNG) == 0


def test_a_running_request_is_finished_after_term(own_server):
    connection = own_server.connect()
    connection.request("GET", "/slow")
    time.sleep(0.3)
    own_server.process.send_signal(signal.SIGTERM)
    assert connection.getresponse().read() == b"/slow"
    connection.close()
    assert own_server.process.wait(timeout=HUNG) == 0


def test_an_answer_on_its_way_to_a_slow_reader_is_finished_after_term(own_server):
    connection = own_server.connect()
    connection.request("GET", "/big")
    answer = connection.getresponse()
    own_server.process.send_signal(signal.SIGTERM)
    time.sleep(0.8)
    assert len(answer.read()) == 20_000_000
    connection.close()
    assert own_server.process.wait(timeout=HUNG) == 0


def test_a_slow_reader_of_two_big_answers_keeps_nobody_waiting(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=HUNG) as reader:
        reader.sendall(2 * b"GET /big HTTP/1.1\r\nHost: slow\r\n\r\n")
        time.sleep(0.5)
        assert server.get("/quick") == (200, b"/quick")
        received = 0
        while received < 40_000_000:
            received += len(reader.recv(1_000_000))


def test_a_panic_ends_its_connection_and_nothing_else(own_server):
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        own_server.get("/panic")
    assert own_server.get("/") == (200, b"/")


def test_an_answer_that_grows_is_a_sign_of_life_and_one_that_hangs_is_none(own_server):
    connection = own_server.connect()
    for path, hangs in (("/grows", False), ("/hangs", True)):
        connection.request("GET", path)
        own_server.beats()
        connection.getresponse().read()
        assert (len(own_server.beats()) < 3) == hangs, path
    connection.close()


def test_a_request_may_ask_for_patience(own_server):
    own_server.get("/export")
    assert bytes([10]) in own_server.beats()


def test_a_sign_in_that_never_ends_silences_the_process(own_server):
    connection = own_server.connect()
    connection.request("POST", "/fr/login", body=b"password=x")  # waits for somebody to type
    time.sleep(3)
    own_server.beats()
    time.sleep(3)
    assert own_server.beats() == b""
    assert own_server.get("/healthz") == (200, b"/healthz")
    connection.close()


def test_whoever_comes_while_it_leaves_is_answered_and_told():
    """A load balancer hears of the end before the socket closes."""
    with running(LEAVING=600) as leaving:
        assert leaving.get("/readyz") == (200, b"yes")
        leaving.process.send_signal(signal.SIGTERM)
        until(lambda: leaving.get("/readyz") == (200, b"no"))
        assert leaving.get("/fr/search") == (200, b"/fr/search")


def test_nobody_new_is_let_in_after_term_and_idle_connections_delay_nothing(own_server):
    idle = own_server.connect()
    idle.request("GET", "/")
    idle.getresponse().read()
    own_server.process.send_signal(signal.SIGTERM)
    assert own_server.process.wait(timeout=HUNG) == 0
    with pytest.raises(ConnectionRefusedError):
        own_server.get("/")
    idle.close()


def test_an_upload_that_never_ends_is_cut_after_the_drain_time(own_server):
    with socket.create_connection(("127.0.0.1", own_server.port)) as upload:
        upload.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
        time.sleep(0.3)
        own_server.process.send_signal(signal.SIGTERM)
        assert own_server.process.wait(timeout=HUNG) == 0
    assert own_server.process.stderr is not None
    assert b"1 connections were cut" in own_server.process.stderr.read()


def test_the_end_of_the_parent_is_the_end_of_the_web_process(own_server):
    own_server.pipe.close()
    assert own_server.process.wait(timeout=HUNG) == 0


def test_a_query_of_100_kilobytes_of_emoji_is_answered(server):
    assert server.get("/?q=" + quote("🙂" * 25_000))[0] == 200


def test_an_endless_header_is_refused(server):
    assert server.get("/?q=" + "a" * 600_000)[0] == 431


def test_without_a_proxy_forwarded_addresses_are_not_believed(server):
    assert server.get("/proxied", {"X-Forwarded-For": "10.0.0.1"}) == (200, b"nobody")
