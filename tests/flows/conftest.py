"""Drawn chests that flows train on, and a drawn batch that nights take in."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from storage.catalog import commit_batch
from storage.settings import Settings
from storage.shards import array_bytes, shard_key
from storage.store import Store, open_store
from xray_model.data.phantoms import CohortOptions, plan_cohort, write_bimcv
from xray_model.outcomes import BatchOutcome, BatchStatus

CLASSES, PATIENTS = ("covid", "normal", "pneumonia"), 72
SMALL = {"smallest_side": 260, "largest_side": 300, "lateral_share": 0.0}
"""Of a cohort whose images are read quickly."""


@pytest.fixture(scope="module")
def chests() -> tuple[list[str], np.ndarray]:
    """Findings of drawn patients, an image each, and pixels uint8 [n, 80, 80]."""
    shares = dict.fromkeys(CLASSES, 1.0)
    cohort = CohortOptions(
        patients=PATIENTS,
        shares=shares,
        seed=5,
        lateral_share=0,
        further_share=0,
        smallest_side=128,
        largest_side=140,
    )
    exams = plan_cohort(cohort)
    drawn = [exam.draw() for exam in exams]
    steps = [[np.linspace(0, length - 1, 80).astype(int) for length in picture.shape] for picture in drawn]
    pixels = [255 * picture[np.ix_(*places)] for picture, places in zip(drawn, steps, strict=True)]
    return [exam.patient.finding for exam in exams], np.stack(pixels).astype(np.uint8)


@pytest.fixture
def filled(home: object, monkeypatch: pytest.MonkeyPatch, chests: tuple[list[str], np.ndarray]) -> Store:
    """A store of side 80 with the chests accepted; every ninth patient is the gate's."""
    monkeypatch.setenv("XRAY_SIDE", "80")
    store = open_store(Settings())
    findings, pixels = chests
    store.objects.put(shard_key("b1", 0), array_bytes(pixels))
    rows = pd.DataFrame(
        {
            "image_id": [f"{place:064x}" for place in range(PATIENTS)],
            "batch_id": "b1",
            "source": "a",
            "key": [f"incoming/a/b1/{place}.png" for place in range(PATIENTS)],
            "revision": 0,
            "patient_id": [f"{place:032x}" for place in range(PATIENTS)],
            "label": findings,
            "split": ["test" if place % 9 == 0 else "train" for place in range(PATIENTS)],
            "status": "accepted",
            "phash": [np.random.default_rng(place).bytes(32).hex() for place in range(PATIENTS)],
            "shard": 0,
            "row": range(PATIENTS),
        }
    )
    commit_batch(
        store.objects, rows, BatchOutcome(batch_id="b1", source="a", name="b1", status=BatchStatus.ACCEPTED), ()
    )
    return store


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn BIMCV batch, about 90 images; who changes it does so to a copy."""
    folder = tmp_path_factory.mktemp("cohort") / "first"
    write_bimcv(folder, CohortOptions(patients=64, shares={"covid": 1, "normal": 1}, seed=1, **SMALL), workers=2)
    return folder
