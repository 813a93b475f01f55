import json
import random
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from kbsearch import outbox
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search import Results
from kbsearch.search.fulltext import article_writer
from kbsearch.search.fulltext.ticket_writer import SCHEMA_VERSION
from kbsearch.search.ranking import Search
from kbsearch.search.ranking.generations import live_folders
from kbsearch.search.ranking.indexing import REBUILD, Indexer
from tests.conftest import Cast, take_over
from tests.kit.search import ask, follow, ids, put_live, write

PUBLIC, RESERVED = "fr/materiel/collier", "fr/globex/reserve"
MINE, CONFIDENTIAL = "1", "2"
FLIPS = 60
TEXT = "zanzibar"  # in all of them


@pytest.fixture
def site(db: SqliteDatabase, settings: Settings, cast: Cast) -> SqliteDatabase:
    write(settings.content_path, PUBLIC, "## Un\n\nZanzibar est ici.\n", title="Zanzibar")
    write(
        settings.content_path,
        RESERVED,
        "Zanzibar est ici.",
        title="Zanzibar réservé",
        audience="org:globex",
    )
    put_live(db, settings)
    take_over(db, number=1, subject="Zanzibar perdu")
    take_over(db, number=2, subject="Zanzibar retrouvé", confidential=True)
    follow(settings, db)
    return db


@pytest.fixture
def search(site: SqliteDatabase, settings: Settings, cast: Cast) -> Search:
    """A search that has answered already, so that its indexes are open."""
    search = Search(settings, site)
    assert all_is_well(search, cast)
    return search


def folder_of(settings: Settings, db: SqliteDatabase, name: str) -> Path:
    return settings.index_path / live_folders(db)[name]


def all_is_well(search: Search, cast: Cast) -> bool:
    bob, chloe = ask(search, TEXT, cast.bob), ask(search, TEXT, cast.chloe)
    return (
        bob.fallback is None
        and "<mark>" in "".join(hit.snippet for hit in bob.hits)
        and set(ids(bob.hits)) == {PUBLIC, MINE}
        and set(ids(chloe.hits)) == {PUBLIC, RESERVED}
        and bool(search.similar(cast.dan, subject=TEXT))
    )


def ask_everybody(search: Search, cast: Cast) -> dict[str, Results]:
    """Nobody gets an error, and nobody gets what is not theirs, whatever the state of the index."""
    may_see = {
        "alice": {PUBLIC, MINE, CONFIDENTIAL},
        "bob": {PUBLIC, MINE},
        "chloe": {PUBLIC, RESERVED},
        "dan": {PUBLIC, RESERVED, MINE, CONFIDENTIAL},
        "nobody": {PUBLIC},
    }
    answers: dict[str, Results] = {}
    for name, allowed in may_see.items():
        viewer = getattr(cast, name)
        for text in (TEXT, "zanz", "zanzibor ", "collier perdu"):
            results = ask(search, text, viewer)
            assert set(ids(results.hits)) <= allowed, name
            answers.setdefault(name, results)
    search.similar(cast.dan, subject=TEXT)
    return answers


def work(settings: Settings, db: SqliteDatabase) -> None:
    """What a worker does of its own accord: look after the indexes, then empty the outbox."""
    with closing(Indexer(settings, db)) as indexer:
        for _ in range(3):
            indexer.ensure()
        handlers: outbox.Handlers = {
            REBUILD: lambda task: indexer.rebuild(task.subject),
            "index.tickets": lambda task: None,
        }
        while outbox.run_one(db, handlers):
            pass
    problems = db.query("SELECT kind, problem FROM outbox WHERE problem IS NOT NULL")
    assert problems == []


def delete(folder: Path) -> None:
    shutil.rmtree(folder)


def delete_meta(folder: Path) -> None:
    for meta in folder.rglob("meta.json"):
        meta.unlink()


def truncate_meta(folder: Path) -> None:
    for meta in folder.rglob("meta.json"):
        meta.write_bytes(meta.read_bytes()[:40])


def empty_meta(folder: Path) -> None:
    for meta in folder.rglob("meta.json"):
        meta.write_text("{}")


def truncate_segments(folder: Path) -> None:
    """As after half a copy: new files. What is mapped and cut in place ends a process (SIGBUS)."""
    for segment in (*folder.rglob("*.store"), *folder.rglob("*.term"), *folder.rglob("*.idx")):
        shorter = segment.with_suffix(".half")
        shorter.write_bytes(segment.read_bytes()[: segment.stat().st_size // 2])
        shorter.replace(segment)


def delete_segments(folder: Path) -> None:
    for segment in (*folder.rglob("*.store"), *folder.rglob("*.term")):
        segment.unlink()


DAMAGES = [delete, delete_meta, truncate_meta, empty_meta, truncate_segments, delete_segments]


@pytest.mark.parametrize("name", ["article_index", "ticket_index"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_search_that_starts_on_a_damaged_index_answers_from_the_database_then_recovers(
    site, settings: Settings, cast: Cast, damage: Callable[[Path], None], name: str
):
    damaged = folder_of(settings, site, name)
    damage(damaged)
    search = Search(settings, site)
    answers = ask_everybody(search, cast)
    assert answers["bob"].fallback == "database"
    assert set(ids(answers["bob"].hits)) == {PUBLIC, MINE}  # nothing is missing meanwhile
    assert set(ids(answers["chloe"].hits)) == {PUBLIC, RESERVED}

    work(settings, site)
    assert all_is_well(search, cast)
    assert folder_of(settings, site, name) != damaged
    assert all_is_well(Search(settings, site), cast)


@pytest.mark.parametrize("name", ["article_index", "ticket_index"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_search_whose_index_is_damaged_under_it_goes_on_and_recovers(
    search: Search, site, settings: Settings, cast: Cast, damage: Callable[[Path], None], name: str
):
    damage(folder_of(settings, site, name))
    for _ in range(2):
        answers = ask_everybody(search, cast)
        assert set(ids(answers["bob"].hits)) == {PUBLIC, MINE}
    take_over(site, number=3, subject="Autre chose")
    work(settings, site)
    assert all_is_well(search, cast)
    assert all_is_well(Search(settings, site), cast)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_worker_whose_index_is_damaged_under_it_builds_another(
    site, settings: Settings, cast: Cast, damage: Callable[[Path], None]
):
    with closing(Indexer(settings, site)) as indexer:
        assert not indexer.apply_changes()
        damaged = folder_of(settings, site, "ticket_index")
        damage(damaged)
        take_over(site, number=3, subject="Tombouctou")
        for _ in range(3):
            with suppress(ValueError):  # the worker logs it and goes on
                indexer.ensure()
        search = Search(settings, site)
        ask_everybody(search, cast)
        while task := outbox.claim(site):
            if task.kind == REBUILD:
                indexer.rebuild(task.subject)
        assert all_is_well(search, cast)
        assert ids(ask(search, "tombouctou", cast.bob, kind="ticket").hits) == ["3"]
        take_over(site, number=4, subject="Quetzalcoatl")
        assert indexer.apply_changes()
        assert ids(ask(search, "quetzalcoatl", cast.bob, kind="ticket").hits) == ["4"]


def test_a_site_without_any_index_answers_and_gets_one(db, settings: Settings, cast: Cast):
    take_over(db, subject="Zanzibar perdu")
    search = Search(settings, db)
    results = ask(search, TEXT, cast.bob)
    assert (ids(results.hits), results.fallback) == (["1042"], "database")
    assert search.similar(cast.dan, subject=TEXT) == ()
    work(settings, db)
    assert ids(ask(search, TEXT, cast.bob, kind="ticket").hits) == ["1042"]
    assert search.similar(cast.dan, subject=TEXT) != ()


def test_an_index_of_an_older_schema_is_built_anew_beside_it(site, settings: Settings, cast: Cast):
    marker = folder_of(settings, site, "article_index") / article_writer.MARKER
    marker.write_text(json.dumps({"schema": 0}))
    old = folder_of(settings, site, "ticket_index")
    shutil.move(old, old.with_name("tickets-0-old"))
    site.execute("UPDATE state SET value = 'tickets-0-old' WHERE name = 'ticket_index'")

    search = Search(settings, site)
    assert ask_everybody(search, cast)["bob"].fallback == "database"
    work(settings, site)
    assert all_is_well(search, cast)


def test_however_many_searches_meet_a_broken_index_it_is_asked_for_once(
    search: Search, site, settings: Settings, cast: Cast
):
    (folder_of(settings, site, "ticket_index") / "meta.json").write_text("{")
    for _ in range(20):
        ask(search, TEXT, cast.bob)
    waiting = site.query("SELECT subject FROM outbox WHERE kind = :kind", {"kind": REBUILD})
    assert [task["subject"] for task in waiting].count("tickets") == 1


def test_a_question_with_a_bad_product_is_no_damage(search: Search, site, cast: Cast):
    for product in ("\ud800", "\x00", "x" * 100_000):
        assert ask(search, TEXT, cast.bob, product=product).total == 0
    assert site.query("SELECT 1 FROM outbox WHERE kind = :kind", {"kind": REBUILD}) == []


def test_no_flipped_bit_makes_a_question_fail(site, settings: Settings, cast: Cast):
    """Most flips are noticed, some change an answer silently: never an error, never a leak."""
    dice = random.Random(7)
    noticed = 0
    for turn in range(FLIPS):
        name = ("article_index", "ticket_index")[turn % 2]
        pristine = folder_of(settings, site, name)
        prefix = "articles-" if name == "article_index" else f"tickets-{SCHEMA_VERSION}-"
        flipped = pristine.with_name(f"{prefix}flip{turn}")
        shutil.copytree(pristine, flipped)
        files = sorted(
            file for file in flipped.rglob("*") if file.is_file() and file.stat().st_size
        )
        file = dice.choice(files)
        content = bytearray(file.read_bytes())
        for _ in range(dice.choice((1, 1, 8))):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        file.write_bytes(content)

        def serve(folder: str, name: str = name) -> None:
            site.execute("UPDATE state SET value = :f WHERE name = :n", {"f": folder, "n": name})

        serve(flipped.name)
        search = Search(settings, site)
        answers = ask_everybody(search, cast)
        noticed += answers["dan"].fallback == "database"
        with closing(Indexer(settings, site)) as indexer:
            indexer.rebuild("articles" if name == "article_index" else "tickets")
        assert all_is_well(search, cast), (turn, file.name)
    assert noticed > 0
