"""What templates say, one Jinja environment a language: translations, dates, names of codes."""

import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from datetime import timedelta
from functools import lru_cache, partial
from itertools import groupby
from operator import itemgetter
from types import CodeType
from typing import Any, cast

from flask import Flask
from flask.templating import Environment
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from markupsafe import Markup

from kbsearch import i18n
from kbsearch.access import Viewer
from kbsearch.articles.categories import Category
from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.form_fields import WITH_CHOICES, FormField
from kbsearch.people.organisations import products
from kbsearch.people.profiles import DEFAULT_TIME_ZONE
from kbsearch.promises.calendars import WEEKDAYS
from kbsearch.promises.hours import AROUND_THE_CLOCK, OpeningHours
from kbsearch.search import Hit, Kind
from kbsearch.site.doctor import Check
from kbsearch.text.typography import typeset
from kbsearch.tickets import Ticket, codes
from kbsearch.tickets.clocks import Clock
from kbsearch.tickets.events import TicketEvent
from kbsearch.tickets.fields import OWN
from kbsearch.tickets.waiting import Waiting
from kbsearch.web import assets, code_names

# Stand for what differs in a line that many results share: a number, a day, that day in words.
ITS_NUMBER, ITS_DAY, ITS_DATE = "\x01", "\x02", "\x03"
PRODUCTS_KEPT = 10  # seconds; a renamed product may show its old name that long


class CompiledTemplates(BytecodeCache):
    """Templates are compiled once in a process: what they are is the same in all languages."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key, bucket.checksum] = bucket.code


COMPILED = CompiledTemplates()


class Templates(Environment):
    """Templates that know nothing but what all of them know, and what a view gives them.

    Jinja's own map of both is copied and subtracted key by key in Python, for every key pressed.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        assert not d, "what one template knows is in its context"
        return self.globals


class Language:
    """A language of the site: the product's words in it, and the templates that say them.

    Bound to its code once, so that a word costs a dictionary look-up and not a question
    about the request.
    """

    def __init__(
        self,
        app: Flask,
        settings: Settings,
        code: str,
        product_name: "ProductNames",
        request_globals: Mapping[str, Callable[..., object]],
    ) -> None:
        """`request_globals`: what templates ask of the request under way, `viewer` among them."""
        self.code = code
        self.product_name = product_name
        self._settings = settings
        self._viewer = cast("Callable[[], Viewer]", request_globals["viewer"])
        self._fields = cast("Callable[[], list[FormField]]", request_globals["vendor_fields"])
        self._catalogue = i18n.catalogue(code)
        self._translated: dict[str, Markup] = {}
        self.date = lru_cache(maxsize=1024)(self._date)
        self.number = lru_cache(maxsize=1024)(self._number)
        self._facts = lru_cache(maxsize=4096)(self._render_facts)
        self.templates = app.create_jinja_environment()
        self.templates.filters["typeset"] = typeset
        self.templates.globals |= {
            "_": self.translate,
            "ngettext": self.ntranslate,
            "date": self.date,
            "ago": self.ago,
            "moment": self.moment,
            "number": self.number,
            "percent": self.percent,
            "file_size": self.file_size,
            "zip": zip,
            "category_name": self.category_name,
            "status_sentence": self.status_sentence,
            "staff_status": self.staff_status,
            "promised": self.promised,
            "expected": self.expected,
            "due": self.due,
            "duration": self.duration,
            "worked": self.worked,
            "opening_hours": self.opening_hours,
            "field_name": self.field_name,
            "form_value": self.form_value,
            "product_name": product_name,
            "asset": assets.url,
            "language": code,
            "language_names": i18n.LANGUAGE_NAMES,
            "here": f"/{code}",
            "settings": settings,
            "event_sentence": self.event_sentence,
            "edited_name": self.edited_name,
            "answer_text": self.answer_text,
            "told": self.told,
            **{name: partial(self.named, table) for name, table in code_names.IN_TEMPLATES.items()},
            **request_globals,
        }

    def translate(self, message: str, /, **values: object) -> Markup:
        """The message in this language; catalogues are ours, values are escaped."""
        text = self._translated.get(message)
        if text is None:
            text = self._translated[message] = Markup(self._catalogue.gettext(message))
        return text % values if values else text

    def ntranslate(self, singular: str, plural: str, number: int, /, **values: object) -> Markup:
        """The same for a number of things, which fills in `%(number)s`."""
        text = Markup(self._catalogue.ngettext(singular, plural, number))
        return text % {"number": self.number(number), **values}

    def percent(self, share: float) -> str:
        return i18n.percent(self.code, share)

    def file_size(self, size: int) -> str:
        return i18n.file_size(self.code, size)

    def ago(self, moment: str) -> str:
        return i18n.ago(self.code, moment)

    def moment(self, moment: str, zone: str) -> str:
        return i18n.moment(self.code, moment, zone)

    def category_name(self, category: Category) -> str:
        """A folder of articles in words; the root's are those in no folder."""
        return category.title or self.translate("Other articles")

    def status_sentence(self, ticket: Ticket) -> Markup:
        """Where a request stands, and since when."""
        _ = self.translate
        since = self.ago(ticket.updated_at)
        if ticket.status in codes.RESOLVED:
            return _("Solved %(ago)s.", ago=self.ago(ticket.solved_at or ticket.updated_at))
        if ticket.status == "pending":
            return _("The support team wrote %(ago)s and awaits a reply.", ago=since)
        if ticket.status == "new" and not ticket.assignee:
            return _("Sent %(ago)s, it awaits its first answer.", ago=since)
        return _("The support team is working on it; last change %(ago)s.", ago=since)

    def staff_status(self, status: str) -> Markup:
        """Where a request stands, for those who answer it."""
        _ = self.translate
        names = {"new": _("New"), "pending": _("Waiting for the customer")}
        return names.get(status) or self.named(codes.STATUS_NAMES, status)

    def promised(self, clock: Clock | None) -> Markup:
        """Until when those who asked are promised a first answer, while it may still come."""
        _ = self.translate
        due = clock.running.get("first_answer") if clock else None
        if due is None or due.at < utc_now():
            return Markup()
        zone = self._viewer().time_zone or DEFAULT_TIME_ZONE
        return _("An answer is promised by %(moment)s.", moment=self.moment(stored(due.at), zone))

    def expected(self, waiting: Waiting, status: str) -> Markup:
        """What is expected of whom, for those who answer: it is not what the customer reads."""
        _ = self.translate
        span = i18n.span(self.code, waiting.since)
        if waiting.whom == "us":
            return _("Our answer, for %(span)s", span=span)
        if waiting.whom == "customer":
            return _("The customer’s answer, for %(span)s", span=span)
        return self.named(codes.STATUS_NAMES, status)

    def duration(self, hours: float) -> str:
        return i18n.duration(self.code, hours)

    def worked(self, hours: float) -> str:
        return i18n.worked(self.code, hours)

    def opening_hours(self, week: Sequence[str]) -> Markup:
        """The hours of a week, days in a row that have the same in one."""
        lines = []
        for hours, days in groupby(zip(week, WEEKDAYS, strict=True), key=itemgetter(0)):
            names = [str(self.named(code_names.WEEKDAYS, day)) for _hours, day in days]
            if hours:
                span = names[0] if len(names) == 1 else f"{names[0]} – {names[-1]}"
                lines.append(f"{span} {hours}")
        return Markup.escape(" · ".join(lines))

    def due(self, clock: Clock, *, is_brief: bool = False) -> Markup:
        """What is due next, in the hours it is counted in, and whether it should have come.

        A row of a list has the time of any clock on the wall: in the order of the list, and short.
        """
        _ = self.translate
        if clock.next is None:
            return Markup()
        promise, due = clock.next
        moment = utc_now()
        is_late = due.at < moment
        first, last = (due.at, moment) if is_late else (moment, due.at)
        if is_brief:
            span = i18n.timespan(self.code, last - first)
        else:
            span = self.span_of(due.hours.spent(first, last), due.hours)
        if is_late:
            return {
                "first_answer": _("First answer late by %(span)s", span=span),
                "next_answer": _("Next answer late by %(span)s", span=span),
                "solution": _("Solution late by %(span)s", span=span),
            }[promise]
        return {
            "first_answer": _("First answer due in %(span)s", span=span),
            "next_answer": _("Next answer due in %(span)s", span=span),
            "solution": _("Solution due in %(span)s", span=span),
        }[promise]

    def span_of(self, time: timedelta, hours: OpeningHours) -> str:
        """A time of opening hours: `4 h 30 of opening hours`; around the clock, any time."""
        if hours == AROUND_THE_CLOCK:
            return i18n.timespan(self.code, time)
        worked = i18n.worked(self.code, time / timedelta(hours=1))
        return str(self.translate("%(time)s of opening hours", time=worked))

    def named(self, table: Mapping[Any, str], code: str) -> Markup:
        """What people read for a code, by a table of messages; a code it has not stays as it is."""
        name = table.get(code)
        return Markup.escape(code) if name is None else self.translate(name)

    def field_name(self, name: str) -> Markup | None:
        """What a form calls a field that people fill in; None for those of ours."""
        event, _colon, channel = name.partition(":")
        if channel:
            way = self.named(code_names.CHANNELS, channel)
            return Markup("{}, {}").format(self.named(code_names.EVENTS, event), way)
        return self.translate(code_names.FIELDS[name]) if name in code_names.FIELDS else None

    def form_value(self, name: str, value: str) -> Markup:
        """What a field of a form holds, in the words of that form."""
        _ = self.translate
        yes_or_no = {"on": _("yes"), "yes": _("yes"), "": _("no")}
        names: dict[str, dict[str, Markup]] = {
            "status": {status: self.staff_status(status) for status in codes.STATUSES},
            "rating": {"good": _("good"), "bad": _("not good")},
            "state": {
                "open": _("To fill"),
                "answered": _("An article answers it already"),
                "closed": _("An article answers it already"),
                "dismissed": _("dismissed"),
            },
            "digest": {
                "none": _("At once"),
                "hourly": _("Gathered, one an hour at most"),
                "daily": _("Gathered, one each morning"),
            },
            "single_keys": yes_or_no,
            "trusted_devices": yes_or_no,
        }
        if name == "logo" and value:
            return _("a picture")
        in_words = yes_or_no if ":" in name else names.get(name, {})
        return in_words.get(value, Markup.escape(value or "–"))

    def event_sentence(self, event: TicketEvent) -> Markup:
        """A change of a request, in its conversation."""
        _ = self.translate
        who = event.actor or self._settings.site_name
        if event.rule is not None:
            who = _("The rule “%(rule)s”", rule=event.rule) if event.rule else _("A rule")
        before, after = (self._field_value(event, value) for value in (event.before, event.after))
        if event.field == "tags":
            return self._tagging(who, event)
        if event.kind in ("ticket.due_soon", "ticket.overdue"):
            return self.deadline(event.kind, event.field or "", event.after or "")
        if event.kind == "ticket.assigned" and not event.after:
            return _("%(who)s: nobody looks after the request any more.", who=who)
        if event.kind == "ticket.assigned" and event.after == event.actor:
            return _("%(who)s took the request.", who=who)
        return _(
            code_names.CHANGES.get(event.kind, code_names.CORRECTION),
            field=self.edited_name(event.field or ""),
            who=who,
            before=before,
            after=after,
        )

    def deadline(self, kind: str, promise: str, due: str) -> Markup:
        """What of a request is due soon, or was."""
        zone = self._viewer().time_zone or DEFAULT_TIME_ZONE
        return self.translate(codes.DEADLINES[kind, promise], moment=self.moment(due, zone))

    def _tagging(self, who: str, event: TicketEvent) -> Markup:
        """Which tags came and which went."""
        _ = self.translate
        before, after = ((text or "").split() for text in (event.before, event.after))
        came = ", ".join(tag for tag in after if tag not in before)
        went = ", ".join(tag for tag in before if tag not in after)
        if not went:
            return _("%(who)s added tags: %(came)s.", who=who, came=came)
        if not came:
            return _("%(who)s removed tags: %(went)s.", who=who, went=went)
        return _("%(who)s added tags: %(came)s; removed: %(went)s.", who=who, came=came, went=went)

    def with_absences(
        self, agents: Iterable[tuple[str, str]], away: Mapping[str, str]
    ) -> list[tuple[str, str]]:
        """People to choose from by id and name; of those who are away, until when."""
        _ = self.translate
        return [
            (id, _("%(name)s (away until %(date)s)", name=name, date=self.date(away[id])))
            if id in away
            else (id, name)
            for id, name in agents
        ]

    def edited_name(self, field: str) -> Markup:
        """What a correction calls a field of a request."""
        own = self._own_field(field)
        if own:
            return Markup.escape(own.told(self.code))
        return self.named(code_names.FIELDS | code_names.CORRECTED, field)

    def _field_value(self, event: TicketEvent, value: str | None) -> Markup:
        _ = self.translate
        if event.field == "confidential":
            return _("yes") if value else _("no")
        if not value:
            return Markup("–")
        own = self._own_field(event.field or "")
        if own:
            return self.answer_text(own, value)
        if event.field == "status":
            is_staff = self._viewer().is_agent
            return self.staff_status(value) if is_staff else self.named(codes.STATUS_NAMES, value)
        if event.field == "severity":
            return self.named(code_names.SEVERITIES, value)
        return Markup.escape(self.product_name(value) if event.field == "software" else value)

    def _own_field(self, name: str) -> FormField | None:
        """The field that the vendor added under a name of corrections, if it is one."""
        if not name.startswith(OWN):
            return None
        return next((own for own in self._fields() if OWN + own.name == name), None)

    def answer_text(self, field: FormField, value: str) -> Markup:
        """What a request has in a field that the vendor added, as people read it."""
        _ = self.translate
        if field.kind == "yes_no":
            return _("yes") if value == "yes" else _("no")
        if field.kind == "date":
            return Markup.escape(self.date(value))
        if field.kind == "number" and self.code == "fr":
            return Markup.escape(value.replace(".", ","))
        if field.kind in WITH_CHOICES:
            names = (field.choice_name(choice, self.code) for choice in value.split("\n"))
            return Markup.escape(", ".join(names))
        return Markup.escape(value)

    def told(self, check: Check) -> tuple[str, str]:
        """What a look at the site found, and what to do about it."""
        values = dict(check.values)
        texts = (
            i18n.gettext(self.code, text, **values) if text else ""
            for text in (check.told, check.remedy)
        )
        return next(texts), next(texts)

    def facts(self, hit: Hit) -> Markup:
        """What a result is (kind, product, date), rendered once and kept: many share the line."""
        products = tuple(self.product_name(slug) for slug in hit.products)
        day = hit.date[:10]
        line = self._facts(hit.kind, hit.status, products, hit.version, bool(day), hit.reasons)
        if day:
            line = line.replace(ITS_DAY, day).replace(ITS_DATE, self.date(day))
        if hit.kind == "ticket":
            line = line.replace(ITS_NUMBER, hit.id)
        return Markup(line)  # safe: a template's text, in which a number and a day were put

    def _render_facts(
        self,
        kind: Kind,
        status: str,
        products: tuple[str, ...],
        version: str,
        is_dated: bool,
        reasons: tuple[str, ...],
    ) -> str:
        return self.templates.get_template("help/facts.html").render(
            kind=kind,
            status=status,
            products=products,
            version=version,
            reasons=reasons,
            id=ITS_NUMBER,
            day=ITS_DAY if is_dated else "",
            date=ITS_DATE,
        )

    def _date(self, moment: str) -> str:
        return i18n.date(self.code, moment)

    def _number(self, value: int) -> str:
        return i18n.number(self.code, value)


class ProductNames:
    """What people call the products, by slug; read again every few seconds."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._names: dict[str, str] = {}
        self._until = 0.0

    def __call__(self, slug: str) -> str:
        if time.monotonic() >= self._until:
            self._names = {product.slug: product.name for product in products.list_all(self._db)}
            self._until = time.monotonic() + PRODUCTS_KEPT
        return self._names.get(slug, slug)
