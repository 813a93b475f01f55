"""The last gate: whatever produced the HTML, only these tags, attributes and classes leave."""

import nh3
from markupsafe import Markup

from kbsearch.config import LANGUAGES
from kbsearch.text.markup.callouts import TITLES
from kbsearch.text.markup.code import CLASSES
from kbsearch.text.markup.parser import SCHEMES

TAGS = {"a", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em", "hr"}
TAGS |= {"figcaption", "figure", "h2", "h3", "h4", "h5", "h6", "img", "kbd", "li", "ol", "p", "pre"}
TAGS |= {"ins", "mark", "s", "section", "small", "span", "strong", "sub", "summary", "sup"}
TAGS |= {"table", "tbody", "td", "th", "thead", "tr", "u", "ul"}
_HEADINGS = {f"h{level}": {"id"} for level in range(2, 7)}
ATTRIBUTES = {
    "a": {"href", "id", "rel", "aria-label"},
    "details": {"open"},
    "div": {"aria-label"},
    "img": {"src", "alt", "width", "height"},
    "li": {"id"},
    "ol": {"start"},
    "section": {"aria-label"},
    "span": {"aria-label", "id"},
    **_HEADINGS,
}
ATTRIBUTE_VALUES = {
    "div": {"lang": set(LANGUAGES), "role": {"group", "note", "region"}, "tabindex": {"0"}},
    "img": {"loading": {"lazy"}, "decoding": {"async"}},
    "span": {"role": {"img"}, "aria-hidden": {"true"}},
    "th": {"scope": {"col"}},
}
_ALERTS = {"alert", *(f"alert-{kind}" for kind in TITLES)}
ALLOWED_CLASSES = {
    "a": {"anchor", "external", "footnote-back"},
    "details": _ALERTS,
    "div": {"as-typed", "scroll", "code", "tabs", *_ALERTS},
    "p": {"alert-title", "heading", "tab-title"},
    "section": {"tab", "footnotes"},
    "span": {"broken-link", "file", "keys", "task", *CLASSES},
    "summary": {"alert-title"},
    "sup": {"footnote-ref"},
    "td": {"align-center", "align-right"},
    "th": {"align-center", "align-right"},
    "ul": {"tasks"},
}
_CLEANER = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    tag_attribute_values=ATTRIBUTE_VALUES,
    allowed_classes=ALLOWED_CLASSES,
    url_schemes=set(SCHEMES),
    generic_attribute_prefixes=set(),
    link_rel=None,
)


def clean(html: str) -> Markup:
    """HTML that may be shown as it is."""
    return Markup(_CLEANER.clean(html))
