"""The traps of Tantivy that lose data or crash in silence: each was met once, none comes back."""

import re
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import kbsearch
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search.fulltext import tantivy_engine, ticket_writer
from kbsearch.search.fulltext.documents import Case
from kbsearch.search.fulltext.query import understand
from kbsearch.search.fulltext.ticket_index import TicketIndex
from kbsearch.search.fulltext.ticket_writer import TicketWriter
from kbsearch.search.ranking import Search, indexing
from kbsearch.search.ranking.generations import live_folders
from kbsearch.search.ranking.indexing import Indexer
from kbsearch.tickets import changes as ticket_changes
from tests.conftest import Cast, take_over
from tests.kit.search import ask, follow, ids, put_live, write

SOURCES = Path(kbsearch.__file__).parent


def case(number: int, **values: str) -> Case:
    usual: dict[str, Any] = {
        "ticket_id": f"id{number}",
        "language": "fr",
        "subject": f"Zanzibar {number}",
        "description": "Perdu.",
        "answers": "",
        "notes": "",
        "product": "",
        "version": "",
        "status": "open",
        "updated_at": "2026-01-31T09:00:00Z",
    }
    return Case(number=number, readers=("agents",), revision=number, **{**usual, **values})


def test_a_ticket_changed_fifty_times_is_one_document(db, settings: Settings, cast: Cast):
    take_over(db, number=2, subject="Un autre")
    with closing(Indexer(settings, db)) as indexer:
        indexer.apply_changes()
        for turn in range(50):
            take_over(db, number=1, subject=f"Zanzibar {turn}")
            assert indexer.apply_changes()
            index = TicketIndex(settings.index_path / live_folders(db)["ticket_index"])
            assert index.count == 2
    results = ask(Search(settings, db), "zanzibar", cast.dan)
    assert [hit.title for hit in results.hits] == ["Zanzibar 49"]
    assert results.total == 1


def test_an_index_of_an_earlier_release_opens_nothing_to_a_limited_agent(tmp_path: Path):
    with closing(TicketWriter(tmp_path)) as writer:
        writer.apply([case(1)], 1)
    index = TicketIndex(tmp_path)
    terms = understand("zanzibar ")
    assert index.having_all(terms, ("agents", "desk"), 5) == [1]
    assert index.having_all(terms, ("agents", "desk-user:dan"), 5) == []


def test_a_document_that_is_refused_does_not_void_later_commits(tmp_path: Path):
    writer = TicketWriter(tmp_path)
    writer.apply([case(1)], 1)
    with pytest.raises(ValueError):
        writer.apply([case(2), case(3, updated_at="not a moment")], 3)
    assert (TicketIndex(tmp_path).count, TicketIndex(tmp_path).revision) == (1, 1)
    writer.apply([case(2), case(3)], 3)
    assert (TicketIndex(tmp_path).count, TicketIndex(tmp_path).revision) == (3, 3)
    writer.close()


def test_a_number_beyond_sixty_four_bits_is_refused_at_once_and_voids_nothing(tmp_path: Path):
    writer = TicketWriter(tmp_path)
    with pytest.raises((ValueError, OverflowError)):
        writer.apply([case(2**64)], 1)
    writer.apply([case(1)], 1)
    assert TicketIndex(tmp_path).count == 1
    writer.close()


def test_a_second_writer_is_refused_and_goes_on_when_the_first_is_gone(
    db, settings: Settings, cast: Cast
):
    with closing(Indexer(settings, db)) as second:
        second.apply_changes()
        second.close()
        first = TicketWriter(settings.index_path / live_folders(db)["ticket_index"])
        take_over(db, subject="Zanzibar")
        for _ in range(3):
            with pytest.raises(ValueError, match="LockBusy"):
                second.apply_changes()
        first.close()
        assert second.apply_changes()
    assert ids(ask(Search(settings, db), "zanzibar", cast.alice).hits) == ["1042"]


def test_the_lock_of_a_killed_writer_is_free(tmp_path: Path):
    script = (
        "import sys, time; from pathlib import Path\n"
        "from kbsearch.search.fulltext.ticket_writer import TicketWriter\n"
        "writer = TicketWriter(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match="LockBusy"):
            TicketWriter(tmp_path)
        holder.kill()
    TicketWriter(tmp_path).close()


READING = """
import sys
from pathlib import Path
from kbsearch.search.fulltext.ticket_index import TicketIndex
index = TicketIndex(Path(sys.argv[1]))
for line in sys.stdin:
    print(index.count, flush=True)
"""


def test_another_process_sees_a_commit_at_its_next_question(tmp_path: Path):
    writer = TicketWriter(tmp_path)
    writer.apply([case(1)], 1)
    with subprocess.Popen(
        [sys.executable, "-c", READING, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdin is not None and reader.stdout is not None

        def count() -> int:
            assert reader.stdin is not None and reader.stdout is not None
            reader.stdin.write("\n")
            reader.stdin.flush()
            return int(reader.stdout.readline())

        assert count() == 1
        for number in range(2, 12):
            writer.apply([case(number)], number)
            assert count() == number
        reader.stdin.close()
    writer.close()


def test_questions_are_answered_while_the_index_changes(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    """Readers in threads, as in the server: no address of one commit is read in another."""
    write(settings.content_path, "fr/a/b", "Rien.", title="Rien")
    put_live(db, settings)
    for number in range(1, 30):
        take_over(db, number=number, subject=f"Zanzibar {number}")
    follow(settings, db)
    search = Search(settings, db)
    problems: list[object] = []
    over = threading.Event()

    def read() -> None:
        try:
            while not over.is_set():
                for viewer in (cast.alice, cast.dan):
                    for hit in ask(search, "zanzibar", viewer, limit=30).hits:
                        if not hit.title.startswith(f"Zanzibar {hit.id}"):
                            problems.append(hit)
        except BaseException as problem:
            problems.append(problem)
            raise
        finally:
            db.close()

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    with closing(Indexer(settings, db)) as indexer:
        for turn in range(25):
            take_over(db, number=1 + turn % 29, subject=f"Zanzibar {1 + turn % 29} ({turn})")
            indexer.apply_changes()
    over.set()
    for thread in threads:
        thread.join()
    assert problems == []


def test_what_changes_while_an_index_is_built_is_in_it_once(
    db, settings: Settings, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    """Two batches are read; between them one ticket of each changes, one comes."""
    monkeypatch.setattr(indexing, "BATCH", 3)
    for number in range(1, 7):
        take_over(db, number=number, subject=f"Zanzibar {number}")
    told: list[tuple[int, int]] = []

    def meanwhile(done: int, in_all: int) -> None:
        told.append((done, in_all))
        if done == 3:
            take_over(db, number=1, subject="Zanzibar premier")
            take_over(db, number=5, subject="Zanzibar cinquième")
            take_over(db, number=7, subject="Zanzibar 7")

    indexing.rebuild_tickets(settings, db, meanwhile)
    assert told[0] == (3, 6)
    index = TicketIndex(settings.index_path / live_folders(db)["ticket_index"])
    assert (index.count, index.revision) == (7, ticket_changes.last_revision(db))
    results = ask(Search(settings, db), "zanzibar", cast.dan, kind="ticket")
    assert sorted(hit.title.removeprefix("Zanzibar ") for hit in results.hits) == sorted(
        ["premier", "2", "3", "4", "cinquième", "6", "7"]
    )
    assert results.total == 7


def test_an_empty_index_can_be_asked(tmp_path: Path, settings: Settings, db, cast: Cast):
    follow(settings, db)
    results = ask(Search(settings, db), "zanzibar", cast.dan, kind="ticket")
    assert (results.hits, results.total, results.fallback) == ((), 0, "database")  # no article yet


def test_no_limit_of_nothing_reaches_tantivy(db, settings: Settings, cast: Cast):
    """`limit=0` is a crash of the engine, not an exception."""
    take_over(db, subject="Zanzibar")
    follow(settings, db)
    search = Search(settings, db)
    for kind in (None, "article", "ticket"):
        ask(search, "zanzibar", cast.dan, limit=0, page=0, kind=kind)


def source_lines(pattern: str, under: str = "") -> list[str]:
    return [
        f"{path.name}: {line.strip()}"
        for path in sorted((SOURCES / under).rglob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if re.search(pattern, line)
    ]


@pytest.mark.parametrize(
    "pattern",
    [
        r"\.parse_query",  # crashes the process on nested parentheses
        r"regex_query|fuzzy_term_query|phrase_prefix_query",  # slow on what people type
        r"add_unsigned_field",  # its deletes by term delete nothing
        r"with .*\.writer\(",  # swallows the errors of its commit
        r"\bDocument\(",  # accepts a wrong type, then voids every later commit
    ],
)
def test_nothing_uses_what_is_known_to_be_treacherous(pattern: str):
    assert source_lines(pattern, "search") == []


def test_the_fields_are_named_in_the_order_of_the_schema(tmp_path: Path):
    """Explanations name fields by their number: an order that differs would tell nonsense."""
    tantivy_engine.create(tmp_path, ticket_writer.FIELDS)
    written = re.findall(r'"name":\s*"(\w+)"', (tmp_path / "meta.json").read_text())
    assert tuple(written) == tuple(field.name for field in ticket_writer.FIELDS)
