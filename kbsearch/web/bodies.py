"""How long the body of a request may be, by its path and by whose browser sends it."""

from typing import Any

from flask import Flask, abort, request
from werkzeug.exceptions import HTTPException

from kbsearch.articles.publishing.tree import MAX_FILE
from kbsearch.errors import Unavailable
from kbsearch.people.accounts import known_browsers, sessions
from kbsearch.site.importing import table_imports
from kbsearch.tickets import files
from kbsearch.web import patience
from kbsearch.web.account import tokens
from kbsearch.web.api import door
from kbsearch.web.api.problems import PREFIX
from kbsearch.web.connections import NO_SPACE, REFUSED, SHORT_BODY
from kbsearch.web.render import WebSite

# Bytes
FORM = 1_000_000
ARTICLE = 3_000_000  # as long as one may be, spelt as forms are
FILE = files.MAX_BYTES + FORM  # and what wraps it
FORM_WITH_FILES = files.MAX_FILES * files.MAX_BYTES + FORM
BY_ENDPOINT = {
    "admin.upload_table": table_imports.MAX_TABLE + FORM,
    "announcements.follow": FORM_WITH_FILES,
    "api.put_attachment": FILE,
    "article_files.add": ARTICLE + MAX_FILE,
    "drafts.remove": FILE,
    "drafts.save": FILE,
    "drafts.upload": FILE,
    "filing.new": FORM_WITH_FILES,
    "filing.send": FORM_WITH_FILES,
    "requests.reply": FORM_WITH_FILES,
    "visits.tell": 20_000,
    "zendesk.upload": FILE,
}
BY_BLUEPRINT = {
    "desk_articles": ARTICLE,
    "exchange": SHORT_BODY,
    "passwords": SHORT_BODY,
    "signing_in": SHORT_BODY,
}
TAKING_FILES = 300.0  # seconds to look through files and to have them on the disk


def watch(app: Flask) -> None:
    """Hold every request to its length, and answer those whose body was not even read."""

    @app.before_request
    def hold() -> None:
        refused = request.environ.get(REFUSED)
        if refused == NO_SPACE:
            raise Unavailable("web.uploads_full")
        if refused:
            abort(413)
        longest = _of_endpoint(request.endpoint)
        request.max_content_length = longest
        if longest in (ARTICLE, ARTICLE + MAX_FILE):
            request.max_form_memory_size = ARTICLE
        if longest > ARTICLE and (request.content_length or 0) > FORM:
            patience.ask_for(TAKING_FILES)


def longest(app: Flask, environment: dict[str, Any]) -> int:
    """What the server is to read, before the application sees the request.

    More than a form is for those who are, or were until lately, signed in: what they typed is kept
    when their session turns out to be over.
    """
    path, method = environment["PATH_INFO"], environment["REQUEST_METHOD"]
    try:
        endpoint, _ = app.url_map.bind("").match(path.encode("latin-1").decode(), method)
    except (HTTPException, UnicodeDecodeError):
        return SHORT_BODY
    allowed = _of_endpoint(endpoint)
    return allowed if allowed <= FORM or _is_known(app, environment) else FORM


def _of_endpoint(endpoint: str | None) -> int:
    blueprint = (endpoint or "").partition(".")[0]
    return BY_ENDPOINT.get(endpoint or "", BY_BLUEPRINT.get(blueprint, FORM))


def _is_known(app: Flask, environment: dict[str, Any]) -> bool:
    """Whether it comes from a program that may write, or where somebody has signed in."""
    site: WebSite = app.extensions["kbsearch"]
    if environment["PATH_INFO"].startswith(PREFIX):
        header = environment.get("HTTP_AUTHORIZATION", "")
        holder = door.holder_of(site.db, header, environment["PATH_INFO"])
        return holder is not None and holder.token.may_write
    cookies = app.request_class(environment).cookies
    session, browser = (
        cookies.get(f"{site.cookie}{kind}", "") for kind in (tokens.SESSION, tokens.BROWSER)
    )
    return bool(
        sessions.last_person(site.db, session) or known_browsers.last_person(site.db, browser)
    )
