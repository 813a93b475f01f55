"""The one ranking, and past cases like a request."""

from kbsearch.access import only_agents
from kbsearch.config import LANGUAGES
from kbsearch.search import Question, Results
from kbsearch.web.api import shapes
from kbsearch.web.api.door import caller, check_product, only_unnarrowed, token
from kbsearch.web.api.fields import Choice, Text, Values, Whole
from kbsearch.web.api.operations import ApiAnswer, Operation, offer
from kbsearch.web.help.results import MAX_TEXT
from kbsearch.web.render import language, site

LIMIT = Whole(1, 100)
MAX_SLUG = 80
SIMILAR = 5  # cases, where no number is asked for


@offer(
    Operation(
        "GET",
        "/search",
        shapes.HITS,
        query={
            "q": Text(MAX_TEXT, required=True),
            "kind": Choice(("article", "ticket")),
            "lang": Choice(LANGUAGES),
            "product": Text(MAX_SLUG),
            "limit": LIMIT,
        },
        searches=True,
    )
)
def search(arguments: Values) -> ApiAnswer:
    """What the search box finds, best first"""
    product = arguments.get("product") or token().product
    check_product(product)
    question = Question(
        arguments["q"],
        language=arguments.get("lang", language()),
        kind=arguments.get("kind"),
        product=product,
        limit=arguments.get("limit", 10),
    )
    results = site().search.ask(caller(), question)
    narrowed = token().product
    if narrowed:  # a number and an exact code are found whatever the product
        hits = tuple(hit for hit in results.hits if narrowed in hit.products)
        results = Results(hits, len(hits), results.took_ms, fallback=results.fallback)
    return ApiAnswer(results.public())


@offer(
    Operation(
        "GET",
        "/similar",
        shapes.HITS,
        query={"number": Whole(required=True), "lang": Choice(LANGUAGES), "limit": LIMIT},
        searches=True,
    )
)
def list_similar(arguments: Values) -> ApiAnswer:
    """Solved tickets like one; for agents"""
    return _similar(arguments, number=arguments["number"])


@offer(
    Operation(
        "POST",
        "/similar",
        shapes.HITS,
        body={
            "subject": Text(300, required=True),
            "description": Text(64_000),
            "lang": Choice(LANGUAGES),
            "limit": LIMIT,
        },
        reads=True,
        searches=True,
    )
)
def find_similar(arguments: Values) -> ApiAnswer:
    """Solved tickets like a text; for agents"""
    return _similar(arguments)


def _similar(arguments: Values, number: int | None = None) -> ApiAnswer:
    only_agents(caller())
    only_unnarrowed()
    hits = site().search.similar(
        caller(),
        number=number,
        subject=arguments.get("subject", ""),
        description=arguments.get("description", ""),
        language=arguments.get("lang", language()),
        limit=arguments.get("limit", SIMILAR),
    )
    return ApiAnswer({**Results(hits, len(hits)).public(), "took_ms": None})
