"""What is noted of every request: its id, and in a log of objects what became of it.

An address is noted as its route, never as it was typed: it may hold a token, or what was searched.
"""

import logging
import re
import time
from functools import cache

from flask import Flask, g, request
from werkzeug.wrappers import Response

from kbsearch import measures, request_ids, tracing
from kbsearch.config import Settings

log = logging.getLogger(__name__)

_BLANK = re.compile(r"<[^<>:]*:(\w+)>")
NOT_NOTED = ("assets", "machines")  # pictures, and those who ask every few seconds


def watch(app: Flask, settings: Settings) -> None:
    """Give every request its id, and every answer; called first, so that it sees the rest."""
    is_behind_proxy, is_noted = settings.trusted_proxies > 0, settings.log_format == "json"

    @app.before_request
    def begin() -> None:
        given = request.headers.get(request_ids.HEADER, "") if is_behind_proxy else ""
        request_ids.begin(given)
        g.began_at, g.span = time.perf_counter(), tracing.span("request")
        g.span.__enter__()

    @app.after_request
    def end(response: Response) -> Response:
        response.headers[request_ids.HEADER] = request_ids.current()
        seconds, status = time.perf_counter() - g.began_at, response.status_code
        measures.note_answer(request.blueprint or "", status, seconds)
        _trace(status)
        if is_noted and request.blueprint not in NOT_NOTED:
            _note(status, seconds)
        return response

    @app.teardown_request
    def forget(_: BaseException | None) -> None:
        if "span" in g:
            g.span.__exit__(None, None, None)
        request_ids.end()


def route() -> str:
    """The pattern of the address that is asked for, as /<lang>/search; empty where none fits."""
    return _with_plain_blanks(request.url_rule.rule) if request.url_rule else ""


@cache
def _with_plain_blanks(rule: str) -> str:
    return _BLANK.sub(r"<\1>", rule)


def _trace(status: int) -> None:
    facts: dict[str, str | int] = {
        "http.request.method": request.method,
        "http.route": route(),
        "http.response.status_code": status,
        "kbsearch.request_id": request_ids.current(),
    }
    tracing.describe(f"{request.method} {route()}", facts)


def _note(status: int, seconds: float) -> None:
    facts = {
        "method": request.method,
        "route": route(),
        "status": status,
        "ms": round(seconds * 1000, 1),
    }
    log.info("%s %s %d", request.method, route() or "-", status, extra=facts)
