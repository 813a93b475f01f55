"""The sitemap and the Atom feeds: what a stranger may read on a public site, and one's own news."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import articles
from kbsearch.access import ANONYMOUS
from kbsearch.articles import Card, feed_addresses, news
from kbsearch.articles.news import ArticleNews
from kbsearch.clock import now
from kbsearch.errors import NotFound
from kbsearch.people import viewers
from kbsearch.web.render import db, language, site, spoken_language, text_of

FEED_LENGTH = 30
LONGEST_NAME = 300  # characters of a category or a product
SITEMAP_LENGTH = 50_000  # of the protocol
ATOM = "application/atom+xml"

bp = Blueprint("feeds", __name__)


@dataclass(frozen=True)
class FeedEntry:
    """An article in a feed."""

    id: str
    title: str
    url: str
    updated_at: str
    summary: str


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
    address = site().settings.whole(f"/feed.{language()}.atom{f'?{query}' if query else ''}")
    entries = [
        FeedEntry(url_of(card), card.title, url_of(card), card.updated_at, card.summary)
        for card in cards
    ]
    about = " ".join(filter(None, chosen.values()))
    return feed(entries, id=address, address=address, about=about)


@bp.get("/feed/<any(fr, en):lang>/<token>.atom")
def followed(token: str) -> Response:
    """The news of what somebody follows, for whoever has its address: no reader of feeds signs in.

    Whatever is wrong with an address, the answer is the same to the byte.
    """
    email = feed_addresses.email_of(db(), token)
    if not email or language() not in site().settings.languages:
        answer = Response("404\n", 404, content_type="text/plain; charset=utf-8")
    else:
        lines = news.list_followed(db(), viewers.find(db(), email), FEED_LENGTH)
        answer = feed(
            [entry_of(one, card) for one, card in lines],
            id=site().settings.url("account/following", language()),
            about=spoken_language().translate("What I follow"),
        )
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


def entry_of(one: ArticleNews, card: Card) -> FeedEntry:
    """A piece of news: what its commits say to readers, or where the change is."""
    _, url = spoken_language().translate, url_of(card)
    said = one.note or ", ".join(one.sections)
    summary = _("New article") if one.is_new else _("Changed article")
    if said:
        summary = _("%(label)s: %(what)s", label=summary, what=said)
    return FeedEntry(f"{url}#news-{one.id}", card.title, url, one.at, summary)


def url_of(card: Card) -> str:
    return site().settings.url(f"articles/{card.slug}", card.language)


def only_public() -> None:
    if not site().settings.is_public:
        raise NotFound("web.not_found")


def feed(entries: Sequence[FeedEntry], *, id: str, about: str, address: str = "") -> Response:
    """An Atom feed; it says its `address` unless that is a secret."""
    return xml(
        "feeds/atom.xml",
        ATOM,
        entries=entries,
        updated=max((entry.updated_at for entry in entries), default=now()),
        id=id,
        address=address,
        about=about,
    )


def xml(template: str, media_type: str, **context: object) -> Response:
    base_url = site().settings.base_url.rstrip("/")
    body = text_of(template, base_url=base_url, **context)
    return Response(body, content_type=f"{media_type}; charset=utf-8")
