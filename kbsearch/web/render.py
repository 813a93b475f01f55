"""Page or fragment, for whom and in which language: the only reader of htmx's headers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Response, current_app, g, request
from htmx_flask.requests import HtmxHeaders

from kbsearch import accounts
from kbsearch.access import ANONYMOUS, Viewer
from kbsearch.config import Settings
from kbsearch.db import Database

if TYPE_CHECKING:
    from kbsearch.search.service import Search
    from kbsearch.web.words import Words

LANGUAGE_COOKIE = "kb-language"
THEME_COOKIE = "kb-theme"
THEMES = ("light", "dark")
HTML = "text/html; charset=utf-8"
VARY = "HX-Request, HX-Boosted, HX-History-Restore-Request, Cookie, Accept-Language"


@dataclass(frozen=True)
class Site:
    """What the views work with."""

    settings: Settings
    db: Database
    search: "Search"
    words: Mapping[str, "Words"]  # by language

    @property
    def is_secure(self) -> bool:
        return self.settings.base_url.startswith("https://")

    @property
    def cookie(self) -> str:
        """The name of the session cookie; its prefix makes browsers insist on https."""
        return "__Host-kb" if self.is_secure else "kb"


def site() -> Site:
    found: Site = current_app.extensions["kbsearch"]
    return found


def db() -> Database:
    return site().db


def viewer() -> Viewer:
    """Whoever looks: the person whose session cookie came with the request."""
    if "viewer" not in g:
        token = request.cookies.get(site().cookie)
        g.viewer = accounts.viewer_of(db(), token) if token else ANONYMOUS
    found: Viewer = g.viewer
    return found


def take_language(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Keep the language of the address; views do not take it as an argument."""
    if values and "lang" in values:
        g.language = values.pop("lang")


def language() -> str:
    """The language to answer in: address, account, cookie, browser, then the first offered."""
    if "language" not in g:
        g.language = _language()
    found: str = g.language
    return found


def _language() -> str:
    offered = site().settings.languages
    first = request.path.split("/", 2)[1]
    if first in offered:  # a page that does not exist still has the language of its address
        return first
    for wanted in (viewer().language, request.cookies.get(LANGUAGE_COOKIE)):
        if wanted in offered:
            return wanted
    return request.accept_languages.best_match(offered) or offered[0]


def theme() -> str | None:
    """The theme somebody chose; None follows the system's."""
    chosen = request.cookies.get(THEME_COOKIE)
    return chosen if chosen in THEMES else None


def wants_fragment() -> bool:
    """Whether htmx asks for a piece of the page, and will not show the answer as a page."""
    headers = HtmxHeaders(request.headers)
    return bool(headers) and not headers.boosted and not headers.history_restore_request


def render(page: str, partial: str | None = None, **context: Any) -> Response:
    """The page, or the partial it includes when a fragment is wanted."""
    fragment = partial is not None and wants_fragment()
    name = partial if partial is not None and fragment else page
    response = Response(text_of(name, fragment=fragment, **context), content_type=HTML)
    response.headers["Vary"] = VARY
    return response


def text_of(template: str, **context: Any) -> str:
    """A template in the visitor's language."""
    return site().words[language()].templates.get_template(template).render(context)
