"""From a held batch to the images a person released: ingest, the command line, and the next snapshot."""

import hashlib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from apps.cli import app
from apps.push import push_batch
from flows.ingest import ingest
from flows.running import run_flow
from storage import catalog
from storage.decisions import load_decisions, load_rows_now
from storage.settings import Settings
from storage.snapshots import build_snapshot, load_snapshot
from storage.store import Store, open_store
from xray_model.config import IngestOptions, SnapshotOptions
from xray_model.data.phantoms import BrokenKind, CohortOptions, write_bimcv, write_broken_files
from xray_model.outcomes import BatchOutcome, BatchStatus

pytestmark = pytest.mark.usefixtures("prefect_server")


def draw(folder: Path, seed: int, patients: int) -> Path:
    """A drawn BIMCV batch of patients of its own."""
    sizes = {"smallest_side": 260, "largest_side": 300, "lateral_share": 0.0}
    shares = {"covid": 1.0, "normal": 1.0}
    options = CohortOptions(patients=patients, shares=shares, seed=seed, first_patient=1000 * seed, **sizes)
    write_bimcv(folder, options, workers=2)
    return folder


def review(*words: str) -> Result:
    """`xray review …`, which went well."""
    result = CliRunner().invoke(app, ["review", *words])
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def snapshot_of(store: Store) -> tuple[str, set[str]]:
    """Id of a snapshot, and the images in it."""
    snapshot = build_snapshot(store.objects, SnapshotOptions(classes=("covid", "normal")))
    return snapshot.snapshot_id, set(load_snapshot(store.objects, snapshot.snapshot_id)["image_id"])


def test_one_released_the_rest_rejected(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next snapshot holds exactly the released image in addition, and undo takes it out again."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    push_batch(draw(tmp_path / "sound", 1, 24), "bimcv", "sound")
    wrong = draw(tmp_path / "wrong", 2, 24)
    write_broken_files(wrong, seed=5, kinds=[BrokenKind.INVERTED], each=len(list(wrong.rglob("*.png"))) // 3)
    push_batch(wrong, "bimcv", "wrong")
    outcomes: dict[str, BatchOutcome] = {one.name: one for one in run_flow(ingest, IngestOptions(shard_size=32))}
    assert [outcomes[name].status for name in ("sound", "wrong")] == [BatchStatus.ACCEPTED, BatchStatus.HELD]
    store, held = open_store(Settings()), outcomes["wrong"].batch_id
    before, images = snapshot_of(store)

    assert "1 batch is held" in review("list").output
    shown = review("show", held, "--all").output
    rows = catalog.load_rows(store.objects, ["image_id", "status", "key"], [held])
    assert all(image_id in shown for image_id in rows["image_id"])
    assert not any(Path(key).name in shown for key in rows["key"])

    chosen = str(rows["image_id"][rows["status"] == "held"].iat[0])
    released = review("release", held, "--image", chosen[:12], "--why", "looks right", "--who", "ada").output
    assert "the next night takes it in" in released
    assert "1 accepted" in review("reject", held, "--why", "inverted", "--who", "ada").output
    after, now = snapshot_of(store)
    assert now == images | {chosen}
    assert after != before
    statuses = load_rows_now(store.objects, ["status"], [held])["status"].value_counts()
    assert (statuses["accepted"], statuses["rejected"]) == (1, (rows["status"] == "held").sum() - 1)
    assert "held" not in statuses
    assert "0 batches are held" in review("list").output

    decision = load_decisions(store.objects)[held][0]
    review("undo", decision.id, "--why", "a second look", "--who", "ada")
    assert snapshot_of(store) == (before, images)
    assert "(undone)" in review("show", held).output


def test_rejection_survives_reading_again(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image rejected by name stays out of the new reading, which says by whom, until that is undone."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    push_batch(draw(tmp_path / "sound", 1, 24), "bimcv", "sound")
    (first,) = run_flow(ingest, IngestOptions(shard_size=32))
    store = open_store(Settings())
    _, images = snapshot_of(store)
    out = min(images)
    review("reject", first.batch_id, "--image", out, "--why", "another patient's film", "--who", "ada")
    (second,) = run_flow(ingest, IngestOptions(batches=("sound",), again=True, shard_size=32))
    assert snapshot_of(store)[1] == images - {out}
    shown = review("show", second.batch_id).output
    assert "1 rejected" in shown
    assert "Decided on another reading of the batch" in shown
    assert "another patient's film" in shown

    decision = load_decisions(store.objects)[first.batch_id][0]
    assert "images changed: 1" in review("undo", decision.id, "--why", "it is hers", "--who", "ada").output
    assert snapshot_of(store)[1] == images


def test_files_sent_late_do_not_bring_what_was_decided_again(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later revision reads what is still quarantined, but neither what a person released nor what was rejected."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    folder = draw(tmp_path / "first", 3, 16)
    late = max(folder.rglob("*.png"))
    kept = late.read_bytes()
    late.unlink()
    write_broken_files(folder, seed=5, kinds=[BrokenKind.DARK], each=2)
    push_batch(folder, "bimcv", "first")
    (first,) = run_flow(ingest, IngestOptions(shard_size=32))
    store = open_store(Settings())
    rows = load_rows_now(store.objects, ["image_id", "status"])
    dark = rows["image_id"][rows["status"] == "quarantined"].tolist()
    out = str(rows["image_id"][rows["status"] != "quarantined"].iat[0])
    assert len(dark) == 2
    review("release", first.batch_id, "--image", dark[0], "--why", "I can read it", "--who", "ada")
    review("reject", first.batch_id, "--image", out, "--why", "another patient's film", "--who", "ada")

    store.objects.put(f"incoming/bimcv/first/{late.relative_to(folder).as_posix()}", kept)
    (second,) = run_flow(ingest, IngestOptions(shard_size=32))
    again = catalog.load_rows(store.objects, ["image_id"], [second.batch_id])["image_id"]
    assert set(again) == {dark[1], hashlib.sha256(kept).hexdigest()}
    _, images = snapshot_of(store)
    assert dark[0] in images
    assert out not in images
