"""One plan, the same answer: every engine runs what the nouns ask for, with the same scores."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from kbsearch.search.fulltext import engine, memory_engine, places
from kbsearch.search.fulltext.article_index import ArticleIndex, PageLookup
from kbsearch.search.fulltext.article_writer import fields, write
from kbsearch.search.fulltext.documents import Page
from kbsearch.search.fulltext.memory_engine import MemoryIndex
from kbsearch.search.fulltext.plan import (
    AtLeast,
    Clause,
    Constant,
    IndexBusy,
    IndexField,
    OneOf,
    Plan,
    QueryTerm,
    RemoteIndex,
    SearchIndex,
    all_of,
    any_of,
    narrowed,
    phrase,
    raised,
)
from kbsearch.search.fulltext.query import understand
from kbsearch.text.markup.outline import Passage
from tests.kit import opensearch

FIELDS = (
    IndexField("id", "raw", is_stored=True),
    IndexField("t", "stem_fr", "freq"),
    IndexField("all", "stem_fr", "position"),
    IndexField("x", "surface", "freq"),
    IndexField("code", "whole"),
    IndexField("readers", "raw"),
    IndexField("product", "raw", is_counted=True),
    IndexField("day", "number", is_counted=True),
    IndexField("body", "bytes", is_stored=True),
)
TEXTS = (
    "La sauvegarde de la base est en panne",
    "Restaurer une base : la base revient, la sauvegarde reste",
    "Imprimer une étiquette en double",
    "La base et la panne d’imprimante " + "et encore une ligne de journal " * 30,
    "Sauvegarder, restaurer, imprimer",
    "Étiquettes",
)
PAGES = [
    Page(
        path=f"fr/aide/p{number}",
        slug=f"p{number}",
        language="fr",
        title=" ".join(text.split()[:4]),
        summary="",
        passages=(Passage("", "", text), Passage("ERR-1042", "err-1042", "Relancez le service.")),
        phrases=("bourrage",) if number == 2 else (),
        products=("alpha",) if number % 2 else ("beta",),
        version="",
        readers=("everyone",) if number != 4 else ("agents",),
        updated_at="2026-01-31T09:00:00Z",
    )
    for number, text in enumerate(TEXTS)
]

Create = Callable[[tuple[IndexField, ...]], SearchIndex]


def in_cluster(fields: tuple[IndexField, ...]) -> SearchIndex:
    place = RemoteIndex(opensearch.address(), "tests")
    return places.opened_or_created(place, fields)


ENGINES: dict[str, Create] = {
    "tantivy": lambda fields: engine.create(None, fields),
    "memory": MemoryIndex,
    "opensearch": in_cluster,
}


@pytest.fixture(params=ENGINES, scope="module")
def create(request: pytest.FixtureRequest) -> Create:
    return ENGINES[request.param]


def filled(create: Create) -> SearchIndex:
    index = create(FIELDS)
    writer = index.writer(15_000_000)
    for number, text in enumerate(TEXTS):
        writer.add(
            {
                "id": str(number),
                "t": " ".join(text.split()[:3]),
                "all": text,
                "x": text,
                "code": f"err{number} err1042" if number < 3 else "err1042",
                "readers": ["everyone", "agents"] if number % 2 else ["agents"],
                "product": "alpha" if number < 3 else "beta",
                "day": 9_000 + number * 300,
                "body": text.encode(),
            }
        )
    writer.commit()
    writer.close()
    return index


@pytest.fixture(scope="module")
def index(create: Create) -> SearchIndex:
    return filled(create)


def ids(index: SearchIndex, plan: Plan) -> list[str]:
    view = index.view()
    return [view.text(address, "id") for _, address in view.ask(plan).hits]


BASE, BACKUP = QueryTerm("all", "bas"), QueryTerm("all", "sauvegard")
CLAUSES: dict[str, Clause] = {
    "a word": BASE,
    "a word in titles, boosted": QueryTerm("t", "bas", 2.5),
    "where only its presence is kept": QueryTerm("code", "err1042"),
    "any word": any_of([BASE, BACKUP, QueryTerm("x", "double", 0.2)]),
    "nothing": any_of([]),
    "every word": all_of([BASE, BACKUP]),
    "a phrase": phrase("all", ["sauvegard", None, None, "bas"]),
    "a phrase of one word": phrase("all", [None, "bas"]),
    "a phrase of stop words": phrase("all", [None, None]),
    "a constant": Constant(any_of([BASE, BACKUP]), 3.0),
    "raised": raised(BASE, [BACKUP, Constant(QueryTerm("product", "alpha"), 0.05)]),
    "narrowed": narrowed(BASE, [QueryTerm("product", "beta")], [QueryTerm("x", "restaurer")]),
    "one of two": OneOf("id", ("1", "4")),
    "one of many": Constant(OneOf("id", tuple(map(str, range(12)))), 1.0),
    "one of none": OneOf("id", ()),
    "recent": Constant(AtLeast("day", 9_900), 1.0),
}


@pytest.fixture(scope="module")
def in_memory() -> SearchIndex:
    return filled(MemoryIndex)


@pytest.mark.parametrize("name", CLAUSES)
def test_engines_match_the_same_and_score_the_same(
    name: str, index: SearchIndex, in_memory: SearchIndex
):
    answers = []
    for view in (in_memory.view(), index.view()):
        answer = view.ask(Plan(CLAUSES[name], 10))
        scores = [
            (view.text(address, "id"), pytest.approx(score, rel=1e-4))
            for score, address in answer.hits
        ]
        answers.append((answer.total, scores))
    assert answers[0] == answers[1]
    assert answers[0][0] == len(answers[0][1])


def test_a_filter_hides_and_narrowing_leaves_the_other_choices(index: SearchIndex):
    plan = Plan(QueryTerm("code", "err1042"), 10, facets=("product",))
    assert index.view().ask(plan).facets == {"product": {"alpha": 3, "beta": 3}}
    readable = replace(plan, filters=(OneOf("readers", ("everyone",)),))
    assert sorted(ids(index, readable)) == ["1", "3", "5"]
    of_beta = replace(readable, narrowing=(QueryTerm("product", "beta"),))
    answer = index.view().ask(of_beta)
    assert (answer.total, answer.facets) == (2, {"product": {"alpha": 1, "beta": 2}})


def test_a_stretch_begins_where_the_one_before_ended(index: SearchIndex):
    plan = Plan(any_of([BASE, BACKUP, QueryTerm("x", "imprimer")]), 10)
    every = ids(index, plan)
    stretches = [ids(index, replace(plan, limit=2, offset=after)) for after in (0, 2, 4)]
    assert [hit for stretch in stretches for hit in stretch] == every


def test_numbers_put_in_order_and_weigh(index: SearchIndex):
    assert ids(index, Plan(QueryTerm("code", "err1042"), 3, ordered_by="day")) == ["5", "4", "3"]
    constant = Constant(QueryTerm("code", "err1042"), 1.0)
    newest = index.view().ask(Plan(constant, 2, weighted_by="day"))
    assert [score for score, _ in newest.hits] == pytest.approx([13.3575, 13.3162], rel=1e-4)
    addresses = [address for _, address in newest.hits]
    assert index.view().numbers("day", addresses) == [10_500, 10_200]


def test_the_terms_of_a_field_are_known(index: SearchIndex):
    view = index.view()
    assert (view.frequency("all", "bas"), view.frequency("all", "zanzibar")) == (3, 0)
    assert view.begun_by("code", "err", 2) == [("err1042", 6), ("err0", 1)]
    assert view.begun_by("x", "sauv", 9) == [("sauvegarde", 2), ("sauvegarder", 1)]
    assert view.begun_by("x", "sauv", 9, OneOf("id", ("4",))) == [("sauvegarder", 1)]


def test_a_match_is_explained(index: SearchIndex):
    view = index.view()
    clause = any_of([BASE, QueryTerm("x", "double"), Constant(QueryTerm("code", "err0"), 7.0)])
    (score, address), *_ = view.ask(Plan(clause, 1)).hits
    assert view.data(address, "body") == TEXTS[0].encode()
    shares = {(share.field, share.term): share.points for share in view.shares(clause, address)}
    assert shares == {("all", "bas"): pytest.approx(score - 7.0, rel=1e-4)}
    assert view.matches(BASE, address) and not view.matches(QueryTerm("x", "double"), address)


def test_a_commit_shows_whole_and_there_is_one_writer(create: Create):
    index = filled(create)
    before = index.view()
    writer = index.writer(15_000_000)
    with pytest.raises(IndexBusy):
        index.writer(15_000_000)
    writer.remove("id", "1")
    writer.rollback()
    writer.remove("id", "0")
    writer.add({"id": "0", "all": "Le zanzibar", "day": 1, "body": b""})
    assert index.view() is before and before.size == len(TEXTS)
    writer.commit()
    writer.close()
    after = index.view()
    assert after is not before and after is index.view() and before.size == len(TEXTS)
    assert ids(index, Plan(QueryTerm("all", "zanzibar"), 5)) == ["0"]
    assert after.ask(Plan(BACKUP, 5)).total == 2
    index.writer(15_000_000).close()


@pytest.fixture(scope="module")
def articles(create: Create) -> list[ArticleIndex]:
    """In memory, and where they are compared with it."""
    indexes = [MemoryIndex(fields("fr")), create(fields("fr"))]
    for index in indexes:
        write(index, PAGES)
    return [ArticleIndex(index.view(), "fr") for index in indexes]


@pytest.mark.parametrize(
    "text",
    ["panne de la base", "err-1042 restaurer", "restau", "bourrage", "imprimer -restaurer"],
)
def test_articles_are_ranked_alike(text: str, articles: list[ArticleIndex]):
    # Which length a field has in the mean, a cluster tells from the documents that have it: of
    # phrases, one.
    is_rough = text == "bourrage" and articles[1].view.is_remote
    ranked = []
    for index in articles:
        answer = index.search(PageLookup(understand(text), ("everyone",), 10, explain=True))
        scores = [
            (hit.path, pytest.approx(0 if is_rough else hit.score, rel=1e-4)) for hit in answer.hits
        ]
        ranked.append((answer.total, answer.products, scores))
    assert ranked[0] == ranked[1]
    assert ranked[0][0] and "fr/aide/p4" not in dict(ranked[0][2])


def test_lengths_are_kept_in_one_byte():
    assert [memory_engine.rounded(n) for n in (3, 39, 41, 57, 100, 1_000)] == [
        3,
        39,
        40,
        56,
        96,
        984,
    ]
