"""A backup of nights that ran: everything is wiped and restored, and the nights go on where they were."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL
from typer.testing import CliRunner

from apps.cli import app
from apps.push import push_batch
from flows.ingest import ingest
from flows.nightly import nightly
from flows.running import run_flow
from storage.settings import Settings
from storage.store import open_store
from tests.flows.driving import lasting_contents
from tests.flows.going_on import ask_champion
from xray_model.config import (
    GatePolicy,
    IngestOptions,
    NightlyOptions,
    RetrainOptions,
    SnapshotOptions,
    TrainingOptions,
)
from xray_model.data.phantoms import CohortOptions, write_bimcv, write_class_folders
from xray_model.outcomes import NightOutcome

pytestmark = pytest.mark.usefixtures("prefect_server")

SHARES = {"covid": 1, "normal": 1}
SIZES = {"smallest_side": 260, "largest_side": 300, "lateral_share": 0.0}
ROOT = Path(__file__).resolve().parents[2]
OPTIONS = NightlyOptions(
    ingest=IngestOptions(shard_size=32),
    retrain=RetrainOptions(
        snapshot=SnapshotOptions(classes=("covid", "normal"), sources=("bimcv",)),
        training=TrainingOptions(epochs=3, input_side=64),
        gate=GatePolicy(floor=0.0, recall_floor=0.0, skill_confidence=0.0, minimum_patients=1, draws=200),
    ),
)


def draw_few(folder: Path, seed: int) -> Path:
    """A drawn batch of class folders."""
    cohort = CohortOptions(patients=8, shares=SHARES, seed=seed, first_patient=1000 * seed, **SIZES)
    write_class_folders(folder, cohort, three_classes=True)
    return folder


def call(*words: str) -> str:
    """What `xray …` prints."""
    result = CliRunner().invoke(app, [*words], env={"COLUMNS": "220"}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_wiped_and_restored_the_nights_go_on(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same champion answers the same, the catalog is the same, nothing old is read or trained on again."""
    home.mkdir()
    (home / "salt").write_text(os.environ["XRAY_SALT"])  # as the embedded store keeps its own; it decides the split
    monkeypatch.delenv("XRAY_SALT")
    cohort = CohortOptions(patients=64, shares=SHARES, seed=1, **SIZES)
    write_bimcv(tmp_path / "first", cohort, workers=2)
    push_batch(tmp_path / "first", "bimcv", "first")
    first: NightOutcome = run_flow(nightly, OPTIONS)
    assert first.champion is not None
    call("backup", str(tmp_path / "kept"))
    push_batch(draw_few(tmp_path / "other", 2), "elsewhere", "other")
    (read,) = run_flow(ingest, OPTIONS.ingest)
    call("console", "add", "Jane Doe", "--role", "steward")
    call("backup", str(tmp_path / "kept"))
    objects = open_store(Settings()).objects
    lasting, listed = lasting_contents(objects), {info.key: info.etag for info in objects.list("incoming/")}
    salt, answers = Settings().salt_bytes(), ask_champion()

    shutil.rmtree(home)
    assert "restored" in call("restore", str(tmp_path / "kept"))
    open_store.cache_clear()
    objects = open_store(Settings()).objects
    assert lasting_contents(objects) == lasting
    assert {info.key: info.etag for info in objects.list("incoming/")} == listed
    assert Settings().salt_bytes() == salt
    assert "Jane Doe" in call("console", "people")

    arguments = [PREFECT_API_URL.value(), OPTIONS.model_dump_json(), str(draw_few(tmp_path / "later", 3))]
    done = subprocess.run(
        [sys.executable, "-m", "tests.flows.going_on", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    after = json.loads(done.stdout.splitlines()[-1])
    still, fresh = (NightOutcome.model_validate(after[name]) for name in ("still", "fresh"))
    assert after["answers"] == pytest.approx(answers, abs=1e-6)
    # Read before the backup, and reported by no night yet.
    assert [batch.batch_id for batch in still.batches] == [read.batch_id]
    assert (still.retrain.trained, still.champion) == (False, first.champion)
    assert [(batch.name, batch.accepted > 0) for batch in fresh.batches] == [("later", True)]
    assert not fresh.retrain.trained
