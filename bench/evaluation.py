"""What all figures of an evaluation cost: ten thousand stored predictions with two thousand draws of their patients.

`python bench/evaluation.py [images] [draws]` draws a prediction table of three classes (8 patients to 10 images, five
columns that make subgroups) and measures three ways, each in a process of its own. The floor is to draw the patients
and to add up one number of each image for every draw. The naive way takes the rows of each draw out of the table and
asks scikit-learn for every figure of it; it is timed on a few draws and scaled to all. Ours is `evaluate_table`. Beside
them stands what the gate costs: `decide`, on a challenger and a champion of these images with all their subgroups. The
ratios are of processor time, which hardly depends on what else is running. The last line is one JSON object: `images`,
`patients`, `draws`, `subgroups`, `naive_draws_timed`, for each way seconds by the clock and of a processor
(`floor_seconds`, `floor_processor_seconds`, `naive_...`, ours, of all figures, `bootstrap_...`, and `gate_...`),
`times_floor`, `times_faster`, and `peak_mb`, the most memory that ours took, of which `libraries_mb` before it began.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    precision_recall_fscore_support,
    roc_auc_score,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from xray_model.config import GatePolicy
from xray_model.evaluation.bootstrap import draw_patients
from xray_model.evaluation.confusion import number_patients
from xray_model.evaluation.gate import decide
from xray_model.evaluation.metrics import evaluate_table
from xray_model.evaluation.subgroups import find_subgroups
from xray_model.outcomes import EvaluationOutcome

CLASSES = ("covid", "normal", "pneumonia")
MINORITY = "normal"
IMAGES, DRAWS, SEED = 10_000, 2_000, 20
NAIVE_DRAWS = 10
DRAWS_OF_INTERVALS = 100
"""Of the evaluation before the gate, which is not timed there."""
BINS = 10
Seconds = npt.NDArray[np.float64]


def now() -> Seconds:
    """By the clock, and of a processor."""
    return np.array([time.perf_counter(), time.process_time()])


def draw_table(images: int) -> pd.DataFrame:
    """Predictions right four times in five, as a store keeps them."""
    rng = np.random.default_rng(SEED)
    labels = rng.choice(3, images, p=[0.6, 0.1, 0.3])
    scores = rng.normal(size=(images, 3)) + 1.7 * np.eye(3)[labels]
    probabilities = (np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)).astype(np.float32)
    patients = np.array([rng.bytes(32).hex() for _ in range(images * 8 // 10)])
    # Every patient has an image, and some have several.
    whose = np.append(np.arange(len(patients)), rng.integers(len(patients), size=images - len(patients)))
    return pd.DataFrame(
        {
            "image_id": [rng.bytes(32).hex() for _ in range(images)],
            "patient_id": patients[whose],
            "label": np.array(CLASSES)[labels],
            "source": rng.choice(["bimcv", "kaggle-2020", "kaggle-2021", "clinic"], images),
            "view": rng.choice(np.array(["PA", "AP", None]), images),
            "sex": rng.choice(np.array(["F", "M", None]), images),
            "age": np.where(rng.choice([True, False], images, p=[0.1, 0.9]), np.nan, rng.integers(0, 95, images)),
            "manufacturer": [f"maker {number}" for number in rng.geometric(0.15, images)],
            **{f"p_{name}": probabilities[:, place] for place, name in enumerate(CLASSES)},
            "predicted": np.array(CLASSES)[probabilities.argmax(axis=1)],
        }
    )


def add_up(images: int, draws: int) -> Seconds:
    """The floor: who is drawn, and one sum over the images of each draw."""
    count, patients = number_patients(draw_table(images))
    numbers = np.random.default_rng(SEED).random(images)
    started = now()
    for drawn in draw_patients(count, draws, SEED):
        drawn[:, patients] @ numbers
    return now() - started


def evaluate_naively(images: int, draws: int) -> Seconds:
    """Some draws, scaled to all."""
    table = draw_table(images)
    rows_of = table.groupby("patient_id").indices
    names = np.array(list(rows_of))
    groups = find_subgroups(table)
    table = table.assign(**{f"{group.column}={group.value}": np.isin(table.index, group.images) for group in groups})
    columns = list(table.columns[-len(groups) :])
    rng = np.random.default_rng(SEED)
    started = now()
    for _ in range(NAIVE_DRAWS):
        drawn = np.concatenate([rows_of[name] for name in rng.choice(names, len(names))])
        ask_scikit_learn(table.iloc[drawn], columns)
    return (now() - started) * draws / NAIVE_DRAWS


def ask_scikit_learn(rows: pd.DataFrame, groups: list[str]) -> None:
    """Every figure that an evaluation holds, of one table."""
    true, called = rows["label"], rows["predicted"]
    precision_recall_fscore_support(true, called, labels=CLASSES, zero_division=0)
    for name in CLASSES:
        roc_auc_score(true == name, rows[f"p_{name}"])
        average_precision_score(true == name, rows[f"p_{name}"])
    f1_score(true, called, labels=CLASSES, average="macro")
    f1_score(true, called, labels=CLASSES, average="weighted")
    balanced_accuracy_score(true, called)
    probabilities = rows[[f"p_{name}" for name in CLASSES]].to_numpy()
    confidence, right = probabilities.max(axis=1), np.array(CLASSES)[probabilities.argmax(axis=1)] == true
    bins = np.ceil(confidence * BINS)
    pd.DataFrame({"confidence": confidence, "right": right.to_numpy()}).groupby(bins).mean()
    for group in groups:
        inside = rows[group]
        precision_recall_fscore_support(true[inside], called[inside], labels=CLASSES, zero_division=0)


def evaluate(images: int, draws: int) -> Seconds:
    """Ours."""
    table = draw_table(images)
    started = now()
    measure_table(table, draws)
    return now() - started


def judge(images: int, draws: int) -> Seconds:
    """The gate, of a champion that says of every third image what it says of the next one."""
    table = draw_table(images)
    outcome = measure_table(table, DRAWS_OF_INTERVALS)
    champion = table.assign(predicted=table["predicted"].where(np.arange(images) % 3 > 0, table["predicted"].shift(-1)))
    champion["predicted"] = champion["predicted"].fillna(MINORITY)
    started = now()
    decide(outcome, table, outcome, champion, GatePolicy(draws=draws, seed=SEED), CLASSES)
    return now() - started


def measure_table(table: pd.DataFrame, draws: int) -> EvaluationOutcome:
    """All figures of a table."""
    return evaluate_table(
        table,
        CLASSES,
        model="bench",
        snapshot_id="bench",
        split="test",
        minority=MINORITY,
        predictions_key="bench",
        draws=draws,
        seed=SEED,
    )


def measure(step: Callable[[int, int], Seconds], images: int, draws: int) -> tuple[Seconds, float, float]:
    """Seconds of a step, the most memory its process took, and what it took before it began, in MB."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, step, images, draws).result()


def _measured(step: Callable[[int, int], Seconds], images: int, draws: int) -> tuple[Seconds, float, float]:
    unit = 2**20 if sys.platform == "darwin" else 2**10
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    seconds = step(images, draws)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, before


def main() -> None:
    """Measure, print, and end with JSON."""
    images, draws = (
        int(sys.argv[place]) if len(sys.argv) > place else usual for place, usual in ((1, IMAGES), (2, DRAWS))
    )
    table = draw_table(images)
    sizes = {
        "images": images,
        "patients": table["patient_id"].nunique(),
        "draws": draws,
        "subgroups": len(find_subgroups(table)),
        "naive_draws_timed": NAIVE_DRAWS,
    }
    floor, _, _ = measure(add_up, images, draws)
    naive, _, _ = measure(evaluate_naively, images, draws)
    ours, peak, libraries = measure(evaluate, images, draws)
    gate, _, _ = measure(judge, images, draws)
    ways = {"floor": floor, "naive": naive, "bootstrap": ours, "gate": gate}
    print(*(f"{name}: {size}" for name, size in sizes.items()), sep=", ")
    for name, (clock, processor) in ways.items():
        times = processor / floor[1]
        print(f"{name:10} {clock:8.2f} s by the clock, {processor:8.2f} s of a processor, {times:8.1f} times the floor")
    print(f"ours is {naive[1] / ours[1]:.0f} times as fast as the naive way (scaled from {NAIVE_DRAWS} draws)")
    print(f"memory of ours: {peak:.0f} MB, {libraries:.0f} MB of them before it began")
    figures = {
        **sizes,
        **{f"{name}_seconds": round(clock, 3) for name, (clock, _) in ways.items()},
        **{f"{name}_processor_seconds": round(processor, 3) for name, (_, processor) in ways.items()},
        "times_floor": round(ours[1] / floor[1], 1),
        "times_faster": round(naive[1] / ours[1]),
        "peak_mb": round(peak),
        "libraries_mb": round(libraries),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
