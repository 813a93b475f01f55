"""What the frame of the widget shows: its page, results and articles."""

from flask import request
from werkzeug.wrappers import Response

from kbsearch import articles
from kbsearch.search import Question
from kbsearch.web.help import results
from kbsearch.web.help.results import MAX_TEXT, SearchAddress
from kbsearch.web.render import db, language, render, site, spoken_language, viewer
from kbsearch.web.security import CONTENT_SECURITY_POLICY

HITS = 6
FRAME_POLICY = CONTENT_SECURITY_POLICY.replace("img-src 'self'", "img-src 'self' blob:")


def shell() -> Response:
    """The page of the frame, for the pages of `widget_origins` and no others."""
    origins = " ".join(site().settings.widget_origins)
    response = render("widget/shell.html", origins=origins)
    policy = FRAME_POLICY.replace("frame-ancestors 'none'", f"frame-ancestors {origins}")
    response.headers["Content-Security-Policy"] = policy
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Cross-Origin-Embedder-Policy"] = "require-corp"
    return response


def search() -> Response:
    """The articles that the search box finds, best first, below what is announced of the words."""
    address = SearchAddress(language(), request.args.get("q", "")[:MAX_TEXT], kind="article")
    if not address.text.strip():
        return render("widget/results.html", lines=None, total=0, announced=())
    question = Question(address.text, language=language(), kind="article", limit=HITS)
    answer = site().search.ask(viewer(), question)
    hits = answer.hits + answer.other_language
    lines = results.lines(address, hits[:HITS], spoken_language())
    announced = site().announced(viewer(), address.text)
    return render("widget/results.html", lines=lines, total=len(lines), announced=announced)


def article(language: str, slug: str) -> Response:
    """An article, without what stands around it on its page."""
    return render("widget/article.html", article=articles.find(db(), viewer(), language, slug))
