"""Commands that are killed, or stopped, at any moment: all of what they do is there, or nothing.

KBSEARCH_KILLS is how often each of them is: a few times at every change, hundreds at night. After
each death the same command is given again and ends well.
"""

import errno
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kbsearch import articles, config, config_sources
from kbsearch.access import ANONYMOUS
from kbsearch.database import migrations, new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Problem
from kbsearch.files import places
from kbsearch.people import viewers
from kbsearch.search import Question
from kbsearch.search.ranking import Search, indexing
from kbsearch.site import restoring
from tests.conftest import introduce
from tests.kit.earlier import put_database
from tests.kit.killed_commands import BATCH
from tests.kit.places import TOP
from tests.kit.requests import attach, file, path_of

KILLS = int(os.environ.get("KBSEARCH_KILLS", "5"))
STOPS = max(2, KILLS // 3)
ARTICLES = 40
TICKETS = 150
GAPS = 30_000  # counted anew by a step of an earlier database


class Commands:
    """Processes that carry out commands in a site, and may be killed at it."""

    def __init__(self, folder: Path) -> None:
        self.said = folder / "said"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kit.killed_commands"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=TOP,
            text=True,
        )

    def run(self, site: Path, *arguments: str, number: int = 0, moment: float = 0.0) -> Any:
        """Its status, or minus the signal that ended it, and how many seconds it took."""
        return self._ask(
            site=str(site),
            arguments=arguments,
            said=str(self.said),
            signal=number,
            moment=moment,
        )

    def resume(self) -> Any:
        return self._ask(resume=True)

    def end(self) -> None:
        self._process.communicate()

    def _ask(self, **asked: object) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{json.dumps(asked)}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    commands = Commands(tmp_path_factory.mktemp("commands"))
    yield commands
    commands.end()


class Site:
    """A site in a folder, as it is found there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = config_sources.load(folder / config.CONFIG_NAME).settings

    @contextmanager
    def db(self) -> Iterator[SqliteDatabase]:
        with closing(SqliteDatabase(self.settings.database_path)) as db:
            yield db

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with self.db() as db:
            return db.query(sql)

    def is_sound(self) -> bool:
        checked = self.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
        return checked and self.rows("PRAGMA foreign_key_check") == []

    def found(self, text: str, email: str = "") -> int:
        """How much a search finds, in whatever index is in service."""
        with self.db() as db:
            viewer = viewers.find(db, email) if email else ANONYMOUS
            return Search(self.settings, db).ask(viewer, Question(text)).total


def new_site(folder: Path) -> Site:
    folder.mkdir()
    (folder / config.CONFIG_NAME).write_text('default_audience = "everyone"\n')
    (folder / "content/articles").mkdir(parents=True)
    return Site(folder)


def write(site: Site, edition: str) -> None:
    """The articles of an edition, each with its name in title and text; its number of them."""
    folder = site.settings.content_path / "articles/fr/aide"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(ARTICLES):
        text = f"---\ntitle: Page {number} {edition}\n---\nLe troupeau {edition}, page {number}.\n"
        (folder / f"page-{number}.md").write_text(text)


def tickets(site: Site) -> Path:
    path = site.folder / "tickets.jsonl"
    lines = (
        {
            "number": number,
            "subject": f"Collier {number}",
            "description": "Le troupeau a disparu",
            "status": "solved",
            "severity": "minor",
            "requester": "alice@acme.example",
            "organisation": "acme",
            "created_at": "2026-01-31T09:00:00Z",
            "messages": [
                {"author": "alice@acme.example", "at": "2026-01-31T10:00:00Z", "body": text}
                for text in ("Alors ?", "Rien.")
            ],
        }
        for number in range(1, TICKETS + 1)
    )
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


@dataclass(frozen=True)
class Act:
    """A command, the site that it is given in, what holds after it, and what holds always."""

    arguments: tuple[str, ...]
    prepare: Callable[[Path, Commands], Site]
    done: Callable[[Site], None]
    always: Callable[[Site], None]


def prepare_old(folder: Path, commands: Commands) -> Site:
    site = new_site(folder)
    put_database(site.settings.database_path)
    with site.db() as db:
        db.insert_many(
            "gaps",
            [
                {
                    "id": f"g{number}",
                    "number": 1000 + number,
                    "key": f"k{number}",
                    "words": "",
                    "title": "",
                    "state": "open",
                    "first_at": "2026-01-31T09:00:00Z",
                    "last_at": "2026-01-31T09:00:00Z",
                }
                for number in range(GAPS)
            ],
        )
    return site


def schema(db: SqliteDatabase) -> set[str]:
    """What made each table and index, without what is only layout."""
    rows = db.query("SELECT sql FROM sqlite_master WHERE sql <> ''")
    return {re.sub(r"\s+", "", row["sql"]) for row in rows}


def migrated(site: Site) -> None:
    with site.db() as db, closing(SqliteDatabase(site.folder / "fresh.sqlite3")) as fresh:
        migrations.migrate(fresh)
        assert schema(db) == schema(fresh)
        assert migrations.pending(db) == []


def migrated_or_not(site: Site) -> None:
    _, *names = migrations.STEPS
    with site.db() as db:
        noted = {"schema_steps", migrations.EARLIER} & set(db.list_tables())
        assert (migrations.pending(db), noted) in (
            ([], {"schema_steps"}),
            (names, {migrations.EARLIER}),
        )
        assert db.query("SELECT COUNT(*) AS n FROM gaps") == [{"n": GAPS + 1}]


def prepare_articles(folder: Path, commands: Commands) -> Site:
    site = new_site(folder)
    write(site, "ancien")
    assert commands.run(site.folder, "publish")["status"] == 0, commands.said.read_text()
    write(site, "nouveau")
    return site


def published(site: Site) -> None:
    assert editions(site) == {"nouveau"}
    assert site.found("nouveau") == ARTICLES and site.found("ancien") == 0
    live = site.rows("SELECT value FROM state WHERE name = 'article_index'")[0]["value"]
    folders = {path.name for path in site.settings.index_path.glob("articles-*")}
    assert live in folders
    kept = {f"articles-{row['id']}" for row in site.rows("SELECT id FROM publications")}
    assert folders <= kept, "nothing half made is left"


def published_or_not(site: Site) -> None:
    (edition,) = editions(site)
    assert site.found(edition) == ARTICLES


def editions(site: Site) -> set[str]:
    """What a reader sees: all pages of one edition, never some of each."""
    with site.db() as db:
        live = articles.live_publication(db)
        rows = db.query(
            "SELECT title, body_html FROM articles WHERE publication_id = :id", {"id": live}
        )
    assert len(rows) == ARTICLES
    return {row["title"].rpartition(" ")[2] for row in rows}


def prepare_import(folder: Path, commands: Commands) -> Site:
    site = new_site(folder)
    with site.db() as db:
        migrations.migrate(db)
        introduce(db)
    tickets(site)
    return site


def imported(site: Site) -> None:
    assert site.rows("SELECT COUNT(*) AS n FROM tickets") == [{"n": TICKETS}]
    assert site.rows("SELECT COUNT(*) AS n FROM messages") == [{"n": 2 * TICKETS}]
    assert site.found("troupeau", "root@support.example") == TICKETS


def imported_in_batches(site: Site) -> None:
    (count,) = site.rows("SELECT COUNT(*) AS n FROM tickets")
    assert count["n"] in (0, BATCH, TICKETS)
    assert site.rows("SELECT COUNT(*) AS n FROM messages") == [{"n": 2 * count["n"]}]


def prepare_index(folder: Path, commands: Commands) -> Site:
    site = prepare_import(folder, commands)
    write(site, "seul")
    for arguments in (("publish",), ("import", "tickets", "tickets.jsonl")):
        assert commands.run(site.folder, *arguments)["status"] == 0, commands.said.read_text()
    return site


def everything_is_found(site: Site) -> None:
    assert site.found("troupeau", "root@support.example") == TICKETS + ARTICLES
    with site.db() as db:
        status = indexing.status(site.settings, db)
    assert status["articles_sound"] and status["tickets_sound"]


def prepare_restore(folder: Path, commands: Commands) -> Site:
    """A site with something in it, and the backup of another one."""
    other = furnish(new_site(folder.with_name(f"{folder.name}-other")), "theirs")
    archive = folder.with_name(f"{folder.name}.tar")
    assert commands.run(other.folder, "backup", str(archive))["status"] == 0
    site = furnish(new_site(folder), "ours")
    archive.rename(site.folder / "backup.tar")
    return site


def furnish(site: Site, name: str) -> Site:
    with site.db() as db:
        migrations.migrate(db)
        cast = introduce(db)
        store = places.attached(site.settings)
        for number in range(8):
            key = f"{name}-request-{number}"
            attach(db, cast.alice, store, key, content=f"{key}\n".encode() * 1000)
            file(db, cast.alice, subject=key, key=key)
    write(site, name)
    return site


def whose(site: Site) -> str:
    """Whose site it is: of one of the two, in all its parts."""
    (name,) = {row["subject"].partition("-")[0] for row in site.rows("SELECT subject FROM tickets")}
    for row in site.rows("SELECT sha256 FROM attachments"):
        content = path_of(places.attached(site.settings), row["sha256"]).read_text()
        assert content.startswith(f"{name}-")
    page = site.settings.content_path / "articles/fr/aide/page-1.md"
    assert page.read_text().count(name) == 2
    return str(name)


def restored(site: Site) -> None:
    assert whose(site) == "theirs"
    assert list(site.folder.glob("restoring*")) == [], "nothing of it lies about"
    # Killed after its end it is given again: what it had brought goes aside then.
    asides = sorted(site.folder.glob("before-restore-*"), key=lambda path: path.stat().st_mtime)
    found = [whose(opened(site, aside)) for aside in asides]
    assert found in (["ours"], ["ours", "theirs"]), "all that was there is in one place"


def opened(site: Site, aside: Path) -> Site:
    """What was set aside, as a site."""
    room = site.folder / f"opened-{aside.name}-{new_id()}"
    for each in ("var/kbsearch.sqlite3", "var/kbsearch.sqlite3-wal", "var/files", "content"):
        source, target = aside / Path(each).name, room / each
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.exists():
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    shutil.copy(site.folder / config.CONFIG_NAME, room)
    return Site(room)


def restored_or_not(site: Site) -> None:
    """One of the two, or it says that it is neither and does not open."""
    try:
        restoring.see_that_none_is_under_way(site.folder)
    except Problem:
        return
    assert whose(site) in ("ours", "theirs")


ACTS = {
    "migrate": Act(("migrate",), prepare_old, migrated, migrated_or_not),
    "publish": Act(("publish",), prepare_articles, published, published_or_not),
    "import": Act(
        ("import", "tickets", "tickets.jsonl"), prepare_import, imported, imported_in_batches
    ),
    "rebuild": Act(("index", "rebuild"), prepare_index, everything_is_found, everything_is_found),
    "restore": Act(("restore", "backup.tar"), prepare_restore, restored, restored_or_not),
}


@pytest.mark.parametrize("name", ACTS)
def test_killed_at_any_moment_it_is_done_or_not_and_done_when_given_again(
    commands: Commands, tmp_path: Path, name: str
):
    act, chance, killed = ACTS[name], random.Random(name), 0
    first = act.prepare(tmp_path / "first", commands)
    copies = [copy_of(first, tmp_path / f"site-{number}") for number in range(KILLS)]
    commands.run(copy_of(first, tmp_path / "warm").folder, *act.arguments)
    span = commands.run(first.folder, *act.arguments)
    assert span["status"] == 0, commands.said.read_text()
    act.done(first)
    for site in copies:
        moment = chance.uniform(0, span["seconds"])
        told = commands.run(site.folder, *act.arguments, number=signal.SIGKILL, moment=moment)
        killed += told["status"] == -signal.SIGKILL
        act.always(site)
        again = commands.run(site.folder, *act.arguments)
        assert again["status"] == 0, commands.said.read_text()
        assert site.is_sound()
        act.done(site)
        shutil.rmtree(site.folder)
    assert killed > KILLS / 2, "somebody must die for this test to mean anything"


@contextmanager
def reader_of(site: Site) -> Iterator[None]:
    """Somebody has the database open, as a web process has.

    Without anybody, SQLite locks all others out while the first one opens the file and while the
    last one closes it: a command that is stopped in that moment keeps them waiting.
    """
    with site.db() as db:
        db.query("SELECT COUNT(*) AS n FROM sqlite_schema")
        yield


def copy_of(site: Site, folder: Path) -> Site:
    return Site(Path(shutil.copytree(site.folder, folder)))


@pytest.mark.parametrize("name", ACTS)
def test_stopped_at_any_moment_it_keeps_no_reader_waiting_and_goes_on(
    commands: Commands, tmp_path: Path, name: str
):
    act, chance, stopped = ACTS[name], random.Random(name), 0
    first = act.prepare(tmp_path / "first", commands)
    copies = [copy_of(first, tmp_path / f"site-{number}") for number in range(STOPS)]
    span = commands.run(first.folder, *act.arguments)
    for site in copies:
        moment = chance.uniform(0, span["seconds"])
        with reader_of(site) if name != "restore" else nullcontext():
            told = commands.run(site.folder, *act.arguments, number=signal.SIGSTOP, moment=moment)
            if told["status"] == "stopped":
                act.always(site)
                stopped += 1
                told = commands.resume()
        assert told["status"] == 0, commands.said.read_text()
        assert site.is_sound()
        act.done(site)
    assert stopped, "somebody must be stopped for this test to mean anything"


@pytest.fixture(scope="module")
def died(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site that was cut short: its last request is in the log beside its database alone."""
    site = prepare_restore(tmp_path_factory.mktemp("died") / "site", commands)
    with site.db() as db:
        file(db, viewers.find(db, "alice@acme.example"), subject="ours-request-last")
        return copy_of(site, site.folder.with_name("copy"))


Step = Callable[[], None]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def restore(site: Site, steps: Iterable[Step | None] = ()) -> None:
    """Bring the backup back; a step takes the place of each move, where there is one."""
    found, move, left = (
        config_sources.load(site.folder / config.CONFIG_NAME),
        restoring._move,
        iter(steps),
    )

    def moved(source: Path, target: Path) -> None:
        if step := next(left, None):
            step()
        move(source, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restoring, "_move", moved)
        restoring.restore(found, site.folder / "backup.tar")


def killed_while_it_restores(site: Site, steps: Iterable[Step | None]) -> None:
    """A process of its own, killed for real."""
    pid = os.fork()
    if pid == 0:
        try:
            restore(site, steps)
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    with pytest.raises(Problem, match="backup.interrupted"):
        restoring.see_that_none_is_under_way(site.folder)


def has_the_last_request(site: Site) -> bool:
    return bool(site.rows("SELECT id FROM tickets WHERE subject = 'ours-request-last'"))


def check_restored(site: Site) -> None:
    restored(site)
    (aside,) = site.folder.glob("before-restore-*")
    assert has_the_last_request(opened(site, aside))


def check_put_back(site: Site) -> None:
    restoring.see_that_none_is_under_way(site.folder)
    assert whose(site) == "ours" and has_the_last_request(site)
    assert list(site.folder.glob("restoring*")) == list(site.folder.glob("before-restore-*")) == []


@pytest.mark.parametrize("moves", range(8))
def test_a_restore_that_ends_between_two_moves_goes_on_where_it_was(
    died: Site, tmp_path: Path, moves: int
):
    site = copy_of(died, tmp_path / "site")
    killed_while_it_restores(site, [*[None] * moves, die])
    restore(site)
    check_restored(site)


@pytest.mark.parametrize("moves", range(3))
@pytest.mark.parametrize("before", [0, 2, 4, 7])
def test_a_restore_given_again_that_cannot_go_on_puts_back_what_was_there(
    died: Site, tmp_path: Path, before: int, moves: int
):
    site = copy_of(died, tmp_path / "site")
    killed_while_it_restores(site, [*[None] * before, die])
    with pytest.raises(Problem, match="backup.put_back"):
        restore(site, [*[None] * moves, fail])
    check_put_back(site)


@pytest.mark.parametrize("later", range(4))
def test_killed_while_it_puts_back_it_goes_on_or_puts_back_when_given_again(
    died: Site, tmp_path: Path, later: int
):
    site = copy_of(died, tmp_path / "site")
    killed_while_it_restores(site, [*[None] * 7, fail, *[None] * later, die])
    again = copy_of(site, tmp_path / "again")
    restore(site)
    check_restored(site)
    with pytest.raises(Problem, match="backup.put_back"):
        restore(again, [None, fail])
    check_put_back(again)


def test_where_it_cannot_put_back_either_it_says_so_and_does_not_open(died: Site, tmp_path: Path):
    site = copy_of(died, tmp_path / "site")
    with pytest.raises(Problem, match="backup.not_put_back"):
        restore(site, [*[None] * 5, fail, fail])
    with pytest.raises(Problem, match="backup.interrupted"):
        restoring.see_that_none_is_under_way(site.folder)
    restore(site)
    check_restored(site)


def test_a_command_that_cannot_write_says_so_in_one_line(commands: Commands, tmp_path: Path):
    """It waits for ten seconds first."""
    site = prepare_import(tmp_path / "site", commands)
    assert commands.run(site.folder, "product", "list")["status"] == 0
    with site.db() as db, db.atomic():
        told = commands.run(site.folder, "product", "add", "Balance")
    assert told["status"] == 1
    (line,) = commands.said.read_text().splitlines()
    assert line.startswith("kbsearch: ") and "Balance" not in line
