"""The operations of the API: a view says what it takes and what it answers, the rest is here."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from hashlib import sha256
from typing import Any

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch.errors import Invalid
from kbsearch.people.accounts import kept_answers
from kbsearch.people.accounts.kept_answers import KeptAnswer
from kbsearch.web.api import door, fields
from kbsearch.web.api.fields import Field, Schema, Values
from kbsearch.web.api.problems import PreconditionFailed, Unreadable, Unsupported
from kbsearch.web.render import db

JSON = "application/json"
SAFE = ("GET",)


@dataclass(frozen=True)
class ApiAnswer:
    """What a view answers: a JSON value, and where what it made is found, if it made something."""

    value: Mapping[str, Any]
    location: str = ""


View = Callable[..., ApiAnswer]


@dataclass(frozen=True)
class Operation:
    """One method of one address: what the checks and the description are made of."""

    method: str
    path: str  # as Flask writes it
    answer: Schema
    query: Mapping[str, Field] = field(default_factory=dict)
    body: Mapping[str, Field] | None = None
    status: int = 200
    reads: bool = False  # though it is no GET
    searches: bool = False  # open to tokens that only search
    name: str = ""
    summary: str = ""

    @property
    def writes(self) -> bool:
        return self.method not in SAFE and not self.reads


OPERATIONS: list[Operation] = []
bp = Blueprint("api", __name__)


def offer(operation: Operation) -> Callable[[View], View]:
    """Answer with this view what the operation asks for, once all of it is checked."""

    def offered(view: View) -> View:
        @wraps(view)
        def answer(**names: Any) -> Response:
            door.let_in(writes=operation.writes, searches=operation.searches)
            query = fields.read_query(operation.query, request.args)
            values = query if operation.body is None else {**query, **_body(operation.body)}
            if not operation.writes:
                return _of(view(values, **names), operation.status)
            return _once(operation, lambda: view(values, **names))

        describe(operation, view)
        bp.add_url_rule(operation.path, view.__name__, answer, methods=[operation.method])
        return view

    return offered


def describe(operation: Operation, view: Callable[..., object]) -> None:
    """Put an operation into the description."""
    summary = (view.__doc__ or "").strip().partition("\n")[0]
    OPERATIONS.append(Operation(**{**vars(operation), "name": view.__name__, "summary": summary}))


def check_match(there: Mapping[str, Any]) -> None:
    """Raise PreconditionFailed when the request names another edition of what it changes."""
    if request.if_match and not request.if_match.contains(etag_of(written(there))):
        raise PreconditionFailed("api.changed_meanwhile")


def etag_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]


def once_key() -> str | None:
    """The key that a program sends with a write, so that sending it again changes nothing."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= kept_answers.MAX_KEY and key.isascii()):
        raise Invalid("api.key_invalid", limit=kept_answers.MAX_KEY)
    return key


def hash_of_call(body: bytes) -> str:
    """What tells one write from another that has its key."""
    address = f"{request.method} {request.full_path}\n"
    return sha256(address.encode("utf-8", "surrogatepass") + body).hexdigest()


def _once(operation: Operation, act: Callable[[], ApiAnswer]) -> Response:
    """Do it in one transaction with keeping its answer; a second time, that answer is all."""
    key, viewer = once_key(), door.caller()
    with db().atomic():
        call_hash = hash_of_call(request.get_data())
        kept_answer = kept_answers.find(db(), viewer, key, call_hash) if key else None
        if kept_answer is None:
            answer = act()
            kept_answer = KeptAnswer(operation.status, written(answer.value), answer.location)
            if key:
                kept_answers.keep(db(), viewer, key, call_hash, kept_answer)
    return response_of(kept_answer)


def _of(answer: ApiAnswer, status: int) -> Response:
    response = response_of(KeptAnswer(status, written(answer.value), answer.location))
    if request.method in SAFE:
        response.make_conditional(request)
    return response


def response_of(kept_answer: KeptAnswer) -> Response:
    """The answer as it is sent."""
    response = Response(kept_answer.body, kept_answer.status, content_type=JSON)
    response.set_etag(etag_of(kept_answer.body))
    response.headers["Cache-Control"] = "private, no-cache"
    if kept_answer.location:
        response.headers["Location"] = kept_answer.location
    return response


def written(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _body(known: Mapping[str, Field]) -> Values:
    if request.mimetype != JSON:
        raise Unsupported("api.wrong_type")
    try:
        body = json.loads(request.get_data(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Unreadable("api.unreadable") from None
    return fields.read_body(known, body)


def _refuse(name: str) -> None:
    """NaN and the infinities are not JSON."""
    raise ValueError(name)
