"""Figures for Prometheus, from the store's own records: no process has to live for them to be there.

All are gauges but the gate's decisions, which are only ever added to. How long a prediction takes is not among them:
the service that predicts measures that itself, and exports it on its own `/metrics`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from storage import ledger
from storage.desk import BatchSummary, Desk
from storage.ledger import GateEntry, LedgerEntry
from storage.reports.records import read_nights
from xray_model.outcomes import BatchStatus, DriftState, NightOutcome

_NIGHTS_READ = 5
"""The newest may still run, or have died before it left a record."""
_STATUSES = ("accepted", "quarantined", "held")
_DECISIONS = ("promoted", "left to a steward", "not promoted")


class _Families:
    """What a registry asks for its metrics."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterator[Metric]:
        """The metrics as they were read."""
        yield from self._families


def render_metrics(desk: Desk) -> bytes:
    """All figures of a store as a scrape reads them.

    The desk keeps the batches that it has read, so that reading again costs listings, the ledger and a few nights.

    Raises:
        InvalidInput: a decision or the ledger is damaged.
        StoreUnavailable: the store does not answer.
    """
    nights = read_nights(desk.objects, _NIGHTS_READ).nights
    entries = ledger.load_entries(desk.objects)
    families = [*_describe_ledger(entries), *_describe_desk(desk.list_batches(), entries)]
    if nights:
        families += _describe_night(nights[0].night)
    return generate_latest(_registry(families))


def write_night_metrics(night: NightOutcome, entries: Sequence[LedgerEntry], path: Path) -> None:
    """Write the figures of a night and the ledger for node_exporter's textfile collector, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(path), _registry([*_describe_night(night), *_describe_ledger(entries)]))


def _registry(families: Iterable[Metric]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Families(families))
    return registry


def _describe_night(night: NightOutcome) -> Iterator[Metric]:
    """The last night that left a record."""
    yield _gauge("xray_night_finished_timestamp_seconds", "End of the last night.", night.finished.timestamp())
    yield _gauge("xray_night_duration_seconds", "Length of it.", (night.finished - night.started).total_seconds())
    yield _gauge("xray_night_failed", "Whether its training failed.", night.retrain.failed)
    yield _gauge("xray_night_trained", "Whether it trained a model.", night.retrain.trained)
    seconds = {stage.name: stage.seconds for stage in night.stages}
    yield _gauges("xray_night_stage_duration_seconds", "Length of each of its stages.", "stage", seconds)
    batches = Counter(batch.status for batch in night.batches)
    found = {status: batches[status] for status in BatchStatus}
    yield _gauges("xray_night_batches", "Its batches, as it left them.", "status", found)
    images = {status: night.total(status) for status in _STATUSES}
    yield _gauges("xray_night_images", "Images of its batches, as it left them.", "status", images)
    yield _gauge("xray_drift_share", "Share of the compared columns that moved in it.", night.drift.share)
    states = {state: float(state is night.drift.state) for state in DriftState}
    yield _gauges("xray_drift_state", "1 for what its drift came to, 0 for the others.", "state", states)


def _describe_ledger(entries: Sequence[LedgerEntry]) -> Iterator[Metric]:
    """What decided which model is in service."""
    found = Counter(_outcome_of(entry) for entry in entries if isinstance(entry, GateEntry))
    decisions = CounterMetricFamily("xray_gate_decisions", "Decisions of the gate.", labels=["outcome"])
    for outcome in _DECISIONS:
        decisions.add_metric([outcome], found[outcome])
    yield decisions
    champion = ledger.champion_of(entries)
    yield _gauge("xray_champion_in_service", "Whether a model is in service.", champion is not None)
    if champion is not None:
        yield _gauge("xray_champion_version", "Its version.", champion.version)
        yield _gauge("xray_champion_since_timestamp_seconds", "When it came into service.", champion.since.timestamp())
        yield _gauge(
            "xray_champion_minority_f1", "F1 of its minority class, when it was judged.", champion.minority_f1.value
        )


def _describe_desk(batches: Sequence[BatchSummary], entries: Sequence[LedgerEntry]) -> Iterator[Metric]:
    """The batches of the catalog as they count now, and what waits for a steward."""
    by_status = Counter(BatchStatus.HELD if one.held else _unless_decided(one) for one in batches)
    statuses = {status: by_status[status] for status in BatchStatus if status is not BatchStatus.FAILED}
    yield _gauges("xray_batches", "Batches in the catalog, by what counts now.", "status", statuses)
    images = {status: sum(one.statuses.get(status, 0) for one in batches) for status in _STATUSES}
    yield _gauges("xray_images", "Images in the catalog, by what counts now.", "status", images)
    held, model = [one.committed for one in batches if one.held], ledger.find_waiting(entries)
    waiting = {"batch": len(held), "model": int(model is not None)}
    yield _gauges("xray_waiting", "What waits for a steward.", "kind", waiting)
    since = {"batch": min(held)} if held else {}
    since |= {"model": model.decided} if model else {}
    moments = {kind: moment.timestamp() for kind, moment in since.items()}
    yield _gauges("xray_waiting_since_timestamp_seconds", "Since when the first of them does.", "kind", moments)


def _unless_decided(batch: BatchSummary) -> BatchStatus:
    """A held batch of which no image waits any more was decided on."""
    held = batch.outcome.status is BatchStatus.HELD
    return BatchStatus.ACCEPTED if held else batch.outcome.status


def _outcome_of(entry: GateEntry) -> str:
    if entry.awaits_approval:
        return "left to a steward"
    return "promoted" if entry.decision.promote else "not promoted"


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value=float(value))


def _gauges(name: str, told: str, label: str, values: Mapping[Any, float]) -> Metric:
    family = GaugeMetricFamily(name, told, labels=[label])
    for which, value in values.items():
        family.add_metric([str(which)], float(value))
    return family
