"""`kbsearch serve`: the command, its first lines, and the real processes behind them."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from email import message_from_bytes, policy
from functools import partial
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import (
    BaseHandler,
    HTTPCookieProcessor,
    HTTPRedirectHandler,
    build_opener,
    urlopen,
)

import pytest

from tests.kit.letting_in import Memory, provider
from tests.kit.mail import code_in
from tests.web.assistants.test_official_client import in_a_thread

KBSEARCH = [sys.executable, "-m", "kbsearch"]
Seen = TypeVar("Seen")
IN_AN_ADDRESS = "secret-in-an-address"
SECRETS = re.compile(rf"{IN_AN_ADDRESS}|kb[sr]_[\w-]{{9}}")  # of a token, more than its hint
PATIENCE = 120  # seconds until something counts as hanging, on a machine that has much else to do


def environment() -> dict[str, str]:
    return {name: v for name, v in os.environ.items() if not name.startswith("KBSEARCH_")}


class Served(subprocess.Popen[str]):
    """Ends with what failed in its block, instead of being waited for."""

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, *rest)


def serve(folder: Path, *arguments: str) -> Served:
    pipe = subprocess.PIPE
    command = [*KBSEARCH, "serve", *arguments]
    return Served(command, cwd=folder, env=environment(), stdout=pipe, stderr=pipe, text=True)


def until(look: Callable[[], Seen], process: "subprocess.Popen[str]") -> Seen:
    """What is to be seen sooner or later, while the process is at work."""
    for _ in range(10 * PATIENCE):
        if seen := look():
            return seen
        assert process.poll() is None, "it has ended"
        time.sleep(0.1)
    raise AssertionError("it has not come about")


def refused(folder: Path, *arguments: str) -> str:
    with serve(folder, *arguments) as process:
        told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert told[0] == ""
    assert len(told[1].splitlines()) == 1
    return told[1]


class Demo:
    """The demo, served in an empty folder."""

    def __init__(self, folder: Path, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self.folder = folder
        self.process = process
        self.name, self.address = process.stdout.readline().split(": ")
        self.address = self.address.strip()
        headings = process.stdout.readline()
        assert headings.split()[0] in ("address", "adresse")
        self.people = [process.stdout.readline().split() for _ in range(6)]

    def children(self) -> dict[int, str]:
        parent = self.process.pid
        found = {}
        for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            with contextlib.suppress(FileNotFoundError):  # it ended between the two looks
                words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
                found[int(pid)] = "worker" if "worker" in words else "web"
        return found

    def get(self, path: str) -> str:
        with urlopen(self.address + path, timeout=PATIENCE) as answer:
            return str(answer.read().decode())


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    with serve(folder, "--demo", "--host", "0.0.0.0", "--port", "0") as process:
        yield Demo(folder, process)
        process.send_signal(signal.SIGTERM)
        log = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0
    assert "base_url is not set" in log, "it is open to all machines, and should name itself"
    assert "Traceback" not in log
    assert not SECRETS.search(log)


def test_the_first_line_is_the_address_with_the_real_port(demo):
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d+/", demo.address)


def test_what_an_address_carries_stands_in_no_log(demo):
    """The log is read when the demo ends."""
    for path in ("access/jwt", "fr/nothing", "oauth/authorize", "mcp"):
        with contextlib.suppress(HTTPError):
            demo.get(f"{path}?jwt={IN_AN_ADDRESS}&code={IN_AN_ADDRESS}")


def test_the_first_page_is_complete_as_soon_as_the_address_is_told(demo):
    assert "/fr/articles/" in demo.get("fr/")


def test_everybody_of_the_demo_has_a_password_and_staff_a_key(demo):
    roles = {email: role for email, role, *_ in demo.people}
    assert roles["alice@acme.example"] == "customer"
    assert roles["dan@support.example"] == "agent"
    for _, role, password, *key in demo.people:
        assert len(password) >= 12
        assert bool(re.fullmatch("[A-Z2-7]{32}", key[0])) == (role != "customer")


class Stay(HTTPRedirectHandler):
    """The way an answer leads to is looked at, not taken."""

    def redirect_request(self, *_: object) -> None:
        return None


class Person:
    """Somebody of the demo, who signs in with the code that lies in var/mail."""

    def __init__(self, demo: Demo, name: str) -> None:
        self.address = demo.address
        self.jar = CookieJar()
        self.mails = demo.folder / "var/mail"
        email, _, password, *_ = next(told for told in demo.people if told[0].startswith(name))
        before = set(self.mails.glob("*.eml"))
        assert "one-time-code" in self.post("fr/login", email=email, password=password)
        code = until(lambda: self.code_since(before, email), demo.process)
        self.first_page = self.post("fr/login/code", code=code)

    def code_since(self, before: set[Path], email: str) -> str:
        """The code of a mail that came since; others may come to the demo's people too."""
        for path in set(self.mails.glob("*.eml")) - before:
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            if email in str(mail["To"]) and "code" in str(mail["Subject"]).lower():
                return code_in(mail)
        return ""

    def post(self, path: str, *handlers: BaseHandler, **fields: str) -> str:
        return self.open(self.address + path, urlencode(fields).encode(), *handlers)

    def open(self, url: str, data: bytes | None = None, *handlers: BaseHandler) -> str:
        browser = build_opener(HTTPCookieProcessor(self.jar), *handlers)
        browser.addheaders = [("Sec-Fetch-Site", "same-origin")]
        with browser.open(url, data, timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    def led_to(self, path: str, **fields: str) -> str:
        with pytest.raises(HTTPError) as answer:
            self.post(path.lstrip("/"), Stay(), **fields)
        with answer.value as response:
            assert response.code == 303
            return str(response.headers["Location"])


def test_a_customer_of_the_demo_signs_in_with_the_code_that_lies_in_var_mail(demo):
    assert "Alice Martin" in Person(demo, "alice").first_page


def test_the_official_client_of_assistants_is_let_in_and_renews_its_token(demo):
    mcp = pytest.importorskip("mcp")
    httpx = pytest.importorskip("httpx2")
    bob, address, memory = Person(demo, "bob"), f"{demo.address}mcp", Memory()
    asking = provider(address, memory, bob.open, partial(bob.led_to, scope="read"))

    async def talk() -> list[Any]:
        from mcp.client.streamable_http import streamable_http_client

        results = []
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(httpx.AsyncClient(auth=asking))
            transport = streamable_http_client(address, http_client=client)
            session = await stack.enter_async_context(mcp.Client(transport))
            for moment in (None, 1.0):  # the second time, the token is over
                asking.context.token_expiry_time = moment
                results.append(await session.call_tool("list_my_requests", {"limit": 1}))
                results.append(memory.tokens.access_token)
        return results

    first, secret, second, renewed = in_a_thread(talk())
    assert not first.is_error and not second.is_error
    assert secret != renewed and memory.tokens.scope == "search read"
    assert "Official" in bob.open(f"{demo.address}en/account/security")


def test_there_is_one_worker_and_the_web_processes_of_the_settings(demo):
    assert sorted(demo.children().values()) == ["web", "web", "worker"]


def test_pages_are_answered_while_a_killed_web_process_is_replaced(demo):
    killed = next(pid for pid, kind in demo.children().items() if kind == "web")
    os.kill(killed, signal.SIGKILL)
    until(
        lambda: demo.get("healthz") and killed not in (now := demo.children()) and len(now) == 3,
        demo.process,
    )
    assert sorted(demo.children().values()) == ["web", "web", "worker"]


def is_replaced(demo: Demo, stopped: int, kind: str) -> bool:
    children = demo.children()
    return stopped not in children and kind in children.values()


def test_a_process_that_is_stopped_is_replaced_whichever_it_is(tmp_path):
    with serve(tmp_path, "--demo", "--port", "0", "--workers", "1", "--patience", "5") as process:
        demo = Demo(tmp_path, process)
        for kind in ("web", "worker"):
            stopped = next(pid for pid, name in demo.children().items() if name == kind)
            os.kill(stopped, signal.SIGSTOP)
            until(partial(is_replaced, demo, stopped, kind), process)
        assert "/fr/articles/" in demo.get("fr/")
        process.send_signal(signal.SIGTERM)
        log = process.communicate(timeout=PATIENCE)[1]
    assert "web 1 hangs" in log and "worker hangs" in log


def test_a_taken_port_is_said_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert f"port {port}" in refused(tmp_path, "--demo", "--port", port)


def test_without_a_site_the_way_to_make_one_is_said_in_one_line(tmp_path):
    assert "kbsearch init DIR" in refused(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_option_is_said_in_one_line(tmp_path):
    assert "99999 is not a port" in refused(tmp_path, "--port", "99999")


def test_a_damaged_database_is_said_in_one_line(tmp_path):
    (tmp_path / "var").mkdir()
    (tmp_path / "var/kbsearch.sqlite3").write_bytes(b"no database " * 500)
    assert "var/kbsearch.sqlite3" in refused(tmp_path, "--demo", "--port", "0")


def test_a_secret_key_that_others_can_read_stops_the_start(tmp_path):
    made = [*KBSEARCH, "init", "site", "--admin", "root@company.example"]
    subprocess.run(made, cwd=tmp_path, env=environment(), capture_output=True, check=True)
    (tmp_path / "site/var/secret_key").write_text("ab" * 32)
    (tmp_path / "site/var/secret_key").chmod(0o644)
    assert "chmod 600" in refused(tmp_path / "site", "--port", "0")


def test_the_data_folder_is_closed_to_others(demo):
    assert (demo.folder / "var").stat().st_mode & 0o077 == 0


def test_stopped_while_it_starts_it_leaves_nobody_behind(tmp_path):
    with serve(tmp_path, "--demo", "--port", "0") as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        started = [
            Path("/proc") / pid for pid in until(lambda: children.read_text().split(), process)
        ]
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert not any(Path(f"/proc/{child}").exists() for child in started)
