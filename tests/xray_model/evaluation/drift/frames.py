"""Drift frames drawn from a seed: columns that go together, and several images of most patients."""

import numpy as np
import pandas as pd

from xray_model.config import DriftPolicy
from xray_model.evaluation.drift.judging import judge, score_columns
from xray_model.evaluation.drift.preparing import prepare
from xray_model.outcomes import DriftOutcome

CLASSES = ("covid", "normal", "pneumonia")
POLICY = DriftPolicy(permutations=300)


def draw_frame(patients: int, seed: int, sources: tuple[str, ...] = ("ward", "clinic")) -> pd.DataFrame:
    """One to three images of each patient, alike within a patient; quality, age and answers go together."""
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(patients), rng.integers(1, 4, size=patients))
    images = len(of)
    trait, finding = rng.normal(size=patients)[of], rng.choice(3, size=patients, p=[0.2, 0.3, 0.5])[of]
    noise = rng.normal(size=(8, images)) * 0.5
    logits = np.eye(3)[finding] * 2 + rng.normal(size=(images, 3))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    names = np.array(CLASSES)
    frame = {
        "image_id": [f"{seed}-image-{place:05d}" for place in range(images)],
        "patient_id": [f"{seed}-patient-{number:05d}" for number in of],
        "source": rng.choice(sources, size=patients)[of],
        "mean": 130 + 20 * (trait + noise[0]),
        "std": 55 + 6 * (trait + noise[1]),
        "entropy": 7 + 0.3 * (trait + noise[2]),
        "sharpness": 4 + 0.5 * (noise[3] - trait),
        "border": np.maximum(0, 0.05 * noise[4]),
        "inversion": -4 + noise[5],
        "bits": rng.choice(["8", "16"], size=images),
        "manufacturer": rng.choice(["Agfa", "Siemens", "Canon"], size=patients)[of],
        "view": rng.choice(["PA", "AP", "L"], size=images, p=[0.6, 0.35, 0.05]),
        "sex": rng.choice(["F", "M"], size=patients)[of],
        "age": np.clip(55 + 12 * trait + 3 * noise[6], 0, 100),
        "age_recorded": "yes",
        "label": names[finding],
        "predicted": names[probabilities.argmax(axis=1)],
        "uncertainty": -(probabilities * np.log2(probabilities)).sum(axis=1),
        **{f"p_{name}": probabilities[:, place] for place, name in enumerate(CLASSES)},
        **{f"e_{axis:02d}": rng.normal(size=images) + 0.5 * trait * (axis == 0) for axis in range(6)},
    }
    return pd.DataFrame(frame)


def compare(
    current: pd.DataFrame, reference: pd.DataFrame, policy: DriftPolicy = POLICY, watched_before: int = 0
) -> DriftOutcome:
    """Prepare, measure without Evidently, and judge."""
    comparison = prepare(current, reference, policy, CLASSES)
    return judge(comparison, score_columns(comparison), policy, watched_before)
