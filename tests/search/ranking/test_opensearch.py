"""Tickets in a cluster: the same answers, in two calls, whatever becomes of the cluster."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kbsearch import outbox
from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.config_sources import Configuration
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search import Question, Results
from kbsearch.search.fulltext import places
from kbsearch.search.fulltext.plan import RemoteIndex
from kbsearch.search.ranking import Search, indexing
from kbsearch.search.ranking.generations import forget_generations, live_folders
from kbsearch.search.ranking.indexing import REBUILD, Indexer
from kbsearch.site.doctor import indexes
from kbsearch.site.doctor.checks import Patient
from kbsearch.tickets import changes
from tests.conftest import Cast, copied, introduce, take_over
from tests.kit import opensearch
from tests.kit.search import ask, follow, ids, put_live, write

SUBJECTS = (
    "Imprimante hors ligne après la mise à jour",
    "L’imprimante du bureau répond ERR-1042",
    "Sauvegarde de la base impossible",
    "Restaurer la sauvegarde d’hier soir",
    "Printer offline after the update",
    "Cannot restore yesterday's backup",
    "Étiquettes en double, encore",
)
TEXTS = (
    *("imprimante ", "imprim", "impriamnte ", "sauvegarde base", "restore the backup", "ERR-1042"),
    *("ERR-10", '"mise à jour"', "imprimante -bureau", "étiquettes en double, encore", "7"),
    *("qwrtplk zanzibar ", "de la", "restaurer printer "),
)
HOSTILE = (
    *('"' * 50, "(" * 500, "readers:agents", "* OR *:*", '{"match_all": {}}', "\x00a", "a" * 5_000),
    *("\ud800 imprimante", "-imprimante -", "imprimante~9^9 /x.*/", "err-10.*", " \t"),
)
AWAY = "opensearch+http://127.0.0.1:9/away"  # nobody listens there


@dataclass(frozen=True)
class TwoEngines:
    """The same site twice, with its index of tickets embedded and in a cluster."""

    embedded: Search
    cluster: Search
    settings: Settings  # of the second
    db: SqliteDatabase
    cast: Cast

    @property
    def place(self) -> RemoteIndex:
        return RemoteIndex(str(self.settings.index), live_folders(self.db)["ticket_index"])

    def calls(self, viewer: Viewer, text: str) -> tuple[Results, int]:
        """What is answered, and by how many calls."""
        from kbsearch.search.fulltext import opensearch_engine

        servers = opensearch_engine.cluster(self.place.address)
        before = servers.calls
        return ask(self.cluster, text, viewer), servers.calls - before


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[TwoEngines]:
    address = opensearch.address()
    settings = Settings(site=tmp_path_factory.mktemp("embedded"))
    there = Settings(site=tmp_path_factory.mktemp("cluster"), index=address)
    with ExitStack() as open_files:
        db = open_files.enter_context(copied(empty_database, settings))
        cast = introduce(db)
        content = settings.content_path
        write(content, "fr/guide/a", "## Panne\n\nImprimante hors ligne.", title="Imprimante")
        write(content, "fr/guide/b", "Restaurer une sauvegarde.", title="Sauvegarde")
        put_live(db, settings)
        for number, subject in enumerate(SUBJECTS, 1):
            take_over(
                db,
                number=number,
                subject=subject,
                description=f"{subject}, depuis hier. " * (1 + number % 3),
                confidential=number == 2,
                organisation="globex" if number == 4 else "acme",
                requester="chloe@globex.example" if number == 4 else "alice@acme.example",
                language="en" if number in (5, 6) else "fr",
                created_at=f"2026-01-0{number}T09:00:00Z",
            )
        follow(settings, db)
        there.database_path.parent.mkdir(mode=0o700)
        db.copy_to(there.database_path)
        shutil.copytree(settings.index_path, there.index_path)
        copy = open_files.enter_context(closing(SqliteDatabase(there.database_path)))
        assert indexing.rebuild_tickets(there, copy) == len(SUBJECTS)
        yield TwoEngines(Search(settings, db), Search(there, copy), there, copy, cast)


def shown(results: Results) -> Results:
    """What there is to compare: of scores, their order."""
    hits = tuple(replace(hit, score=0.0) for hit in results.hits)
    far = tuple(replace(hit, score=0.0) for hit in results.far)
    return replace(results, hits=hits, far=far, took_ms=0.0)


@pytest.mark.parametrize("name", ["alice", "bob", "chloe", "dan"])
def test_a_cluster_answers_what_the_embedded_index_does(sites: TwoEngines, name: str):
    viewer = getattr(sites.cast, name)
    for text in TEXTS:
        results, calls = sites.calls(viewer, text)
        expected = ask(sites.embedded, text, viewer)
        assert shown(results) == shown(expected), text
        assert calls <= (2 if results.hits and not results.corrected else 5), text
    of_tickets = Question("sauvegarde imprimante", kind="ticket")
    for question in (of_tickets, replace(of_tickets, kind=None, product="icownect")):
        both = [search.ask(viewer, question) for search in (sites.embedded, sites.cluster)]
        assert shown(both[0]) == shown(both[1])


def test_similar_cases_take_three_calls(sites: TwoEngines):
    dan, subject = sites.cast.dan, "Imprimante hors ligne"
    both = [search.similar(dan, subject=subject) for search in (sites.embedded, sites.cluster)]
    assert ids(both[0]) == ids(both[1]) and "1" in ids(both[0])
    assert both[0][0].reasons == both[1][0].reasons
    _, calls = sites.calls(sites.cast.dan, "et encore ")
    assert calls <= 2
    assert sites.cluster.similar(sites.cast.alice, subject=subject) == ()


def test_a_hit_is_explained_by_the_same_words(sites: TwoEngines):
    question = Question("imprimante ERR-1042", kind="ticket", explain=True)
    both = [search.ask(sites.cast.dan, question) for search in (sites.embedded, sites.cluster)]
    [words, expected] = [
        sorted(sorted(reason.split(": ")[-1].split(", ")) for reason in results.hits[0].reasons)
        for results in both
    ]
    assert [len(reason) for reason in words] == [len(reason) for reason in expected]
    assert words[0] and len(words) > 2


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_no_hostile_text_fails(sites: TwoEngines, text: str):
    for viewer in (sites.cast.alice, sites.cast.dan):
        results = ask(sites.cluster, text, viewer)
        expected = ask(sites.embedded, text, viewer)
        assert results.fallback in (None, "corrected")
        assert set(ids(results.hits)) == set(ids(expected.hits))
        assert (results.total, results.facets) == (expected.total, expected.facets)


def test_what_changed_shows_once_indexed_and_what_was_lost_at_once(sites: TwoEngines):
    db, cast = sites.db, sites.cast
    assert set(ids(ask(sites.cluster, "étiquettes", cast.bob).hits)) == {"7"}
    take_over(db, number=8, subject="Étiquettes illisibles")
    with db.atomic():  # by hand, and with its readers: nothing of it may be found from now on
        db.execute("UPDATE tickets SET confidential = 1 WHERE number = 7")
        changes.mark_changed(db, "number = 7", {})
        db.execute(
            """
            DELETE FROM ticket_readers WHERE word LIKE 'org:%'
            AND ticket_id IN (SELECT id FROM tickets WHERE number = 7)
            """
        )
    behind = ask(sites.cluster, "étiquettes", cast.bob)
    assert (behind.total, ids(behind.hits)) == (0, [])
    assert indexing.status(sites.settings, db)["tickets_behind"] == 2
    follow(sites.settings, db)
    assert ids(ask(sites.cluster, "étiquettes", cast.bob).hits) == ["8"]
    assert set(ids(ask(sites.cluster, "étiquettes", cast.alice).hits)) == {"7", "8"}
    assert indexing.status(sites.settings, db)["tickets_behind"] == 0


def test_two_writers_do_no_harm(sites: TwoEngines):
    """One read a ticket earlier, and writes it later."""
    with closing(Indexer(sites.settings, sites.db)) as slow:
        writer = slow._open_writer()
        early = changes.list_changed(sites.db, 0, 3)
        upto = early[-1].revision
        sites.db.execute("UPDATE tickets SET subject = 'Ornithorynque' WHERE number = 1")
        changes.mark_changed(sites.db, "number = 1", {})
        follow(sites.settings, sites.db)
        writer.apply(early, upto)
    assert ids(ask(sites.cluster, "ornithorynque", sites.cast.dan, kind="ticket").hits) == ["1"]
    assert indexing.status(sites.settings, sites.db)["tickets_behind"] == 0


def test_a_new_index_is_built_beside_and_put_in_service(sites: TwoEngines):
    from kbsearch.search.fulltext import opensearch_engine

    before = sites.place
    assert indexing.rebuild_tickets(sites.settings, sites.db) == len(SUBJECTS) + 1
    names = places.remote_names(before.address, "tickets-")
    assert names == [sites.place.name.lower(), before.name.lower()]
    servers = opensearch_engine.cluster(before.address)
    alias = servers.client.indices.get_alias(name=servers.name_of("tickets"))
    assert list(alias) == [servers.name_of(sites.place.name)]
    assert ask(sites.cluster, "imprimante", sites.cast.dan).fallback is None
    assert forget_generations(sites.settings, sites.db) == 1
    assert places.remote_names(before.address, "tickets-") == [sites.place.name.lower()]


def test_an_index_that_is_gone_is_built_anew(sites: TwoEngines):
    places.remove_remote(sites.place)
    results = ask(sites.cluster, "sauvegarde", sites.cast.dan)
    assert results.fallback == "database" and "3" in ids(results.hits)
    assert not indexing.status(sites.settings, sites.db)["tickets_sound"]
    with closing(Indexer(sites.settings, sites.db)) as indexer:
        handlers: outbox.Handlers = {
            REBUILD: lambda task: indexer.rebuild(task.subject),
            changes.FOLLOW: lambda task: None,
        }
        while outbox.run_one(sites.db, handlers):
            pass
        assert indexer.ensure() is False
    assert ask(sites.cluster, "sauvegarde", sites.cast.dan).fallback is None


def test_without_its_cluster_a_site_answers_by_articles_and_the_database(
    sites: TwoEngines, caplog: pytest.LogCaptureFixture
):
    settings = replace(sites.settings, index=AWAY.replace("//", "//kb:s3cret@"))
    search = Search(settings, sites.db)
    for name in ("alice", "dan", "nobody"):
        results = ask(search, "sauvegarde", getattr(sites.cast, name))
        assert "fr/guide/b" in ids(results.hits)
        assert results.fallback == (None if name == "nobody" else "database")
        assert ("3" in ids(results.hits)) == (name != "nobody")
    assert search.similar(sites.cast.dan, subject="imprimante") == ()
    status = indexing.status(settings, sites.db)
    assert status["tickets_unreachable"] and not status["tickets_sound"]
    checks = list(indexes.in_service(Patient(Configuration(settings, {})), sites.db))
    assert [check.state for check in checks] == ["ok", "fail"]
    assert "does not answer" in checks[1].told and "s3cret" not in repr(checks)
    indexing.catch_up(settings, sites.db)  # leaves it to the worker
    assert not indexing.is_reachable(settings) and indexing.is_reachable(sites.settings)
    waiting = "SELECT 1 FROM outbox WHERE kind = :kind AND done_at IS NULL"
    assert not sites.db.query(waiting, {"kind": REBUILD}), "it comes back by itself"
    assert "does not answer" in caplog.text and "s3cret" not in caplog.text + repr(status)
