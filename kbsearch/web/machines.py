"""What other machines ask: alive, ready, numbers."""

import hmac
from dataclasses import asdict

from flask import Blueprint, current_app, jsonify, request
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from werkzeug.wrappers import Response

from kbsearch import __version__, health, sendings
from kbsearch.errors import NotFound
from kbsearch.health import Health
from kbsearch.web.render import db, site

bp = Blueprint("machines", __name__)


@bp.get("/healthz")
def healthz() -> Response:
    """This process answers; nothing else is asked."""
    return unkept(Response("ok\n", content_type="text/plain; charset=utf-8"))


@bp.get("/readyz")
def readyz() -> Response:
    """Whether visitors can be sent here, and what is wrong when not."""
    try:
        found = health.look(db())
    except Exception:  # whatever the database says, the answer is: not ready
        current_app.logger.exception("the database cannot be read")
        response = jsonify(ready=False, database=False)
        response.status_code = 503
        return unkept(response)
    index = has_index(found)
    ready = index and found.is_worker_alive and found.publication is not None
    told = {"ready": ready, "database": True, "index": index, "version": __version__}
    response = jsonify(told | asdict(found))
    response.status_code = 200 if ready else 503
    return unkept(response)


@bp.get("/metrics")
def metrics() -> Response:
    """Prometheus numbers, for whoever holds the token."""
    token = site().settings.metrics_token
    sent = request.headers.get("Authorization", "")
    if not token or not hmac.compare_digest(sent.encode(), f"Bearer {token}".encode()):
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
    for channel in sendings.CHANNELS:
        waiting.labels(channel).set(found.waiting.get(channel, 0))
    told("worker_up", "Whether the worker was seen lately", found.is_worker_alive)
    return unkept(Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST))


def has_index(found: Health) -> bool:
    """Whether both indexes are in service, and their folders there."""
    names = (found.article_index, found.ticket_index)
    return all(name and (site().settings.index_path / name).is_dir() for name in names)


def unkept(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
