"""Monitoring: new images against the champion's reference, from what is looked at to a held batch and an event."""

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from prefect import get_run_logger
from prefect.events import emit_event
from pydantic import BaseModel, ConfigDict

from storage import catalog, reports
from storage.objects import Objects
from storage.registry import Registry
from storage.reports.records import read_nights
from storage.settings import Settings
from storage.snapshots import load_snapshot
from storage.store import open_store
from tasks.drift import measure, update_workspace
from tasks.drift_frames import PLACE, build_current, build_served, load_new_rows, load_or_build_reference
from tasks.holding import hold_batch
from tasks.reporting import load_pictures
from tasks.skin import stage_task
from xray_model.config import MonitorOptions
from xray_model.evaluation.drift.columns import EMBEDDING
from xray_model.evaluation.drift.judging import judge
from xray_model.evaluation.drift.preparing import prepare
from xray_model.outcomes import (
    ChampionSummary,
    DriftOutcome,
    DriftState,
    DriftSubject,
)

if TYPE_CHECKING:
    import keras

RETRAIN = "xray.drift.retrain"
"""The event; its resource is `xray.drift.<subject>`."""
_CAPTION = ("view", "sex", "age", "label")
_NIGHTS_READ = 60


class Subject(BaseModel):
    """What is compared as one."""

    model_config = ConfigDict(frozen=True)

    kind: DriftSubject
    name: str
    """Id of the batch or night, or the days of the window."""
    batches: tuple[str, ...] = ()
    since: date | None = None
    """First day of a window, and of what was served."""
    until: date | None = None
    counts_watch: bool = False
    """Whether it is what a night is judged by, so that nights on watch are counted."""


@stage_task("choose-subjects")
def choose_subjects(options: MonitorOptions) -> tuple[Subject, ...]:
    """What the options ask to look at: each batch and their night, or the window and what was served in it.

    A night of one batch is not compared twice: the batch's comparison is the night's.
    """
    if options.batches:
        alone = options.night is not None and len(options.batches) == 1
        each = tuple(
            Subject(kind="batch", name=batch_id, batches=(batch_id,), counts_watch=alone)
            for batch_id in options.batches
        )
        if options.night is None or alone:
            return each
        return (*each, Subject(kind="night", name=options.night, batches=options.batches, counts_watch=True))
    until = options.until or datetime.now(UTC).date()
    since = options.since or until - timedelta(days=options.days - 1)
    name = f"{since:%Y-%m-%d} to {until:%Y-%m-%d}"
    came = tuple(find_committed(open_store(Settings()).objects, since, until))
    window = Subject(kind="window", name=name, batches=came, since=since, until=until)
    return (window, *([window.model_copy(update={"kind": "served", "batches": ()})] if options.served else []))


def find_committed(objects: Objects, since: date, until: date) -> list[str]:
    """Current batches that were committed on the days (UTC) from `since` to `until`."""
    days = {info.key: info.modified.astimezone(UTC).date() for info in objects.list(catalog.PREFIX)}
    return [
        batch_id
        for batch_id in catalog.current_batches(objects)
        if since <= days.get(catalog.catalog_key(batch_id), date.min) <= until
    ]


def know_nothing(subject: Subject, reason: str, champion: ChampionSummary | None = None) -> DriftOutcome:
    """The outcome where there was nothing to compare, and why."""
    return DriftOutcome(
        state=DriftState.UNKNOWN,
        reasons=(reason,),
        subject=subject.kind,
        name=subject.name,
        when=datetime.now(UTC),
        champion=None if champion is None else champion.version,
    )


@stage_task("compare")
def compare(subject: Subject, champion: ChampionSummary, run_id: str, options: MonitorOptions) -> DriftOutcome:
    """Compare a subject with the reference, hold a batch where the policy says so, and write the page.

    The hold comes before the page, so that the page can tell of it.

    Args:
        subject: what is compared.
        champion: the model in service.
        run_id: its MLflow run.
        options: policy, reference, and whether a batch may be held.
    """
    objects, snapshot_id = open_store(Settings()).objects, options.against or champion.snapshot_id
    rows = load_new_rows(objects, subject.batches)
    current, reference = _build_frames(subject, rows, champion, run_id, snapshot_id)
    if current.empty:
        return know_nothing(subject, _say_nothing(subject), champion)
    comparison = prepare(current, reference, options.policy, champion.classes)
    measured = measure(comparison)
    watched = count_watched(objects, champion.version) if subject.counts_watch else 0
    about = {"subject": subject.kind, "name": subject.name, "when": datetime.now(UTC)}
    about |= {"champion": champion.version, "snapshot_id": snapshot_id}
    drift = judge(comparison, measured.scores, options.policy, watched).model_copy(update=about)
    if options.hold and subject.kind == "batch" and drift.state is DriftState.HOLD:
        drift = hold_batch(objects, drift)
    drifted = _show(objects, rows, drift.drifted)
    typical = _show(objects, load_snapshot(objects, snapshot_id), drift.typical) if drift.typical else []
    return reports.write_drift_report(objects, drift, measured.html, measured.run, drifted, typical)


def _build_frames(
    subject: Subject, rows: pd.DataFrame, champion: ChampionSummary, run_id: str, snapshot_id: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Frames of the new images and of the reference; both are empty where there is no new image."""
    settings = Settings()
    store = open_store(settings)
    served = pd.DataFrame()
    if subject.kind == "served" and subject.since and subject.until:
        served = build_served(store.objects, subject.since, subject.until, run_id, champion.classes)
    if rows.empty and served.empty:
        return served, served
    model = _load_model(settings, run_id)
    reference = load_or_build_reference(store, model, run_id, snapshot_id)
    current = served if rows.empty else build_current(store, model, rows, reference.axes)
    # Without an embedding of the new images that of the known ones would only tell the two apart.
    seen = EMBEDDING if EMBEDDING[0] not in current else ()
    return current, reference.frame.drop(columns=[*seen], errors="ignore")


def count_watched(objects: Objects, champion: int) -> int:
    """Nights in a row, up to the last, that ended on watch against this champion; those that know nothing left out."""
    for record in read_nights(objects, _NIGHTS_READ).nights:
        drift = record.night.drift
        if drift.state is not DriftState.UNKNOWN:
            return drift.watched if drift.state is DriftState.WATCH and drift.champion == champion else 0
    return 0


@stage_task("announce-drift")
def announce_retrain(drift: DriftOutcome) -> None:
    """Send the event that a retraining is asked for; it names no image and no patient."""
    emit_event(
        RETRAIN,
        {"prefect.resource.id": f"xray.drift.{drift.subject}", "prefect.resource.name": drift.name},
        payload={
            "subject": drift.subject,
            "name": drift.name,
            "champion": drift.champion,
            "snapshot": drift.snapshot_id,
            "moved": [column.name or column.column for column in drift.columns if column.moved],
            "page": drift.page_key,
        },
    )


@stage_task("keep-history")
def keep_history() -> None:
    """Bring Evidently's workspace on this machine up to date with the runs in the store, for `evidently ui`."""
    settings = Settings()
    added = update_workspace(open_store(settings).objects, settings.home / "evidently")
    get_run_logger().info("%d runs were added to Evidently's workspace", added)


def _say_nothing(subject: Subject) -> str:
    if subject.kind == "served":
        return f"Nothing was predicted in service by the champion from {subject.name}."
    if subject.kind == "window" and not subject.batches:
        return f"No batch came from {subject.name}."
    return "None of its images trains or waits to."


def _load_model(settings: Settings, run_id: str) -> "keras.Model":
    from xray_model.network import network

    with Registry(settings).model_file(run_id) as path:
        return network.load(path)


def _show(objects: Objects, rows: pd.DataFrame, image_ids: tuple[str, ...]) -> list[reports.Picture]:
    """Pictures of the images that are among `rows`, in the order of their ids here."""
    places = pd.Series(np.arange(len(rows)), rows["image_id"]).groupby(level=0).first()
    chosen = rows.iloc[places[[one for one in image_ids if one in places.index]].to_numpy()]
    return load_pictures(objects, chosen[["image_id", *PLACE, *_CAPTION]])
