"""The product's words in each language: gettext catalogues, dates and numbers."""

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from gettext import GNUTranslations
from io import BytesIO
from zoneinfo import ZoneInfo

from babel import dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from kbsearch import resources
from kbsearch.clock import parsed, utc_now
from kbsearch.config import LANGUAGES
from kbsearch.errors import Problem

LANGUAGE_NAMES = {"fr": "Français", "en": "English"}


@cache
def catalogue(language: str) -> GNUTranslations:
    """The catalogue of a language, compiled in memory from its .po file."""
    path = resources.folder("locale") / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as source:
        messages = read_po(source, locale=language, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return GNUTranslations(compiled)


def gettext(language: str, message: str, /, **values: object) -> str:
    """The message in that language, its `%(name)s` filled in."""
    text = catalogue(language).gettext(message)
    return text % values if values else text


def explain(problem: Problem, language: str) -> str:
    """What went wrong, in words."""
    return gettext(language, problem.key, **problem.values)


def terminal_language(environ: Mapping[str, str] = os.environ) -> str:
    """The language of whoever reads the terminal: KBSEARCH_LANG, else the locale, else English."""
    for name in ("KBSEARCH_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        language = environ.get(name, "")[:2].lower()
        if language in LANGUAGES:
            return language
    return "en"


# Babel's long format, spelt out: six times faster, and a page of results has many dates.
LONG_DATE = {"fr": "{day} {month} {year}", "en": "{month} {day}, {year}"}


def date(language: str, moment: str) -> str:
    """A stored moment as a date in words: `22 novembre 2026`, `1er mars 2026`."""
    day = parsed(moment)
    number = "1er" if language == "fr" and day.day == 1 else day.day
    return LONG_DATE[language].format(day=number, month=_months(language)[day.month], year=day.year)


def moment(language: str, moment: str, zone: str) -> str:
    """A stored moment as a date and a time of day in a time zone: `22 novembre 2026, 14:05`."""
    there = parsed(moment).astimezone(ZoneInfo(zone))
    time = dates.format_time(there, "short", tzinfo=ZoneInfo(zone), locale=language)
    return f"{date(language, there.isoformat())}, {time}"


def coming(language: str, moment: str, zone: str, *, today: datetime | None = None) -> str:
    """A moment that will come, by its weekday, and its date where it is far: `lundi 09:00`."""
    is_near = parsed(moment) - (today or utc_now()) < timedelta(days=6)
    there = parsed(moment).astimezone(ZoneInfo(zone))
    day = dates.format_date(there, "EEEE" if is_near else "EEEE d MMMM", locale=language)
    time = dates.format_time(there, "short", tzinfo=ZoneInfo(zone), locale=language)
    return f"{day} {time}"


@cache
def _months(language: str) -> Mapping[int, str]:
    return dict(dates.get_month_names("wide", locale=language))


def ago(language: str, moment: str, *, today: datetime | None = None) -> str:
    """How long ago a stored moment was: `il y a 3 semaines`."""
    gap = parsed(moment) - (today or utc_now())
    return dates.format_timedelta(gap, add_direction=True, locale=language)


def span(language: str, moment: str, *, today: datetime | None = None) -> str:
    """How long it is from a stored moment to now, or to it: `3 heures`."""
    return timespan(language, abs(parsed(moment) - (today or utc_now())))


def timespan(language: str, span: timedelta) -> str:
    """A time in the unit that fits it: `3 heures`."""
    return dates.format_timedelta(span, locale=language)


def duration(language: str, hours: float) -> str:
    """A time that something took: `12 min`, `3 h 20`, `1,5 j`."""
    if round(hours * 60) < 24 * 60:
        return worked(language, hours)
    days = numbers.format_decimal(round(hours / 24, 1), format="#,##0.#", locale=language)
    return f"{days}\N{NO-BREAK SPACE}{ {'fr': 'j', 'en': 'd'}[language] }"


def worked(language: str, hours: float) -> str:
    """The same in hours however many there are: a working day has no twenty-four."""
    gap, minutes = "\N{NO-BREAK SPACE}", round(hours * 60)
    if minutes < 60:
        return f"{minutes}{gap}min"
    return f"{number(language, minutes // 60)}{gap}h{gap}{minutes % 60:02}"


def number(language: str, value: int) -> str:
    """A whole number with the language's separators."""
    return f"{value:,}".replace(",", _thousands(language))


def percent(language: str, share: float) -> str:
    """A share of one, as people say it: `83 %`."""
    return numbers.format_percent(share, locale=language)


def file_size(language: str, size: int) -> str:
    """A number of bytes as people say it: `2,4 Mo`."""
    units = {"fr": ("octets", "Ko", "Mo"), "en": ("bytes", "kB", "MB")}[language]
    if size < 1000:
        return f"{size}\N{NO-BREAK SPACE}{units[0]}"
    value, unit = (size / 1000, units[1]) if size < 1_000_000 else (size / 1_000_000, units[2])
    number = numbers.format_decimal(value, format="#,##0.#", locale=language)
    return f"{number}\N{NO-BREAK SPACE}{unit}"


@cache
def _thousands(language: str) -> str:
    return str(numbers.get_group_symbol(language))
