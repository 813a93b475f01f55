"""What other machines ask: alive, ready, numbers."""

import hmac
from dataclasses import asdict
from pathlib import Path

from flask import Blueprint, Flask, current_app, jsonify, request
from werkzeug.wrappers import Response

from kbsearch.errors import NotFound
from kbsearch.search.ranking import indexing
from kbsearch.site import health
from kbsearch.site.health import Health
from kbsearch.version import __version__
from kbsearch.web import metrics_text
from kbsearch.web.render import db, site, viewer

LEAVING = "kbsearch_leaving"
PLAIN = "text/plain; charset=utf-8"

bp = Blueprint("machines", __name__)


@bp.get("/healthz")
def healthz() -> Response:
    """This process answers; nothing else is asked."""
    return unkept(Response("ok\n", content_type=PLAIN))


@bp.get("/readyz")
def readyz() -> Response:
    """Whether visitors can be sent here: yes or no; and why, for those who run the site."""
    state = _look()
    ready = state is not None and is_ready(state)
    response = Response("yes\n" if ready else "no\n", content_type=PLAIN)
    if holds_token() or (state is not None and viewer().is_administrator):
        response = jsonify(details(state))
    response.status_code = 200 if ready else 503
    return unkept(response)


@bp.get("/metrics")
def metrics() -> Response:
    """Prometheus numbers, for whoever holds the token."""
    if not holds_token():
        raise NotFound("web.not_found")
    return unkept(Response(metrics_text.of(db(), site().settings), content_type=metrics_text.TYPE))


def holds_token() -> bool:
    """Whether metrics_token came along: a machine of those who run the site."""
    token = site().settings.metrics_token
    header = request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(header.encode(), f"Bearer {token}".encode())


def _look() -> Health | None:
    """What the database knows of the site; None when it cannot be read, whatever it says."""
    try:
        return health.look(db())
    except Exception:
        current_app.logger.exception("the database cannot be read")
        return None


def leave(app: Flask) -> None:
    """Say from now on that nobody is to be sent here: this process is about to stop."""
    app.extensions[LEAVING] = True


def is_ready(state: Health) -> bool:
    if LEAVING in current_app.extensions:
        return False
    return has_index(state) and state.is_worker_alive and state.publication is not None


def details(state: Health | None) -> dict[str, object]:
    """What makes the site ready or not."""
    if state is None:
        return {"ready": False, "database": False}
    values = {
        "ready": is_ready(state),
        "database": True,
        "leaving": LEAVING in current_app.extensions,
        "index": has_index(state) and does_index_answer(),
        "files": health.has_files(site().settings),
    }
    return {**values, "version": __version__, **asdict(state)}


def has_index(state: Health) -> bool:
    """Whether both indexes are in service, and their folders there.

    While a cluster is away the database answers instead: nobody is sent elsewhere for that.
    """
    names = [state.article_index, state.ticket_index]
    is_there = all(names)
    if not isinstance(site().settings.index_address, Path):
        del names[1]
    return is_there and all((site().settings.index_path / str(name)).is_dir() for name in names)


def does_index_answer() -> bool:
    """Whether the cluster of the index answers, where there is one."""
    return indexing.is_reachable(site().settings)


def unkept(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
