"""Monitoring: new images against the champion's reference, from what is looked at to a held batch and an event."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from prefect import get_run_logger
from prefect.events import emit_event
from pydantic import BaseModel, ConfigDict

from storage import catalog, reports
from storage.objects import Objects
from storage.references import Reference
from storage.registry import Registry
from storage.reports.records import read_nights
from storage.retrainings import load_retraining
from storage.settings import Settings
from storage.snapshots import OTHER_SOURCE, load_snapshot
from storage.store import open_store
from tasks.drift import measure, update_workspace
from tasks.drift_frames import PLACE, build_current, build_served, load_new_rows, load_or_build_reference
from tasks.drift_overlap import forget_learned, part_from
from tasks.holding import find_waiting, hold_batch, hold_night
from tasks.reporting import load_pictures
from tasks.skin import stage_task
from tasks.strangeness import complete_strangeness
from xray_model.config import MonitorOptions
from xray_model.errors import ObjectNotFound
from xray_model.evaluation.drift.columns import EMBEDDING, IDENTITY
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
_OTHER_AXES = "What the champion saw is not compared: the log has it on the axes of the champion's own reference."


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
    unjudged: tuple[str, ...] = ()
    """Those batches of a night that their own comparison does not let train: they wait where the night is held."""

    def after(self, drifts: Sequence[DriftOutcome]) -> "Subject":
        """The same once these were compared: what they could tell of a batch is told."""
        judged = {one.name for one in drifts if one.state not in {DriftState.UNKNOWN, DriftState.HOLD}}
        return self.model_copy(update={"unjudged": tuple(name for name in self.unjudged if name not in judged)})


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
        night = Subject(kind="night", name=options.night, batches=options.batches, counts_watch=True)
        return (*each, night.model_copy(update={"unjudged": options.batches}))
    until = options.until or datetime.now(UTC).date()
    since = options.since or until - timedelta(days=options.days - 1)
    name = f"{since:%Y-%m-%d} to {until:%Y-%m-%d}"
    came = tuple(find_committed(open_store(Settings()).objects, since, until))
    window = Subject(kind="window", name=name, batches=came, since=since, until=until)
    return (window, *([window.model_copy(update={"kind": "served", "batches": ()})] if options.served else []))


def find_committed(objects: Objects, since: date, until: date) -> list[str]:
    """Current batches that were committed on the days (UTC) from `since` to `until`.

    That is by the time at which the store dates their catalog file: of a store that was copied or restored without its
    times, all batches came on that day.
    """
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
    sources = find_sources(objects, champion, run_id)
    rows, left_out = load_new_rows(objects, subject.batches, champion.classes, sources)
    current, reference, notes = _build_frames(subject, rows, champion, run_id, snapshot_id)
    if current.empty:
        return know_nothing(subject, " ".join([_say_nothing(subject), *left_out]), champion)
    if reference.empty:
        return know_nothing(subject, "The reference has no image that is not among these themselves.", champion)
    comparison = prepare(current, reference, options.policy, champion.classes)
    measured = measure(comparison)
    watched = count_watched(objects, champion.version) if subject.counts_watch else 0
    about = {"subject": subject.kind, "name": subject.name, "when": datetime.now(UTC)}
    about |= {"champion": champion.version, "snapshot_id": snapshot_id}
    drift = judge(comparison, measured.scores, options.policy, watched)
    drift = drift.model_copy(update={**about, "notes": (*left_out, *notes, *drift.notes)})
    if drift.state is DriftState.HOLD:
        drift = _hold(objects, drift, subject, comparison.new_sources, hold=options.hold)
    drifted = _show(objects, rows, drift.drifted)
    typical = _show(objects, load_snapshot(objects, snapshot_id), drift.typical) if drift.typical else []
    return reports.write_drift_report(objects, drift, measured.html, measured.run, drifted, typical)


def _hold(
    objects: Objects, drift: DriftOutcome, subject: Subject, new_sources: Sequence[str], *, hold: bool
) -> DriftOutcome:
    """Let wait what the policy says should; where that is not asked for, say whether it waits already."""
    if hold and subject.kind == "batch":
        return hold_batch(objects, drift)
    if hold and subject.kind == "night":
        known = [name for name in subject.unjudged if name.partition(".")[0] not in new_sources]
        return hold_night(objects, drift, known)
    return drift.model_copy(update={"held": bool(find_waiting(objects, subject.batches))})


def _build_frames(
    subject: Subject, rows: pd.DataFrame, champion: ChampionSummary, run_id: str, snapshot_id: str
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Frames of the new images and of the reference, and notes; both are empty where there is no new image."""
    settings = Settings()
    store = open_store(settings)
    served = pd.DataFrame()
    notes: tuple[str, ...] = ()
    if subject.kind == "served" and subject.since and subject.until:
        served, notes = build_served(store.objects, subject.since, subject.until, run_id, champion.classes)
        if snapshot_id != champion.snapshot_id and EMBEDDING[0] in served:
            served, notes = served.drop(columns=list(EMBEDDING), errors="ignore"), (*notes, _OTHER_AXES)
    if rows.empty and served.empty:
        return served, served, ()
    model, reference = _open_champion(settings, run_id, snapshot_id, champion.snapshot_id)
    current = served if rows.empty else build_current(store, model, rows, reference.axes)
    learned = set(load_snapshot(store.objects, champion.snapshot_id, "train")["image_id"])
    current, seen = forget_learned(current, learned, champion.classes)
    known, shared = part_from(forget_learned(reference.frame, learned, champion.classes)[0], current)
    notes += _note(seen, "The champion has learned from {} of these images: its answers to them are not compared.")
    notes += _note(shared, "Of the reference {} images are left out, for they are among these themselves.")
    # Were these known of one side alone, they would only tell the two apart.
    alone = [*([] if "source" in current else ["source"]), *(() if EMBEDDING[0] in current else EMBEDDING)]
    if subject.kind == "served":  # what the log does not hold was not lost by a sender
        logged = current.columns[current.notna().any()]
        alone += [str(name) for name in known if name not in logged and name not in IDENTITY]
    return current, known.drop(columns=alone, errors="ignore"), notes


def _note(count: int, words: str) -> tuple[str, ...]:
    return (words.format(f"{count:,}"),) if count else ()


@lru_cache(maxsize=1)
def _open_champion(
    settings: Settings, run_id: str, snapshot_id: str, trained_on: str
) -> tuple["keras.Model", Reference]:
    """The model of a run and what it is compared with, for all subjects of one run of `monitor`."""
    from xray_model.network import network

    with Registry(settings).model_file(run_id) as path:
        model = network.load(path)
    store = open_store(settings)
    complete_strangeness(store, model, run_id, trained_on)
    return model, load_or_build_reference(store, model, run_id, snapshot_id)


close_champion = _open_champion.cache_clear
"""Let go of the model and the reference that `compare` keeps from one subject to the next."""


def find_sources(objects: Objects, champion: ChampionSummary, run_id: str) -> tuple[str, ...]:
    """Sources whose images alone the champion is trained on; none where it is trained on all, or nobody can tell."""
    try:
        snapshot = load_retraining(objects, run_id).snapshot
    except ObjectNotFound:
        return ()
    if snapshot is None or OTHER_SOURCE not in snapshot.excluded:
        return ()
    return tuple(load_snapshot(objects, champion.snapshot_id)["source"].unique())


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


def _show(objects: Objects, rows: pd.DataFrame, image_ids: tuple[str, ...]) -> list[reports.Picture]:
    """Pictures of the images that are among `rows`, in the order of their ids here."""
    places = pd.Series(np.arange(len(rows)), rows["image_id"]).groupby(level=0).first()
    chosen = rows.iloc[places[[one for one in image_ids if one in places.index]].to_numpy()]
    return load_pictures(objects, chosen[["image_id", *PLACE, *_CAPTION]])
