"""A whole night with its store in a bucket of a real S3 server."""

from collections.abc import Callable
from pathlib import Path

import pytest

from apps.push import push_batch
from flows.nightly import nightly
from flows.running import run_flow
from storage import catalog
from storage.settings import Settings
from storage.store import open_store
from xray_model.config import (
    GatePolicy,
    IngestOptions,
    NightlyOptions,
    RetrainOptions,
    SnapshotOptions,
    TrainingOptions,
)
from xray_model.data.phantoms import CohortOptions, write_bimcv
from xray_model.outcomes import BatchStatus, NightOutcome

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.service, pytest.mark.slow]

OPTIONS = NightlyOptions(
    ingest=IngestOptions(shard_size=32),
    retrain=RetrainOptions(
        snapshot=SnapshotOptions(classes=("covid", "normal")),
        training=TrainingOptions(backbone="mobilenet_v2", epochs=3, input_side=96),
        gate=GatePolicy(floor=0.0, recall_floor=0.0, skill_confidence=0.0, minimum_patients=1, draws=200),
    ),
)
LEFT = ("catalog/", "features/", "ledger/", "predictions/", "reports/", "shards/", "snapshots/")


def test_two_nights_in_a_bucket(
    home: Path, tmp_path: Path, new_bucket_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first night puts a champion into service from images in a bucket alone; the second finds nothing new."""
    monkeypatch.setenv("XRAY_STORE", new_bucket_url())
    sizes = {"smallest_side": 260, "largest_side": 300, "lateral_share": 0.0}
    cohort = CohortOptions(patients=64, shares={"covid": 1, "normal": 1}, seed=1, **sizes)
    images = write_bimcv(tmp_path / "first", cohort, archive=True, workers=2).images
    push_batch(tmp_path / "first", "bimcv", "first")
    first: NightOutcome = run_flow(nightly, OPTIONS)
    assert [(batch.status, batch.accepted) for batch in first.batches] == [(BatchStatus.ACCEPTED, images)]
    assert first.retrain.reasons, first.retrain
    assert first.champion is not None
    assert first.champion.version == 1
    assert not first.needs_person
    store = open_store(Settings()).objects
    assert store.url.startswith("s3://")
    assert {folder for folder in store.list_folders() if folder in LEFT} == {*LEFT}
    assert not (home / "store").exists()
    assert store.exists(f"reports/nights/{first.night_id}/index.html")
    before = {info.key: info.etag for info in store.list(catalog.PREFIX)}

    second: NightOutcome = run_flow(nightly, OPTIONS)
    assert second.batches == ()
    assert not second.retrain.trained
    assert second.champion == first.champion
    assert {info.key: info.etag for info in store.list(catalog.PREFIX)} == before
