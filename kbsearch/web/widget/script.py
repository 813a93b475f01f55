"""/widget.js: what the pages of the application load, small, with its words in each language."""

import json
from functools import cache

from werkzeug.wrappers import Response

from kbsearch import i18n
from kbsearch.web import assets
from kbsearch.web.render import site

FRESH = "public, max-age=600"


def script() -> Response:
    """The script; any page may load it, those of `widget_origins` can show what it opens."""
    response = Response(
        _text(site().settings.languages), content_type="text/javascript; charset=utf-8"
    )
    response.headers["Cache-Control"] = FRESH
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@cache
def _text(languages: tuple[str, ...]) -> str:
    """The function of widget.js, called with the words of these languages."""
    words = {language: _words(language) for language in languages}
    return f"{assets.load('widget.js').body.decode()}({json.dumps(words, ensure_ascii=False)});\n"


def _words(language: str) -> dict[str, str]:
    return {
        "open": i18n.gettext(language, "Help"),
        "panel": i18n.gettext(language, "Help centre"),
        "close": i18n.gettext(language, "Close"),
        "apart": i18n.gettext(language, "Open in a new tab"),
        "refused": i18n.gettext(language, "The help centre cannot be shown in this page."),
    }
