"""The numbers of /metrics: what the database says at this moment, and what the processes count."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST as TYPE
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from kbsearch import measures
from kbsearch.clock import parsed
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.site import health, neighbours, outgoing
from kbsearch.vaults import outcomes
from kbsearch.version import __version__

__all__ = ["TYPE", "of"]


def of(db: Database, settings: Settings) -> bytes:
    """All of them, in Prometheus' text format."""
    gauges = _Gauges()
    state = health.look(db)
    for noun, count in health.counts(db).items():
        gauges.add(noun, f"Number of {noun}", count)
    gauges.add("info", "The release at work", 1, version=__version__)
    gauges.add("outbox_dead", "Tasks given up after every retry", state.outbox_dead)
    gauges.add("outbox_age_seconds", "Age of the oldest waiting task", state.outbox_age or 0)
    waiting = "Age of the oldest thing that has not left"
    for channel in outgoing.CHANNELS:
        gauges.add("waiting_seconds", waiting, state.waiting.get(channel, 0), channel=channel)
    for queue in health.queues(db):
        for name, count in (
            ("waiting", queue.waiting),
            ("failed", queue.failed),
            ("dead", queue.dead),
        ):
            what = "Tasks of the outbox that are not done"
            gauges.add("outbox_tasks", what, count, channel=queue.channel, state=name)
    gauges.add("index_lag_seconds", "Since when a change waits to be found", state.index_lag)
    gauges.add("worker_up", "Whether the worker was seen lately", state.is_worker_alive)
    if state.worker_age is not None:
        gauges.add(
            "worker_seen_age_seconds", "Since when the worker was not seen", state.worker_age
        )
    if state.last_backup:
        moment = parsed(state.last_backup).timestamp()
        gauges.add("last_backup_timestamp_seconds", "When the last backup was whole", moment)
    backups = outcomes.look(db)
    failing = "Whether the last try of a backup failed"
    gauges.add("backup_failing", failing, backups.failure is not None)
    if backups.proof and backups.proof.is_good:
        moment = parsed(backups.proof.at).timestamp()
        gauges.add("last_drill_timestamp_seconds", "When a backup was last proved", moment)
    _add_certificates(gauges, neighbours.look(db))
    for place, free in health.free_space(settings).items():
        gauges.add("disk_free_bytes", "Free space where data and index lie", free, place=place)
    return gauges.text() + measures.text()


class _Gauges(Collector):
    """Numbers of one moment, by name and labels.

    No Gauge: one of those writes into the files that the processes of a site share, from where it
    would be told a second time.
    """

    def __init__(self) -> None:
        self._by_name: dict[str, GaugeMetricFamily] = {}

    def add(self, name: str, what: str, value: float, **labels: str) -> None:
        gauge = self._by_name.get(name)
        if gauge is None:
            gauge = GaugeMetricFamily(f"kbsearch_{name}", what, labels=list(labels))
            self._by_name[name] = gauge
        gauge.add_metric(list(labels.values()), value)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._by_name.values()

    def text(self) -> bytes:
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)


def _add_certificates(
    gauges: _Gauges, certificates: Iterable[neighbours.ServerCertificate]
) -> None:
    for certificate in certificates:
        if certificate.ends_at:
            moment = parsed(certificate.ends_at).timestamp()
            what = "When the certificate of a server that the site works with ends"
            gauges.add("certificate_end_timestamp_seconds", what, moment, server=certificate.server)
