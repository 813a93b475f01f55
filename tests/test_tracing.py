"""Traces: one span over others, to a collector that listens; nothing of it without the setting."""

import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from flask.testing import FlaskClient

from kbsearch import create_app, outbox, tracing
from kbsearch.config import ConfigError, Settings
from kbsearch.config_checks import check
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages.delivery import apprise_gateways
from kbsearch.messages.delivery.guarded_http import Guard
from tests.conftest import Cast
from tests.kit.web import publish_articles

pytest.importorskip("opentelemetry.sdk", reason="the extra [otel] is not installed")

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
    InMemorySpanExporter,
)

pytestmark = pytest.mark.usefixtures("unguarded")


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """What was traced."""
    exporter = InMemorySpanExporter()
    tracing.give_to(SimpleSpanProcessor(exporter))
    yield exporter
    tracing.stop()


def named(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.name == name]


def test_a_request_is_a_span_over_its_statements_and_the_index(
    settings: Settings, db: SqliteDatabase, cast: Cast, spans: InMemorySpanExporter
):
    publish_articles(settings, db)
    client: FlaskClient = create_app(settings, db).test_client()
    spans.clear()
    answer = client.get("/fr/search?q=confidentiel")
    (request,) = named(spans, "GET /<lang>/search")
    assert request.attributes is not None and request.context is not None
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["kbsearch.request_id"] == answer.headers["X-Request-Id"]
    for inner in (*named(spans, "sql"), *named(spans, "index.ask")):
        assert inner.parent is not None and inner.context is not None
        assert inner.context.trace_id == request.context.trace_id
    assert named(spans, "sql") and named(spans, "index.ask")
    told = "".join(str(dict(span.attributes or {})) for span in spans.get_finished_spans())
    assert "SELECT" in told
    assert "confidentiel" not in told


def test_what_leaves_is_a_span_that_names_its_request(
    db: SqliteDatabase, spans: InMemorySpanExporter
):
    outbox.add(db, "index.tickets", "x")
    outbox.run_one(db, {"index.tickets": lambda _: None})
    (task,) = named(spans, "outbox")
    assert task.attributes is not None
    assert task.attributes["kbsearch.task"] == "index.tickets"


class Collector(BaseHTTPRequestHandler):
    """What an OpenTelemetry collector hears."""

    posts: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.posts.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_spans_go_where_the_setting_says_also_after_a_text_message(settings: Settings):
    assert not apprise_gateways.send(Guard(), "smseagle://token@127.0.0.1:9/+33612345678", "Code 1")

    class Heard(Collector):
        posts: list[tuple[str, bytes]] = []

    with HTTPServer(("127.0.0.1", 0), Heard) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        provider = tracing.start(
            replace(settings, otlp_url=f"http://127.0.0.1:{collector.server_port}")
        )
        with tracing.span("GET /<lang>/search"):
            pass
        assert provider is not None
        provider.shutdown()
        collector.shutdown()
    tracing.stop()
    ((path, body),) = Heard.posts
    assert path == "/v1/traces"
    assert b"kbsearch" in body


def test_an_address_that_is_none_refuses_to_start(settings: Settings):
    with pytest.raises(ConfigError, match="otlp_url"):
        check(replace(settings, otlp_url="collector:4318"), {"otlp_url": "x"})


def test_without_what_sends_them_it_is_refused_at_the_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    there = replace(settings, otlp_url="http://127.0.0.1:4318")
    check(there, {"otlp_url": "x"})
    monkeypatch.delitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto", None)
    with pytest.raises(ConfigError, match=r"kbsearch\[otel\]"):
        check(there, {"otlp_url": "x"})
