"""What an assistant can do: read what its person reads, and prepare what its person then sends.

Nothing here sends or changes anything: a reply and a request become drafts, which a person opens,
reads and sends. What people wrote is handed over as data.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kbsearch import articles, tickets
from kbsearch.access import Viewer, only_agents
from kbsearch.config import LANGUAGES, Settings
from kbsearch.database import Database, new_id
from kbsearch.errors import Forbidden, NotFound
from kbsearch.search import Hit, Question
from kbsearch.search.ranking import Search
from kbsearch.text.markup.retold import retold
from kbsearch.tickets import lists, records
from kbsearch.tickets.codes import SEVERITIES
from kbsearch.tickets.filing import drafts, form
from kbsearch.tickets.lists import ListFilter
from kbsearch.web.api import fields
from kbsearch.web.api.fields import Choice, Field, Text, Values, Whole

MOST_HITS = 20
_MARKS = re.compile("</?mark>")


@dataclass(frozen=True)
class Bench:
    """What the tools work with: the site, whom they act for, and what narrows them."""

    settings: Settings
    db: Database
    search: Search
    viewer: Viewer
    may_write: bool = False
    only_search: bool = False
    product: str | None = None

    def check_product(self, slug: str | None) -> None:
        """Of other products than its own, a token that was narrowed finds nothing."""
        if self.product is not None and slug != self.product:
            raise NotFound("web.not_found")


Act = Callable[[Bench, Values], Mapping[str, Any]]


@dataclass(frozen=True)
class Tool:
    """Something an assistant may ask for."""

    name: str
    about: str
    takes: Mapping[str, Field]
    act: Act
    drafts: bool = False  # it keeps a draft

    def call(self, bench: Bench, arguments: object) -> Mapping[str, Any]:
        """Do it; raises Problem, InvalidForm with what is wrong in each argument."""
        if self.drafts and not bench.may_write:
            raise Forbidden("token.only_reads")
        if bench.only_search and self.name != "search_help":
            raise Forbidden("token.only_searches")
        return self.act(bench, fields.read_body(self.takes, arguments))

    @property
    def described(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "description": self.about,
            "inputSchema": fields.body_schema(self.takes),
            "annotations": {
                "readOnlyHint": not self.drafts,
                "destructiveHint": False,
                "openWorldHint": False,
            },
        }


def _search_help(bench: Bench, arguments: Values) -> dict[str, Any]:
    question = Question(
        arguments["query"],
        language=arguments.get("language", bench.settings.languages[0]),
        kind="article",
        product=bench.product,
        limit=arguments.get("limit", 5),
    )
    hits = bench.search.ask(bench.viewer, question).hits
    return {"results": [_result(bench, hit) for hit in hits if _reaches(bench, hit)]}


def _read_article(bench: Bench, arguments: Values) -> dict[str, Any]:
    article = articles.find(bench.db, bench.viewer, arguments["language"], arguments["slug"])
    if bench.product not in article.products:
        bench.check_product(None)
    url = bench.settings.url(f"articles/{article.slug}", article.language)
    return {"title": article.title, "url": url, "markdown": retold(article.html, url)}


def _similar_cases(bench: Bench, arguments: Values) -> dict[str, Any]:
    only_agents(bench.viewer)
    bench.check_product(None)
    hits = bench.search.similar(
        bench.viewer,
        number=arguments.get("number"),
        subject=arguments.get("subject", ""),
        description=arguments.get("description", ""),
        language=bench.settings.languages[0],
    )
    return {"cases": [{**_result(bench, hit), "reasons": list(hit.reasons)} for hit in hits]}


def _read_request(bench: Bench, arguments: Values) -> dict[str, Any]:
    ticket = tickets.find_number(bench.db, bench.viewer, arguments["number"])
    bench.check_product(ticket.product)
    (record,) = records.read(bench.db, bench.viewer, [ticket.id])
    return {"request": {**record, "url": bench.settings.url(f"requests/{ticket.id}")}}


def _list_my_requests(bench: Bench, arguments: Values) -> dict[str, Any]:
    mine = ListFilter(scope="mine", product=bench.product or "")
    ids = lists.ids_before(bench.db, bench.viewer, mine, fields.LARGEST, arguments.get("limit", 10))
    return {"requests": records.heads(bench.db, bench.viewer, ids)}


def _draft_reply(bench: Bench, arguments: Values) -> dict[str, Any]:
    ticket = tickets.find_number(bench.db, bench.viewer, arguments["number"])
    bench.check_product(ticket.product)
    key = new_id()
    drafts.save(bench.db, bench.viewer, key, {"body": arguments["body"]}, ticket=ticket)
    return _drafted(bench.settings.url(f"requests/{ticket.id}?draft={key}"))


def _file_request(bench: Bench, arguments: Values) -> dict[str, Any]:
    product = arguments.get("product", "")
    bench.check_product(product or None)
    key = new_id()
    texts = {
        "subject": arguments["subject"],
        "description": arguments["description"],
        "software": product,
        "severity": arguments.get("severity", ""),
    }
    drafts.save(bench.db, bench.viewer, key, texts)
    return _drafted(bench.settings.url(f"requests/new?draft={key}"))


def _drafted(url: str) -> dict[str, Any]:
    return {"sent": False, "url": url, "next": "Nothing is sent: a person opens url and sends it."}


def _result(bench: Bench, hit: Hit) -> dict[str, Any]:
    return {
        "id": hit.id,
        "title": hit.title,
        "section": hit.section,
        "excerpt": _MARKS.sub("", hit.snippet),
        "url": bench.settings.base_url.rstrip("/") + hit.url,
    }


def _reaches(bench: Bench, hit: Hit) -> bool:
    return bench.product is None or bench.product in hit.products


_NUMBER = Whole(required=True)
TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "search_help",
            "Search the articles of the help centre.",
            {
                "query": Text(1_000, shortest=1, required=True),
                "language": Choice(LANGUAGES),
                "limit": Whole(1, MOST_HITS),
            },
            _search_help,
        ),
        Tool(
            "read_article",
            "Read an article, by the language and the last part of its address.",
            {
                "language": Choice(LANGUAGES, required=True),
                "slug": Text(200, shortest=1, required=True),
            },
            _read_article,
        ),
        Tool(
            "similar_cases",
            "Solved requests like one, or like a text. For support agents.",
            {
                "number": Whole(),
                "subject": Text(form.MAX_SUBJECT),
                "description": Text(form.MAX_BODY),
            },
            _similar_cases,
        ),
        Tool(
            "read_request",
            "Read a request with its conversation, as its person may read it.",
            {"number": _NUMBER},
            _read_request,
        ),
        Tool(
            "list_my_requests",
            "The person's own requests, the newest first.",
            {"limit": Whole(1, 50)},
            _list_my_requests,
        ),
        Tool(
            "draft_reply",
            "Prepare a reply to a request. It is a draft: the person reads and sends it.",
            {"number": _NUMBER, "body": Text(form.MAX_BODY, shortest=1, required=True)},
            _draft_reply,
            drafts=True,
        ),
        Tool(
            "file_request",
            "Prepare a request to the support team. It is a draft: the person sends it.",
            {
                "subject": Text(form.MAX_SUBJECT, shortest=1, required=True),
                "description": Text(form.MAX_BODY, shortest=1, required=True),
                "product": Text(80),
                "severity": Choice(SEVERITIES),
            },
            _file_request,
            drafts=True,
        ),
    )
}
