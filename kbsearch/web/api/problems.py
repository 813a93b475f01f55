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
    Forbidden,
    InvalidForm,
    Problem,
    SignInNeeded,
    TooMany,
    Unavailable,
)
from kbsearch.people.accounts.personal_tokens import ASSISTANTS
from kbsearch.web import render
from kbsearch.web.applications import protected

MEDIA_TYPE = "application/problem+json"
PREFIX = "/api/"
OTHERS = (protected.PATHS[ASSISTANTS], "/oauth/token", "/oauth/register", "/oauth/revoke")
METADATA_PREFIX = "/.well-known/oauth-"
SCOPE_NEEDED = {"token.only_reads": "write", "token.only_searches": "read"}
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
    return request.path.startswith((PREFIX, METADATA_PREFIX)) or request.path in OTHERS


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
    challenge = challenge_of(problem)
    if challenge:
        answer.headers["WWW-Authenticate"] = challenge
    if isinstance(problem, (TooMany, Unavailable)):
        answer.headers["Retry-After"] = str(problem.retry_after)
    return answer


def challenge_of(problem: Problem) -> str:
    """How to come in after all (RFC 6750), and where an application asks for that (RFC 9728)."""
    facts = {"realm": "kbsearch"}
    if isinstance(problem, SignInNeeded):
        if "Authorization" in request.headers:
            facts["error"] = "invalid_token"
    elif isinstance(problem, Forbidden) and problem.key in SCOPE_NEEDED:
        facts |= {"error": "insufficient_scope", "scope": SCOPE_NEEDED[problem.key]}
    else:
        return ""
    resource = protected.of_path(request.path)
    if resource:
        facts["resource_metadata"] = protected.metadata_url(render.site().settings, resource)
    return "Bearer " + ", ".join(f'{name}="{text}"' for name, text in facts.items())


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
