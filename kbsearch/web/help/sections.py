"""A section of an article, cut out of its page."""

import re

from markupsafe import Markup, escape

from kbsearch.articles import Article
from kbsearch.errors import NotFound

HEADING = re.compile(r'<h([2-6]) id="([^"]*)">')
END_OF_HEADING = re.compile(r"</h[2-6]>")
_ANY_HEADING = re.compile(r"<(/?)h([2-6])\b")
_LOCAL_LINK = re.compile(r'(<a\b[^<>]* href=")#')
_ID = re.compile(r'(<[a-z][a-z0-9]*\b[^<>]*?) id="[^"]*"')


def section(article: Article, anchor: str) -> Markup:
    """The HTML from one heading to the next as high; the introduction without an anchor."""
    html = str(article.html)
    places = [
        (int(heading[1]), heading[2], heading.start(), heading.end())
        for heading in HEADING.finditer(html)
    ]
    if not anchor:
        end = places[0][2] if places else len(html)
        return Markup(html[:end])  # safe: cut before a heading, which stands at the top level
    for position, (level, name, start, _) in enumerate(places):
        if name == anchor:
            end = next(
                (place[2] for place in places[position + 1 :] if place[0] <= level), len(html)
            )
            return Markup(html[start:end])  # safe: from heading to heading of safe HTML
    raise NotFound("article.not_found")


def answer_of(html: Markup, page: str) -> Markup:
    """A section as another page shows it, without its heading and below an `h3` that names it.

    It takes no id that the other page may have, and what it links to of its own page is there.
    """
    heading, end = HEADING.match(html), END_OF_HEADING.search(html)
    level = int(heading[1]) if heading else 1
    text = str(html[end.end() :]) if heading and end else str(html)
    text = _ANY_HEADING.sub(lambda tag: f"<{tag[1]}h{min(int(tag[2]) - level + 3, 6)}", text)
    text = _LOCAL_LINK.sub(lambda tag: f"{tag[1]}{escape(page)}#", text)
    return Markup(_ID.sub(r"\1", text))  # safe: safe HTML with other levels, addresses and no ids
