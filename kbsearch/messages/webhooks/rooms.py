"""Chat rooms: Slack, Mattermost, Teams, Matrix and the like, told of events.

A room is a webhook whose address begins with the kind of the room in place of https: it has the
same choices, schedule, log and guard. It reads a sentence and a link instead of a signed body; like
webhooks, nothing that a customer typed.
"""

import json

from kbsearch import i18n
from kbsearch.errors import Invalid
from kbsearch.messages.delivery.guarded_http import Guard, HttpAnswer, NoAnswer
from kbsearch.messages.webhooks import room_calls
from kbsearch.messages.webhooks.room_calls import Address, Call

OK = 200


def is_room(url: str) -> bool:
    """Whether an address is one of a room, and not one that is spoken to over HTTP."""
    return url.partition("://")[0].lower() in room_calls.COMPOSERS


def spoken_to(url: str) -> str:
    """The URL that a room is reached by; raises Invalid for what is no address of one."""
    return room_calls.first(url, "").url


def post(guard: Guard, url: str, text: str) -> HttpAnswer:
    """Say it in the room, through the guard; raises NoAnswer."""
    try:
        answer = _send(guard, room_calls.first(url, text))
        address = Address.of(url)
        if not address.kind.startswith("matrix") or answer.status != OK:
            return answer
        return _go_on_in_matrix(guard, address, answer, text)
    except Invalid:
        raise NoAnswer("garbled", "this is no address of a room") from None


def _go_on_in_matrix(guard: Guard, address: Address, answer: HttpAnswer, text: str) -> HttpAnswer:
    """Once signed in with a password, or in the room with a token: the rest of the way."""
    token = ""
    if address.password:
        token = _read(answer, "access_token")
        answer = _send(guard, room_calls.matrix_joining(address, token))
        if answer.status != OK:
            return answer
    room_id = _read(answer, "room_id")
    return _send(guard, room_calls.matrix_saying(address, token, room_id, text))


def _send(guard: Guard, call: Call) -> HttpAnswer:
    headers = {"User-Agent": "kbsearch", **call.headers}
    return guard.send(call.url, call.body, headers, method=call.method)


def _read(answer: HttpAnswer, name: str) -> str:
    try:
        value = json.loads(answer.body)[name]
    except (ValueError, KeyError, TypeError):
        value = None
    if not isinstance(value, str):
        raise NoAnswer("garbled", f"the answer has no {name}")
    return value


def sentence(language: str, body: str) -> str:
    """What a room reads of an event, from the body that a webhook gets: a line and a link."""
    event = json.loads(body)
    facts = event["data"]
    about = {"number": facts.get("number", ""), "id": facts.get("id", "")}
    lines = {
        "ticket.opened": i18n.gettext(language, "New request %(number)s", **about),
        "ticket.replied": i18n.gettext(language, "Reply to request %(number)s", **about),
        "ticket.noted": i18n.gettext(language, "Internal note on request %(number)s", **about),
        "ticket.due_soon": i18n.gettext(language, "Request %(number)s is due soon", **about),
        "ticket.overdue": i18n.gettext(language, "Request %(number)s is overdue", **about),
        "ticket.assigned": i18n.gettext(language, "Request %(number)s was assigned", **about),
        "ticket.solved": i18n.gettext(language, "Request %(number)s is solved", **about),
        "ticket.closed": i18n.gettext(language, "Request %(number)s is closed", **about),
        "ticket.reopened": i18n.gettext(language, "Request %(number)s is open again", **about),
        "article.published": i18n.gettext(language, "Article published: %(id)s", **about),
        "article.withdrawn": i18n.gettext(language, "Article withdrawn: %(id)s", **about),
        "article.feedback": i18n.gettext(language, "Helped a reader: %(id)s", **about)
        if facts.get("helped")
        else i18n.gettext(language, "Did not help a reader: %(id)s", **about),
        "announcement.published": i18n.gettext(language, "Announced to customers"),
        "announcement.ended": i18n.gettext(language, "An announcement is over"),
        "search.failed": i18n.gettext(
            language, "Nothing was found for: %(query)s", query=facts.get("query", "")
        ),
        "webhook.test": i18n.gettext(language, "A test: messages arrive here."),
    }
    line = lines.get(event["type"])
    if line is None and about["number"]:
        line = i18n.gettext(language, "Request %(number)s changed", **about)
    details = [facts[name] for name in ("severity", "product", "version") if facts.get(name)]
    first = ", ".join([line or event["type"], *(details if about["number"] else ())])
    return f"{first}\n{facts['url']}" if facts.get("url") else first
