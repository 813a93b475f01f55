"""The door of the API: whose token it is, how often it knocks, from which pages it may be called.

A cookie opens nothing here: so no other site can act in the name of whoever is signed in.
"""

import base64
import math
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask, current_app, g, request
from werkzeug.wrappers import Response

from kbsearch import limits
from kbsearch.access import ANONYMOUS, Viewer
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Forbidden, NotFound, SignInNeeded
from kbsearch.people.accounts import personal_tokens
from kbsearch.people.accounts.personal_tokens import Holder, PersonalToken
from kbsearch.web.api.pace import Pace
from kbsearch.web.api.problems import is_for_programs
from kbsearch.web.applications import protected
from kbsearch.web.render import db

CALLS_A_MINUTE = 300  # of a token
WRITES_A_MINUTE = 60
STRANGERS_A_MINUTE = 60  # calls without a good token, of a network
PACES = "kbsearch.api"
SCHEME = "bearer "
BASIC, BY_TOKEN = "basic ", "/token"
ALLOWED_METHODS = "GET, POST, PATCH, DELETE"
ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match"
EXPOSED_HEADERS = "ETag, Location, Retry-After, WWW-Authenticate, X-Request-Id"
PREFLIGHT_SECONDS = 600


@dataclass(frozen=True)
class Paces:
    """How fast each may go in this process."""

    calls: Pace
    writes: Pace
    strangers: Pace

    @classmethod
    def of(cls, processes: int) -> "Paces":
        def share(most: int) -> Pace:
            return Pace(math.ceil(most / processes), timedelta(minutes=1))

        return cls(share(CALLS_A_MINUTE), share(WRITES_A_MINUTE), share(STRANGERS_A_MINUTE))


def watch(app: Flask, settings: Settings) -> None:
    """Take whoever is signed in in a browser for a stranger, and let `api_origins` call."""
    app.extensions[PACES] = Paces.of(settings.workers)

    @app.before_request
    def forget_cookies() -> None:
        if is_for_programs():
            g.viewer = ANONYMOUS

    @app.after_request
    def allow_origins(answer: Response) -> Response:
        if not is_for_programs():
            return answer
        answer.headers["Vary"] = "Authorization, Origin, Accept-Language"
        origin = request.headers.get("Origin", "")
        if origin in settings.api_origins:
            answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
            if request.method == "OPTIONS":
                answer.headers["Access-Control-Allow-Methods"] = ALLOWED_METHODS
                answer.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
                answer.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return answer


def let_in(*, writes: bool, searches: bool) -> None:
    """Take the token of the request; raises SignInNeeded, Forbidden or TooMany."""
    paces: Paces = current_app.extensions[PACES]
    secret = secret_of(request.headers.get("Authorization", ""))
    holder = personal_tokens.holder_of(db(), secret, protected.of_path(request.path))
    if holder is None:
        paces.strangers.take(limits.network(request.remote_addr))
        raise SignInNeeded("token.needed")
    g.viewer, g.token = holder.viewer, holder.token
    paces.calls.take(holder.token.id)
    if writes:
        paces.writes.take(holder.token.id)
        if not holder.token.may_write:
            raise Forbidden("token.only_reads")
    if holder.token.only_search and not searches:
        raise Forbidden("token.only_searches")


def secret_of(header: str) -> str:
    """The token of an Authorization header; empty where there is none."""
    is_ours = header[: len(SCHEME)].lower() == SCHEME
    return header[len(SCHEME) :].strip() if is_ours else ""


def holder_of(db: Database, header: str, path: str) -> Holder | None:
    """Whose token an Authorization header has: as Bearer, or as Zendesk's `address/token:TOKEN`."""
    resource = protected.of_path(path)
    if header[: len(BASIC)].lower() != BASIC:
        secret = secret_of(header)
        return personal_tokens.holder_of(db, secret, resource) if secret else None
    try:
        pair = base64.b64decode(header[len(BASIC) :].strip(), validate=True).decode()
    except ValueError:
        return None
    user, _, secret = pair.partition(":")
    if not user.endswith(BY_TOKEN):  # a password: this is no place for one
        return None
    holder = personal_tokens.holder_of(db, secret, resource)
    is_theirs = holder is not None and holder.token.email == user.removesuffix(BY_TOKEN).lower()
    return holder if is_theirs else None


def caller() -> Viewer:
    """Whoever the program acts as."""
    viewer: Viewer = g.viewer
    return viewer


def token() -> PersonalToken:
    """What it acts with."""
    held: PersonalToken = g.token
    return held


def check_product(slug: str | None) -> None:
    """Of other products than its own, a token that was narrowed to one finds nothing."""
    if token().product is not None and slug != token().product:
        raise NotFound("web.not_found")


def only_unnarrowed() -> None:
    """What belongs to no product is not there for a token of one."""
    if token().product is not None:
        raise NotFound("web.not_found")
