"""The night, end to end on drawn X-rays: what is trained, held and put in service, and what a second run does."""

import io
import json
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from apps.push import push_batch
from flows import nightly as night_flow
from flows import retrain
from flows.ingest import ingest
from flows.running import run_flow
from storage import catalog
from storage.decisions import load_decisions, record_decision
from storage.ledger import champion_of, load_entries
from storage.promotion import approve_model
from storage.registry import CARD_FOLDER, CHALLENGER, CHAMPION, Registry
from storage.reports import headline
from storage.settings import Settings
from storage.snapshots import build_snapshot
from storage.store import Store, open_store
from tasks.holding import hold_batch
from tests.flows.conftest import SMALL
from tests.flows.nights import OPTIONS, run
from tests.storage.reports.comparing import compared
from xray_model.config import MonitorOptions, RetrainOptions, TrainingOptions
from xray_model.data.decisions import MONITOR, propose
from xray_model.data.phantoms import CohortOptions, write_class_folders
from xray_model.outcomes import BatchOutcome, BatchStatus, DriftOutcome, DriftState, MonitorOutcome, RetrainOutcome

pytestmark = pytest.mark.usefixtures("prefect_server")


def catalog_bytes(store: Store) -> dict[str, bytes]:
    """Everything in the catalog."""
    return {info.key: store.objects.get(info.key) for info in store.objects.list(catalog.PREFIX)}


def test_two_nights(home: Path, cohort: Path, tmp_path: Path) -> None:
    """The first night ends with a first champion; the same again changes nothing; new images are trained on once."""
    push_batch(cohort, "bimcv", "first")
    first = run()
    store = open_store(Settings())
    (batch,) = first.batches
    assert "no champion yet" in first.drift.reasons[0]
    assert (batch.status, batch.layout, batch.quarantined) == (BatchStatus.ACCEPTED, "bimcv", 0)
    assert batch.read == batch.accepted == len(list(cohort.rglob("*.png")))
    assert first.champion is not None
    assert first.champion.version == 1
    assert not first.needs_person
    before, shards = catalog_bytes(store), [info.etag for info in store.objects.list("shards/")]

    again = run()
    assert again.batches == ()
    assert not again.retrain.trained
    assert catalog_bytes(store) == before
    assert [info.etag for info in store.objects.list("shards/")] == shards

    write_class_folders(
        tmp_path / "more",
        CohortOptions(patients=24, shares={"covid": 1, "normal": 1}, seed=2, first_patient=900, **SMALL),
        three_classes=True,
        archive=True,
    )
    push_batch(tmp_path / "more", "kaggle", "more")
    third = run()
    assert third.retrain.promotion is not None
    assert third.retrain.champion is not None
    assert third.retrain.champion.images == third.retrain.challenger.images  # type: ignore[union-attr]
    assert third.drift.page_key is not None
    assert store.objects.exists(third.drift.page_key)
    assert [drift.name for drift in third.batch_drift] == [batch.batch_id for batch in third.batches]
    assert len(load_entries(store.objects)) == 2


def test_a_night_keeps_its_batches_without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are on the page of each batch, and every page of drift reads sixty nights; all else is kept."""
    found = tuple(compared(subject=subject) for subject in ("batch", "night"))
    monkeypatch.setattr(night_flow, "monitor", lambda _: MonitorOutcome(drifts=found))
    batch = BatchOutcome(batch_id="a.b.1", source="a", name="b", status=BatchStatus.ACCEPTED, accepted=1)
    night, (each,) = night_flow.monitor_or_explain((batch,), "n", MonitorOptions())
    assert night == found[1]
    assert not any(column.chart for column in each.columns)
    assert [column.score for column in each.columns] == [column.score for column in night.columns]


def test_batch_that_looks_all_too_different_waits(home: Path, cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is held before the training looks at it, and a night that died after the hold is told the same by the next."""
    trainable: list[int] = []

    def hold_all(options: MonitorOptions) -> MonitorOutcome:
        objects = open_store(Settings()).objects
        found = DriftOutcome(state=DriftState.HOLD, reasons=("The images are darker.",))
        held = [hold_batch(objects, found.model_copy(update={"name": name})) for name in options.batches]
        return MonitorOutcome(drifts=(*(one.model_copy(update={"subject": "batch"}) for one in held), found))

    def see_snapshot(options: RetrainOptions, _: datetime) -> RetrainOutcome:
        snapshot = build_snapshot(open_store(Settings()).objects, options.snapshot)
        trainable.append(sum(sum(counts.values()) for counts in snapshot.counts.values()))
        return RetrainOutcome(trained=False, reasons=())

    monkeypatch.setattr(night_flow, "monitor", hold_all)
    monkeypatch.setattr(night_flow, "route_retrain", see_snapshot)
    push_batch(cohort, "bimcv", "first")
    (committed,) = run_flow(ingest, OPTIONS.ingest)
    hold_all(MonitorOptions(batches=(committed.batch_id,)))
    night = run()
    (held,) = night.batches
    assert (committed.status, held.status) == (BatchStatus.ACCEPTED, BatchStatus.HELD)
    assert (held.accepted, held.held, held.reasons) == (0, committed.accepted, ("The images are darker.",))
    assert night.drift.state is night.batch_drift[0].state is DriftState.HOLD
    assert night.needs_person
    objects = open_store(Settings()).objects
    assert [one.who for one in load_decisions(objects)[held.batch_id]] == [MONITOR]
    record_decision(objects, propose(batch_id=held.batch_id, action="release", who="ada", why="a new lamp"))
    run()
    assert trainable == [0, committed.accepted]


def test_no_source_identity_leaves_the_catalog(home: Path, cohort: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Source patient ids stand in the catalog's keys alone: not in other tables, reports, logs or MLflow."""
    push_batch(cohort, "bimcv", "first")
    with caplog.at_level("DEBUG"):
        night = run()
    store = open_store(Settings())
    ids = {path.name.removeprefix("sub-") for path in cohort.rglob("sub-*") if path.is_dir()}
    assert len(ids) > 50
    told = [caplog.text, json.dumps(night.model_dump(mode="json"))]
    for prefix in ("snapshots/", "predictions/"):
        told += [
            pd.read_parquet(io.BytesIO(store.objects.get(info.key))).to_csv() for info in store.objects.list(prefix)
        ]
    for prefix in ("ledger/", "reports/"):
        told += [store.objects.get(info.key).decode(errors="replace") for info in store.objects.list(prefix)]
    told += [path.read_bytes().decode(errors="replace") for path in home.rglob("mlflow*") if path.is_file()]
    assert len(told) > 10
    for text in told:
        assert not [number for number in ids if number in text]
    keys = catalog.load_rows(store.objects, ["key"])["key"]
    assert all(any(number in key for number in ids) for key in keys)


def test_failed_training_is_reported_and_keeps_the_champion(home: Path, cohort: Path) -> None:
    """Weights that are not there fail the training, not the night: it is reported, and what is in service stays."""
    push_batch(cohort, "bimcv", "first")
    champion = run().champion
    wrong = TrainingOptions(backbone="mobilenet_v2", weights="nowhere.weights.h5")
    night = run(OPTIONS.model_copy(update={"retrain": OPTIONS.retrain.model_copy(update={"training": wrong})}))
    assert night.retrain.failed
    assert night.needs_person
    assert "there is no weight file nowhere.weights.h5" in night.retrain.reasons[0]
    assert night.champion == champion is not None
    page = open_store(Settings()).objects.get(f"reports/nights/{night.night_id}/index.html").decode()
    assert "there is no weight file" in page


def test_snapshot_that_breaks_a_rule_is_not_trained_on(
    home: Path, cohort: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a class is short the night says so and fails, and nothing was trained."""
    monkeypatch.setattr("expectations.snapshot.FEWEST_TO_TRAIN", 1000)
    push_batch(cohort, "bimcv", "first")
    night = run()
    assert (night.retrain.trained, night.retrain.failed, night.champion) == (False, True, None)
    assert "A class has fewer than 1000 training images (2)" in night.retrain.reasons[0]
    assert "Nothing was trained" in night.retrain.reasons[0]


def test_card_of_a_run_that_died_is_written_the_next_night(
    home: Path, cohort: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the promotion and the card nothing is lost: page and Markdown copy are there after the next night."""

    class Killed(BaseException):
        """What no night catches."""

    def die(_: RetrainOutcome) -> None:
        raise Killed

    push_batch(cohort, "bimcv", "first")
    with monkeypatch.context() as patch:
        patch.setattr(retrain, "write_model_report", die)
        with pytest.raises(Killed):
            run()
    objects, page = open_store(Settings()).objects, "reports/models/v1/index.html"
    assert champion_of(load_entries(objects)) is not None
    assert not objects.exists(page)
    night = run()
    assert not night.retrain.trained
    assert objects.exists(page)
    assert page.removeprefix("reports/") in objects.get("reports/index.html").decode()
    registry = Registry(Settings())
    files = registry._client().list_artifacts(registry.run_of(1), CARD_FOLDER)
    assert f"{CARD_FOLDER}/README.md" in {file.path for file in files}


def test_alias_left_behind_by_a_crash_is_moved(home: Path, cohort: Path) -> None:
    """The ledger says what is in service; a registry that a crash left behind follows in the next night."""
    push_batch(cohort, "bimcv", "first")
    champion = run().champion
    assert champion is not None
    registry = Registry(Settings())
    registry.move_aliases({CHAMPION: None})
    assert CHAMPION not in registry.aliases()
    run()
    assert registry.aliases()[CHAMPION] == champion.version


def test_model_waits_until_a_steward_approves(home: Path, cohort: Path) -> None:
    """Where the policy asks for it nothing is in service after the night, and the approved model is before the next."""
    push_batch(cohort, "bimcv", "first")
    gate = OPTIONS.retrain.gate.model_copy(update={"require_approval": True})
    options = OPTIONS.model_copy(update={"retrain": OPTIONS.retrain.model_copy(update={"gate": gate})})
    night = run(options)
    assert night.retrain.promotion is not None
    assert night.retrain.promotion.awaits_approval
    assert night.champion is None
    assert "v1 waits for approval to be the first champion" in headline(night)
    objects, registry = open_store(Settings()).objects, Registry(Settings())
    assert registry.aliases() == {CHALLENGER: 1}
    approve_model(objects, registry, 1, who="ada", why="good")
    night = run(options)
    assert not night.retrain.trained
    assert night.champion is not None
    assert night.champion.version == 1
    assert registry.aliases() == {CHALLENGER: 1, CHAMPION: 1}
