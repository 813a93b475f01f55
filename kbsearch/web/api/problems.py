"""What went wrong, for programs: RFC 9457, with the words in the language of whoever asks."""

import json
from http import HTTPStatus
from typing import Any

from flask import request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from kbsearch import i18n
from kbsearch.errors import (
    Conflict,
    InvalidForm,
    Problem,
    SignInNeeded,
    TooMany,
    Unavailable,
)
from kbsearch.web import render

MEDIA_TYPE = "application/problem+json"
PREFIX = "/api/"
ASSISTANTS = "/mcp"
KIND = "urn:kbsearch:problem:"
OF_STATUS = {
    404: "api.not_there",
    405: "api.wrong_method",
    413: "api.too_long",
    415: "api.wrong_type",
}


class Unreadable(Problem):
    """The body is no JSON that could be looked at."""

    status = 400


class Unsupported(Problem):
    """The body is of another type than this takes."""

    status = 415


class PreconditionFailed(Problem):
    """What is to be changed is not there any more as whoever changes it has seen it."""

    status = 412


def is_for_programs() -> bool:
    """Whether the request under way is one of a program."""
    return request.path.startswith(PREFIX) or request.path == ASSISTANTS


def told(problem: Problem) -> Response:
    """A failure that has words of its own."""
    language = render.language()
    more: dict[str, Any] = {}
    if isinstance(problem, InvalidForm):
        more["errors"] = [
            {"pointer": _pointer(name), "detail": i18n.explain(wrong, language)}
            for name, wrong in problem.problems.items()
        ]
    if isinstance(problem, Conflict):
        more["errors"] = [
            {"pointer": _pointer(name), "detail": there}
            for name, (_, there) in problem.differences.items()
        ]
    answer = told_as(problem.key, problem.status, i18n.explain(problem, language), **more)
    if isinstance(problem, SignInNeeded):
        answer.headers["WWW-Authenticate"] = 'Bearer realm="kbsearch"'
    if isinstance(problem, (TooMany, Unavailable)):
        answer.headers["Retry-After"] = str(problem.retry_after)
    return answer


def refused(error: HTTPException) -> Response:
    """A failure HTTP has a number for."""
    status = error.code or 500
    key = OF_STATUS.get(status, "api.bad_request")
    answer = told_as(key, status, i18n.gettext(render.language(), key))
    if status == 405:
        answer.headers["Allow"] = dict(error.get_headers())["Allow"]
    return answer


def crashed(incident: str) -> Response:
    """A defect of ours."""
    detail = i18n.gettext(render.language(), "api.defect", incident=incident)
    return told_as("api.defect", 500, detail)


def told_as(key: str, status: int, detail: str, **more: object) -> Response:
    """The document itself; `key` says what kind of failure it is, whatever the language."""
    document = {
        "type": KIND + key,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **more,
    }
    return Response(json.dumps(document, ensure_ascii=False), status, content_type=MEDIA_TYPE)


def _pointer(name: str) -> str:
    """Where in what was sent a field is (RFC 6901); a product's own question by its name."""
    return "/" + name.replace("~", "~0").replace("/", "~1").replace(".", "/")
