"""Page or fragment, for whom and in which language: the only reader of htmx's headers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

from flask import Flask, Request, Response, current_app, g, request
from flask_login import UserMixin, current_user
from htmx_flask.requests import HtmxHeaders

from kbsearch.access import ANONYMOUS, Viewer
from kbsearch.announcements.matching import AnnouncementSearch
from kbsearch.articles import former_addresses
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import NotFound, SignInNeeded
from kbsearch.people import organisations
from kbsearch.people.accounts import sessions
from kbsearch.people.organisations import Organisation
from kbsearch.people.profiles import DEFAULT_TIME_ZONE
from kbsearch.site.browser_settings import BrowserSettings
from kbsearch.tickets import lists

if TYPE_CHECKING:
    from kbsearch.search.ranking import Search
    from kbsearch.web.language import Language

LANGUAGE_COOKIE = "-language"
THEME_COOKIE = "-theme"
THEMES = ("light", "dark")
OF_NOBODY = ("assets", "machines")  # what is asked there is answered without the database
HTML = "text/html; charset=utf-8"
VARY = "HX-Request, HX-Boosted, HX-History-Restore-Request, Cookie, Accept-Language"


@dataclass(frozen=True)
class WebSite:
    """What the views work with."""

    settings: Settings
    db: Database
    search: "Search"
    languages: Mapping[str, "Language"]  # by code
    chosen: BrowserSettings  # what administrators chose of the settings
    announced: AnnouncementSearch

    @property
    def is_secure(self) -> bool:
        return self.settings.base_url.startswith("https://")

    @property
    def cookie(self) -> str:
        """The name of the session cookie; its prefix makes browsers insist on https."""
        return "__Host-kb" if self.is_secure else "kb"


class Visitor(UserMixin):
    """Flask-Login's idea of whoever sends the request."""

    def __init__(self, viewer: Viewer = ANONYMOUS) -> None:
        self.viewer = viewer

    @property
    def is_authenticated(self) -> bool:
        return self.viewer.is_signed_in

    @property
    def is_anonymous(self) -> bool:
        return not self.viewer.is_signed_in

    def get_id(self) -> str:
        return self.viewer.person_id or ""


def visitor_of(http_request: Request) -> Visitor | None:
    """The person whose session cookie came with the request."""
    token = http_request.cookies.get(site().cookie)
    return Visitor(sessions.viewer_of(db(), token)) if token else None


def site() -> WebSite:
    current: WebSite = current_app.extensions["kbsearch"]
    return current


def db() -> Database:
    return site().db


def follow_settings(app: Flask) -> None:
    """Have every request answered with the settings that administrators chose by then."""

    @app.before_request
    def follow() -> None:
        if request.blueprint not in OF_NOBODY:
            site().chosen.renew(db())


def hidden_or_missing() -> NotFound:
    """What is not there; where all is closed, a stranger is asked who it is, as for what is."""
    if not site().settings.is_public and former_addresses.may_hide(db()):
        person()
    return NotFound("web.not_found")


def viewer() -> Viewer:
    """Whoever looks; asked for many times a page, and Flask-Login's proxy is not free."""
    if "viewer" not in g:
        g.viewer = cast(Visitor, current_user).viewer
    current: Viewer = g.viewer
    return current


def language_prefix(settings: Settings) -> str:
    """What the addresses of pages begin with."""
    return f"/<any({', '.join(settings.languages)}):lang>"


def person() -> Viewer:
    """Whoever looks, signed in; a stranger is asked to sign in first."""
    if not viewer().is_signed_in:
        raise SignInNeeded("sign_in.needed")
    return viewer()


def my_organisations() -> list[Organisation]:
    """The organisations of whoever looks, by name; pages ask, the pieces of a search do not."""
    if "organisations" not in g:
        g.organisations = organisations.list_of(db(), viewer())
    current: list[Organisation] = g.organisations
    return current


def organisation() -> Organisation | None:
    """The one whose look and phone number are shown: the first by name."""
    return next(iter(my_organisations()), None)


def support_phone() -> str:
    """Whom this visitor calls: their organisation's own number, or the site's."""
    own_organisation = organisation()
    return (own_organisation and own_organisation.phone) or site().settings.support_phone


def unread() -> int:
    """How many requests have news for whoever looks; pages ask, the pieces of a search do not."""
    return lists.count_unread(db(), viewer())


def time_of(moment: str) -> str:
    """A stored moment as date and time of day, where whoever looks is."""
    return spoken_language().moment(moment, viewer().time_zone or DEFAULT_TIME_ZONE)


def ask_nothing() -> None:
    """From here on the page does without the database, which may be what is broken."""
    g.organisations = []
    g.viewer = ANONYMOUS


def take_language(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Keep the language of the address; views do not take it as an argument."""
    if values and "lang" in values:
        g.language = values.pop("lang")


def language() -> str:
    """The language to answer in: address, account, cookie, browser, then the first offered."""
    if "language" not in g:
        g.language = _language()
    current: str = g.language
    return current


def _language() -> str:
    offered = site().settings.languages
    first = request.path.split("/", 2)[1]
    if first in offered:  # a page that does not exist still has the language of its address
        return first
    for tongue in (viewer().language, preference(LANGUAGE_COOKIE)):
        if tongue in offered:
            return tongue
    return request.accept_languages.best_match(offered) or offered[0]


def spoken_language() -> "Language":
    """What to answer in: `language()` is its code."""
    return site().languages[language()]


def theme() -> str | None:
    """The theme somebody chose; None follows the system's."""
    name = preference(THEME_COOKIE)
    return name if name in THEMES else None


def preference(kind: str) -> str | None:
    """What a browser keeps of a choice; over https, also under its name of earlier releases."""
    return request.cookies.get(f"{site().cookie}{kind}", request.cookies.get(f"kb{kind}"))


def wants_fragment() -> bool:
    """Whether htmx asks for a piece of the page, and will not show the answer as a page."""
    headers = HtmxHeaders(request.headers)
    return bool(headers) and not headers.boosted and not headers.history_restore_request


def leaving_what_was_shown(response: Response) -> Response:
    """The answer to words typed into a page, which Back leads to where it had none before."""
    before = parse_qs(urlsplit(HtmxHeaders(request.headers).current_url or "").query)
    if wants_fragment() and request.args.get("q", "").strip() and "q" not in before:
        response.headers["HX-Push-Url"] = request.full_path
    return response


def render(page: str, partial: str | None = None, **context: Any) -> Response:
    """The page, or the partial it includes when a fragment is wanted."""
    fragment = partial is not None and wants_fragment()
    name = partial if partial is not None and fragment else page
    response = Response(text_of(name, fragment=fragment, **context), content_type=HTML)
    response.headers["Vary"] = VARY
    return response


def go_to(path: str) -> Response:
    """Leave for another page, also when htmx was to swap in a piece of this one."""
    if wants_fragment():
        response = Response(status=204, headers={"HX-Redirect": path})
    else:
        response = Response(status=303, headers={"Location": path})
    response.headers["Vary"] = VARY
    return response


def text_of(template: str, **context: Any) -> str:
    """A template in the visitor's language."""
    return spoken_language().templates.get_template(template).render(context)
