"""Numbers of what the processes of a site do, which /metrics of any of them adds up.

Each process writes its own into a file of one folder. What a process that is gone left there is
cleared away when the next one starts, as if it had been started anew.
"""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kbsearch.config import Settings

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram

ANSWER_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 10.0)  # seconds
LEAVING_BUCKETS = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus_client looks, at its import, for its files
_OF_PROCESS = re.compile(r"\w+_(\d+)\.db")


@dataclass(frozen=True)
class Measures:
    """What this process counts."""

    registry: "CollectorRegistry"
    answers: "Histogram"
    departures: "Histogram"
    slow_statements: "Counter"


_measures: Measures | None = None


def start(settings: Settings) -> None:
    """Count from now on, where the numbers are asked for; before anything else in a process."""
    global _measures
    if not settings.metrics_token:
        return
    if "prometheus_client" not in sys.modules:
        folder = settings.data_path / "metrics"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        clear(folder)
        os.environ[FOLDER] = str(folder)
    from prometheus_client import CollectorRegistry, Counter, Histogram

    registry = CollectorRegistry()
    _measures = Measures(
        registry,
        Histogram(
            "kbsearch_answer_seconds",
            "Time to answer a request, by the group of its route",
            ["group", "status"],
            buckets=ANSWER_BUCKETS,
            registry=registry,
        ),
        Histogram(
            "kbsearch_leaving_seconds",
            "Time from the moment that something is to leave until it has left",
            ["channel"],
            buckets=LEAVING_BUCKETS,
            registry=registry,
        ),
        Counter(
            "kbsearch_slow_statements",
            "Statements of the database that took longer than slow_query_ms",
            registry=registry,
        ),
    )


def stop() -> None:
    """Count no more."""
    global _measures
    _measures = None


def clear(folder: Path) -> None:
    """Remove the files of processes that are gone."""
    for path in folder.iterdir():
        match = _OF_PROCESS.fullmatch(path.name)
        if match and not _is_alive(int(match[1])):
            path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def note_answer(group: str, status: int, seconds: float) -> None:
    """A request was answered; of the status the first digit counts, as in 2xx."""
    if _measures:
        _measures.answers.labels(group, f"{status // 100}xx").observe(seconds)


def note_departure(channel: str, seconds: float) -> None:
    """Something left by a channel, so long after it was asked for."""
    if _measures:
        _measures.departures.labels(channel).observe(seconds)


def note_slow_statement() -> None:
    if _measures:
        _measures.slow_statements.inc()


def text() -> bytes:
    """What all processes of the site counted, in Prometheus' text format."""
    if _measures is None:
        return b""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector
    from prometheus_client.values import ValueClass

    if not getattr(ValueClass, "_multiprocess", False):
        return generate_latest(_measures.registry)
    if not Path(os.environ[FOLDER]).is_dir():
        return b""  # it was removed
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
