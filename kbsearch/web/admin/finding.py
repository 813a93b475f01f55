"""The search over the administration: its pages, and the settings that stand on them, by name."""

from typing import NamedTuple

from kbsearch.site.browser_settings import GROUPS
from kbsearch.text.normal_form import without_marks
from kbsearch.web.admin.setting_names import setting_names
from kbsearch.web.admin.site_settings import PAGES
from kbsearch.web.language import Language

MAX_TEXT = 100
MOST_PLACES = 20


class Place(NamedTuple):
    """Something of the administration: what it is called, the page it is on, its address there."""

    name: str
    page: str
    url: str


def find_places(spoken: Language, text: str) -> list[Place]:
    """The places that have every word of a text in their name, explanation or page."""
    words = _folded(text[:MAX_TEXT]).split()
    if not words:
        return []
    matching = [
        place
        for place, hint in _places(spoken)
        if all(word in _folded(f"{place.name} {place.page} {hint}") for word in words)
    ]
    return matching[:MOST_PLACES]


def _places(spoken: Language) -> list[tuple[Place, str]]:
    """Every place with the explanation of it, pages first."""
    _ = spoken.translate
    titles = {
        "/admin/news": _("What changed for you"),
        "/admin/status": _("State of the service"),
        "/admin/settings/site": _("Name, look and words"),
        "/admin/organisations": _("Organisations"),
        "/admin/people": _("People"),
        "/admin/products": _("Products"),
        "/admin/teams": _("Teams"),
        "/admin/targets": _("Response targets"),
        "/admin/calendars": _("Calendars"),
        "/admin/fields": _("Fields"),
        "/admin/settings/requests": _("Requests and how long data is kept"),
        "/admin/tags": _("Tags"),
        "/admin/mail": _("Mail"),
        "/admin/settings/mail": _("Mail settings"),
        "/admin/webhooks": _("Webhooks"),
        "/desk/deliveries": _("Outgoing messages"),
        "/admin/settings/sign-on": _("Single sign-on"),
        "/admin/log": _("Security log"),
        "/admin/register": _("Register of data"),
    }
    names = setting_names(spoken)
    pages = [(Place(str(title), "", url), "") for url, title in titles.items()]
    return pages + [
        (
            Place(names[name].label, str(titles[f"/admin/settings/{page}"]), f"{url}#{name}"),
            f"{names[name].hint} {name}",
        )
        for page, group in PAGES.items()
        for url in (f"/admin/settings/{page}",)
        for name in GROUPS[group]
    ]


def _folded(text: str) -> str:
    """Without accents and case."""
    return without_marks(text.casefold())
