"""What was refused to whom, in the log of the service: who tries doors leaves a trace.

To somebody signed in what they may not see is not there: so what they miss is told, too. The
database keeps nothing of it, and a flood from one network is told by its beginning.
"""

from contextlib import suppress
from datetime import timedelta

from flask import Flask, g, request
from werkzeug.exceptions import SecurityError
from werkzeug.wrappers import Response

from kbsearch import audit, limits
from kbsearch.access import ANONYMOUS, Viewer
from kbsearch.errors import TooMany
from kbsearch.web.api.pace import Pace
from kbsearch.web.requests_log import route

LINES_A_MINUTE = 60  # of a network, in a process
ALWAYS = (403, 429)


def watch(app: Flask) -> None:
    """Note each answer that refuses something."""
    pace = Pace(LINES_A_MINUTE, timedelta(minutes=1))

    @app.after_request
    def note(response: Response) -> Response:
        if _is_refusal(response.status_code):
            network = limits.network(request.remote_addr)
            with suppress(TooMany):
                pace.take(network)
                viewer = _viewer()
                audit.note_refusal(
                    viewer,
                    network,
                    status=response.status_code,
                    method=request.method,
                    route=route(),
                )
        return response


def _is_refusal(status: int) -> bool:
    if status == 404:  # of a thing that is named, not of an address that never was
        return _viewer().is_signed_in and bool(request.view_args)
    if status == 401:
        return "Authorization" in request.headers
    if status == 400:
        return isinstance(request.routing_exception, SecurityError)
    return status in ALWAYS


def _viewer() -> Viewer:
    """Whoever the request turned out to be of; the database is not asked."""
    viewer: Viewer = g.get("viewer", ANONYMOUS)
    return viewer
