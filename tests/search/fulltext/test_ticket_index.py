import dataclasses
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from typing import Any

import pytest

from kbsearch import people, tickets
from kbsearch.access import ANONYMOUS, OPERATOR, Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.people import PersonFields, agent_limits, organisations, viewers
from kbsearch.people.agent_limits import AgentLimits
from kbsearch.people.organisations import OrganisationFields
from kbsearch.search.fulltext.ticket_index import TicketIndex
from kbsearch.search.fulltext.ticket_writer import TicketWriter
from kbsearch.search.ranking import Search
from kbsearch.search.ranking.generations import live_folders
from kbsearch.search.ranking.indexing import Indexer, catch_up
from kbsearch.site.importing import tickets as importing
from kbsearch.site.importing.lines import Line
from kbsearch.site.importing.report import Report
from kbsearch.tickets import changes as ticket_changes
from tests.conftest import Cast, take_over
from tests.kit.search import ask, counts, follow, ids, put_live, remove, write
from tests.kit.waiting import HUNG, until


@pytest.fixture
def search(db: SqliteDatabase, settings: Settings, cast: Cast) -> Search:
    write(settings.content_path, "fr/materiel/collier", "Localiser un collier.", title="Collier")
    put_live(db, settings)
    return Search(settings, db)


def seen_by(search: Search, cast: Cast, text: str, number: int = 1042) -> set[str]:
    """Who finds a ticket; whoever does not must not see a trace of it either."""
    seen = set()
    for name, viewer in vars(cast).items():
        results = ask(search, text, viewer)
        if str(number) in ids(results.hits):
            assert counts(results.facets.kinds)["ticket"] == 1
            seen.add(name)
        else:
            assert "ticket" not in counts(results.facets.kinds), name
            assert counts(results.facets.products) == {}, name
            assert results.total == counts(results.facets.kinds).get("article", 0)
    return seen


LOST = {"subject": "Zanzibar perdu", "description": "Il ne remonte plus.", "product": "iCownect"}


@pytest.mark.parametrize(
    "sharing, ticket, readers",
    [
        ("everyone", {}, {"alice", "bob", "dan", "root"}),
        ("nobody", {}, {"alice", "dan", "root"}),
        ("everyone", {"confidential": True}, {"alice", "dan", "root"}),
        ("everyone", {"confidential": True, "cc": ["bob@acme.example"]}, {"alice", "bob"}),
        ("everyone", {"cc": ["chloe@globex.example"]}, {"alice", "bob", "chloe"}),
        ("everyone", {"requester": None, "organisation": None}, set()),
    ],
)
def test_a_ticket_is_found_by_those_who_may_read_it(
    search: Search,
    db,
    settings,
    cast: Cast,
    sharing: str,
    ticket: dict[str, Any],
    readers: set[str],
):
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(sharing=sharing)
    )
    take_over(db, **LOST, **ticket)
    follow(settings, db)
    assert seen_by(search, cast, "zanzibar") == readers | {"dan", "root"}


def test_a_limited_agent_finds_what_is_about_their_software_and_cases_of_it(
    search: Search, db, settings, cast: Cast
):
    take_over(db, **LOST)
    take_over(db, **{**LOST, "product": "cervo-atelier"}, number=7)
    follow(settings, db)
    person = people.find(db, "dan@support.example")
    agent_limits.edit(db, OPERATOR, person, AgentLimits(products=("cervo-atelier",)))
    dan = viewers.find(db, person.email)
    results = ask(search, "zanzibar", dan, kind="ticket")
    assert ([hit.id for hit in results.hits], results.total) == (["7"], 1)
    assert {hit.id for hit in search.similar(dan, subject="Zanzibar perdu")} == {"7"}


def test_a_writer_and_a_stranger_are_not_even_told_that_there_are_tickets(
    search: Search, db, settings, cast: Cast
):
    take_over(db, **LOST)
    follow(settings, db)
    for outsider in (cast.wendy, ANONYMOUS):
        results = ask(search, "zanzibar", outsider, kind="ticket")
        assert (results.hits, results.total, results.facets.kinds) == ((), 0, ())


def test_an_internal_note_is_found_by_agents_and_shown_to_nobody(
    search: Search, db, settings, cast: Cast
):
    note = {"author": "dan@support.example", "at": "2026-01-31T10:00:00Z", "internal": True}
    take_over(db, **LOST, messages=[{**note, "body": "Canari : le client ment."}])
    follow(settings, db)
    assert seen_by(search, cast, "canari") == {"dan", "root"}
    for viewer in (cast.alice, cast.dan):
        assert "ment" not in ask(search, "zanzibar canari", viewer).hits[0].snippet
    assert ask(search, "canarj ", cast.alice).corrected is None


def test_an_answer_is_found_and_marked(search: Search, db, settings, cast: Cast):
    answer = {"author": "dan@support.example", "at": "2026-01-31T10:00:00Z"}
    take_over(db, **LOST, messages=[{**answer, "body": "Remplacez <la> pile & redémarrez."}])
    follow(settings, db)
    (hit,) = ask(search, "pile", cast.bob).hits
    assert "&lt;la&gt; <mark>pile</mark> &amp; redémarrez" in hit.snippet
    assert (hit.kind, hit.status, hit.products) == ("ticket", "solved", ("icownect",))
    assert hit.url == f"/fr/requests/{tickets.find_number(db, cast.bob, 1042).id}"


def leave(db: SqliteDatabase, email: str) -> Viewer:
    """Take a person out of its organisation; what it is from the next request on."""
    people.edit(db, OPERATOR, people.find(db, email), PersonFields(organisations=[]))
    return viewers.find(db, email)


def test_who_left_the_organisation_finds_nothing_more_of_it(search, db, settings, cast: Cast):
    take_over(db, **LOST)
    follow(settings, db)
    assert ids(ask(search, "zanzibar", cast.bob).hits) == ["1042"]
    gone = leave(db, "bob@acme.example")
    assert ask(search, "zanzibar", gone).total == 0


@pytest.mark.parametrize("product", [None, "icownect", "cervo-atelier"])
@pytest.mark.parametrize("language", [None, "fr", "en"])
def test_a_change_of_access_takes_effect_before_the_index_knows_of_it(
    search: Search, db, settings, cast: Cast, product: str | None, language: str | None
):
    take_over(db, number=1, **LOST, language="fr")
    take_over(
        db,
        number=2,
        subject="Zanzibar secret",
        product="Cervo Atelier",
        confidential=False,
        language="en",
    )
    follow(settings, db)
    before = ask(search, "zanzibar", cast.bob)
    assert set(ids(before.hits)) == {"1", "2"}
    assert counts(before.facets.products) == {"icownect": 1, "cervo-atelier": 1}

    take_over(
        db,
        number=2,
        subject="Zanzibar secret",
        product="Cervo Atelier",
        confidential=True,
        language="en",
    )
    asked: dict[str, Any] = {"product": product, "only_language": language}
    stale = ask(search, "zanzibar", cast.bob, **asked)
    follow(settings, db)
    fresh = ask(search, "zanzibar", cast.bob, **asked)
    assert dataclasses.replace(stale, took_ms=0) == dataclasses.replace(fresh, took_ms=0)
    assert counts(fresh.facets.products) == {"icownect": 1}
    assert "2" not in ids(stale.hits)


def test_a_ticket_that_is_gone_is_not_found_though_the_index_has_it(
    search: Search, db, settings, cast: Cast
):
    take_over(db, **LOST)
    follow(settings, db)
    remove(db, 1042)
    for viewer in (cast.alice, cast.dan):
        results = ask(search, "zanzibar", viewer)
        assert (results.hits, results.total) == ((), 0)


def test_a_change_replaces_what_was_there(search: Search, db, settings, cast: Cast):
    take_over(db, **LOST)
    follow(settings, db)
    take_over(db, subject="Tombouctou retrouvé", status="open")
    follow(settings, db)
    assert ask(search, "zanzibar ", cast.alice, literal=True).hits == ()
    (hit,) = ask(search, "tombouctou", cast.alice).hits
    assert (hit.title, hit.status) == ("Tombouctou retrouvé", "open")
    assert counts(ask(search, "tombouctou", cast.dan).facets.kinds) == {"ticket": 1}


def test_a_hit_is_the_confirmed_ticket_even_when_the_index_changes_meanwhile(
    search: Search, db, settings, cast: Cast, monkeypatch
):
    """An address of the index before a commit may be another ticket's after it."""
    for number in range(1, 30):
        take_over(db, number=number, subject=f"Zanzibar {number}", confidential=number % 2 == 0)
    with closing(Indexer(settings, db)) as indexer:
        indexer.apply_changes()
        asking = tickets.visible_numbers

        def change_meanwhile(*arguments: Any) -> set[int]:
            confirmed = asking(*arguments)
            for number in range(1, 30, 2):
                take_over(db, number=number, subject=f"Zanzibar {number} bis", confidential=True)
                indexer.apply_changes()
            return confirmed

        monkeypatch.setattr(tickets, "visible_numbers", change_meanwhile)
        hits = ask(search, "zanzibar", cast.bob, limit=30).hits
    assert hits
    assert all(int(hit.id) % 2 for hit in hits), ids(hits)
    assert all(hit.title == f"Zanzibar {hit.id}" for hit in hits)


def test_both_kinds_share_pages_without_a_gap_or_a_repeat(search, db, settings, cast: Cast):
    for number in range(13):
        write(settings.content_path, f"fr/serie/p{number}", f"Girafe {number}.", title=f"P{number}")
        take_over(db, number=number + 1, subject=f"Girafe {number}")
    put_live(db, settings)
    follow(settings, db)
    for viewer in (cast.alice, cast.dan):
        pages = [ask(search, "girafe", viewer, page=page) for page in (1, 2, 3, 4)]
        assert [len(page.hits) for page in pages] == [10, 10, 6, 0]
        assert len({hit.id for page in pages for hit in page.hits}) == 26
        scores = [hit.score for page in pages for hit in page.hits]
        assert scores == sorted(scores, reverse=True)
        kinds = [hit.kind for page in pages for hit in page.hits]
        assert kinds == ["ticket"] * 13 + ["article"] * 13  # in their titles, in their texts
        assert {page.total for page in pages} == {26}


def test_a_customer_pages_through_all_of_many_tickets(search, db, settings, cast: Cast):
    lines = [
        Line(
            n,
            0,
            {
                "number": n,
                "subject": "Zanzibar",
                "status": "open",
                "created_at": f"2026-01-{1 + n % 28:02}T09:00:00Z",
                "requester": "alice@acme.example",
            },
        )
        for n in range(1, 251)
    ]
    importing.take_in(db, lines, Report())
    follow(settings, db)
    pages = [ask(search, "zanzibar", cast.alice, kind="ticket", page=p) for p in range(1, 27)]
    assert {page.total for page in pages} == {250}
    assert sorted(int(hit.id) for page in pages for hit in page.hits) == list(range(1, 251))
    dates = [hit.date for page in pages for hit in page.hits]
    assert dates == sorted(dates, reverse=True)


SOLVED = {
    "number": 7,
    "subject": "ERR-1042 à l'impression",
    "description": "L'imprimante de l'étable affiche ERR-1042 depuis la mise à jour.",
    "product": "iCownect",
    "version": "4.2.1",
    "messages": [
        {
            "author": "dan@support.example",
            "at": "2026-01-31T10:00:00Z",
            "body": "Réinstallez le pilote.",
            "solution": True,
        }
    ],
}


def test_similar_cases_are_solved_ones_with_what_they_share(search, db, settings, cast: Cast):
    take_over(db, **SOLVED)
    take_over(db, number=8, subject="Facture en double", description="Rien à voir.")
    take_over(db, number=9, **{**LOST, "subject": "ERR-1042 imprimante", "status": "open"})
    take_over(
        db,
        number=10,
        subject="Imprimante en panne",
        description="Toujours ERR-1042.",
        status="open",
        product="iCownect",
        version="4.2.1",
    )
    follow(settings, db)
    (hit,) = search.similar(cast.dan, number=10)
    assert (hit.id, hit.snippet) == ("7", "Réinstallez le pilote.")
    assert hit.reasons[0].endswith("ERR-1042")
    assert any("4.2.1" in reason for reason in hit.reasons)
    assert any("imprimante" in reason.lower() for reason in hit.reasons)
    by_text = search.similar(cast.dan, subject="imprimante étable", description="mise à jour")
    assert ids(by_text) == ["7"]


def test_similar_cases_are_for_agents(search: Search, db, settings, cast: Cast):
    take_over(db, **SOLVED)
    take_over(db, number=10, subject="ERR-1042 imprimante", status="open")
    follow(settings, db)
    assert search.similar(cast.root, number=10)
    for viewer in (cast.alice, cast.bob, cast.chloe, cast.wendy, ANONYMOUS):
        assert search.similar(viewer, number=10) == ()
        assert search.similar(viewer, subject="ERR-1042 imprimante") == ()
    with pytest.raises(NotFound):
        search.similar(cast.dan, number=999)


def test_a_similar_case_that_is_removed_is_not_shown(search: Search, db, settings, cast: Cast):
    take_over(db, **SOLVED)
    follow(settings, db)
    remove(db, 7)
    assert search.similar(cast.dan, subject="ERR-1042 imprimante") == ()


INDEXING = """
import sys
from pathlib import Path
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search.ranking import indexing
indexing.BATCH = 20
settings = Settings(site=Path(sys.argv[1]))
indexer = indexing.Indexer(settings, SqliteDatabase(settings.database_path))
print("begun", flush=True)
indexer.apply_changes()
print("done", flush=True)
"""


def test_indexing_goes_on_where_a_killed_process_stopped(search, db, settings, cast: Cast):
    follow(settings, db)  # an index is in service: it is followed, not built anew
    lines = [
        Line(
            n, 0, {"number": n, "subject": f"Zanzibar {n}", "status": "open", "created_at": "2026"}
        )
        for n in range(1, 2_001)
    ]
    for line in lines:
        line.values["created_at"] = "2026-01-31"
    importing.take_in(db, lines, Report())
    reached, pause = [0], 0.05
    while not reached[-1] or len(reached) < 5:
        with subprocess.Popen(
            [sys.executable, "-c", INDEXING, str(settings.site)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None and process.stdout.readline() == "begun\n"
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
        pause *= 2
        index = TicketIndex(settings.index_path / live_folders(db)["ticket_index"])
        reached.append(index.revision)
        assert index.count == index.revision  # of 2,000 new tickets, each has one revision
    assert reached == sorted(reached)
    follow(settings, db)
    index = TicketIndex(settings.index_path / live_folders(db)["ticket_index"])
    assert (index.count, index.revision) == (2_000, ticket_changes.last_revision(db))
    assert ask(search, "zanzibar", cast.dan).total == 2_000
    assert not list((settings.index_path / live_folders(db)["ticket_index"]).glob(".tmp*"))


def test_a_command_waits_for_the_worker_that_holds_the_index(search, db, settings, cast: Cast):
    put_live(db, settings)
    environment = dict(os.environ) | {"KBSEARCH_SITE": str(settings.site)}
    with subprocess.Popen(
        [sys.executable, "-m", "kbsearch", "worker"], cwd=settings.site, env=environment
    ) as worker:
        try:
            until(lambda: live_folders(db).get("ticket_index"))
            take_over(db, **LOST)
            catch_up(settings, db, patience=HUNG)
            assert ids(ask(search, "zanzibar", cast.alice).hits) == ["1042"]
        finally:
            worker.terminate()


def test_a_command_says_when_whoever_holds_the_index_does_nothing(
    search: Search, db, settings, cast: Cast
):
    follow(settings, db)
    holder = TicketWriter(settings.index_path / live_folders(db)["ticket_index"])
    try:
        take_over(db, **LOST)
        with pytest.raises(TimeoutError):
            catch_up(settings, db, patience=0.3)
    finally:
        holder.close()
    catch_up(settings, db)
    assert ids(ask(search, "zanzibar", cast.alice).hits) == ["1042"]


def test_of_many_alike_a_customer_gets_the_newest_wherever_they_lie(db, settings, cast: Cast):
    for number in range(1, 151):
        take_over(db, number=number, subject="Zanzibar perdu")
    follow(settings, db)
    search = Search(settings, db)
    found = [ids(ask(search, "zanzibar", cast.alice, page=page).hits) for page in (1, 2)]
    assert found == [[str(n) for n in range(150, 140, -1)], [str(n) for n in range(140, 130, -1)]]


def test_a_snippet_has_the_words_of_a_message_not_its_markdown(
    search: Search, db, settings, cast: Cast
):
    body = "# Étapes\n> Lisez **cet** avis sur la `pompe 3` : 2 > 1, le prix #4 reste."
    take_over(db, **LOST | {"description": body})
    follow(settings, db)
    (hit,) = ask(search, "avis pompe", cast.alice).hits
    assert "Lisez cet <mark>avis</mark> sur la <mark>pompe</mark> 3" in hit.snippet
    assert "2 &gt; 1, le prix #4" in hit.snippet


def test_the_files_of_another_writer_at_work_are_left_alone(db, settings, cast: Cast):
    follow(settings, db)
    folder = settings.index_path / live_folders(db)["ticket_index"]
    with closing(TicketWriter(folder)), closing(Indexer(settings, db)) as indexer:
        (folder / ".tmpAtWork").touch()
        with pytest.raises(ValueError, match="LockBusy"):
            indexer.apply_changes()
        assert (folder / ".tmpAtWork").exists()
    follow(settings, db)
    assert not (folder / ".tmpAtWork").exists()
