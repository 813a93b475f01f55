"""Pictures and files that are not live: shown to those who write, under addresses of their own."""

import re
from collections.abc import Mapping

from markupsafe import Markup, escape
from werkzeug.wrappers import Response

from kbsearch.files import types

_MEDIA = re.compile(r"/media/([0-9a-f]{40,64})/[^\"]*")


def with_media(html: str, urls: Mapping[str, str]) -> Markup:
    """An article with other addresses of some of its pictures and files, told by blob."""

    def address(match: re.Match[str]) -> str:
        return str(escape(urls[match[1]])) if match[1] in urls else match[0]

    return Markup(_MEDIA.sub(address, html))  # safe: it left markup.clean, but for our addresses


def answer(body: bytes, media_type: str, name: str = "") -> Response:
    """A picture; with a name, a file to download. A browser runs nothing of either."""
    response = Response(body, content_type=media_type)
    if name:
        filename = types.clean_name(name)
        response.headers.set("Content-Disposition", "attachment", filename=filename)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
