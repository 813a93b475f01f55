"""A section of an article, cut out of its page."""

import re

from markupsafe import Markup

from kbsearch.articles import Article
from kbsearch.errors import NotFound

HEADING = re.compile(r'<h([2-6]) id="([^"]*)">')
END_OF_HEADING = re.compile(r"</h[2-6]>")


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


def below_heading(html: Markup) -> Markup:
    """A section without its heading."""
    if not HEADING.match(html):
        return html
    end = END_OF_HEADING.search(html)
    return html[end.end() :] if end else html
