"""A drill of several hosts: a load through nginx, kills, and what became of all that was answered.

Run by scripts/drill_hosts. Each host has a folder and a clone of its own; they share PostgreSQL,
S3, a git remote and a mail server. People of two organisations read and write through nginx. In
turn a process or a server is killed with -9, and started again. What a person was told is done is
then looked for: it is there once, and nobody ever read a word of the other organisation.

S3 is moto's, which keeps everything in memory: what is killed is the nginx on the way to it.
"""

import argparse
import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.config_sources import Configuration
from kbsearch.database import Database, new_id
from kbsearch.database.engines import open_database
from kbsearch.files import places
from kbsearch.people import PersonFields, organisations, viewers
from kbsearch.people.accounts import sessions
from kbsearch.people.organisations import OrganisationFields
from kbsearch.search.ranking import indexing
from kbsearch.site import belonging
from tests.kit import mail, postgresql, s3, writers
from tests.kit.providers import free_port
from tests.kit.waiting import until

CANARIES = {"acme": "quagliatine", "globex": "brindezingue"}
CUSTOMERS = 40  # what one may file in an hour is limited
TRIES = 6  # of whoever is told that something went wrong, and sends the same form again
PAUSE = 2.0  # seconds before that
DOWN = 3.0  # seconds that what was killed stays away
SETTLED = 180.0  # seconds in which everything is as it should be again
KILLS = ("web", "worker", "host", "nginx", "s3", "postgresql")
BOUNDARY = "a-boundary-of-the-drill"
NGINX = """
{user} daemon off; master_process off; pid {folder}/{name}.pid; error_log {folder}/{name}.errors;
events {{}}
http {{
  access_log off; client_max_body_size 260m;
  client_body_temp_path {folder}/{name}.b; proxy_temp_path {folder}/{name}.p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream behind {{ {servers} }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://behind;
      proxy_connect_timeout 2s;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"""


@dataclass
class Program:
    """A process that is killed and started again."""

    command: list[str]
    log: Path
    options: dict[str, Any] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, **self.options)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def keep_on(self) -> None:
        """Start it until it stays: what the one before left may be in its way for a moment."""
        for _ in range(30):
            self.start()
            time.sleep(0.5)
            if self.process and self.process.poll() is None:
                return
        raise RuntimeError(f"{self.command[0]} does not start: see {self.log}")


@dataclass
class Host(Program):
    """`kbsearch serve` in a folder of its own."""

    settings: Settings = field(default_factory=Settings)

    def children(self, kind: str) -> list[int]:
        """Its processes of a kind: web or worker."""
        assert self.process is not None
        family = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = []
        for pid in family.read_text().split() if family.exists() else ():
            line = Path(f"/proc/{pid}/cmdline")
            if line.exists() and kind.encode() in line.read_bytes().split(b"\0"):
                found.append(int(pid))
        return found

    def readiness(self) -> int:
        return ask(self.settings.port, "GET", "/readyz")[0]


@dataclass
class Site:
    """All that runs, and how to reach it."""

    folder: Path
    hosts: list[Host]
    servers: dict[str, Program]
    port: int  # of the nginx in front
    database: str
    letters: mail.Mailbox

    def database_answers(self) -> bool:
        try:
            with closing(open_database(self.database)) as db:
                return bool(db.query("SELECT 1 AS one"))
        except Exception:
            return False


@dataclass(frozen=True)
class Person:
    """Somebody of one of the organisations, with a session."""

    organisation: str
    cookie: str

    @property
    def foreign(self) -> bytes:
        """What this person must never read."""
        return next(word for its, word in CANARIES.items() if its != self.organisation).encode()


@dataclass(frozen=True)
class Write:
    """Something that somebody sent; `is_done` once they were told so."""

    kind: str
    key: str
    is_done: bool


@dataclass
class Load:
    """What people do, and what they were answered."""

    site: Site
    people: list[Person]
    writes: list[Write] = field(default_factory=list)
    requests: dict[str, list[str]] = field(default_factory=dict)  # addresses, by cookie
    answers: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)
    down: str = ""  # what is away just now, for who counts the errors

    def send(self, person: Person, method: str, path: str, body: bytes = b"") -> tuple[int, str]:
        """Ask once: the status, 0 where nobody answered, and where one is sent on."""
        began = time.monotonic()
        try:
            status, place, text = ask(self.site.port, method, path, person.cookie, body)
        except (OSError, http.client.HTTPException):
            status, place, text = 0, "", b""
        self.times.append(time.monotonic() - began)
        self.answers[f"{status // 100}xx" if status else "no answer"] += 1
        if status >= 500 or not status:
            self.wrong[f"{status} {method} while {self.down or 'nothing'} is away"] += 1
        elif status >= 400:
            self.wrong[f"{status} {method} {path.split('?')[0][:24]}"] += 1
        if person.foreign in text:
            self.leaks.append(f"{method} {path}")
        return status, place

    def read(self, person: Person, chance: random.Random) -> None:
        mine = self.requests.get(person.cookie, [])
        paths = ["/en/", "/fr/", "/en/search?q=collar", "/en/search?q=lost+words", "/en/requests"]
        paths += ["/en/articles/page", "/en/requests/organisation", *mine[-1:]]
        self.send(person, "GET", chance.choice(paths))

    def write(self, person: Person, chance: random.Random) -> None:
        mine, key = self.requests.get(person.cookie, []), new_id()
        kind = chance.choice(("request", "upload", "reply", "reply") if mine else ("request",))
        fields = {"key": key, "body": text_of(person, key)}
        path = f"{chance.choice(mine)}/messages" if kind == "reply" else "/en/requests/new"
        if kind != "reply":
            fields = {"key": key, "subject": f"collar {key}", "description": fields["body"]}
            fields["severity"] = "minor"
        body = form(fields, key if kind == "upload" else "")
        is_done = False
        for _ in range(TRIES):
            status, place = self.send(person, "POST", path, body)
            if status == 303:
                is_done = True
                if kind != "reply":
                    address = place.split("?")[0].removeprefix(f"http://127.0.0.1:{self.site.port}")
                    self.requests.setdefault(person.cookie, []).append(address)
                break
            time.sleep(PAUSE)
        self.writes.append(Write(kind, key, is_done))

    def run(self, seconds: float, rate: float) -> None:
        """So many a second, a tenth of them writes, whatever became of the ones before."""
        began, numbers, lock = time.monotonic(), iter(range(int(seconds * rate))), threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                time.sleep(max(0.0, began + number / rate - time.monotonic()))
                chance = random.Random(number)
                person = chance.choice(self.people)
                (self.write if number % 10 == 0 else self.read)(person, chance)

        threads = [threading.Thread(target=work) for _ in range(max(8, int(rate * 2)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def ask(
    port: int, method: str, path: str, cookie: str = "", body: bytes = b""
) -> tuple[int, str, bytes]:
    headers = {"Cookie": f"kb={cookie}", "Sec-Fetch-Site": "same-origin"}
    if body:
        headers["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as line:
        line.request(method, path, body or None, headers)
        answer = line.getresponse()
        return answer.status, answer.headers.get("Location", ""), answer.read()


def text_of(person: Person, key: str) -> str:
    return f"The collar is lost: {CANARIES[person.organisation]} {key}"


def content_of(key: str) -> bytes:
    return f"file of {key}\n".encode() * 200


def form(fields: dict[str, str], file: str) -> bytes:
    parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    if file:
        head = b'name="files"; filename="log.txt"\r\nContent-Type: text/plain\r\n\r\n'
        parts.append(head + content_of(file))
    lines = [
        b"--%b\r\nContent-Disposition: form-data; %b\r\n" % (BOUNDARY.encode(), part)
        for part in parts
    ]
    return b"".join(lines) + b"--%b--\r\n" % BOUNDARY.encode()


@contextmanager
def running(count: int) -> Iterator[Site]:
    """The servers and the hosts, as an operator sets them up."""
    folder = Path(tempfile.mkdtemp(prefix="kbdrill.", dir="/dev/shm"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        letters = mail.Mailbox()
        smtp = stack.enter_context(mail.serving(letters))
        bucket = stack.enter_context(s3.running())
        front, to_s3 = free_port(), free_port()
        ports = [free_port() for _ in range(count)]
        balanced = " ".join(f"server 127.0.0.1:{p} max_fails=1 fail_timeout=2s;" for p in ports)
        servers = {
            "postgresql": database_server(folder),
            "s3": nginx(folder, "s3", to_s3, f"server {bucket.removeprefix('http://')};"),
            "nginx": nginx(folder, "nginx", front, balanced),
        }
        for server in servers.values():
            stack.callback(server.kill)
            server.keep_on()
        server = f"postgresql://postgres@/postgres?host={folder}/pg"
        process = servers["postgresql"].process
        assert process is not None
        postgresql.wait_for(process, server)
        database = postgresql.make(server, "kbsearch")
        endpoint = f"http://127.0.0.1:{to_s3}"
        os.environ.update(s3.KEYS, AWS_ENDPOINT_URL=endpoint, AWS_ALLOW_HTTP="1")
        usual = Settings(
            base_url=f"http://127.0.0.1:{front}",
            trusted_proxies=1,
            workers=1,
            database=database,
            files=f"s3://{s3.BUCKET}/files",
            content_remote=f"file://{folder}/remote.git",
            content_fetch_seconds=5,
            smtp_url=f"smtp://127.0.0.1:{smtp}",
            secret_key="a key that every host of the drill has",
        )
        hosts = make_hosts(folder, usual, ports)
        for host in hosts:
            stack.callback(host.kill)
            host.start()
        yield Site(folder, hosts, servers, front, database, letters)
    shutil.rmtree(folder, ignore_errors=True)


def database_server(folder: Path) -> Program:
    """It keeps what it says is kept when it is killed: nothing is turned off."""
    place = folder / "pg"
    place.mkdir()
    command, as_server = postgresql.made(place)
    options = ["-c", "listen_addresses=", "-c", "max_connections=200"]
    return Program([*command, *options], folder / "postgresql.log", as_server)


def nginx(folder: Path, name: str, port: int, servers: str) -> Program:
    path, user = folder / f"{name}.conf", "" if os.getuid() else "user root;"
    values = {"user": user, "folder": folder, "name": name, "port": port, "servers": servers}
    path.write_text(NGINX.format(**values))
    command = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
    return Program([command, "-c", str(path), "-e", f"{folder}/{name}.errors"], folder / "log")


def make_hosts(folder: Path, usual: Settings, ports: list[int]) -> list[Host]:
    """Each with the site's id and a clone; the first makes the content."""
    hosts: list[Host] = []
    for number, port in enumerate(ports):
        settings = replace(usual, site=folder / f"host{number}", port=port)
        settings.site.mkdir()
        path = settings.site / "kbsearch.toml"
        lines = {
            name: getattr(settings, name)
            for name in Settings.__dataclass_fields__
            if name != "site" and getattr(settings, name) != getattr(Settings(), name)
        }
        path.write_text("".join(f"{name} = {json.dumps(v)}\n" for name, v in lines.items()))
        if not hosts:
            writers.with_page(settings)
            writers.git(settings.content_path, "clone", "-q", "--bare", ".", f"{folder}/remote.git")
            belonging.open_database(Configuration(settings, {}, path)).close()
        else:
            first = hosts[0].settings
            settings.data_path.mkdir(mode=0o700)
            shutil.copy(first.data_path / "site_id", settings.data_path)
            writers.git(folder, "clone", "-q", f"{folder}/remote.git", str(settings.content_path))
        command = [sys.executable, "-P", "-m", "kbsearch", "--config", str(path), "serve"]
        where = {"cwd": settings.site}
        hosts.append(Host(command, settings.site / "log", where, settings=settings))
    return hosts


def introduce(db: Database) -> list[Person]:
    """Customers of both, with a session each, and an agent who is told of everything."""
    for name in CANARIES:
        organisations.add(db, OPERATOR, OrganisationFields(name.title(), sharing="everyone"))
    agent = PersonFields(email="dan@support.example", name="Dan", role="agent", organisations=[])
    people.add(db, OPERATOR, agent)
    found = []
    for number in range(CUSTOMERS):
        its = list(CANARIES)[number % 2]
        email = f"person{number}@{its}.example"
        fields = PersonFields(
            email=email, name=f"Person {number}", role="customer", organisations=[its]
        )
        people.add(db, OPERATOR, fields)
        session = sessions.open_session(db, str(viewers.find(db, email).person_id))
        found.append(Person(its, session))
    return found


def kill_in_turn(
    site: Site, load: Load, kinds: list[str], pause: float, over: threading.Event
) -> None:
    """Kill one after the other, and start again what nobody else does."""
    chance, turn = random.Random(1), 0
    while not over.wait(pause):
        kind = kinds[turn % len(kinds)]
        turn += 1
        load.down = kind
        host = chance.choice(site.hosts)
        print(f"  {kind} is killed", flush=True)
        if kind in ("web", "worker"):
            for pid in host.children(kind)[:1]:
                os.kill(pid, signal.SIGKILL)  # `serve` starts it again
            over.wait(DOWN)
        else:
            program = host if kind == "host" else site.servers[kind]
            program.kill()
            over.wait(DOWN)
            program.keep_on()
        until(site.database_answers)
        over.wait(DOWN)
        load.down = ""


def faults(site: Site, load: Load) -> list[str]:
    """All that is not as it should be, once everything has come to rest."""
    found = [f"leaked: {leak}" for leak in load.leaks]
    if not any(write.is_done for write in load.writes):
        found.append("nobody could write")
    with closing(open_database(site.database)) as db:
        busy = "SELECT COUNT(*) AS n FROM outbox WHERE done_at IS NULL AND dead_at IS NULL"
        found += waited("the outbox is not empty", lambda: not db.query(busy)[0]["n"])
        found += waited("the last commit is not live", partial(is_live, db))
        found += not_once(db, load)
        found += not_kept(db, load, site.hosts[0].settings)
        dead = db.query("SELECT kind, problem FROM outbox WHERE dead_at IS NOT NULL")
        found += [f"given up: {row['kind']} {row['problem']}" for row in dead]
        found += readiness(site, db)
    ids = Counter((str(each["Message-ID"]), to) for each, to in envelopes(site.letters))
    found += [f"told {n} times: {name} to {to}" for (name, to), n in ids.items() if n > 1]
    return found


def envelopes(box: mail.Mailbox) -> Iterator[tuple[Any, str]]:
    for letter, recipients in zip(box.letters, box.recipients, strict=True):
        for recipient in recipients:
            yield letter, recipient


def waited(problem: str, is_right: Callable[[], bool]) -> list[str]:
    try:
        until(is_right, hung=SETTLED)
    except AssertionError:
        return [problem]
    return []


def is_live(db: Database) -> bool:
    sql = """
        SELECT 1 FROM articles a JOIN state s ON s.value = a.publication_id
        WHERE s.name = 'live_publication' AND a.title = 'A page of the drill'
    """
    return bool(db.query(sql))


def not_once(db: Database, load: Load) -> list[str]:
    """What was told done and is not there, and what is there more than once."""
    subjects = Counter(row["subject"] for row in db.query("SELECT subject FROM tickets"))
    bodies = Counter(row["body"].split()[-1] for row in db.query("SELECT body FROM messages"))
    found = []
    for write in load.writes:
        there = bodies[write.key] if write.kind == "reply" else subjects[f"collar {write.key}"]
        if write.is_done and not there:
            found.append(f"lost: {write}")
        if there > 1:
            found.append(f"there {there} times: {write}")
    return found


def not_kept(db: Database, load: Load, settings: Settings) -> list[str]:
    """Files that are not in S3 as they were sent."""
    store, found = places.attached(settings), []
    sql = """
        SELECT a.sha256 FROM attachments a JOIN tickets t ON t.id = a.ticket_id
        WHERE t.subject = :subject
    """
    for write in load.writes:
        if write.kind == "upload" and write.is_done:
            rows = db.query(sql, {"subject": f"collar {write.key}"})
            digest = hashlib.sha256(content_of(write.key)).hexdigest()
            if [row["sha256"] for row in rows] != [digest]:
                found.append(f"{len(rows)} files: {write}")
                continue
            with store.open(digest) as file:
                if file.read() != content_of(write.key):
                    found.append(f"another content: {write}")
    return found


def readiness(site: Site, db: Database) -> list[str]:
    """A host that says it is ready has an index that equals the database; one at least does."""
    found = waited("no host is ready", lambda: any(host.readiness() == 200 for host in site.hosts))
    count = int(db.query("SELECT COUNT(*) AS n FROM tickets")[0]["n"])
    for number, host in enumerate(site.hosts):
        status, facts = host.readiness(), indexing.status(host.settings, db)
        print(f"  host {number}: readyz {status}, {facts['tickets']} of {count} requests found")
        if status == 200 and (facts["tickets"], facts["tickets_behind"]) != (count, 0):
            found.append(f"host {number} is ready, its index is not: {facts}")
    return found


def tell(load: Load, site: Site, seconds: float) -> None:
    times, answers = sorted(load.times), sum(load.answers.values())
    print(f"{answers} answers in {seconds:.0f} s: {dict(load.answers)}")
    print(f"median {times[answers // 2]:.3f} s, of 100 the slowest {times[-answers // 100]:.3f} s")
    kinds = Counter(write.kind for write in load.writes if write.is_done)
    print(f"told done: {dict(kinds)}; never: {sum(not write.is_done for write in load.writes)}")
    for problem, count in load.wrong.most_common():
        print(f"  {count:5} {problem}")
    print(f"letters: {len(site.letters.letters)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hosts", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--rate", type=float, default=40, help="requests a second")
    parser.add_argument("--kills", default=",".join(KILLS), help="what is killed, in turn")
    parser.add_argument("--pause", type=float, default=10, help="seconds between two kills")
    parser.add_argument("--keep", help="a folder for the logs of all that ran")
    chosen = parser.parse_args()
    with running(chosen.hosts) as site:
        with closing(open_database(site.database)) as db:
            load = Load(site, introduce(db))
        until(lambda: any(host.readiness() == 200 for host in site.hosts if is_up(host)))
        over = threading.Event()
        kinds = [kind for kind in chosen.kills.split(",") if kind]
        killer = threading.Thread(target=kill_in_turn, args=(site, load, kinds, chosen.pause, over))
        if kinds:
            killer.start()
        began = time.monotonic()
        publisher = threading.Timer(chosen.seconds / 2, publish, [site])
        publisher.start()
        load.run(chosen.seconds, chosen.rate)
        took = time.monotonic() - began
        over.set()
        publisher.join()
        if kinds:
            killer.join()
        found = faults(site, load)
        tell(load, site, took)
        if chosen.keep:
            keep_logs(site, Path(chosen.keep))
    print("\n".join(found) or "nothing lost, nothing twice, nothing leaked")
    sys.exit(bool(found))


def is_up(host: Host) -> bool:
    try:
        return bool(host.readiness())
    except OSError:
        return False


def publish(site: Site) -> None:
    """A writer pushes to the remote."""
    desk = site.folder / "desk"
    writers.git(site.folder, "clone", "-q", f"{site.folder}/remote.git", str(desk))
    writers.write(desk, writers.PAGE, writers.article("A page of the drill"))
    writers.commit(desk)
    writers.git(desk, "push", "-q")


def keep_logs(site: Site, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in (*site.folder.glob("*.log"), *site.folder.glob("*.errors")):
        shutil.copy(path, folder)
    for host in site.hosts:
        shutil.copy(host.log, folder / f"{host.settings.site.name}.log")


if __name__ == "__main__":
    main()
