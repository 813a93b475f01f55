"""What is the same for every address: JSON as Zendesk writes it, its errors, its headers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Blueprint, current_app, g, request
from werkzeug.wrappers import Response

from kbsearch import i18n, randomness
from kbsearch.database import Busy
from kbsearch.errors import InvalidForm, Problem, TooMany
from kbsearch.web.api.door import PACES, Paces
from kbsearch.web.api.operations import JSON, etag_of
from kbsearch.web.api.problems import Unreadable
from kbsearch.web.error_pages import RETRY_AFTER
from kbsearch.web.render import db, language, site
from kbsearch.web.zendesk import door

Values = Mapping[str, Any]
GUIDE = "/help_center/"
VOICE = (
    "Access to this resource is restricted. "
    "Please contact the account administrator for assistance."
)
NAMES = {
    400: "BadRequest",
    403: "Forbidden",
    404: "RecordNotFound",
    409: "Conflict",
    413: "TooLarge",
    429: "TooManyRequests",
    503: "Unavailable",
}
bp = Blueprint("zendesk", __name__)


class TooManyValues(Unreadable):
    """A longer list than one call takes; `limit` says how long it may be."""


@dataclass(frozen=True)
class Made:
    """What a view made, and where it is from now on."""

    value: Values
    location: str


View = Callable[..., Values | Made | Response]


def offer(
    path: str, method: str = "GET", *, status: int = 200, open_to_all: bool = False
) -> Callable[[View], View]:
    """Answer with this view at an address; with `.json`, and in the guide with a language too."""

    def offered(view: View) -> View:
        @wraps(view)
        def answer(**names: Any) -> Response:
            writes = method != "GET"
            names.pop("locale", None)
            door.let_in(writes=writes, open_to_all=open_to_all)
            return _sent(view(**names), status)

        for address in _addresses(path):
            bp.add_url_rule(address, view.__name__, answer, methods=[method])
        return view

    return offered


def member(name: str) -> Any:
    """What was sent under that name; raises Unreadable."""
    try:
        return json.loads(request.get_data())[name]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise Unreadable("api.unreadable") from None


def body(name: str) -> dict[str, Any]:
    """The object of that name that was sent; raises Unreadable."""
    values = member(name)
    if not isinstance(values, dict):
        raise Unreadable("api.unreadable")
    return values


def url(path: str) -> str:
    """The whole address of something here."""
    return site().settings.whole(path)


def locale() -> str:
    """The language of the guide that was asked for; the first of the site where it has no such."""
    return _asked_locale() or site().settings.languages[0]


def asks_locale() -> bool:
    """Whether a language that the site has was named."""
    return _asked_locale() is not None


def _asked_locale() -> str | None:
    """Of an address its language, whatever the country; of a query only one that the site has.

    A client sends `locale=en-us` that nobody chose.
    """
    in_path = str((request.view_args or {}).get("locale", ""))[:2].lower()
    offered = site().settings.languages
    wanted = (in_path, request.args.get("locale", ""))
    return next((code for code in wanted if code in offered), None)


@bp.route("/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def nothing(path: str) -> Response:
    """What is offered nowhere; voice says so in the words that a mover of data waits for."""
    if path.startswith("channels/voice/"):
        return _json({"error": {"title": "Forbidden", "message": VOICE}}, 403)
    return _json({"error": "InvalidEndpoint", "description": "Not found"}, 404)


@bp.errorhandler(Problem)
def refuse(problem: Problem) -> Response:
    """What went wrong, as Zendesk says it."""
    if problem.status == 401:
        return _json({"error": "Couldn't authenticate you"}, 401)
    told = i18n.explain(problem, language())
    if problem.status == 404:
        return _json({"error": "RecordNotFound", "description": "Not found"}, 404)
    if problem.status == 422:
        details = _details(problem)
        description = "Record validation errors"
        return _json(
            {"error": "RecordInvalid", "description": description, "details": details}, 422
        )
    if isinstance(problem, TooManyValues):
        value = {"error": "TooManyValues", "description": told}
        return _json({**value, "max_count": problem.values["limit"]}, 400)
    name = NAMES.get(problem.status, "BadRequest")
    answer = _json({"error": name, "description": told}, problem.status)
    if isinstance(problem, TooMany):  # elsewhere a client takes the header for an error of its own
        answer.headers["Retry-After"] = str(problem.retry_after)
    return answer


@bp.errorhandler(Busy)
def wait(problem: Busy) -> Response:
    told = i18n.gettext(language(), "api.busy")
    answer = _json({"error": NAMES[503], "description": told}, 503)
    answer.headers["Retry-After"] = str(RETRY_AFTER)
    return answer


def _details(problem: Problem) -> dict[str, list[dict[str, str]]]:
    problems = problem.problems if isinstance(problem, InvalidForm) else {"base": problem}
    return {
        name or "base": [{"description": i18n.explain(wrong, language()), "error": "InvalidValue"}]
        for name, wrong in problems.items()
    }


def _addresses(path: str) -> list[str]:
    paths = [path]
    if path.startswith(GUIDE):
        paths.append(path.replace(GUIDE, f"{GUIDE}<locale>/", 1))
    return [f"{each}{end}" for each in paths for end in ("", ".json")]


def _sent(value: Values | Made | Response, status: int) -> Response:
    if isinstance(value, Response):
        return value
    if isinstance(value, Made):
        answer = _json(value.value, status)
        answer.headers["Location"] = value.location
    elif status == 204:
        answer = Response(status=204)
    else:
        answer = _json(value, status)
    return answer


def _json(value: Values, status: int) -> Response:
    text = json.dumps(value, ensure_ascii=False)
    answer = Response(text, status, content_type=JSON)
    if status < 300:
        answer.set_etag(etag_of(text))
    paces: Paces = current_app.extensions[PACES]
    left = str(g.get("calls_left", paces.calls.most))
    answer.headers["X-Request-Id"] = randomness.token_bytes(8).hex()
    answer.headers["Cache-Control"] = "private, no-cache"
    for name in ("X-Rate-Limit", "ratelimit-limit"):
        answer.headers[name] = str(paces.calls.most)
    for name in ("X-Rate-Limit-Remaining", "ratelimit-remaining"):
        answer.headers[name] = left
    answer.headers["ratelimit-reset"] = "60"
    return answer


def in_one(act: Callable[[], Values | Made]) -> Values | Made:
    """Do it in one transaction."""
    with db().atomic():
        return act()
