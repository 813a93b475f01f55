"""What other machines ask: alive, ready, numbers."""

import hmac
from dataclasses import asdict

from flask import Blueprint, current_app, jsonify, request
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from werkzeug.wrappers import Response

from kbsearch.errors import NotFound
from kbsearch.site import health, outgoing
from kbsearch.site.health import Health
from kbsearch.version import __version__
from kbsearch.web.render import db, site, viewer

PLAIN = "text/plain; charset=utf-8"

bp = Blueprint("machines", __name__)


@bp.get("/healthz")
def healthz() -> Response:
    """This process answers; nothing else is asked."""
    return unkept(Response("ok\n", content_type=PLAIN))


@bp.get("/readyz")
def readyz() -> Response:
    """Whether visitors can be sent here: yes or no; and why, for those who run the site."""
    found = _look()
    ready = found is not None and is_ready(found)
    response = Response("yes\n" if ready else "no\n", content_type=PLAIN)
    if holds_token() or (found is not None and viewer().is_administrator):
        response = jsonify(details(found))
    response.status_code = 200 if ready else 503
    return unkept(response)


@bp.get("/metrics")
def metrics() -> Response:
    """Prometheus numbers, for whoever holds the token."""
    if not holds_token():
        raise NotFound("web.not_found")
    registry = CollectorRegistry()
    found = health.look(db())

    def told(name: str, what: str, value: float) -> None:
        Gauge(f"kbsearch_{name}", what, registry=registry).set(value)

    for noun, count in health.counts(db()).items():
        told(noun, f"Number of {noun}", count)
    told("outbox_dead", "Tasks given up after every retry", found.outbox_dead)
    told("outbox_age_seconds", "Age of the oldest waiting task", found.outbox_age or 0)
    waiting = Gauge(
        "kbsearch_waiting_seconds",
        "Age of the oldest thing that has not left",
        ["channel"],
        registry=registry,
    )
    for channel in outgoing.CHANNELS:
        waiting.labels(channel).set(found.waiting.get(channel, 0))
    told("worker_up", "Whether the worker was seen lately", found.is_worker_alive)
    return unkept(Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST))


def holds_token() -> bool:
    """Whether metrics_token came along: a machine of those who run the site."""
    token = site().settings.metrics_token
    sent = request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())


def _look() -> Health | None:
    """What the database knows of the site; None when it cannot be read, whatever it says."""
    try:
        return health.look(db())
    except Exception:
        current_app.logger.exception("the database cannot be read")
        return None


def is_ready(found: Health) -> bool:
    return has_index(found) and found.is_worker_alive and found.publication is not None


def details(found: Health | None) -> dict[str, object]:
    """What makes the site ready or not."""
    if found is None:
        return {"ready": False, "database": False}
    told = {"ready": is_ready(found), "database": True, "index": has_index(found)}
    return {**told, "version": __version__, **asdict(found)}


def has_index(found: Health) -> bool:
    """Whether both indexes are in service, and their folders there."""
    names = (found.article_index, found.ticket_index)
    return all(name and (site().settings.index_path / name).is_dir() for name in names)


def unkept(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
