"""The gap board's log: what is missing, merged across spellings, counted by people, closed."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from kbsearch import articles, people, worker
from kbsearch.access import ANONYMOUS, OPERATOR, Viewer
from kbsearch.articles import gaps
from kbsearch.articles.gaps import Gap
from kbsearch.articles.gaps import cases as gap_cases
from kbsearch.articles.gaps import counts as gap_counts
from kbsearch.articles.gaps import signals as gap_signals
from kbsearch.articles.gaps import texts as gap_texts
from kbsearch.articles.publishing.publish import Publication, publish
from kbsearch.clock import stored
from kbsearch.config import Settings
from kbsearch.database import migrations, new_id, site_state
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import PersonFields
from kbsearch.search.fulltext.phrases import ComparedPhrase, Phrases
from kbsearch.search.learning import visits as analytics
from kbsearch.search.learning import votes as article_votes
from kbsearch.search.learning.votes import VoteFields
from kbsearch.search.ranking import Search
from kbsearch.search.ranking.indexing import Indexer
from kbsearch.site import erasing
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.earlier import put_database
from tests.kit.requests import file, later
from tests.kit.web import publish_articles
from tests.kit.writers import article as page
from tests.kit.writers import commit, repository, write

NOON = later(hours=3)
LATER = later(hours=30)


@pytest.fixture
def search(settings: Settings, db: SqliteDatabase, cast: Cast) -> Search:
    publish_articles(settings, db)
    return Search(settings, db)


def looks_for(
    db: SqliteDatabase,
    viewer: Viewer,
    text: str,
    *,
    results: int = 0,
    opened: str = "",
    shown: tuple[str, ...] = (),
    product: str = "",
    at: datetime = NOON,
) -> str:
    """A visit that searches once; its id."""
    visit = analytics.visit(db, viewer, at=at)
    assert visit is not None
    analytics.searched(db, visit, text, results=results, product=product, at=at)
    analytics.shown(db, visit, shown, at=at)
    if opened:
        analytics.opened(db, visit, opened, at=at)
    return visit


def take_all(db: SqliteDatabase, search: Search, at: datetime = LATER) -> None:
    gap_signals.follow(db)
    while gap_signals.take(db, search, at=at):
        pass


def reader(search: Search) -> Callable[[str], ComparedPhrase]:
    return Phrases(correct=partial(search.spelt, gap_texts.STAFF)).read


def board(db: SqliteDatabase, viewer: Viewer, shelf: gaps.Shelf = "open") -> dict[str, int]:
    return {gap.title: gap.people for gap in gaps.list_all(db, viewer, shelf)}


def only(db: SqliteDatabase, viewer: Viewer, shelf: gaps.Shelf = "open") -> Gap:
    (gap,) = gaps.list_all(db, viewer, shelf)
    return gap


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Imprimante bloquée", "imprimante bloquee"),
        ("imprimantes bloquées", "imprimante bloquée"),
        ("bloquée imprimante", "l'imprimante est bloquée ?"),
        ("imprimente bloquée", "imprimante bloquée"),
        ("imprimante bloqué", "imprimantte bloquée"),
        ("export ERR-1042", "Export err-1042"),
        ("barcode scanner", "scaner barcodes"),
        ("le", "LE"),
    ],
)
def test_spellings_of_the_same_have_the_same_key(search: Search, one: str, other: str):
    for first, second in ((one, other), (other, one)):
        read = reader(search)
        assert read(first).key == read(second).near != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("imprimante bloquée", "imprimante"),
        ("imprimante bloquée", "scanner bloqué"),
        ("export ERR-1042", "export ERR-1043"),
        ("vache", "tache"),
        ("version 4.2", "version 4.3"),
    ],
)
def test_what_asks_something_else_keeps_a_key_of_its_own(search: Search, one: str, other: str):
    read = reader(search)
    assert read(one).key != read(other).near
    assert read("‹nom› ‹téléphone› ?!").key == ""


def test_a_planted_log_is_merged_as_expected(db: SqliteDatabase, cast: Cast, search: Search):
    """Ten searches by four people: two gaps of several, and one person's that is not shown."""
    for viewer, text in (
        (cast.alice, "imprimante bloquée"),
        (cast.alice, "imprimante bloquée"),
        (cast.bob, "Imprimantes bloquees"),
        (cast.chloe, "bloquée imprimante"),
        (ANONYMOUS, "imprimante bloquée"),
        (ANONYMOUS, "imprimente bloquée"),
        (cast.alice, "étiquettes de rayon"),
        (cast.bob, "etiquette rayon"),
        (cast.bob, "rayon étiquette"),
        (cast.chloe, "symptômes rares"),
    ):
        looks_for(db, viewer, text)
    take_all(db, search)
    assert list(board(db, cast.dan).values()) == [3, 2]
    assert next(iter(board(db, cast.dan))) == "imprimante bloquée"
    assert gaps.count_single(db, cast.wendy) == 1
    first, second = gaps.list_all(db, cast.wendy, "open")
    assert (first.counts, first.organisations, first.guests) == ({"empty": 6}, 2, 2)
    assert second.counts == {"empty": 3} and second.organisations == 1
    typed = {
        each.text: (each.people, each.guests, each.times)
        for each in gaps.phrases(db, cast.dan, first)
    }
    assert typed["imprimante bloquée"] == (1, 1, 3)
    assert len(typed) == 4


def test_taking_in_goes_on_where_it_ended_and_numbers_stay(
    db: SqliteDatabase, cast: Cast, search: Search
):
    looks_for(db, cast.alice, "imprimante bloquée")
    take_all(db, search)
    assert board(db, cast.dan) == {}
    looks_for(db, cast.bob, "imprimantes bloquées", at=later(hours=31))
    take_all(db, search, at=later(hours=31, minutes=5))
    assert board(db, cast.dan) == {}, "the visit still goes on"
    take_all(db, search, at=later(hours=40))
    take_all(db, search, at=later(hours=41))
    gap = only(db, cast.dan)
    assert (gap.name, gap.people, gap.counts) == ("G-1", 2, {"empty": 2})


def test_results_that_nobody_opened_are_a_gap_and_say_what_was_passed_over(
    db: SqliteDatabase, cast: Cast, search: Search
):
    shown = ("fr/compte/mot-de-passe", "fr/compte/contrat")
    looks_for(db, cast.alice, "lien de facture", results=2, shown=shown)
    looks_for(db, cast.bob, "liens facture", results=2, shown=shown[:1])
    looks_for(db, cast.chloe, "lien facture", results=2, shown=shown, opened=shown[0])
    take_all(db, search)
    gap = only(db, cast.wendy)
    assert (gap.people, gap.counts) == (2, {"ignored": 2})
    found = [(each.path, each.times) for each in gaps.passed_over(db, cast.wendy, gap)]
    assert found == [(shown[0], 2), (shown[1], 1)]


def test_a_request_after_a_search_is_a_gap_though_one_person_asked(
    db: SqliteDatabase, cast: Cast, search: Search
):
    looks_for(db, cast.alice, "collier muet", results=3, opened="fr/a", at=NOON)
    visit = analytics.visit(db, cast.alice, at=later(hours=4))
    ticket = file(db, cast.alice, subject="Collier muet", at=later(hours=4))
    analytics.filed(db, visit, ticket, at=later(hours=4))
    take_all(db, search)
    gap = only(db, cast.dan)
    assert (gap.title, gap.people, gap.counts) == ("collier muet", 1, {"filed": 1})
    assert [asked.number for asked in gaps.requests(db, cast.dan, gap)] == [ticket.number]
    assert gaps.requests(db, cast.wendy, gap) == [], "writers do not read requests"


def test_votes_with_a_reason_are_a_gap_of_the_article_or_of_what_was_searched(
    settings: Settings, db: SqliteDatabase, cast: Cast, search: Search
):
    found = articles.find(db, cast.alice, "fr", "mot-de-passe")
    visit = looks_for(db, cast.alice, "badge perdu", results=3, opened=found.path)
    article_votes.give(
        db, cast.alice, visit, found, VoteFields(helped=False, reason="elsewhere"), at=NOON
    )
    bobs = analytics.visit(db, cast.bob, at=NOON)
    article_votes.give(
        db, cast.bob, bobs, found, VoteFields(helped=False, reason="outdated"), at=NOON
    )
    chloes = analytics.visit(db, cast.chloe, at=NOON)
    article_votes.give(db, cast.chloe, chloes, found, VoteFields(helped=False), at=NOON)
    take_all(db, search)
    assert board(db, cast.wendy) == {"badge perdu": 1, "Réinitialiser son mot de passe": 1}
    article_votes.take_back(db, cast.bob, bobs, found)
    gap_counts.forget(db, 90, at=LATER)
    assert board(db, cast.wendy) == {"badge perdu": 1}


def test_what_permission_hides_is_not_missing(db: SqliteDatabase, cast: Cast, search: Search):
    for viewer in (cast.alice, cast.bob, ANONYMOUS):
        looks_for(db, viewer, "procédure globex")
    take_all(db, search)
    assert board(db, cast.dan) == {}
    gap = only(db, cast.dan, "hidden")
    assert (gap.people, gap.hidden_people) == (0, 3)
    (answer,) = gaps.hidden_answers(db, cast.dan, gap)
    assert (answer.path, answer.audience, answer.times) == ("fr/compte/globex", "org:globex", 3)
    looks_for(db, cast.chloe, "procédure globex", at=later(hours=31))
    take_all(db, search, at=later(hours=40))
    assert board(db, cast.dan) == {"procédure globex": 1}, "she may read it, and found nothing"


def test_customers_have_no_board(db: SqliteDatabase, cast: Cast, search: Search):
    for viewer in (cast.alice, cast.bob):
        looks_for(db, viewer, "imprimante bloquée")
    take_all(db, search)
    gap = only(db, cast.wendy)
    for viewer in (cast.alice, cast.chloe, ANONYMOUS):
        for ask in (
            lambda viewer=viewer: gaps.list_all(db, viewer, "open"),
            lambda viewer=viewer: gaps.find(db, viewer, gap.number),
            lambda viewer=viewer: gaps.phrases(db, viewer, gap),
            lambda viewer=viewer: gaps.count(db, viewer),
            lambda viewer=viewer: gaps.dismiss(db, viewer, gap, "no"),
        ):
            with pytest.raises(NotFound):
                ask()
        assert gaps.requests(db, viewer, gap) == []


def test_personal_data_is_masked_and_does_not_part_what_is_the_same(
    db: SqliteDatabase, cast: Cast, search: Search
):
    looks_for(db, cast.alice, "relance alice@acme.example 06 12 34 56 78")
    looks_for(db, cast.bob, "relance bob@acme.example 06 98 76 54 32")
    looks_for(db, cast.bob, "relances petit chloe")
    looks_for(db, cast.bob, "bob@acme.example")
    take_all(db, search)
    gap = only(db, cast.dan)
    assert gap.people == 2
    for kept in db.query("SELECT title, key FROM gaps UNION SELECT text, text FROM gap_signals"):
        assert "@" not in kept["title"] and "34" not in kept["key"]
        assert "chloe" not in kept["title"] and "chloe" not in kept["key"]


def test_a_gap_is_dismissed_with_a_reason_answered_by_an_article_and_reopened(
    db: SqliteDatabase, cast: Cast, search: Search
):
    for viewer in (cast.alice, cast.bob):
        looks_for(db, viewer, "imprimante bloquée")
    take_all(db, search)
    gap = only(db, cast.wendy)
    with pytest.raises(Invalid):
        gaps.dismiss(db, cast.wendy, gap, "  ")
    gaps.dismiss(db, cast.wendy, gap, "Pas notre métier", at=LATER)
    assert only(db, cast.wendy, "dismissed").reason == "Pas notre métier"
    looks_for(db, cast.chloe, "imprimante bloquée", at=later(hours=31))
    take_all(db, search, at=later(hours=40))
    assert board(db, cast.wendy) == {} and only(db, cast.wendy, "dismissed").failed_since == 1
    with pytest.raises(Invalid):
        gaps.answer_by(db, cast.wendy, gap, "fr/compte/nowhere")
    gaps.answer_by(db, cast.wendy, gap, "fr/compte/contrat")
    assert only(db, cast.wendy, "closed").answer == "fr/compte/contrat"
    gaps.reopen(db, cast.wendy, gap)
    assert board(db, cast.wendy) == {"imprimante bloquée": 3}


def test_a_commit_closes_the_gap_it_names_and_later_searches_say_whether_it_helped(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    content = repository(settings)
    write(content, "articles/fr/guide/page.md", page("Une page"))
    commit(content)
    assert isinstance(publish(db, settings), Publication)
    search = Search(settings, db)
    for viewer in (cast.alice, cast.bob):
        looks_for(db, viewer, "imprimante bloquée")
    take_all(db, search)
    assert only(db, cast.wendy).name == "G-1"
    write(content, "articles/fr/guide/imprimante.md", page("Imprimante bloquée"))
    made = commit(content, "Imprimante bloquée\n\nCloses-Gap: G-1\n")
    assert isinstance(publish(db, settings), Publication)
    take_all(db, search)
    gap = only(db, cast.wendy, "closed")
    assert (gap.commit_id, gap.answer) == (made, "fr/guide/imprimante")
    assert board(db, cast.wendy) == {}
    after = datetime.fromisoformat(str(gap.decided_at).replace("Z", "+00:00"))
    for viewer, opened in ((cast.alice, gap.answer), (cast.chloe, gap.answer), (cast.bob, "")):
        moment = after.replace(year=after.year + 1)
        looks_for(db, viewer, "imprimantes bloquées", results=1, opened=opened, at=moment)
    take_all(db, search, at=after.replace(year=after.year + 2))
    gap = gaps.find(db, cast.wendy, 1)
    assert (gap.found_since, gap.failed_since, gap.state) == (2, 1, "closed")
    gaps.reopen(db, cast.wendy, gap)
    write(content, "articles/fr/guide/page.md", page("Une autre page"))
    commit(content)
    publish(db, settings)
    take_all(db, search)
    assert gaps.find(db, cast.wendy, 1).state == "open", "a person decided since"


def test_solved_requests_that_tell_the_same_without_an_article_are_a_gap_for_agents(
    settings: Settings, db: SqliteDatabase, cast: Cast, search: Search
):
    said = "Le module WX-7781 du collier refuse la trame radio du portail nord."
    for viewer in (cast.alice, cast.bob, cast.chloe):
        ticket = file(db, viewer, subject="Erreur WX-7781", description=said)
        replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Redémarrez le portail."))
        lifecycle.solve(db, cast.dan, ticket)
    with closing(Indexer(settings, db)) as indexer:
        while indexer.ensure():
            pass
    while gap_cases.take(db, search, at=datetime.now(UTC) + timedelta(hours=1)):
        pass
    gap = only(db, cast.dan)
    assert (gap.title, gap.people, gap.counts) == ("Erreur WX-7781", 3, {"case": 3})
    assert len(gaps.requests(db, cast.dan, gap)) == 3
    assert gaps.list_all(db, cast.wendy, "open") == []
    with pytest.raises(NotFound):
        gaps.find(db, cast.wendy, gap.number)


def test_what_an_erased_person_searched_is_gone_from_the_board(
    settings: Settings, db: SqliteDatabase, cast: Cast, search: Search
):
    for viewer, text in ((cast.alice, "Imprimante de l’étable"), (cast.bob, "imprimante étable")):
        looks_for(db, viewer, text)
    looks_for(db, cast.alice, "secret d'alice")
    guest = looks_for(db, ANONYMOUS, "imprimante d'étable")
    analytics.visit(db, cast.alice, guest, at=NOON)
    take_all(db, search)
    assert only(db, cast.dan).people == 2
    erasing.erase(db, OPERATOR, settings, people.find_id(db, cast.alice.person_id or "").email)
    rows = db.query("SELECT text FROM gap_signals")
    assert [row["text"] for row in rows] == ["imprimante étable"]
    (kept,) = db.query("SELECT title, is_shown FROM gaps")
    assert (kept["title"], kept["is_shown"]) == ("imprimante étable", 0)


def test_the_name_of_an_erased_person_is_in_nobody_elses_gap(
    settings: Settings, db: SqliteDatabase, cast: Cast, search: Search
):
    for viewer in (cast.bob, cast.chloe):
        looks_for(db, viewer, "numéro zoé lenoir")
    take_all(db, search)
    assert only(db, cast.dan).title == "numéro zoé lenoir"
    people.add(
        db, OPERATOR, PersonFields(email="zoe@acme.example", name="Zoé Lenoir")
    )  # nobody's name until now
    erasing.erase(db, OPERATOR, settings, "zoe@acme.example")
    assert only(db, cast.dan).people == 2
    for table in ("gaps", "gap_signals"):
        assert "lenoir" not in str(db.query(f"SELECT * FROM {table}")).lower()  # noqa: S608


def test_the_worker_takes_in_and_closes(settings: Settings, db: SqliteDatabase, cast: Cast):
    for viewer in (cast.alice, cast.bob):
        looks_for(db, viewer, "imprimante bloquée")
    worker._fill_gaps(db, Search(settings, db))
    gap = only(db, cast.dan)
    said = {"commit_id": "0" * 40, "key": "Closes-Gap", "value": "g-1", "path": "fr/a"}
    older = {**said, "commit_id": "2" * 40, "published_at": "2020-01-01T00:00:00Z"}
    db.insert("published_trailers", older)
    site_state.write(db, gap_signals.FOLLOWED, "the first")
    worker._fill_gaps(db, Search(settings, db))
    assert gaps.find(db, cast.dan, gap.number).state == "open"
    db.insert("published_trailers", {**said, "published_at": "2027-01-01T00:00:00Z"})
    looks_for(db, cast.alice, "à elle seule")
    gap_signals.take(db, Search(settings, db), at=LATER)
    alone = {**said, "commit_id": "1" * 40, "value": "G-2"}
    db.insert("published_trailers", {**alone, "published_at": "2027-01-01T00:00:00Z"})
    site_state.write(db, gap_signals.FOLLOWED, "an earlier one")
    worker._fill_gaps(db, Search(settings, db))
    assert gaps.find(db, cast.dan, gap.number).state == "closed"
    with pytest.raises(NotFound):  # one person's text stays theirs, whatever a commit says
        gaps.find(db, cast.dan, 2)


def test_texts_leave_the_board_with_the_ledgers(db: SqliteDatabase, cast: Cast, search: Search):
    for viewer in (cast.alice, cast.bob):
        looks_for(db, viewer, "imprimante bloquée")
    take_all(db, search)
    number = only(db, cast.dan).number
    gap_counts.forget(db, 90, at=later(days=91))
    assert db.query("SELECT * FROM gap_signals") == [] == db.query("SELECT * FROM gaps")
    for viewer in (cast.alice, cast.bob):
        looks_for(db, viewer, "imprimante bloquée", at=later(days=92))
    take_all(db, search, at=later(days=93))
    assert only(db, cast.dan).number > number, "a number is given once"


def test_the_worker_needs_no_index_to_go_on(
    settings: Settings, db: SqliteDatabase, cast: Cast, tmp_path: Path
):
    for viewer, text in ((cast.alice, "imprimante"), (cast.bob, "imprimantes")):
        looks_for(db, viewer, text)
    take_all(db, Search(settings, db))
    assert only(db, cast.dan).people == 2


def test_a_database_of_before_counts_its_guests_apart(tmp_path: Path):
    put_database(tmp_path / "before.db")
    db = SqliteDatabase(tmp_path / "before.db")
    times = {"first_at": stored(NOON), "last_at": stored(NOON)}
    said = {"key": "imprimante", "words": "", "title": "imprimante", "state": "open"}
    db.insert("gaps", {"id": "g", "number": 1000, **said, "people": 4, "is_shown": 1, **times})
    for kind, who in (
        ("empty", "user:a"),
        ("filed", "ticket:b"),
        ("empty", "network:c"),
        ("ignored", "network:c"),
        ("empty", "visit:d"),
        ("found", "network:e"),
    ):
        signal = {"id": new_id(), "gap_id": "g", "kind": kind, "origin": new_id(), "who": who}
        db.insert("gap_signals", {**signal, "key": "imprimante", "at": stored(NOON)})
    migrations.migrate(db)
    (gap,) = db.query("SELECT people, guests FROM gaps WHERE id = 'g'")
    assert gap == {"people": 2, "guests": 2}
    gap_counts.recount(db, ["g"])
    assert db.query("SELECT people, guests FROM gaps WHERE id = 'g'") == [gap], (
        "as it is counted from now on"
    )
