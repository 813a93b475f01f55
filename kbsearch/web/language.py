"""What templates say, one Jinja environment a language: translations, dates, names of codes."""

import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from datetime import timedelta
from functools import lru_cache
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
from kbsearch.web import assets

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
            "severity_name": self.severity_name,
            "severity_word": self.severity_word,
            "status_name": self.status_name,
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
            "here": f"/{code}",
            "settings": settings,
            "reason_name": self.reason_name,
            "signal_name": self.signal_name,
            "role_name": self.role_name,
            "sharing_name": self.sharing_name,
            "event_name": self.event_name,
            "weekday": self.weekday,
            "holidays_name": self.holidays_name,
            "event_sentence": self.event_sentence,
            "edited_name": self.edited_name,
            "answer_text": self.answer_text,
            "field_kind": self.field_kind,
            "sending_state": self.sending_state,
            "departure_state": self.departure_state,
            "channel_name": self.channel_name,
            "why_not_sent": self.why_not_sent,
            "told": self.told,
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
        """A folder of articles in words: its own name, or that of the folder."""
        if not category.path:
            return category.name or self.translate("Other articles")
        folder = category.path.rpartition("/")[2]
        return category.name or folder.replace("-", " ").capitalize()

    def status_name(self, status: str) -> Markup:
        """Where a request stands, for those who asked."""
        return self._named(codes.STATUS_NAMES, status)

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
        return names.get(status) or self.status_name(status)

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
        return self.status_name(status)

    def duration(self, hours: float) -> str:
        return i18n.duration(self.code, hours)

    def worked(self, hours: float) -> str:
        return i18n.worked(self.code, hours)

    def opening_hours(self, week: Sequence[str]) -> Markup:
        """The hours of a week, days in a row that have the same in one."""
        lines = []
        for hours, days in groupby(zip(week, WEEKDAYS, strict=True), key=itemgetter(0)):
            names = [str(self.weekday(day)) for _hours, day in days]
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

    def severity_name(self, severity: str) -> Markup:
        _ = self.translate
        names = {
            "minor": _("Minor: a question"),
            "major": _("Major: a step cannot be completed"),
            "blocking": _("Blocking: the application is unavailable"),
        }
        return names.get(severity, Markup.escape(severity))

    def severity_word(self, severity: str) -> Markup:
        """The severity without what it means, where there is little room."""
        return self._named(codes.SEVERITY_NAMES, severity)

    def _named(self, names: Mapping[Any, str], code: str) -> Markup:
        name = names.get(code)
        return Markup.escape(code) if name is None else self.translate(name)

    def field_name(self, name: str) -> Markup | None:
        """What a form calls a field that people fill in; None for those of ours."""
        _ = self.translate
        names = {
            "subject": _("Subject"),
            "description": _("Description"),
            "software": _("Software"),
            "version": _("Version"),
            "severity": _("Severity"),
            "cc": _("In copy"),
            "body": _("Message"),
            "name": _("Name"),
            "title": _("Title"),
            "email": _("E-mail address"),
            "mobile": _("Mobile number"),
            "password": _("Password"),
            "current": _("Present password"),
            "again": _("The same once more"),
            "code": _("Code"),
            "zone": _("Time zone"),
            **{day: self.weekday(day) for day in WEEKDAYS},
            "holidays": _("Public holidays"),
            "closing_days": _("Closing days"),
            "product": _("Software"),
            "organisation": _("Organisation"),
            "contract": _("Contract"),
            "calendar": _("Calendar"),
            "first_answer": _("First answer, in hours"),
            "next_answer": _("Next answers, in hours"),
            "solution": _("Solution, in hours"),
            "slug": _("Slug"),
            "role": _("Role"),
            "language": _("Language"),
            "time_zone": _("Time zone"),
            "single_keys": _("Shortcuts of a single key"),
            "away_until": _("Back on"),
            "organisations": _("Organisations"),
            "phone": _("Support phone"),
            "contract_starts": _("First day"),
            "contract_ends": _("Last day"),
            "sharing": _("Besides whoever wrote it, a request is read by"),
            "products": _("Products covered"),
            "followers": _("People named"),
            "trusted_devices": _("They may trust a device for 30 days"),
            "accent": _("Colour"),
            "welcome_fr": _("Welcome in French"),
            "welcome_en": _("Welcome in English"),
            "versions": _("Versions"),
            "where_fr": _("Where to find the version, in French"),
            "where_en": _("Where to find the version, in English"),
            "kinds": _("Events"),
            "tag": _("Tag"),
            "with_fields": _("With subjects, texts and names"),
            "logo": _("Logo"),
            "digest": _("E-mails"),
            "rating": _("Our answer was"),
            "why": _("Why?"),
            "state": _("State"),
            "reason": _("Reason"),
            "answer": _("Answer"),
        }
        event, _colon, channel = name.partition(":")
        if channel:
            return Markup("{}, {}").format(self.event_name(event), self.channel_name(channel))
        return names.get(name)

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

    def reason_name(self, reason: str) -> Markup:
        """Why an article did not help."""
        _ = self.translate
        names = {
            "incomplete": _("It is incomplete"),
            "outdated": _("It is out of date"),
            "elsewhere": _("It is not about my problem"),
            "other": _("Something else"),
            "": _("No reason given"),
        }
        return names[reason]

    def signal_name(self, kind: str) -> Markup:
        """What says that something is missing."""
        _ = self.translate
        names = {
            "empty": _("no result"),
            "ignored": _("nothing opened"),
            "filed": _("then a request"),
            "vote": _("did not help"),
            "case": _("solved without an article"),
        }
        return names[kind]

    def weekday(self, day: str) -> Markup:
        """A day of the week, by its English name in small letters."""
        _ = self.translate
        names = {
            "monday": _("Monday"),
            "tuesday": _("Tuesday"),
            "wednesday": _("Wednesday"),
            "thursday": _("Thursday"),
            "friday": _("Friday"),
            "saturday": _("Saturday"),
            "sunday": _("Sunday"),
        }
        return names[day]

    def holidays_name(self, holidays: str) -> Markup:
        _ = self.translate
        names = {
            "": _("None"),
            "france": _("France"),
            "alsace-moselle": _("France: Alsace and Moselle"),
        }
        return names.get(holidays, Markup.escape(holidays))

    def role_name(self, role: str) -> Markup:
        _ = self.translate
        names = {
            "customer": _("Customer"),
            "agent": _("Agent"),
            "writer": _("Writer"),
            "administrator": _("Administrator"),
        }
        return names[role]

    def sharing_name(self, sharing: str) -> Markup:
        _ = self.translate
        names = {
            "nobody": _("nobody else"),
            "people": _("the people it names"),
            "everyone": _("everybody of the organisation"),
        }
        return names[sharing]

    def event_name(self, kind: str) -> Markup:
        """What happened, in words; the outbox has kinds of its own, which stay as they are."""
        _ = self.translate
        names = {
            "ticket.opened": _("A request is opened"),
            "ticket.replied": _("A reply is written"),
            "ticket.noted": _("An internal note is written"),
            "ticket.assigned": _("A request is assigned"),
            "ticket.status_changed": _("A request changes status"),
            "ticket.solved": _("A request is solved"),
            "ticket.closed": _("A request is closed"),
            "ticket.merged": _("A request is merged into another"),
            "ticket.reopened": _("A request is opened again"),
            "ticket.cc_added": _("Somebody is put in copy"),
            "ticket.cc_removed": _("Somebody is taken out of copy"),
            "ticket.changed": _("A request is corrected"),
            "ticket.due_soon": _("A request is due soon"),
            "ticket.overdue": _("A request is overdue"),
            "ticket.article": _("An article answers one of my requests"),
            "article.published": _("An article is published"),
            "article.withdrawn": _("An article is withdrawn"),
            "article.feedback": _("A reader says whether an article helped"),
            "announcement.published": _("A known problem or a notice is published"),
            "announcement.ended": _("A known problem is fixed, or a notice is over"),
            "announcement.letter": _("An e-mail about a known problem or a notice"),
            "search.failed": _("A search finds nothing"),
            "rule.applied": _("A rule was meant for a request"),
            "rule.notice": _("A rule points to a request"),
            "user.invited": _("Somebody is invited"),
            "user.signed_in": _("Somebody signs in"),
            "webhook.test": _("A test"),
            "webhook.died": _("A webhook is disabled"),
            "code.wanted": _("A verification code"),
            "mobile.code_asked": _("A verification code"),
            "password.forgotten": _("A link to choose a password"),
            "password.changed": _("A password was changed"),
            "person.invited": _("An invitation"),
            "invitation.due": _("An invitation"),
            "invitation.reminded": _("A reminder of an invitation"),
            "invitation.rehearsed": _("A rehearsal of an invitation"),
            "sign_in.new_browser": _("A sign-in from a new browser"),
            "notice.digest": _("A digest"),
            "mail.stranger_answered": _("An answer to a stranger’s mail"),
            "mail.encrypted_answered": _("An answer to an encrypted mail"),
            "mail.files_refused": _("An answer about files that were refused"),
            "file.infected": _("A file was found infected"),
            "mail.test": _("A letter to try the way"),
            "article.told": _("An article answers one of my requests"),
            "authenticator.added": _("An authenticator app was added"),
            "authenticator.removed": _("An authenticator app was removed"),
            "passkey.added": _("A passkey was added"),
            "passkey.removed": _("A passkey was removed"),
            "recovery_codes.made": _("Recovery codes were made"),
            "recovery_code.used": _("A recovery code was used"),
            "mobile.verified": _("A mobile number was verified"),
            "mobile.removed": _("A mobile number was removed"),
            "address.entered": _("An address to be confirmed"),
            "address.replaced": _("An address was replaced"),
            "reply.release": _("A reply that is about to leave"),
            "trailers.published": _("A commit is published"),
        }
        return names.get(kind, Markup.escape(kind))

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
        names = {
            "ticket.assigned": _(
                "%(who)s: %(after)s looks after the request.", who=who, after=after
            ),
            "ticket.solved": _("%(who)s marked the request as solved.", who=who),
            "ticket.closed": _("The request was closed."),
            "ticket.merged": _("%(who)s merged the request into another one.", who=who),
            "ticket.reopened": _("%(who)s reopened the request.", who=who),
            "ticket.status_changed": _(
                "Status: %(before)s, then %(after)s (%(who)s).", who=who, before=before, after=after
            ),
            "ticket.cc_added": _("%(who)s put %(after)s in copy.", who=who, after=after),
            "ticket.cc_removed": _("%(who)s took %(before)s out of copy.", who=who, before=before),
        }
        sentence = names.get(event.kind)
        if sentence is not None:
            return sentence
        return _(
            "%(field)s: %(before)s, then %(after)s (%(who)s).",
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

    def way_name(self, way: str) -> Markup:
        """How the next of a team is chosen."""
        _ = self.translate
        names = {"in_turn": _("in turn"), "least_busy": _("whoever has the fewest requests")}
        return names[way]

    def edited_name(self, field: str) -> Markup:
        """What a correction calls a field of a request."""
        _ = self.translate
        names = {
            "organisation": _("Organisation"),
            "confidential": _("Confidential"),
            "status": _("Status"),
            "assignee": _("Looked after by"),
            "team": _("Team"),
        }
        own = self._own_field(field)
        if own:
            return Markup.escape(own.told(self.code))
        return names.get(field) or self.field_name(field) or Markup.escape(field)

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
            return self.staff_status(value) if is_staff else self.status_name(value)
        if event.field == "severity":
            return self.severity_name(value)
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

    def field_kind(self, kind: str) -> Markup:
        """What a field of that kind takes."""
        _ = self.translate
        names = {
            "text": _("Text"),
            "number": _("A number"),
            "date": _("Date"),
            "yes_no": _("Yes or no"),
            "choice": _("One of several choices"),
            "choices": _("Several choices"),
        }
        return names[kind]

    def channel_name(self, channel: str) -> Markup:
        """By which way something leaves."""
        _ = self.translate
        names = {
            "mail": _("E-mail"),
            "sms": _("Text message"),
            "webhook": _("Webhook"),
            "inside": _("Not shared out yet"),
            "index": _("Search index"),
        }
        return names[channel]

    def sending_state(self, state: str) -> Markup:
        _ = self.translate
        names = {
            "waiting": _("Waiting"),
            "failed": _("Failed, will be tried again"),
            "dead": _("Given up"),
            "sent": _("Delivered"),
        }
        return names[state]

    def departure_state(self, state: str) -> Markup:
        """What became of a letter or a text message."""
        _ = self.translate
        names = {
            "accepted": _("Accepted by the server"),
            "bounced": _("Came back"),
            "waiting": _("Waiting"),
            "failed": _("Failed, will be tried again"),
            "dead": _("Given up"),
            "dropped": _("Concerned nobody any more"),
            "before": _("Left before this account began"),
        }
        return names[state]

    def why_not_sent(self, problem: str) -> Markup:
        """Why something has not left; what a mail server said stays as it is."""
        _ = self.translate
        names = {
            "blocked": _("Its address is not allowed"),
            "unresolved": _("Its name has no address"),
            "unreachable": _("Nobody answers at its address"),
            "tls": _("Its certificate is not good"),
            "timeout": _("No answer in time"),
            "cut": _("The connection was cut"),
            "garbled": _("The answer makes no sense"),
            "status": _("It was refused"),
            "unsigned": _("Its secret can no longer be read: change it"),
            "disabled": _("The webhook was disabled"),
        }
        return names.get(problem, Markup.escape(problem))

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
