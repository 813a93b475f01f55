"""Pictures and files taken into an article being written: chosen, pasted or dropped."""

from dataclasses import replace

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import access, i18n
from kbsearch.articles.writing import draft_files
from kbsearch.articles.writing.draft_files import DraftFile
from kbsearch.errors import Conflict, Invalid, Problem, TooMany, Unavailable
from kbsearch.web.render import db, go_to, language, person, site, viewer, wants_fragment
from kbsearch.web.writing import articles as editor
from kbsearch.web.writing import unpublished
from kbsearch.web.writing.form import EditorEntry

bp = Blueprint("article_files", __name__)


@bp.before_request
def only_staff() -> None:
    access.only_staff(person(), "article_draft.not_found")


@bp.post("/desk/articles/drafts/<key>/files")
def add(key: str) -> Response:
    """Take a file in; the answer is the Markdown for it, or the form with that at its end."""
    entry = EditorEntry.of_form(request.form)
    try:
        editor.keep(key, entry)
        file = taken(key)
    except (Conflict, Invalid, TooMany, Unavailable) as problem:
        return told(problem) if wants_fragment() else editor.refused(key, entry, problem)
    article = entry.composed.article
    markdown = file.markdown(article.language, request.form.get("alternative", ""))
    if wants_fragment():
        return Response(markdown, content_type="text/plain; charset=utf-8")
    article = replace(article, body=f"{article.body.rstrip()}\n\n{markdown}".lstrip())
    composed = replace(entry.composed, article=article)
    editor.keep(key, replace(entry, composed=composed))
    return go_to(f"{editor.url_of(key)}#article-files")


@bp.get("/desk/articles/drafts/<key>/files/<name>")
def show(key: str, name: str) -> Response:
    """A file of a draft, for whoever writes it."""
    file, body = draft_files.find(db(), viewer(), key, name)
    return unpublished.answer(body, file.media_type, "" if file.width else file.name)


def taken(key: str) -> DraftFile:
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        raise Invalid("article_file.required")
    body = upload.stream.read()
    return draft_files.add(db(), viewer(), site().settings, key, upload.filename, body)


def told(problem: Problem) -> Response:
    """What is wrong, for the page that sent it in the background."""
    words = i18n.explain(problem, language())
    return Response(words, problem.status, content_type="text/plain; charset=utf-8")
