"""What templates say, one Jinja environment a language: translations, dates, names of codes."""

import time
from functools import lru_cache

from flask import Flask
from jinja2 import Environment
from markupsafe import Markup

from kbsearch import i18n, organisations
from kbsearch.config import Settings
from kbsearch.db import Database
from kbsearch.search import Hit, Kind
from kbsearch.tickets import Ticket
from kbsearch.web import assets, render

# Stand for what differs in a line that many results share: a number, a day, that day in words.
ITS_NUMBER, ITS_DAY, ITS_DATE = "\x01", "\x02", "\x03"
PRODUCTS_KEPT = 10  # seconds; a renamed product may show its old name that long


class Words:
    """The product's words in a language, and the templates that say them.

    Bound to the language once, so that a word costs a dictionary look-up and not a question
    about the request.
    """

    def __init__(
        self, app: Flask, settings: Settings, language: str, product_name: "ProductNames"
    ) -> None:
        self.language = language
        self.product_name = product_name
        self._catalogue = i18n.catalogue(language)
        self._said: dict[str, Markup] = {}
        self.date = lru_cache(maxsize=1024)(self._date)
        self.number = lru_cache(maxsize=1024)(self._number)
        self._facts = lru_cache(maxsize=4096)(self._render_facts)
        self.templates: Environment = app.create_jinja_environment()
        self.templates.globals |= {
            "_": self.translate,
            "ngettext": self.ntranslate,
            "date": self.date,
            "ago": self.ago,
            "number": self.number,
            "category_name": self.category_name,
            "severity_name": self.severity_name,
            "status_name": self.status_name,
            "status_sentence": self.status_sentence,
            "product_name": product_name,
            "asset": assets.url,
            "language": language,
            "here": f"/{language}",
            "settings": settings,
            "theme": render.theme,
            "viewer": render.viewer,
        }

    def translate(self, message: str, **values: object) -> Markup:
        """The message in this language; catalogues are ours, values are escaped."""
        text = self._said.get(message)
        if text is None:
            text = self._said[message] = Markup(self._catalogue.gettext(message))
        return text % values if values else text

    def ntranslate(self, singular: str, plural: str, number: int, **values: object) -> Markup:
        """The same for a number of things, which fills in `%(number)s`."""
        text = Markup(self._catalogue.ngettext(singular, plural, number))
        return text % {"number": self.number(number), **values}

    def ago(self, moment: str) -> str:
        return i18n.ago(self.language, moment)

    def category_name(self, category: str) -> str:
        """A folder of articles in words: the catalogue's, or the folder's own name."""
        key = f"category.{category}"
        told = self._catalogue.gettext(key)
        return told if told != key else category.rpartition("/")[2].replace("-", " ").capitalize()

    def status_name(self, status: str) -> Markup:
        _ = self.translate
        names = {
            "new": _("New"),
            "open": _("Open"),
            "pending": _("Awaiting your reply"),
            "solved": _("Solved"),
            "closed": _("Closed"),
        }
        return names.get(status, Markup.escape(status))

    def status_sentence(self, ticket: Ticket) -> Markup:
        """Where a request stands, and since when."""
        _ = self.translate
        since = self.ago(ticket.updated_at)
        if ticket.status in ("solved", "closed"):
            return _("Solved %(ago)s.", ago=self.ago(ticket.solved_at or ticket.updated_at))
        if ticket.status == "pending":
            return _("The support team wrote %(ago)s and awaits a reply.", ago=since)
        return _("The support team is working on it; last change %(ago)s.", ago=since)

    def severity_name(self, severity: str) -> Markup:
        _ = self.translate
        names = {
            "minor": _("Minor: a question"),
            "major": _("Major: a step cannot be completed"),
            "blocking": _("Blocking: the application is unavailable"),
        }
        return names.get(severity, Markup.escape(severity))

    def facts(self, hit: Hit) -> Markup:
        """What a result is (kind, product, date), rendered once and kept: many share the line."""
        products = tuple(self.product_name(slug) for slug in hit.products)
        day = hit.date[:10]
        line = self._facts(hit.kind, hit.status, products, hit.version, bool(day), hit.reasons)
        if day:
            line = line.replace(ITS_DAY, day).replace(ITS_DATE, self.date(day))
        return line.replace(ITS_NUMBER, hit.id)

    def _render_facts(
        self,
        kind: Kind,
        status: str,
        products: tuple[str, ...],
        version: str,
        is_dated: bool,
        reasons: tuple[str, ...],
    ) -> Markup:
        facts = self.templates.get_template("help/facts.html")
        return Markup(
            facts.render(
                kind=kind,
                status=status,
                products=products,
                version=version,
                reasons=reasons,
                id=ITS_NUMBER,
                day=ITS_DAY if is_dated else "",
                date=ITS_DATE,
            )
        )

    def _date(self, moment: str) -> str:
        return i18n.date(self.language, moment)

    def _number(self, value: int) -> str:
        return i18n.number(self.language, value)


class ProductNames:
    """What people call the products, by slug; read again every few seconds."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._names: dict[str, str] = {}
        self._until = 0.0

    def __call__(self, slug: str) -> str:
        if time.monotonic() >= self._until:
            found = organisations.list_products(self._db)
            self._names = {product.slug: product.name for product in found}
            self._until = time.monotonic() + PRODUCTS_KEPT
        return self._names.get(slug, slug)
