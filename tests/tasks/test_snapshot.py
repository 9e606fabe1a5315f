"""The snapshot's own check: a broken rule refuses the training, with a reason and what to do."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from storage.settings import Settings
from storage.snapshots import snapshot_key
from storage.store import open_store
from tasks.snapshot import check_snapshot
from xray_model.config import SnapshotOptions
from xray_model.errors import SnapshotRefused
from xray_model.outcomes import SnapshotOutcome

OPTIONS = SnapshotOptions(classes=("covid", "normal"))
SPLITS = ["train"] * 24 + ["validation"] * 6 + ["test"] * 6


def keep(**columns: object) -> SnapshotOutcome:
    """Write a snapshot of sound rows but for these columns into the store."""
    rng = np.random.default_rng(5)
    rows = pd.DataFrame(
        {
            "image_id": [f"{place:064x}" for place in range(len(SPLITS))],
            "patient_id": [f"{place:032x}" for place in range(len(SPLITS))],
            "phash": [rng.bytes(32).hex() for _ in SPLITS],
            "label": ["covid", "normal"] * (len(SPLITS) // 2),
            "split": SPLITS,
        }
        | columns
    )
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False)
    open_store(Settings()).objects.put(snapshot_key("planted"), buffer.getvalue())
    return SnapshotOutcome(snapshot_id="planted", counts={}, patients={})


def test_sound_snapshot_may_be_trained_on(home: Path) -> None:
    """Nothing is raised where every rule is kept."""
    check_snapshot.fn(keep(), OPTIONS)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"patient_id": ["p"] * len(SPLITS)}, r"A patient stands in two splits \(36\)"),
        ({"image_id": ["i"] * len(SPLITS)}, r"An image is there twice \(36\)"),
        ({"phash": ["0f" * 32] * len(SPLITS)}, r"Two splits hold nearly the same picture \(12\)"),
        (
            {"label": ["covid"] * 24 + ["normal"] * 12},
            "A class has no image in one of the splits .*Nothing was trained",
        ),
        ({"label": ["covid"] * 23 + ["normal"] * 7 + ["covid"] + ["normal"] * 5}, "A class has fewer than 10 training"),
    ],
)
def test_broken_rule_refuses_the_training(home: Path, columns: dict[str, object], told: str) -> None:
    """A planted leak, or a class that is short, is named in the error with how many images it concerns."""
    with pytest.raises(SnapshotRefused, match=told):
        check_snapshot.fn(keep(**columns), OPTIONS)


def test_rule_that_crashes_refuses_the_training(home: Path) -> None:
    """What could not be checked is not trained on, and the error names the rule."""
    rows_without = keep()
    store = open_store(Settings())
    rows = pd.read_parquet(io.BytesIO(store.objects.get(snapshot_key("planted")))).drop(columns="patient_id")
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False)
    store.objects.put(snapshot_key("planted"), buffer.getvalue())
    with pytest.raises(SnapshotRefused, match=r"“Every patient is on one side of the split.” could not be checked"):
        check_snapshot.fn(rows_without, OPTIONS)
