"""A retraining stops before it trains where what it would learn from breaks a rule."""

import numpy as np
import pandas as pd
import pytest

from flows import retrain as flow
from flows.running import run_flow
from storage.catalog import commit_batch
from storage.store import Store
from xray_model.config import RetrainOptions, SnapshotOptions
from xray_model.errors import LeakFound, SnapshotRefused, XrayError
from xray_model.outcomes import BatchOutcome, BatchStatus

pytestmark = pytest.mark.usefixtures("prefect_server")

SPLITS = ["train"] * 24 + ["validation"] * 6 + ["test"] * 6
IMAGES = len(SPLITS)
PATIENTS = [f"{place:032x}" for place in range(IMAGES)]
PICTURES = [np.random.default_rng(place).bytes(32).hex() for place in range(IMAGES)]


def commit(store: Store, columns: dict[str, object]) -> None:
    """Put accepted images of two classes into the catalog, each of a patient of its own but for these columns."""
    rows = {
        "image_id": [f"{place:064x}" for place in range(IMAGES)],
        "batch_id": "b1",
        "source": "a",
        "key": [f"incoming/a/b1/{place}.png" for place in range(IMAGES)],
        "revision": 0,
        "patient_id": PATIENTS,
        "label": ["covid", "normal"] * (IMAGES // 2),
        "split": SPLITS,
        "status": "accepted",
        "phash": PICTURES,
        "shard": 0,
        "row": range(IMAGES),
    } | columns
    outcome = BatchOutcome(batch_id="b1", source="a", name="b1", status=BatchStatus.ACCEPTED)
    commit_batch(store.objects, pd.DataFrame(rows), outcome, ())


@pytest.mark.parametrize(
    ("planted", "error", "told"),
    [
        (
            {"patient_id": [*PATIENTS[:-1], PATIENTS[0]]},
            LeakFound,
            "1 patients stand in more than one split",
        ),
        (
            {"phash": [*PICTURES[:-1], PICTURES[0]]},
            SnapshotRefused,
            "Two splits hold nearly the same picture",
        ),
    ],
    ids=["a test patient in training", "a test picture in training"],
)
def test_a_planted_leak_stops_the_run_before_training(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    planted: dict[str, object],
    error: type[XrayError],
    told: str,
) -> None:
    """The flow fails with words, and no training was begun."""
    begun: list[object] = []
    monkeypatch.setattr(flow, "train_challenger", lambda *given: begun.append(given))
    commit(store, planted)
    with pytest.raises(error, match=told):
        run_flow(flow.retrain, RetrainOptions(snapshot=SnapshotOptions(classes=("covid", "normal"))))
    assert begun == []
