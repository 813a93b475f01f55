"""Traces by OpenTelemetry, for sites with the extra `otel` that say where to: spans of requests,
statements, calls of the index and what leaves. Elsewhere nothing of it is even imported.
"""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from kbsearch.config import Settings
from kbsearch.version import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import Tracer
    from requests import Session

Attributes = Mapping[str, str | int]
_OFF: AbstractContextManager[None] = nullcontext()
_tracer: "Tracer | None" = None


def start(settings: Settings) -> "TracerProvider | None":
    """Trace from now on, where a setting says where spans go; what is left goes at the end."""
    if not settings.otlp_url:
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    endpoint = f"{settings.otlp_url.rstrip('/')}/v1/traces"
    return give_to(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, session=_session())))


def _session() -> "Session":
    """A session that finds its adapter itself: that of `requests` is Apprise's once a text message
    has left this process, and takes nobody else's requests.
    """
    from requests import Session
    from requests.adapters import HTTPAdapter

    class Direct(Session):
        def get_adapter(self, url: str) -> HTTPAdapter:
            return adapter

    adapter = HTTPAdapter()
    return Direct()


def give_to(processor: "SpanProcessor") -> "TracerProvider":
    """Trace from now on, and hand every span to this."""
    global _tracer
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    service = Resource.create({"service.name": "kbsearch", "service.version": __version__})
    provider = TracerProvider(resource=service)
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("kbsearch", __version__)
    return provider


def stop() -> None:
    """Trace no more."""
    global _tracer
    _tracer = None


def span(name: str, attributes: Attributes | None = None) -> AbstractContextManager[Any]:
    """A context that is a span, over those that begin inside it."""
    if _tracer is None:
        return _OFF
    return _tracer.start_as_current_span(name, attributes=attributes or {})


def describe(name: str, attributes: Attributes) -> None:
    """Say more of the span under way, what is known at its end only."""
    if _tracer is None:
        return
    from opentelemetry.trace import get_current_span

    current: Any = get_current_span()
    current.update_name(name)
    current.set_attributes(attributes)


def note(name: str, seconds: float, attributes: Attributes | None = None) -> None:
    """Something that has just ended, and took so long: a span inside the one under way."""
    if _tracer is None:
        return
    end = time.time_ns()
    begin = end - round(seconds * 1_000_000_000)
    _tracer.start_span(name, start_time=begin, attributes=attributes or {}).end(end)
