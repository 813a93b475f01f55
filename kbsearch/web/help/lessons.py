"""What an article was confirmed for, beside it: seen and forgotten by agents and writers."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import access, articles
from kbsearch.articles import Article
from kbsearch.errors import NotFound
from kbsearch.search.learning import lessons
from kbsearch.search.learning.lessons import LearntPhrase
from kbsearch.web.render import db, go_to, language, person, viewer

bp = Blueprint("lessons", __name__)


@bp.post("/articles/<slug>/lessons")
def forget(slug: str) -> Response:
    """Forget the phrase of the lesson sent, or with `all` every one."""
    access.only_staff(person())
    article = articles.find(db(), viewer(), language(), slug)
    one = request.form.get("lesson", "")
    if not one and "all" not in request.form:
        raise NotFound("lesson.not_found")
    lessons.forget(db(), viewer(), article, one)
    return go_to(f"/{language()}/articles/{article.slug}#lessons")


def of_article(article: Article) -> list[LearntPhrase]:
    return lessons.list_phrases(db(), viewer(), article) if viewer().is_staff else []
