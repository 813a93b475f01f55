"""Home, search and articles."""

import re
from contextlib import suppress
from urllib.parse import quote

from flask import Blueprint, redirect, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from kbsearch import articles
from kbsearch.articles import Article, Card, categories, former_addresses, lags, versions
from kbsearch.errors import NotFound
from kbsearch.files import types
from kbsearch.search import Kind, Question, Results
from kbsearch.search.learning import votes
from kbsearch.tickets.desk import finding
from kbsearch.web import numbers
from kbsearch.web.account import following, tokens
from kbsearch.web.help import browsing, lessons, metadata
from kbsearch.web.help.highlight import highlight
from kbsearch.web.help.results import (
    LONGEST_ANSWER,
    MAX_PAGE,
    MAX_TEXT,
    PAGE_LENGTH,
    SearchAddress,
    filters,
    last_page,
    lines,
    numbered_request,
)
from kbsearch.web.help.sections import answer_of, section
from kbsearch.web.render import (
    db,
    hidden_or_missing,
    language,
    leaving_what_was_shown,
    render,
    site,
    spoken_language,
    viewer,
)
from kbsearch.web.tickets import filing

RELATED = 4
MOST_NAMED = 3  # of each kind, in the palette
WORDS = 3  # of readers, below an article
WORDS_PER_MINUTE = 200
_TAG = re.compile(r"<[^<>]*>")

bp = Blueprint("root", __name__)
pages = Blueprint("help", __name__)


def read_address(args: dict[str, str]) -> SearchAddress:
    """The search an address asks for; whatever makes no sense in it is left out."""
    kinds: dict[str, Kind] = {"article": "article", "ticket": "ticket"}
    return SearchAddress(
        language(),
        text=args.get("q", "")[:MAX_TEXT],
        kind=kinds.get(args.get("kind", "")),
        product=args.get("product") or None,
        only_language=args["lang"] if args.get("lang") in site().settings.languages else None,
        page=numbers.page(args, MAX_PAGE),
        literal=args.get("literal") == "1",
    )


@bp.get("/")
def root() -> Response:
    response = redirect(f"/{language()}/", 302)
    response.headers["Vary"] = "Cookie, Accept-Language"
    return response


@pages.get("/")
def home() -> Response:
    return render("help/home.html", asked=SearchAddress(language()), **browsing.home())


@pages.get("/search")
def search() -> Response:
    """The results; `palette` asks for them as the palette's list, `open` for the request itself."""
    address = read_address(request.args)
    partial = "help/_palette.html" if "palette" in request.args else "help/_results.html"
    if not address.text.strip():
        return render("help/search.html", partial, asked=address, filing=None, **browsing.home())
    results, spoken = ask(address), spoken_language()
    places = found_by_agents(address.text) if "palette" in request.args else []
    numbered = numbered_request(address, results)
    if numbered and "open" in request.args:  # sent by Enter: nothing else can be meant
        return redirect(numbered, 303)
    response = render(
        "help/search.html",
        partial,
        asked=address,
        results=results,
        lines=lines(address, results.hits, spoken),
        answer=answer(results),
        far_lines=lines(address, results.far, spoken),
        foreign_lines=lines(address, results.other_language, spoken),
        filters=filters(address, results, spoken),
        last=last_page(results),
        filing=filing.offered(address.subject) if not results.total else None,
        places=places,
        announced=site().announced(viewer(), address.text) if address.page == 1 else (),
    )
    return response if "palette" in request.args else leaving_what_was_shown(response)


def answer(results: Results) -> Markup | None:
    """The section that answers, as its page has it, where the first result is the answer."""
    first = results.hits[0] if results.is_answered else None
    if first is None or not 0 < len(first.passage) <= LONGEST_ANSWER:
        return None
    page, _, anchor = first.url.partition("#")
    try:
        article = articles.find(db(), viewer(), first.language, page.rpartition("/")[2])
        html = answer_of(section(article, anchor), page)
    except NotFound:  # another publication went live meanwhile
        return None
    return html if len(html.striptags()) <= LONGEST_ANSWER else None  # with all below its heading


def found_by_agents(text: str) -> list[tuple[str, str, Markup]]:
    """What an agent goes to by its number or name: its address, its name, what it is."""
    if not viewer().is_agent:
        return []
    _, desk = spoken_language().translate, f"/{language()}/desk?view=all"
    places = []
    if ticket := finding.by_number(db(), viewer(), text):
        name = f"#{ticket.number} {ticket.subject}"
        status = spoken_language().staff_status(ticket.status)
        places.append((f"/{language()}/requests/{ticket.id}", name, status))
    named = finding.by_name(db(), viewer(), text, MOST_NAMED)
    for organisation in named.organisations:
        url = f"{desk}&organisation={quote(organisation.slug)}"
        places.append((url, organisation.name, _("Requests of this organisation")))
    for customer in named.customers:
        label = customer.organisations or customer.email
        places.append((f"{desk}&q={quote(customer.email)}", customer.name, Markup.escape(label)))
    for product in named.products:
        url = f"{desk}&product={quote(product.slug)}"
        places.append((url, product.name, _("Requests about this software")))
    return places


def ask(address: SearchAddress) -> Results:
    """The one ranking, for this visitor."""
    question = Question(
        address.text,
        language=language(),
        kind=address.kind,
        product=address.product,
        only_language=address.only_language,
        page=address.page,
        limit=PAGE_LENGTH,
        literal=address.literal,
    )
    return site().search.ask(viewer(), question)


@pages.get("/categories/", defaults={"category": ""})
@pages.get("/categories/<path:category>")
def category(category: str) -> Response:
    """A category: what it says of itself, the categories in it, its articles page by page."""
    return render("help/category.html", **browsing.category_page(category))


@pages.get("/products/<product>")
def product(product: str) -> Response:
    """Every article about a product, by category."""
    return render("help/product.html", **browsing.product_page(product))


@pages.get("/news")
def news() -> Response:
    """What is new or changed, the last first."""
    return render("help/news.html", **browsing.news_page())


@pages.get("/articles/<slug>")
def article(slug: str) -> Response:
    try:
        article = articles.find(db(), viewer(), language(), slug)
    except NotFound:
        return moved(slug)
    return show(article)


def show(article: Article, wrong: str = "") -> Response:
    """An article, the searched words of `?h=` marked; `wrong` is what is with the vote sent."""
    words = searched()
    lag = lags.find(db(), viewer(), article)
    html = lag.html if lag and lag.html else article.html
    html, marks = highlight(html, words) if words else (html, 0)
    is_staff = viewer().is_staff
    translations = articles.translations(db(), viewer(), article)
    trail = categories.of_article(db(), article)
    return render(
        "help/article.html",
        article=article,
        html=html,
        marks=marks,
        minutes=reading_minutes(article),
        translations=translations,
        behind=lag.count if lag else 0,
        versions=versions.list_others(db(), viewer(), article) if article.version else (),
        original=lag.original if lag else changed_original(article, translations),
        trail=trail,
        metadata=metadata.of_article(article, translations, trail),
        neighbours=articles.neighbours(db(), viewer(), article),
        related=articles.related(db(), viewer(), article, RELATED),
        phrases=lessons.of_article(article),
        searched=words,
        vote=votes.mine(db(), viewer(), tokens.held(tokens.VISIT), article),
        sent=request.form if wrong else None,
        wrong=wrong,
        is_published="published" in request.args,
        follow_button=following.button("article", article.path),
        editions=votes.list_editions(db(), viewer(), article, WORDS) if is_staff else (),
    )


def searched() -> str:
    """What was searched before the article was opened."""
    return request.values.get("h", "").strip()[:MAX_TEXT]


def moved(slug: str) -> Response:
    """The way from an old address, or from the other language's, to where the article is."""
    article = articles.find_alias(db(), viewer(), language(), slug)
    there = article or former_addresses.find(db(), viewer(), language(), slug)
    if there is not None:
        return redirect(url_for("help.article", lang=there.language, slug=there.slug), 301)
    article = elsewhere(slug)
    if article is not None:
        return show(article)
    former_addresses.check_gone(db(), viewer(), language(), slug)
    raise hidden_or_missing()


def elsewhere(slug: str) -> Article | None:
    """The article of that name in another language."""
    for tongue in site().settings.languages:
        if tongue != language():
            with suppress(NotFound):
                return articles.find(db(), viewer(), tongue, slug)
    return None


def reading_minutes(article: Article) -> int:
    words = len(_TAG.sub(" ", article.html).split())
    return max(1, round(words / WORDS_PER_MINUTE))


def changed_original(article: Article, translations: tuple[Article, ...]) -> Card | None:
    """The original of a translation that was changed since, as far as its commit tells it."""
    if not article.source_commit:
        return None
    for translation in translations:
        is_original = bool(translation.commit) and not translation.source_commit
        if is_original and not translation.commit.startswith(article.source_commit):
            return translation
    return None


@pages.get("/accessibility")
def accessibility() -> Response:
    return render("help/accessibility.html")


@pages.get("/legal")
def legal() -> Response:
    """The legal notice of the vendor, for everybody, where there is one."""
    if not site().settings.in_language("legal_notice", language()):
        raise NotFound("web.not_found")
    return render("help/legal.html")


@bp.get("/media/<digest>/<name>")
def media(digest: str, name: str) -> Response:
    """An image or a file of an article, for those who may read one that has it."""
    found = articles.find_media(db(), viewer(), digest)
    response = Response(found.body, content_type=found.media_type)
    response.set_etag(digest)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, no-cache"
    if not found.width:
        name = types.clean_name(name)
        response.headers.set("Content-Disposition", "attachment", filename=name)
    return response.make_conditional(request, True, len(found.body))
