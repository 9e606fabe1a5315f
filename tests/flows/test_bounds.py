"""A bound that a steward accepted, from the command line to the batches judged before and after it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from apps.cli import app
from apps.push import push_batch
from flows.ingest import ingest
from flows.running import run_flow
from storage import catalog
from storage.bounds import load_bounds, propose
from storage.settings import Settings
from storage.store import Store, open_store
from xray_model.config import IngestOptions
from xray_model.data.phantoms import CohortOptions, write_bimcv
from xray_model.outcomes import BatchOutcome, BatchStatus

pytestmark = pytest.mark.usefixtures("prefect_server")

ODD = "is too wide or too tall for a chest"
STRETCHED = 2.8
"""Width over height of a few images in each drawn batch; today's bound is 2.5."""


def commit_accepted(store: Store) -> None:
    """A batch on record that is large enough to propose from."""
    rows = pd.DataFrame(
        {
            "image_id": [f"{place:064x}" for place in range(300)],
            "batch_id": "clinic.old.111111111111",
            "source": "clinic",
            "key": [f"k{place}" for place in range(300)],
            "patient_id": [f"{place:032x}" for place in range(300)],
            "split": "train",
            "label": np.where(np.arange(300) % 2, "covid", "normal"),
            "status": "accepted",
            "std": 55.0,
            "mean": 130.0,
            "entropy": 7.3,
            "inversion": -9.0,
            "border": 0.0,
            "saturated": 0.0,
            "aspect": 1.1,
        }
    )
    outcome = BatchOutcome(batch_id="clinic.old.111111111111", source="clinic", name="old", status=BatchStatus.ACCEPTED)
    catalog.commit_batch(store.objects, rows, outcome)


def read_drawn(folder: Path, name: str, seed: int) -> BatchOutcome:
    """Draw a batch of patients of its own, stretch three of its images, and read it."""
    sizes = {"smallest_side": 260, "largest_side": 300, "lateral_share": 0.0}
    shares = {"covid": 1.0, "normal": 1.0}
    options = CohortOptions(patients=12, shares=shares, seed=seed, first_patient=1000 * seed, **sizes)
    write_bimcv(folder / name, options, workers=2)
    for path in sorted((folder / name).rglob("*.png"))[:3]:
        with Image.open(path) as picture:
            picture.resize((round(STRETCHED * picture.height), picture.height)).save(path)
    push_batch(folder / name, "bimcv", name)
    outcomes: list[BatchOutcome] = run_flow(ingest, IngestOptions(shard_size=32))
    return outcomes[0]


def xray(*words: str) -> None:
    """`xray …`, which went well."""
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, (result.output, result.exception)


def test_next_batch_is_judged_by_the_accepted_bound(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch judged after acceptance follows the new bound and says which change that was; the one before stays."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    store = open_store(Settings())
    commit_accepted(store)
    before = read_drawn(tmp_path, "before", 1)
    kept = catalog.load_rows(store.objects, ["image_id", "aspect", "status", "reasons"], [before.batch_id])
    refused = kept[kept["aspect"] > STRETCHED - 0.1]
    assert [list(reasons) for reasons in refused["reasons"]] == [[ODD]] * 3
    assert (before.status, before.quarantined, before.bounds_id) == (BatchStatus.ACCEPTED, 3, None)

    named = [word for image_id in refused["image_id"] for word in ("--image", image_id)]
    xray("review", "release", before.batch_id, *named, "--why", "our detector is wide")
    xray(
        "expectations", "accept", "odd-shape", "--proposal", propose(store.objects).id, "--why", "our detector is wide"
    )
    bound = load_bounds(store.objects).bounds["odd-shape"]
    assert bound.high is not None
    assert STRETCHED - 0.1 < bound.high < STRETCHED + 0.1

    after = read_drawn(tmp_path, "after", 2)
    found = catalog.load_rows(store.objects, ["aspect", "status"], [after.batch_id])
    assert (found["aspect"] > 2.5).sum() == 3
    assert (after.quarantined, after.accepted) == (0, len(found))
    assert after.bounds_id == load_bounds(store.objects).id is not None
    sentence = next(result.sentence for result in after.expectations if result.code == "odd-shape")
    assert bound.words in sentence
    again = catalog.load_rows(store.objects, ["image_id", "aspect", "status", "reasons"], [before.batch_id])
    pd.testing.assert_frame_equal(again, kept)
    assert catalog.load_outcome(store.objects, before.batch_id).bounds_id is None


def test_damaged_change_refuses_no_batch(home: Path, tmp_path: Path) -> None:
    """Where nobody can say which bounds are in force a batch fails with the key, and is taken in once it is mended."""
    store = open_store(Settings())
    key = "bounds/20260101T000000000000Z-0123456789abcdef.json"
    store.objects.put(key, b"{}")
    failed = read_drawn(tmp_path, "waiting", 3)
    assert (failed.status, key in failed.reasons[0]) == (BatchStatus.FAILED, True)
    assert catalog.batch_ids(store.objects) == []
    store.objects.delete(key)
    outcomes: list[BatchOutcome] = run_flow(ingest, IngestOptions(shard_size=32))
    assert [outcome.status for outcome in outcomes] == [BatchStatus.ACCEPTED]
