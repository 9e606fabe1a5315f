"""The night, end to end on drawn X-rays: what goes in, what is refused, what is trained, and what a second run does."""

import io
import json
import shutil
import tarfile
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from apps.push import push_batch
from flows import nightly as night_flow
from flows import retrain
from flows.ingest import ingest
from flows.nightly import nightly
from flows.running import run_flow
from storage import catalog, staging
from storage.decisions import load_decisions, record_decision
from storage.incoming import list_ready
from storage.ledger import champion_of, load_entries
from storage.promotion import approve_model
from storage.registry import CARD_FOLDER, CHALLENGER, CHAMPION, Registry
from storage.reports import headline
from storage.settings import Settings
from storage.snapshots import build_snapshot
from storage.store import Store, open_store
from tasks.holding import hold_batch
from tests.storage.reports.comparing import compared
from xray_model.config import (
    GatePolicy,
    IngestOptions,
    MonitorOptions,
    NightlyOptions,
    RetrainOptions,
    SnapshotOptions,
    TrainingOptions,
)
from xray_model.data.decisions import MONITOR, propose
from xray_model.data.phantoms import (
    BrokenKind,
    CohortOptions,
    pack_bimcv,
    write_bimcv,
    write_broken_files,
    write_class_folders,
)
from xray_model.outcomes import (
    BatchOutcome,
    BatchStatus,
    DriftOutcome,
    DriftState,
    MonitorOutcome,
    NightOutcome,
    RetrainOutcome,
)

pytestmark = pytest.mark.usefixtures("prefect_server")

OPTIONS = NightlyOptions(
    ingest=IngestOptions(shard_size=32),
    retrain=RetrainOptions(
        snapshot=SnapshotOptions(classes=("covid", "normal")),
        training=TrainingOptions(epochs=3, input_side=64),
        gate=GatePolicy(floor=0.0, recall_floor=0.0, skill_confidence=0.0, minimum_patients=1, draws=200),
    ),
)
INGEST_ONLY = OPTIONS.model_copy(update={"retrain": RetrainOptions(snapshot=SnapshotOptions(sources=("nobody",)))})
SMALL = {"smallest_side": 260, "largest_side": 300, "lateral_share": 0.0}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn BIMCV batch, about 90 images."""
    folder = tmp_path_factory.mktemp("cohort") / "first"
    write_bimcv(folder, CohortOptions(patients=64, shares={"covid": 1, "normal": 1}, seed=1, **SMALL), workers=2)
    return folder


def run(options: NightlyOptions = OPTIONS) -> NightOutcome:
    """One night."""
    night: NightOutcome = run_flow(nightly, options)
    return night


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


def test_what_is_broken_is_named_and_the_rest_goes_on(home: Path, cohort: Path, tmp_path: Path) -> None:
    """Every kind of broken file, an unknown layout and an empty batch: each with its reason, none stops the night."""
    shutil.copytree(cohort, tmp_path / "broken")
    planted = write_broken_files(tmp_path / "broken", seed=3)
    push_batch(tmp_path / "broken", "bimcv", "broken")
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to whom it may concern.txt").write_text("Dear colleague")
    push_batch(tmp_path / "letters", "clinic", "letters")
    store = open_store(Settings())
    store.objects.put("incoming/clinic/nothing/_READY", b"")

    night = run()
    status = {batch.name: batch.status for batch in night.batches}
    assert status == {"broken": BatchStatus.ACCEPTED, "letters": BatchStatus.REFUSED, "nothing": BatchStatus.REFUSED}
    assert all(batch.reasons for batch in night.batches if batch.status is BatchStatus.REFUSED)
    assert night.needs_person
    rows = catalog.load_rows(store.objects, ["key", "status", "reasons"]).set_index("key")
    for name, kind in planted.items():
        row = rows.loc[f"incoming/bimcv/broken/{name}"]
        sidecar_only = kind in {BrokenKind.BAD_SIDECAR, BrokenKind.NO_SIDECAR}
        assert sidecar_only or row["status"] == "quarantined", (kind, row["reasons"])
    pages = [info.key for info in store.objects.list("reports/batches/")]
    assert any("letters" in page for page in pages)
    assert any("nothing" in page for page in pages)


def test_archives_equal_loose_files(home: Path, cohort: Path, tmp_path: Path) -> None:
    """The same images packed as BIMCV ships them give the same image ids, labels and splits as loose files."""
    push_batch(cohort, "bimcv", "loose")
    shutil.copytree(cohort, tmp_path / "packed")
    pack_bimcv(tmp_path / "packed")
    push_batch(tmp_path / "packed", "other", "packed")
    assert all(tarfile.is_tarfile(path) for path in (tmp_path / "packed").iterdir())
    run(INGEST_ONLY)
    store = open_store(Settings())
    columns = ["image_id", "source", "label", "patient_id", "split", "age", "sex", "view"]
    rows = catalog.load_rows(store.objects, columns).sort_values("image_id")
    loose = rows[rows["source"] == "bimcv"].drop(columns="source").reset_index(drop=True)
    packed = rows[rows["source"] == "other"].drop(columns="source").reset_index(drop=True)
    assert len(loose) > 60
    assert loose.equals(packed)


def test_late_files_make_a_revision_with_only_what_is_new(home: Path, cohort: Path, tmp_path: Path) -> None:
    """Files that arrive after a batch was committed come in by a revision of their own, the rest is not read again."""
    names = sorted(path for path in cohort.rglob("*") if path.is_file())
    late = [name for name in names if name.suffix == ".png"][-5:]
    shutil.copytree(cohort, tmp_path / "part")
    for name in late:
        (tmp_path / "part" / name.relative_to(cohort)).unlink()
    push_batch(tmp_path / "part", "bimcv", "first")
    (first,) = run(INGEST_ONLY).batches
    store = open_store(Settings())
    for name in late:
        store.objects.put(f"incoming/bimcv/first/{name.relative_to(cohort).as_posix()}", name.read_bytes())
    (second,) = run(INGEST_ONLY).batches
    assert second.read == 5
    assert first.read + second.read == len(list(cohort.rglob("*.png")))
    assert second.batch_id != first.batch_id


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


def test_two_ingests_at_once_end_as_one(home: Path, cohort: Path, tmp_path: Path) -> None:
    """Two runs that read the same batch at the same time leave the catalog of one, and both tell the same."""
    push_batch(cohort, "bimcv", "first")
    store = open_store(Settings())
    alone = [batch.batch_id for batch in list_ready(store.objects, timedelta(0))]
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _: run_flow(ingest, OPTIONS.ingest), range(2)))
    assert catalog.batch_ids(store.objects) == alone
    told = [batch for outcome in outcomes for batch in outcome]
    assert {batch.status for batch in told} == {BatchStatus.ACCEPTED}
    assert len({batch.model_dump_json() for batch in told}) == 1
    rows = catalog.load_rows(store.objects, ["image_id", "status"])
    assert len(rows) == rows["image_id"].nunique() == len(list(cohort.rglob("*.png")))
    assert list(store.objects.list("staging/")) == []


def test_interrupted_ingest_goes_on_where_it_stopped(home: Path, cohort: Path) -> None:
    """Shards decoded before a crash are not decoded again, and the rows are those of an undisturbed run."""
    push_batch(cohort, "bimcv", "first")
    store = open_store(Settings())
    (batch,) = list_ready(store.objects, timedelta(0))
    staging.stage_objects(store.objects, batch)
    plan = staging.stage_batch(store, batch, None, 32)
    known = staging.load_comparable(store, batch).rows
    whole = [staging.decode_shard(store, plan, shard) for shard in range(plan.shards)]
    rows = staging.assemble_rows(store, batch, plan, known)
    store.objects.delete(f"staging/{plan.batch_id}/facts/0001.parquet")  # as if killed before this shard was done
    again = [staging.decode_shard(store, plan, shard) for shard in range(plan.shards)]
    assert sum(whole) == plan.images
    assert again == [0, whole[1], *[0] * (plan.shards - 2)]
    pd.testing.assert_frame_equal(staging.assemble_rows(store, batch, plan, known), rows)


def test_tables_that_come_late_bring_their_images_in(home: Path, cohort: Path, tmp_path: Path) -> None:
    """Images that were refused for want of a table are read again when the table arrives, and the hold ends."""
    tables = [path for path in cohort.rglob("*.tsv") if "labels" in path.name]
    shutil.copytree(cohort, tmp_path / "bare")
    for table in tables:
        (tmp_path / "bare" / table.relative_to(cohort)).unlink()
    push_batch(tmp_path / "bare", "bimcv", "first")
    (first,) = run(INGEST_ONLY).batches
    assert (first.status, first.accepted) == (BatchStatus.HELD, 0)
    push_batch(cohort, "bimcv", "first")
    (second,) = run(INGEST_ONLY).batches
    assert (second.status, second.accepted) == (BatchStatus.ACCEPTED, first.read)


def test_sending_a_batch_again_changes_nothing(home: Path, cohort: Path) -> None:
    """The same files pushed once more are recognised by their bytes: no duplicate, no hold, no row."""
    push_batch(cohort, "bimcv", "first")
    (first,) = run(INGEST_ONLY).batches
    push_batch(cohort, "bimcv", "first")
    (again,) = run(INGEST_ONLY).batches
    assert (again.status, again.read, again.quarantined) == (BatchStatus.ACCEPTED, 0, 0)
    store = open_store(Settings())
    assert len(catalog.load_rows(store.objects, ["image_id"], statuses=("accepted",))) == first.accepted


def test_held_batch_can_be_sent_again_corrected(home: Path, cohort: Path, tmp_path: Path) -> None:
    """A corrected batch under a new name, as the page advises, is accepted though most of its files are the same."""
    shutil.copytree(cohort, tmp_path / "wrong")
    images = len(list(cohort.rglob("*.png")))
    write_broken_files(tmp_path / "wrong", seed=5, kinds=[BrokenKind.INVERTED], each=images // 5)
    push_batch(tmp_path / "wrong", "bimcv", "wrong")
    (held,) = run(INGEST_ONLY).batches
    assert held.status is BatchStatus.HELD
    push_batch(cohort, "bimcv", "wrong-corrected")
    (corrected,) = run(INGEST_ONLY).batches
    assert (corrected.status, corrected.accepted) == (BatchStatus.ACCEPTED, images)


def test_batch_that_no_page_tells_of_is_told_the_next_night(home: Path, cohort: Path) -> None:
    """A run that dies between commit and report loses no news: the next night reports what it committed."""
    push_batch(cohort, "bimcv", "first")
    committed = run_flow(ingest, OPTIONS.ingest)
    night = run(INGEST_ONLY)
    assert night.batches == committed
    assert run(INGEST_ONLY).batches == ()


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
