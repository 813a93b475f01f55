"""Nobody finds, counts, guesses or ranks by what is not theirs: worlds made at random.

KBSEARCH_EXAMPLES multiplies how many are tried: a few at every change, thousands at night.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kbsearch import people, tickets
from kbsearch.access import ANONYMOUS, OPERATOR, Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import PersonFields, agent_limits, organisations, viewers
from kbsearch.people.agent_limits import AgentLimits
from kbsearch.people.organisations import OrganisationFields, products
from kbsearch.people.organisations.products import ProductFields
from kbsearch.search import Question, Results
from kbsearch.search.fulltext import ticket_plan
from kbsearch.search.fulltext.article_index import ArticleIndex, PageHits, PageLookup
from kbsearch.search.fulltext.ticket_index import TicketIndex
from kbsearch.search.ranking import Search, answer
from kbsearch.site.importing import tickets as importing
from kbsearch.site.importing.lines import Line
from kbsearch.site.importing.report import Report
from tests.kit import opensearch
from tests.kit.search import counts, follow, put_live, write

TIMES = int(os.environ.get("KBSEARCH_EXAMPLES", "1"))
EXAMPLES = 20 * TIMES  # each way to get it wrong is caught by that many
EXAMPLES_OF_CLUSTER = 2 * TIMES
PRODUCTS = ("alpha", "beta", "gamma")
SHARED = "zanzibar"  # a word of every article and ticket
# One word for each thing, too far from each other for one to be taken for another.
CANARIES = [
    *("tombouctou", "quetzalcoatl", "ouagadougou", "vladivostok", "constantinople"),
    *("kilimandjaro", "mississippi", "popocatepetl", "titicaca", "zarathoustra"),
    *("nabuchodonosor", "rhododendron", "hippopotame", "chrysantheme", "ornithorynque"),
]
NOTES = ["philanthrope", "xylophoniste", "brontosaure", "mnemotechnique", "archimandrite"]
MOST_ARTICLES, MOST_TICKETS = 5, 5
STAFF = {"agent", "limited", "writer", "administrator"}
LIMIT = 0  # the product that an agent is limited to whose role is `limited` here


@dataclass(frozen=True)
class Organisation:
    shares: bool
    products: frozenset[int]


@dataclass(frozen=True)
class Person:
    role: str
    organisations: frozenset[int]


@dataclass(frozen=True)
class Ticket:
    requester: int | None
    organisation: int | None
    copies: frozenset[int]
    confidential: bool
    product: int | None
    language: str


@dataclass(frozen=True)
class Article:
    audience: str
    product: int | None
    language: str


@dataclass(frozen=True)
class World:
    """What exists, by position. People all differ."""

    organisations: tuple[Organisation, ...]
    people: tuple[Person, ...]
    tickets: tuple[Ticket, ...]
    articles: tuple[Article, ...]
    later: "World | None" = None  # what becomes of it

    def sees_ticket(self, who: Person | None, position: int) -> bool:
        ticket = self.tickets[position]
        if who is None:
            return False
        me = self.people.index(who)
        if who.role in ("agent", "administrator") or me == ticket.requester or me in ticket.copies:
            return True
        if who.role == "limited":
            return ticket.product == LIMIT
        return (
            who.role == "customer"
            and ticket.organisation is not None
            and ticket.organisation in who.organisations
            and self.organisations[ticket.organisation].shares
            and not ticket.confidential
        )

    def sees_article(self, who: Person | None, position: int) -> bool:
        audience, _, name = self.articles[position].audience.partition(":")
        if audience == "everyone" or (who is not None and who.role in STAFF):
            return True
        if who is None or audience == "agents":
            return False
        if audience == "org":
            return int(name.removeprefix("o")) in who.organisations
        covered = {p for o in who.organisations for p in self.organisations[o].products}
        return audience == "customers" or PRODUCTS.index(name) in covered


def one_of_or_none(count: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(0, count - 1) if count else st.none()


def some_of(count: int) -> st.SearchStrategy[frozenset[int]]:
    return st.frozensets(st.integers(0, count - 1), max_size=2) if count else st.just(frozenset())


def _of_the_same_kind(case: Ticket, other: Ticket) -> Ticket:
    return replace(other, product=case.product, language=case.language)


def _without_who_left(crew: Sequence[Person], later: World, case: Ticket) -> Ticket:
    """A ticket whose organisation some of the people in copy have left, and the copies with it."""
    if case.organisation is None:
        return case
    left = {
        me
        for me in case.copies
        if case.organisation in crew[me].organisations - later.people[me].organisations
    }
    return replace(case, copies=case.copies - left)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A world and what becomes of it: people move, tickets are shared, hidden, handed."""
    languages = st.sampled_from(("fr", "en"))
    companies = st.builds(Organisation, st.booleans(), some_of(len(PRODUCTS)))
    orgs = tuple(draw(st.lists(companies, max_size=4)))
    roles = st.sampled_from(("customer", "customer", "customer", "agent", "limited", "writer"))
    persons = st.builds(Person, roles, some_of(len(orgs)))
    crew = tuple(draw(st.lists(persons, min_size=2, max_size=4, unique=True)))
    audiences = ["everyone", "customers", "agents", *(f"product:{name}" for name in PRODUCTS)]
    audiences += [f"org:o{position}" for position in range(len(orgs))]
    one = st.builds(
        Ticket,
        one_of_or_none(len(crew)),
        one_of_or_none(len(orgs)),
        some_of(len(crew)),
        st.booleans(),
        one_of_or_none(len(PRODUCTS)),
        languages,
    )
    page = st.builds(Article, st.sampled_from(audiences), one_of_or_none(len(PRODUCTS)), languages)
    cases = tuple(draw(st.lists(one, min_size=1, max_size=MOST_TICKETS)))
    pages = tuple(draw(st.lists(page, max_size=MOST_ARTICLES)))
    later = World(
        tuple(replace(org, shares=draw(st.booleans())) for org in orgs),
        crew,
        tuple(draw(st.just(case) | one.map(partial(_of_the_same_kind, case))) for case in cases),
        pages,
    )
    moved = draw(st.lists(persons, min_size=len(crew), max_size=len(crew), unique=True))
    later = replace(
        later,
        people=tuple(
            replace(a, organisations=b.organisations) for a, b in zip(crew, moved, strict=True)
        ),
    )
    if len(set(later.people)) < len(crew):
        later = replace(later, people=crew)
    later = replace(later, tickets=tuple(_without_who_left(crew, later, t) for t in later.tickets))
    return World(orgs, crew, cases, pages, later)


class Site:
    """A world made real: a database, published articles, indexed tickets, a search."""

    def __init__(self, folder: Path, world: World, index: Path | str) -> None:
        self.settings = Settings(site=folder, index=index)
        self.db = SqliteDatabase(self.settings.database_path)
        self.world = world
        with self.db.atomic():
            for name in PRODUCTS:
                products.add(self.db, OPERATOR, ProductFields(name))
            for position, org in enumerate(world.organisations):
                organisations.add(
                    self.db,
                    OPERATOR,
                    OrganisationFields(
                        f"o{position}",
                        sharing="everyone" if org.shares else "nobody",
                        products=[PRODUCTS[p] for p in org.products],
                    ),
                )
            for position, person in enumerate(world.people):
                is_limited = person.role == "limited"
                added = people.add(
                    self.db,
                    OPERATOR,
                    PersonFields(
                        email=f"p{position}@x.example",
                        name=f"P{position}",
                        role="agent" if is_limited else person.role,
                        organisations=[f"o{o}" for o in person.organisations],
                    ),
                )
                if is_limited:
                    limits = AgentLimits(products=(PRODUCTS[LIMIT],))
                    agent_limits.edit(self.db, OPERATOR, added, limits)
            for position in range(len(world.tickets)):
                self.write_ticket(position)
        for position, article in enumerate(world.articles):
            self.write_article(position, article)
        (self.settings.content_path / "articles").mkdir(parents=True, exist_ok=True)
        put_live(self.db, self.settings)
        follow(self.settings, self.db)
        self.search = Search(self.settings, self.db)

    def write_article(self, position: int, article: Article) -> None:
        front: dict[str, Any] = (
            {} if article.product is None else {"product": [PRODUCTS[article.product]]}
        )
        write(
            self.settings.content_path,
            f"{article.language}/guide/a{position}",
            f"{SHARED} {CANARIES[position]}",
            title=f"{SHARED} {CANARIES[position]}",
            audience=article.audience,
            **front,
        )

    def write_ticket(self, position: int) -> None:
        ticket = self.world.tickets[position]
        canary = CANARIES[MOST_ARTICLES + position]
        note = {"author": "x@y.example", "at": "2026-02-01", "body": NOTES[position]}
        record = {
            "number": position + 1,
            "subject": f"{SHARED} {canary}",
            "description": f"{canary} {SHARED}",
            "status": "solved",
            "created_at": "2026-01-31",
            "language": ticket.language,
            "requester": None if ticket.requester is None else f"p{ticket.requester}@x.example",
            "organisation": None if ticket.organisation is None else f"o{ticket.organisation}",
            "cc": [f"p{copied}@x.example" for copied in ticket.copies],
            "confidential": ticket.confidential,
            "product": None if ticket.product is None else PRODUCTS[ticket.product],
            "messages": [{**note, "internal": True}],
        }
        assert not importing.take_in(self.db, [Line(1, 0, record)], Report()).refused

    def move_on(self) -> None:
        """Make the later world true in the database; the index knows nothing of it yet."""
        before, self.world = self.world, self.world.later or self.world
        with self.db.atomic():
            for position, org in enumerate(self.world.organisations):
                there = organisations.find(self.db, f"o{position}")
                organisations.edit(
                    self.db,
                    OPERATOR,
                    there,
                    OrganisationFields(sharing="everyone" if org.shares else "nobody"),
                )
            for position, person in enumerate(self.world.people):
                there_is = people.find(self.db, f"p{position}@x.example")
                slugs = [f"o{o}" for o in person.organisations]
                people.edit(self.db, OPERATOR, there_is, PersonFields(organisations=slugs))
            for position, (old, new) in enumerate(
                zip(before.tickets, self.world.tickets, strict=True)
            ):
                if old != new:
                    self.write_ticket(position)

    def viewers(self) -> Iterator[tuple[Person | None, Viewer]]:
        yield None, ANONYMOUS
        for position, person in enumerate(self.world.people):
            yield person, viewers.find(self.db, f"p{position}@x.example")

    def ask(self, viewer: Viewer, text: str, **asked: Any) -> Results:
        results = self.search.ask(viewer, Question(text, limit=100, **asked))
        return replace(results, took_ms=0.0)


@contextmanager
def made(world: World, empty_database: Path, index: Path | str) -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as folder:
        target = Settings(site=Path(folder)).database_path
        target.parent.mkdir(mode=0o700)
        shutil.copy(empty_database, target)
        site = Site(Path(folder), world, index)
        try:
            yield site
        finally:
            site.db.close()


def misspelt(word: str) -> str:
    return f"{word[:3]}{word[4]}{word[3]}{word[5:]} "


def check(site: Site, *, is_complete: bool) -> None:
    """Every channel of every viewer against what the world says; exactly, once indexed."""
    for who, viewer in site.viewers():
        check_viewer(site, who, viewer, is_complete=is_complete)


def check_viewer(site: Site, who: Person | None, viewer: Viewer, *, is_complete: bool) -> None:
    world = site.world
    cases = [n for n in range(len(world.tickets)) if world.sees_ticket(who, n)]
    pages = [n for n in range(len(world.articles)) if world.sees_article(who, n)]
    for product in (None, 0):
        wanted = None if product is None else PRODUCTS[product]
        results = site.ask(viewer, SHARED, product=wanted)
        found = {hit.id for hit in (*results.hits, *results.other_language)}
        kept = [n for n in pages if product in (None, world.articles[n].product)]
        numbers = {str(n + 1) for n in cases if product in (None, world.tickets[n].product)}
        french = {f"fr/guide/a{n}" for n in kept if world.articles[n].language == "fr"}
        english = {f"en/guide/a{n}" for n in kept if world.articles[n].language == "en"}
        assert found <= french | english | numbers
        if viewer.sees_all_tickets and not is_complete:
            continue  # who may read them all is told what was so until the index knows
        shown = found & numbers
        of_kind = {"article": len(french), "ticket": len(shown)}
        assert counts(results.facets.kinds) == {kind: n for kind, n in of_kind.items() if n}
        assert results.total == len(french | shown)
        if not cases:
            languages = Counter(world.articles[n].language for n in kept)
            assert counts(results.facets.languages) == dict(languages)
        of_products = Counter(world.tickets[n].product for n in cases)
        of_products += Counter(
            world.articles[n].product for n in pages if world.articles[n].language == "fr"
        )
        named = {PRODUCTS[p]: count for p, count in of_products.items() if p is not None}
        told = counts(results.facets.products)
        assert all(count <= named.get(name, 0) for name, count in told.items())
        if is_complete:
            assert found >= french | numbers
            shown_too = len(english) if len(french) < answer.FEW else 0
            assert len(found & english) == min(answer.MOST_OTHER_LANGUAGE, shown_too)
            assert told == named or product == 0

    mine = {CANARIES[n] for n in pages} | {CANARIES[MOST_ARTICLES + n] for n in cases}
    own_notes = {NOTES[n] for n in cases} if viewer.sees_all_tickets else set()
    things = len(world.articles), len(world.tickets)
    all_words = [*CANARIES[: things[0]], *CANARIES[MOST_ARTICLES : MOST_ARTICLES + things[1]]]
    for word in [*all_words, *NOTES[: things[1]]]:
        is_mine = word in mine | own_notes
        for asked in (f"{word} ", word[:-2], misspelt(word)):
            results = site.ask(viewer, asked)
            if not is_mine:
                assert (results.total, results.hits, results.other_language) == (0, (), ()), asked
                assert word not in repr(results), asked
        if is_mine and is_complete:
            results = site.ask(viewer, f"{word} ")
            assert results.hits or results.other_language, word
    similar = site.search.similar(viewer, subject=SHARED)
    assert {hit.id for hit in similar} <= {str(n + 1) for n in cases}
    assert viewer.is_agent or not similar


INDEX = Path("index")


def everything_is_asked_by_everybody(
    world: World, empty_database: Path, index: Path | str = INDEX
) -> None:
    """R-C3: what is seen is exactly what may be seen, and no more before the index knows."""
    with made(world, empty_database, index) as site:
        check(site, is_complete=True)
        site.move_on()
        check(site, is_complete=False)
        follow(site.settings, site.db)
        check(site, is_complete=True)


HIDDEN = [f"{SHARED} {word}" for word in (*CANARIES[10:], "zanzibarois", SHARED, SHARED)]
ASKED = [SHARED, "zanz", "zanzibra ", *(misspelt(w) for w in CANARIES), *(w[:5] for w in CANARIES)]
ASKED += [f"{SHARED} {CANARIES[5]} {CANARIES[6]}", "zanzibarois "]


def hidden_tickets_move_nothing(
    world: World, empty_database: Path, index: Path | str = INDEX
) -> None:
    """R-C4: what a viewer gets is the same with and without tickets he may not see."""
    with made(world, empty_database, index) as site:
        customers = [viewer for who, viewer in site.viewers() if who and who.role != "agent"]

        def answers() -> list[Results]:
            return [site.ask(viewer, text) for viewer in customers for text in ASKED]

        before = answers()
        for number, subject in enumerate(HIDDEN, 100):
            record = {
                "number": number,
                "subject": subject,
                "description": SHARED * (number % 3),
                "status": "solved",
                "created_at": f"2026-02-{number - 99:02}",
                "product": PRODUCTS[1 + number % 2],  # not the one that somebody is limited to
            }
            importing.take_in(site.db, [Line(1, 0, record)], Report())
        assert answers() == before
        follow(site.settings, site.db)
        assert answers() == before


Property = Callable[[World, Path], None]


def tried(check_one: Property, empty_database: Path, examples: int) -> None:
    """Hold a property to worlds made at random."""

    @given(worlds())
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # a world is small, and too slow to make for shrinking it
        report_multiple_bugs=False,
        derandomize=TIMES == 1,
    )
    def run(world: World) -> None:
        check_one(world, empty_database)

    run()


def test_everybody_sees_what_is_theirs_and_nothing_else(empty_database: Path):
    tried(everything_is_asked_by_everybody, empty_database, EXAMPLES)


def test_tickets_one_may_not_see_move_nothing_in_what_one_gets(empty_database: Path):
    tried(hidden_tickets_move_nothing, empty_database, EXAMPLES)


def test_everybody_sees_what_is_theirs_and_nothing_else_in_a_cluster(empty_database: Path):
    everything = partial(everything_is_asked_by_everybody, index=opensearch.address())
    tried(everything, empty_database, EXAMPLES_OF_CLUSTER)


def test_tickets_one_may_not_see_move_nothing_in_a_cluster(empty_database: Path):
    moved = partial(hidden_tickets_move_nothing, index=opensearch.address())
    tried(moved, empty_database, EXAMPLES_OF_CLUSTER)


def without_readers_of_articles(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ArticleIndex, "seen_by", lambda self, principals: ())


def without_readers_of_tickets(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(TicketIndex, "seen_by", lambda self, principals: ())


def counting_products_of_all(patch: pytest.MonkeyPatch) -> None:
    search = ArticleIndex.search

    def careless(self: ArticleIndex, lookup: PageLookup) -> PageHits:
        of_all = search(self, replace(lookup, principals=("agents",)))
        return replace(search(self, lookup), products=of_all.products)

    patch.setattr(ArticleIndex, "search", careless)


def confirming_everything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tickets, "visible_numbers", lambda db, viewer, numbers: set(numbers))


def ranking_by_what_all_tickets_say(patch: pytest.MonkeyPatch) -> None:
    word = ticket_plan._word
    patch.setattr(
        ticket_plan,
        "_word",
        lambda stem, language, reads_all, weight=1.0: word(stem, language, True, weight),
    )


@pytest.mark.parametrize(
    "mutate, property_",
    [
        (without_readers_of_articles, everything_is_asked_by_everybody),
        (without_readers_of_tickets, everything_is_asked_by_everybody),
        (counting_products_of_all, everything_is_asked_by_everybody),
        (confirming_everything, everything_is_asked_by_everybody),
        (ranking_by_what_all_tickets_say, hidden_tickets_move_nothing),
    ],
)
def test_each_way_to_get_it_wrong_is_caught(
    monkeypatch: pytest.MonkeyPatch,
    empty_database: Path,
    mutate: Callable[[pytest.MonkeyPatch], None],
    property_: Property,
):
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        tried(property_, empty_database, EXAMPLES)
