"""The sitemap and the Atom feeds: articles a stranger may read, on a public site only."""

from urllib.parse import urlencode

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import articles
from kbsearch.access import ANONYMOUS
from kbsearch.clock import now
from kbsearch.errors import NotFound
from kbsearch.web.render import db, language, site, text_of

FEED_LENGTH = 30
LONGEST_NAME = 300  # characters of a category or a product
SITEMAP_LENGTH = 50_000  # of the protocol

bp = Blueprint("feeds", __name__)


@bp.get("/sitemap.xml")
def sitemap() -> Response:
    only_public()
    cards = [
        article
        for tongue in site().settings.languages
        for article in articles.list_recent(db(), ANONYMOUS, tongue, SITEMAP_LENGTH)
    ]
    return xml("feeds/sitemap.xml", "application/xml", articles=cards[:SITEMAP_LENGTH])


@bp.get("/feed.<any(fr, en):lang>.atom")
def atom() -> Response:
    """What changed last: of all, of `category` or of `product`; one with nothing is not there."""
    only_public()
    if language() not in site().settings.languages:
        raise NotFound("web.not_found")
    chosen = {name: request.args.get(name, "")[:LONGEST_NAME] for name in ("category", "product")}
    cards = articles.list_recent(db(), ANONYMOUS, language(), FEED_LENGTH, **chosen)
    if any(chosen.values()) and not cards:
        raise NotFound("web.not_found")
    query = urlencode({name: value for name, value in chosen.items() if value})
    return xml(
        "feeds/atom.xml",
        "application/atom+xml",
        articles=cards,
        updated=max((article.updated_at for article in cards), default=now()),
        query=f"?{query}" if query else "",
        about=" ".join(filter(None, chosen.values())),
    )


def only_public() -> None:
    if not site().settings.is_public:
        raise NotFound("web.not_found")


def xml(template: str, media_type: str, **context: object) -> Response:
    base_url = site().settings.base_url.rstrip("/")
    body = text_of(template, base_url=base_url, **context)
    return Response(body, content_type=f"{media_type}; charset=utf-8")
