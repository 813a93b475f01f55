"""The handbook's blocks for nginx and Caddy, run by those of the machine before a real site."""

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people.accounts import sessions
from kbsearch.processes import tree
from kbsearch.tickets import files as attachments
from kbsearch.web import bodies
from tests.conftest import introduce
from tests.kit.nginx import AROUND
from tests.kit.places import TOP
from tests.kit.providers import free_port, wait_for

HOST = "help.acme.example"
SITE = re.compile(r"(?:help|aide)\.acme\.example")
FORM_KEY = "form-0001"
BOUNDARY = "a-boundary"
CONNECTIONS = 50  # of an address, as the block for nginx says


@dataclass(frozen=True)
class Site:
    """A real web process, and what a browser of Alice's has."""

    port: int
    db: SqliteDatabase
    settings: Settings
    cookie: str


@dataclass(frozen=True)
class Block:
    """A block of the handbook, run as it stands or with shorter times."""

    program: str
    language: str

    @property
    def text(self) -> str:
        path = TOP / "content" / "articles" / self.language / "operators" / "reverse-proxy.md"
        fences = re.findall(r"```\w+\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
        signs = {"nginx": "\nserver {", "caddy": "reverse_proxy "}
        (block,) = (fence for fence in fences if signs[self.program] in fence)
        return str(SITE.sub(HOST, block))


LANGUAGES = ("fr", "en")
BLOCKS = [Block(program, language) for program in ("nginx", "caddy") for language in LANGUAGES]
each_language = pytest.mark.parametrize("language", LANGUAGES)
each_block = pytest.mark.parametrize(
    "block", BLOCKS, ids=lambda block: f"{block.program}-{block.language}"
)


@pytest.fixture(scope="module")
def site(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = Settings(site=tmp_path_factory.mktemp("site"))
    settings.database_path.parent.mkdir(mode=0o700)
    shutil.copy(empty_database, settings.database_path)
    settings.content_path.mkdir()
    with closing(SqliteDatabase(settings.database_path)) as db:
        token = sessions.open_session(db, str(introduce(db).alice.person_id))
        with tree.listen("127.0.0.1", 0) as listener:
            port = int(listener.getsockname()[1])
            its_settings = {"SITE": str(settings.site), "BASE_URL": f"https://{HOST}"}
            its_settings["TRUSTED_PROXIES"] = "1"
            process = subprocess.Popen(
                [sys.executable, "-m", "kbsearch", "web", "--fd", str(listener.fileno())],
                pass_fds=[listener.fileno()],
                cwd=settings.site,
                env=dict(os.environ) | {f"KBSEARCH_{k}": v for k, v in its_settings.items()},
            )
        with process:
            yield Site(port, db, settings, f"__Host-kb={token}")
            process.terminate()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with help.key and help.pem."""
    folder = tmp_path_factory.mktemp("certificate")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    command += ["-keyout", str(folder / "help.key"), "-out", str(folder / "help.pem")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


Start = Callable[..., int]


@pytest.fixture
def start(site: Site, certificate: Path, tmp_path: Path) -> Iterator[Start]:
    """Run a block before the site, each of the times replaced by another: the port it takes."""
    with ExitStack() as stack:

        def run(block: Block, **times: str) -> int:
            text = block.text
            for name, time in times.items():
                text, count = re.subn(rf"\b{name} \w+", f"{name} {time}", text)
                assert count == 1, f"the block gives no {name}"
            text = text.replace("127.0.0.1:8080", f"127.0.0.1:{site.port}")
            begin = {"nginx": nginx, "caddy": caddy}[block.program]
            return stack.enter_context(begin(text, certificate, tmp_path))

        yield run


def program(name: str, package: str) -> str:
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed: root can, with apt-get install {package}")
    return path


@contextmanager
def nginx(block: str, certificate: Path, folder: Path) -> Iterator[int]:
    command, port, path = program("nginx", "nginx-light"), free_port(), folder / "nginx.conf"
    block = block.replace("/etc/ssl", str(certificate))
    block = block.replace("listen 443", f"listen 127.0.0.1:{port}")
    user = "" if os.getuid() else "user root;"  # its folders are those of the test
    path.write_text(AROUND.format(user=user, folder=folder, block=block))
    with running([command, "-c", str(path), "-e", str(folder / "errors")], port, folder):
        yield port


@contextmanager
def caddy(block: str, certificate: Path, folder: Path) -> Iterator[int]:
    command, port, path = program("caddy", "caddy"), free_port(), folder / "Caddyfile"
    block = block.replace("{", "{\nadmin off\nauto_https disable_redirects\n", 1)
    its = f"bind 127.0.0.1\ntls {certificate}/help.pem {certificate}/help.key\n"
    path.write_text(block.replace(f"{HOST} {{", f"https://{HOST}:{port} {{\n{its}"))
    with running([command, "run", "--config", str(path), "--adapter", "caddyfile"], port, folder):
        yield port


@contextmanager
def running(command: list[str], port: int, home: Path) -> Iterator[None]:
    its = dict(os.environ) | {"HOME": str(home), "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": ""}
    with (home / "said").open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=its)
    with process:
        try:
            wait_for(port, process)
            yield
        finally:
            process.terminate()


def connect(port: int) -> ssl.SSLSocket:
    context = ssl._create_unverified_context()
    line = socket.create_connection(("127.0.0.1", port), timeout=60)
    return context.wrap_socket(line, server_hostname=HOST)


def ask(
    port: int, path: str, cookie: str = "", body: bytes | None = None, length: int = 0
) -> tuple[int, Message, bytes]:
    """An answer; a `length` without a body is only announced."""
    with closing(http.client.HTTPSConnection(HOST, timeout=60)) as to:
        to.sock = connect(port)
        to.putrequest("POST" if body or length else "GET", path)
        to.putheader("Cookie", cookie)
        to.putheader("Sec-Fetch-Site", "same-origin")
        if body or length:
            to.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
            to.putheader("Content-Length", str(length or len(body or b"")))
        to.endheaders(body)
        answer = to.getresponse()
        return answer.status, answer.headers, answer.read()


def form_of(name: str, content: bytes) -> bytes:
    """The field of the request form that takes files."""
    head = f'Content-Disposition: form-data; name="files"; filename="{name}"'
    head += "\r\nContent-Type: application/octet-stream\r\n\r\n"
    return f"--{BOUNDARY}\r\n{head}".encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


@each_block
def test_a_file_of_the_largest_size_is_stored_byte_for_byte(start: Start, site: Site, block: Block):
    name, port = f"{block.program}-{block.language}.txt", start(block)
    content = os.urandom(attachments.MAX_BYTES // 2).hex().encode()
    upload = f"/fr/requests/drafts/{FORM_KEY}/files"
    status, headers, _ = ask(port, upload, site.cookie, form_of(name, content))
    assert status == 303
    assert urlsplit(headers["Location"]).path == "/fr/requests/new"
    (row,) = site.db.query("SELECT id FROM attachments WHERE name = :name", {"name": name})
    status, _, back = ask(port, f"/attachments/{row['id']}/{name}", site.cookie)
    assert (status, back == content) == (200, True)


@each_block
def test_a_body_that_is_too_long_is_refused(start: Start, block: Block):
    port = start(block)
    status, _, page = ask(port, "/fr/requests/new", body=bytes(bodies.FORM + 1))
    assert (status, b"trop volumineux" in page) == (413, True), "a stranger sends no files"


@each_language
def test_nginx_refuses_a_longer_one_before_it_is_sent(start: Start, site: Site, language: str):
    port, length = start(Block("nginx", language)), 2 * bodies.FORM_WITH_FILES
    assert ask(port, "/fr/requests/new", site.cookie, length=length)[0] == 413


HEADER_TIMES = {"nginx": "client_header_timeout", "caddy": "read_header"}
BODY_TIMES = {"nginx": "client_body_timeout", "caddy": "read_body"}
HALF_A_HEADER = f"GET /fr/ HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: ".encode()
HALF_A_BODY = (
    f"POST /fr/login HTTP/1.1\r\nHost: {HOST}\r\nSec-Fetch-Site: same-origin\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nemail="
).encode()


@pytest.mark.parametrize(
    ("times", "half"), [(HEADER_TIMES, HALF_A_HEADER), (BODY_TIMES, HALF_A_BODY)]
)
@each_block
def test_half_a_request_is_cut(start: Start, block: Block, times: dict[str, str], half: bytes):
    port = start(block, **{times[block.program]: "1s"})
    with connect(port) as line:
        line.settimeout(30)  # without a time of its own it waits longer
        line.sendall(half)
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert b"<html" not in answer


@each_language
def test_an_address_has_so_many_connections_to_nginx(start: Start, language: str):
    port = start(Block("nginx", language))
    begun = HALF_A_BODY.replace(b"\r\n\r\nemail=", b"\r\nExpect: 100-continue\r\n\r\n")
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            line = stack.enter_context(connect(port))
            line.sendall(begun)
            assert line.recv(65536).startswith(b"HTTP/1.1 100 "), "it is counted, and waits"
        assert ask(port, "/fr/")[0] == 429
