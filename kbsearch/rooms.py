"""Chat rooms: Slack, Mattermost, Teams, Matrix and the like, told of events by an Apprise URL.

A room is a webhook whose address is not HTTP: it has the same choices, schedule and log. It reads a
sentence and a link instead of a signed body; like webhooks, nothing that a customer typed.
"""

import json
import logging
from urllib.parse import urlsplit

from kbsearch import i18n
from kbsearch.errors import Invalid
from kbsearch.guarded_http import Guard, NoAnswer

# Those of Apprise that are rooms of a team; with the ones that name a host of one's own.
HOSTED = ("discord", "gchat", "msteams", "slack", "workflows")
ON_A_HOST = ("matrix", "matrixs", "mmost", "mmosts", "rocket", "rockets", "zulip")
SCHEMES = (*HOSTED, *ON_A_HOST)
PORTS = {"matrix": 80, "mmost": 80, "rocket": 80}

logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would write addresses, with secrets


def is_room(url: str) -> bool:
    """Whether an address is one of a room, and not one that is spoken to over HTTP."""
    return urlsplit(url).scheme in SCHEMES


def check(url: str) -> None:
    """Raise Invalid unless Apprise is there and knows the address."""
    try:
        from apprise import Apprise
    except ImportError:
        raise Invalid("room.extra_missing") from None
    if not Apprise().add(url):
        raise Invalid("room.unknown")


def post(guard: Guard, url: str, text: str) -> None:
    """Say it in the room; raises NoAnswer. The host of one's own is held to the guard's rules."""
    from apprise import Apprise

    parts = urlsplit(url)
    if parts.scheme in ON_A_HOST:
        port = parts.port or PORTS.get(parts.scheme, 443)
        guard.check(f"https://{parts.hostname}:{port}/")
    room = Apprise()
    if not room.add(url):
        raise NoAnswer("garbled", "Apprise does not know the address")
    if not room.notify(body=text):
        raise NoAnswer("unreachable", "the room did not take it")


def sentence(language: str, body: str) -> str:
    """What a room reads of an event, from the body that a webhook gets: a line and a link."""
    event = json.loads(body)
    facts = event["data"]
    about = {"number": facts.get("number", ""), "id": facts.get("id", "")}
    told = {
        "ticket.opened": i18n.gettext(language, "New request %(number)s", **about),
        "ticket.replied": i18n.gettext(language, "Reply to request %(number)s", **about),
        "ticket.noted": i18n.gettext(language, "Internal note on request %(number)s", **about),
        "ticket.assigned": i18n.gettext(language, "Request %(number)s was assigned", **about),
        "ticket.solved": i18n.gettext(language, "Request %(number)s is solved", **about),
        "ticket.closed": i18n.gettext(language, "Request %(number)s is closed", **about),
        "ticket.reopened": i18n.gettext(language, "Request %(number)s is open again", **about),
        "article.published": i18n.gettext(language, "Article published: %(id)s", **about),
        "article.withdrawn": i18n.gettext(language, "Article withdrawn: %(id)s", **about),
        "article.feedback": i18n.gettext(language, "Helped a reader: %(id)s", **about)
        if facts.get("helped")
        else i18n.gettext(language, "Did not help a reader: %(id)s", **about),
        "search.failed": i18n.gettext(
            language, "Nothing was found for: %(query)s", query=facts.get("query", "")
        ),
        "webhook.test": i18n.gettext(language, "A test: messages arrive here."),
    }
    line = told.get(event["type"])
    if line is None and about["number"]:
        line = i18n.gettext(language, "Request %(number)s changed", **about)
    details = [facts[name] for name in ("severity", "product", "version") if facts.get(name)]
    first = ", ".join([line or event["type"], *(details if about["number"] else ())])
    return f"{first}\n{facts['url']}" if facts.get("url") else first
