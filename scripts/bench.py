"""Ratios of the search against its floor (an empty route, raw Tantivy) and a peer (SQLite FTS5).

Everything compared is measured in one run, interleaved, on the same texts and documents, through
the same server. Times are milliseconds; read the ratios.
"""

import argparse
import gc
import http.client
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlencode

import tantivy
from pysqlite3 import dbapi2 as sqlite

from kbsearch import people, resources
from kbsearch.access import OPERATOR, Viewer
from kbsearch.articles.publishing.publications import Refusal
from kbsearch.articles.publishing.publish import publish
from kbsearch.config import Settings
from kbsearch.database.migrations import migrate
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import PersonFields, organisations, viewers
from kbsearch.people.accounts import sessions
from kbsearch.people.organisations import OrganisationFields
from kbsearch.search import Question
from kbsearch.search.fulltext.article_index import PageLookup
from kbsearch.search.fulltext.query import understand
from kbsearch.search.fulltext.shelf import Articles
from kbsearch.search.fulltext.ticket_index import TicketIndex
from kbsearch.search.fulltext.ticket_words import Lookup
from kbsearch.search.fulltext.ticket_writer import SEPARATOR
from kbsearch.search.ranking import Search, indexing
from kbsearch.site.importing import tickets as importer
from kbsearch.site.importing.lines import Line
from kbsearch.site.importing.report import Report
from kbsearch.web import compression

TYPED = 40  # texts, each at several lengths
TURNS = 3
PEER_TEXTS = 60
PANELS = 120  # requests whose similar cases are asked for
BLOCK = 20  # texts asked in a row of one of the things compared, then of the next
HITS = 8
STORED_BODY = 1_200  # characters of a text that the raw snippet is made from
CLIENTS = 8
LOAD_SECONDS = 6.0
SIGN_INS = 200  # at once
ALICE, DAN = "alice@acme.example", "dan@support.example"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=Path, help="JSON Lines of `kbsearch import tickets`")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--floor", type=int, help=argparse.SUPPRESS)  # a listening socket
    parser.add_argument("--site", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.floor is not None:
        serve_floor(options.floor, settings_of(options.site))
        return
    place = Path(".cache/bench").absolute()
    for size in options.sizes:
        shutil.rmtree(place, ignore_errors=True)
        bench(place, options.tickets, size)
    shutil.rmtree(place, ignore_errors=True)


def bench(place: Path, source: Path | None, size: int) -> None:
    """All the figures at one number of tickets."""
    print(f"\n{size:,} tickets, and the handbook".replace(",", " "))
    settings = settings_of(place)
    db = SqliteDatabase(settings.database_path)
    migrate(db)
    make_people(db)
    given = list(ticket_lines(source, size))
    gc.collect()
    gc.freeze()  # or each collection would look through all the tickets, in the middle of a figure
    took = timed(lambda: store(db, given))
    print(f"  store in SQLite          {size / took:10,.0f} tickets a second")
    if isinstance(refusal := publish(db, settings), Refusal):
        raise SystemExit(f"the handbook was not published: {refusal.findings[:3]}")
    building(settings, db, given)
    turns = [typed_texts(given, seed) for seed in range(TURNS)]
    keystrokes(settings, db, turns)
    peer(place, settings, db, given, turns[-1][:PEER_TEXTS])
    db.close()


# What is indexed


def settings_of(place: Path) -> Settings:
    return Settings(site=place, content=resources.folder("content"))


def make_people(db: SqliteDatabase) -> None:
    for slug in ("acme", "globex", "initech"):
        fields = OrganisationFields(slug.title(), slug=slug, sharing="everyone")
        organisations.add(db, OPERATOR, fields)
    alice = PersonFields(email=ALICE, name="Alice", organisations=["acme"])
    people.add(db, OPERATOR, alice)
    people.add(db, OPERATOR, PersonFields(email=DAN, name="Dan", role="agent"))


def ticket_lines(source: Path | None, size: int) -> Iterator[dict[str, object]]:
    """Tickets of a file, repeated as needed, spread over three organisations; or made up."""
    made = made_up() if source is None else from_file(source)
    for number, ticket in zip(range(1, size + 1), made, strict=False):
        yield ticket | {
            "number": number,
            "organisation": ("acme", "globex", "initech")[number % 3],
            "created_at": f"20{10 + number % 15}-01-{number % 28 + 1:02}T09:00:00Z",
        }


def from_file(source: Path) -> Iterator[dict[str, object]]:
    while True:
        with source.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


def made_up() -> Iterator[dict[str, object]]:
    """Tickets of about a hundred words drawn from the handbook's own sentences."""
    chance = random.Random(1)
    files = sorted(resources.folder("content").glob("articles/fr/**/*.md"))
    sentences = [
        line for file in files for line in file.read_text("utf-8").splitlines() if len(line) > 40
    ]
    while True:
        body = " ".join(chance.choices(sentences, k=6))
        yield {
            "subject": " ".join(chance.choice(sentences).split()[:8]),
            "description": body,
            "status": "solved",
            "language": "fr",
            "product": chance.choice(["icownect", "atelier", "portail"]),
        }


def store(db: SqliteDatabase, given: Sequence[dict[str, object]]) -> None:
    for start in range(0, len(given), 1000):
        lines = [Line(start + n, 0, row) for n, row in enumerate(given[start : start + 1000])]
        importer.take_in(db, lines, Report())


# Building


def building(settings: Settings, db: SqliteDatabase, given: Sequence[dict[str, object]]) -> None:
    ours = timed(lambda: indexing.rebuild_tickets(settings, db))
    print(f"  index from the database  {len(given) / ours:10,.0f} tickets a second")
    for threads in (1, 2):
        raw = timed(lambda threads=threads: raw_index(settings.site / "raw", given, threads))
        speed, ratio = len(given) / raw, raw / ours
        print(f"  raw Tantivy, {threads} threads   {speed:10,.0f}   ours at {ratio:.2f} of it")


def raw_index(folder: Path, given: Sequence[dict[str, object]], threads: int) -> None:
    """Tantivy with nothing around it: subject and body stemmed, stored, and three filters."""
    builder = tantivy.SchemaBuilder()
    for name in ("subject", "body"):
        builder.add_text_field(name, stored=True, tokenizer_name="en_stem")
    for name in ("organisation", "product"):
        builder.add_text_field(name, tokenizer_name="raw", fast=True)
    builder.add_integer_field("number", stored=True, fast=True)
    schema = builder.build()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    writer = tantivy.Index(schema, path=str(folder)).writer(64_000_000 * threads, threads)
    for row in given:
        values = {
            "subject": row["subject"],
            "body": row["description"],
            "organisation": row["organisation"],
            "product": row.get("product") or "",
            "number": row["number"],
        }
        writer.add_document(tantivy.Document.from_dict(values, schema))
    writer.commit()
    writer.wait_merging_threads()


# A keystroke


def typed_texts(given: Sequence[dict[str, object]], seed: int) -> list[str]:
    """What is in the field after some keystrokes of subjects being typed."""
    chance = random.Random(seed)
    texts = []
    for row in chance.sample(list(given), min(TYPED, len(given))):
        subject = " ".join(str(row["subject"]).split()[:4])
        texts += [subject[:length] for length in range(3, len(subject) + 1, 4)]
    return texts


def keystrokes(settings: Settings, db: SqliteDatabase, turns: Sequence[Sequence[str]]) -> None:
    search = Search(settings, db)
    with serving(settings, workers=1) as (port, floor_port, processes):
        for email in (DAN, ALICE):
            viewer = viewers.find(db, email)
            cookie = f"kb={sessions.open_session(db, str(viewer.person_id))}"
            compare(search, viewer, cookie, turns, port, floor_port)
        compressing(port)
        panels(db, port, floor_port)
        print(f"  resident, shared counted once: {told_memory(processes)}")
    with serving(settings, workers=2) as (port, _, processes):
        cookie = f"kb={sessions.open_session(db, str(viewers.find(db, DAN).person_id))}"
        load(port, cookie, [text for texts in turns for text in texts])
        visible(db, port, cookie)
        sign_ins(port, cookie, turns[0])
    cold_start(settings)


class Raw:
    """The engine alone: the queries of the product, stored fields, Tantivy's own snippets."""

    def __init__(self, settings: Settings, db: SqliteDatabase) -> None:
        live = indexing.live_folders(db)
        self.shelf = Articles(settings.index_path / live["article_index"])
        self.cases = TicketIndex(settings.index_path / live["ticket_index"])

    def search(self, viewer: Viewer, text: str) -> float:
        """Seconds; making the queries is not counted."""
        asked = understand(text, self.shelf.synonyms)
        articles = self.shelf.by_language["fr"]
        of_articles = articles.plan(PageLookup(asked, viewer.principals, HITS))
        of_cases = self.cases.plan(Lookup(asked, viewer.principals, HITS))
        page = (articles.view, of_articles, "all", "page", body_of_page)
        case = (self.cases.view, of_cases, "all_fr", "case", body_of_case)
        raw = [
            (
                view.searcher,
                view.queries.narrowed(view.queries.of(plan.clause), plan.filters),
                view.queries.schema,
                *rest,
            )
            for view, plan, *rest in (page, case)
        ]
        started = time.perf_counter()
        for searcher, query, schema, field, stored, body_of in raw:
            hits = searcher.search(query, HITS, count=True).hits
            snippets = tantivy.SnippetGenerator.create(searcher, query, schema, field)
            for _, address in hits:
                body = body_of(bytes(searcher.doc(address).get_first(stored)))
                document = tantivy.Document(**{field: body[:STORED_BODY]})
                snippets.snippet_from_doc(document).to_html()
        return time.perf_counter() - started


def body_of_page(stored: bytes) -> str:
    return str(json.loads(stored)["body"])


def body_of_case(stored: bytes) -> str:
    return stored.decode().split(SEPARATOR)[2]


def compare(
    search: Search,
    viewer: Viewer,
    cookie: str,
    turns: Sequence[Sequence[str]],
    port: int,
    floor_port: int,
) -> None:
    """Whole requests against the empty route plus raw Tantivy, interleaved.

    The ratio is taken in each block and the median of the blocks is told: what slows the machine
    for a second slows both sides of a block.
    """
    page, empty = client(port), client(floor_port)
    whole, floor, engine, library = [], [], [], []
    kinds: tuple[tuple[list[float], Callable[[str], float]], ...] = (
        (
            whole,
            lambda text: timed(lambda: get(page, "/fr/search?" + urlencode({"q": text}), cookie)),
        ),
        (floor, lambda text: timed(lambda: get(empty, "/"))),
        (
            engine,
            lambda text: float(get(empty, "/raw?" + urlencode({"q": text, "as": viewer.email}))),
        ),
        (library, lambda text: timed(lambda: search.ask(viewer, Question(text, limit=HITS)))),
    )
    ratios = []
    for turn, texts in enumerate(turns):
        for start in range(0, len(texts), BLOCK):
            block = [
                [measure(text) * 1000 for text in texts[start : start + BLOCK]]
                for _, measure in kinds
            ]
            if turn:  # the first turn warms the processes; no text comes twice
                for (kept, _), took in zip(kinds, block, strict=True):
                    kept += took
                ours, empty_route, raw, _ = map(statistics.median, block)
                ratios.append(ours / (empty_route + raw))
    print(f"  one client, as {viewer.role}:")
    print(f"    empty route            {told(floor)}")
    print(f"    raw Tantivy            {told(engine)}   same queries, fields, snippets")
    print(f"    search as a library    {told(library)}")
    print(f"    keystroke              {told(whole)}   {statistics.median(ratios):.2f} x floor")


def compressing(port: int) -> None:
    """What compressing a page and a keystroke costs and saves; of the whole request, by time."""
    page = client(port)
    for what, path, piece in (("page", "/fr/", False), ("keystroke", "/fr/search?q=mot", True)):
        headers = {"HX-Request": "true"} if piece else {}
        plain, whole = b"", []
        for _ in range(PANELS):
            started = time.perf_counter()
            page.request("GET", path, headers=headers)
            plain = page.getresponse().read()
            whole.append((time.perf_counter() - started) * 1000)
        packed = len(compression.packed(plain)) / len(plain)
        took = statistics.median(
            timed(lambda plain=plain: compression.packed(plain)) * 1000 for _ in range(PANELS)
        )
        share = took / statistics.median(whole)
        print(f"  compressed, a {what:11}{packed:9.2f} x bytes   {share:.3f} x request")


def panels(db: SqliteDatabase, port: int, floor_port: int) -> None:
    """What stands beside a request: similar cases, articles, and whether it is an incident."""
    rows = db.query("SELECT number FROM tickets ORDER BY number")
    numbers = random.Random(1).sample([row["number"] for row in rows], PANELS)
    cookie = f"kb={sessions.open_session(db, str(viewers.find(db, DAN).person_id))}"
    page, empty = client(port), client(floor_port)
    whole, floor = [], []
    for turn, number in enumerate(numbers):
        base = timed(lambda: get(empty, "/"))
        took = timed(lambda number=number: get(page, f"/fr/desk/tickets/{number}/similar", cookie))
        if turn >= BLOCK:  # the first ones warm the process
            floor.append(base * 1000)
            whole.append(took * 1000)
    ratio = statistics.median(whole) / statistics.median(floor)
    print(f"  similar cases, as agent  {told(whole)}   {ratio:.1f} x empty route")


def load(port: int, cookie: str, texts: Sequence[str]) -> None:
    """Eight clients typing as fast as they are answered, two web processes."""
    took: list[float] = []
    deadline = time.monotonic() + LOAD_SECONDS

    def typing(seed: int) -> None:
        chance, page = random.Random(seed), client(port)
        while time.monotonic() < deadline:
            path = "/fr/search?" + urlencode({"q": chance.choice(texts)})
            took.append(timed(lambda path=path: get(page, path, cookie)) * 1000)

    threads = [threading.Thread(target=typing, args=(seed,)) for seed in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(
        f"  {CLIENTS} clients, 2 processes  {told(took)}   {len(took) / LOAD_SECONDS:,.0f} a second"
    )


def sign_ins(port: int, cookie: str, texts: Sequence[str]) -> None:
    """Many who sign in at the same moment, each from an address of their own; one who types."""
    waiting = threading.Barrier(SIGN_INS + 1)
    statuses: list[int] = []

    def sign_in(number: int) -> None:
        connection = client(port)
        sent = urlencode(
            {"email": f"employee{number}@acme.example", "password": "a wrong password"}
        )
        address = f"10.0.{number // 250}.{number % 250 + 1}"
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Forwarded-For": address,
            "Origin": f"http://127.0.0.1:{port}",
        }
        waiting.wait()
        connection.request("POST", "/fr/login", sent, headers)
        statuses.append(connection.getresponse().status)

    threads = [threading.Thread(target=sign_in, args=(number,)) for number in range(SIGN_INS)]
    for thread in threads:
        thread.start()
    page = client(port)
    waiting.wait()
    started, took = time.perf_counter(), []
    for text in texts:
        took.append(
            timed(lambda text=text: get(page, f"/fr/search?{urlencode({'q': text})}", cookie))
        )
        if not any(thread.is_alive() for thread in threads):
            break
    for thread in threads:
        thread.join()
    lasted = time.perf_counter() - started
    print(f"  search, {SIGN_INS} signing in   {told([each * 1000 for each in took])}", end="   ")
    print(f"{statuses.count(422)} of them compared in {lasted:.1f} s, {len(took)} searches")


def visible(db: SqliteDatabase, port: int, cookie: str) -> None:
    """From the commit of a ticket until a search finds it."""
    page, took = client(port), []
    for turn in range(5):
        word = f"zyx{turn}wvut{os.getpid()}"
        row = {"number": 2_000_000_000 + turn, "subject": word, "status": "solved"}
        store(db, [row | {"description": word, "created_at": "2026-01-01T09:00:00Z"}])
        started = time.perf_counter()
        path = f"/fr/search?q={word}&kind=ticket&literal=1"
        while not re.search(r'href="/fr/requests/(?!new)', get(page, path, cookie)):
            if time.perf_counter() - started > 30:
                raise SystemExit("a ticket was not found in 30 s")
            time.sleep(0.02)
        took.append((time.perf_counter() - started) * 1000)
    print(f"  commit to visible        {told(took)}")


def cold_start(settings: Settings) -> None:
    took = []
    for _ in range(3):
        started = time.perf_counter()
        with serving(settings, workers=2, floor=False) as (port, _, _):
            get(client(port), "/fr/search?q=mot")
            took.append((time.perf_counter() - started) * 1000)
    print(f"  cold start, first search {told(took)}")


# Servers


class serving:
    """The product's process tree, and the floor's server beside it."""

    def __init__(self, settings: Settings, *, workers: int, floor: bool = True) -> None:
        self.settings, self.workers, self.has_floor = settings, workers, floor
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> tuple[int, int, list[int]]:
        site = self.settings.site
        port = free_port()
        environment = os.environ | {
            "KBSEARCH_CONTENT": str(self.settings.content),
            "KBSEARCH_PORT": str(port),
            "KBSEARCH_WORKERS": str(self.workers),
            "KBSEARCH_TRUSTED_PROXIES": "1",
            "KBSEARCH_BASE_URL": f"http://127.0.0.1:{port}",
        }
        command = [sys.executable, "-m", "kbsearch", "serve"]
        self.start(command, cwd=site, env=environment)
        wait_for(port, "/healthz")
        floor_port = 0
        if self.has_floor:
            listener = socket.create_server(("127.0.0.1", 0))
            floor_port = listener.getsockname()[1]
            fd = listener.fileno()
            command = [sys.executable, __file__, "--floor", str(fd), "--site", str(site)]
            self.start(command, pass_fds=[fd])
            listener.close()
            wait_for(floor_port, "/")
        return port, floor_port, children_of(self.processes[0].pid)

    def start(self, command: Sequence[str], **options: object) -> None:
        quiet = subprocess.DEVNULL
        self.processes.append(
            subprocess.Popen(command, stdout=quiet, stderr=quiet, **options)  # type: ignore[call-overload]
        )

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(timeout=30)


def serve_floor(fd: int, settings: Settings) -> None:
    """An empty Flask route, and the engine alone, on the server of the product.

    The engine's time is taken inside a request like any other: between two requests a process
    sleeps and its caches go cold, which a loop of searches would never show.
    """
    from flask import Flask, request

    from kbsearch.processes.parent_pipe import ParentPipe
    from kbsearch.web import server

    app = Flask("floor")
    db = SqliteDatabase(settings.database_path)
    raw = Raw(settings, db)
    asking = {email: viewers.find(db, email) for email in (ALICE, DAN)}

    def engine() -> str:
        return str(raw.search(asking[request.args["as"]], request.args["q"]))

    app.add_url_rule("/", "empty", lambda: "")
    app.add_url_rule("/raw", "raw", engine)
    server.run(app, socket.socket(fileno=fd), ParentPipe())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for(port: int, path: str) -> None:
    for _ in range(3000):
        try:
            get(client(port), path)
            return
        except OSError:
            time.sleep(0.01)
    raise SystemExit("the server did not start")


def children_of(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [parent, *map(int, listed)]


def told_memory(processes: Sequence[int]) -> str:
    parts = []
    for process in processes:
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        pss = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
        command = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        words = [word.decode() for word in command if word in (b"web", b"worker", b"serve")]
        parts.append(f"{(words or ['?'])[0]} {int(pss.split()[1]) // 1024} MB")
    return ", ".join(parts)


def client(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=60)


def get(connection: http.client.HTTPConnection, path: str, cookie: str = "") -> str:
    connection.request("GET", path, headers={"HX-Request": "true", "Cookie": cookie})
    answer = connection.getresponse()
    body = answer.read().decode()
    if answer.status != 200:
        raise SystemExit(f"{path} answered {answer.status}")
    return body


# A peer


def peer(
    place: Path,
    settings: Settings,
    db: SqliteDatabase,
    given: Sequence[dict[str, object]],
    texts: Sequence[str],
) -> None:
    """SQLite FTS5 over the same texts, the words of each query joined by OR, ranked by bm25."""
    connection = sqlite.connect(str(place / "fts5.sqlite3"))
    connection.execute(
        "CREATE VIRTUAL TABLE t USING fts5 "
        "(subject, body, tokenize = 'unicode61 remove_diacritics 2')"
    )

    def build() -> None:
        rows = ((row["subject"], row["description"]) for row in given)
        connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        connection.commit()

    took = timed(build)
    print(f"  FTS5: {len(given) / took:,.0f} tickets a second")
    search = Search(settings, db)
    viewer = viewers.find(db, DAN)
    theirs, ours = [], []
    for text in texts:
        words = [f'"{word}"' for word in understand(text).words]
        if not words:
            continue
        query = " OR ".join([*words[:-1], words[-1] + "*"])
        theirs.append(1000 * timed(lambda query=query: ask_fts5(connection, query)))
        ours.append(
            1000 * timed(lambda text=text: search.ask(viewer, Question(text, kind="ticket")))
        )
    ratio = statistics.median(theirs) / statistics.median(ours)
    print(f"    FTS5 query             {told(theirs)}")
    print(f"    ours, same words       {told(ours)}   FTS5 takes {ratio:.1f} x as long")


def ask_fts5(connection: sqlite.Connection, query: str) -> list[object]:
    sql = (
        "SELECT rowid, subject, snippet(t, 1, '<mark>', '</mark>', '…', 24) "
        "FROM t WHERE t MATCH ? ORDER BY rank LIMIT 10"
    )
    return list(connection.execute(sql, [query]))


def timed(act: Callable[[], object]) -> float:
    """Seconds."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def told(times: Sequence[float]) -> str:
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"p50 {statistics.median(ordered):7.2f}  p95 {p95:7.2f} ms"


if __name__ == "__main__":
    main()
