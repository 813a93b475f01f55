"""Names of organisations and products, and the slugs that stand for them in addresses."""

import hashlib
import re

from kbsearch.errors import Invalid
from kbsearch.text.normal_form import nfkd

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_OTHER_SIGNS = re.compile(r"[^a-z0-9]+")
MAX_SLUG = 60
MAX_NAME = 200


def slug_of(name: str) -> str:
    """A name as a part of an address: lower case, no accents; a digest where nothing is left."""
    folded = nfkd(name).encode("ascii", "ignore").decode().lower()
    slug = _OTHER_SIGNS.sub("-", folded)[:MAX_SLUG].strip("-")
    return slug or "x" + hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:10]


def checked_slug(slug: str) -> str:
    if len(slug) > MAX_SLUG or not SLUG.fullmatch(slug):
        raise Invalid("organisation.slug_invalid", slug=slug[:MAX_SLUG], limit=MAX_SLUG)
    return slug


def checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid("organisation.name_invalid", limit=MAX_NAME)
    return name
