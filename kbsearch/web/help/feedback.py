"""Below an article: whether it helped, and why not; what the staff reads of it."""

from urllib.parse import urlencode

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import access, articles, i18n, limits
from kbsearch.articles import Article
from kbsearch.errors import Invalid, NotFound, Problem, TooMany
from kbsearch.search.learning import visits as analytics
from kbsearch.search.learning import votes
from kbsearch.search.learning.votes import VoteFields
from kbsearch.web.account import tokens
from kbsearch.web.help import pages, visits
from kbsearch.web.render import db, go_to, language, person, render, viewer, wants_fragment

ANSWERS = {"yes": True, "no": False}

bp = Blueprint("feedback", __name__)


@bp.post("/articles/<slug>/feedback")
def vote(slug: str) -> Response:
    """Say that an article helped or not, why not, or with no answer take it back."""
    article = find(slug)
    fields = request.form
    visit = analytics.visit(db(), viewer(), tokens.held(tokens.VISIT), network=visits.network())
    try:
        charge()
        helped = ANSWERS.get(fields.get("helped", ""))
        if helped is None:
            votes.take_back(db(), viewer(), visit, article)
        else:
            votes.give(
                db(),
                viewer(),
                visit,
                article,
                VoteFields(
                    helped=helped, reason=fields.get("reason", ""), words=fields.get("words", "")
                ),
            )
    except (Invalid, TooMany) as problem:
        return refused(article, problem)
    response = below(article, visit) if wants_fragment() else go_to(f"{address(article)}#feedback")
    visits.remember(response, visit)
    return response


@bp.get("/desk/feedback")
def index() -> Response:
    access.only_staff(person())
    return render("writing/feedback.html", found=votes.list_articles(db(), viewer()))


@bp.get("/desk/articles/<tongue>/<slug>/feedback")
def show(tongue: str, slug: str) -> Response:
    """All that was said of an article, edition by edition."""
    access.only_staff(person(), "article.not_found")
    article = articles.find(db(), viewer(), tongue, slug)
    editions = votes.list_editions(db(), viewer(), article)
    return render("writing/article_feedback.html", article=article, editions=editions)


def find(slug: str) -> Article:
    """The article of that name, in the language of the address or in another."""
    try:
        return articles.find(db(), viewer(), language(), slug)
    except NotFound:
        article = pages.elsewhere(slug)
        if article is None:
            raise
        return article


def charge() -> None:
    """Count a vote against whoever gives it; guests of one network share a limit."""
    person_id = viewer().person_id
    if person_id is None:
        limits.take(db(), limits.VOTES_FROM_NETWORK, limits.network(request.remote_addr))
    else:
        limits.take(db(), limits.VOTES_OF_PERSON, person_id)


def below(article: Article, visit: str | None, wrong: str = "") -> Response:
    """The question with the answer that was given, or with what is wrong with it."""
    return render(
        "help/article.html",
        "help/_feedback.html",
        article=article,
        vote=votes.mine(db(), viewer(), visit, article),
        sent=request.form if wrong else None,
        wrong=wrong,
        searched=pages.searched(),
    )


def refused(article: Article, problem: Problem) -> Response:
    """The same, or the article again, with all that was typed."""
    wrong = i18n.explain(problem, language())
    if wants_fragment():
        response = below(article, tokens.held(tokens.VISIT), wrong)
        response.status_code = Invalid.status  # htmx shows no other refusal
    else:
        response = pages.show(article, wrong)
        response.status_code = problem.status
    return response


def address(article: Article) -> str:
    """The article's page, with the words marked that were."""
    marks = pages.searched()
    marked = f"?{urlencode({'h': marks})}" if marks else ""
    return f"/{language()}/articles/{article.slug}{marked}"
