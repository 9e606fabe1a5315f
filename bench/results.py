"""How well are the real X-rays told apart, by rebalancing strategy? Writes `docs/results.md`.

`python bench/results.py --data FOLDER` reads the images that `FOLDER/xray/manifest.csv` names, takes MobileNetV2's
features once (kept in a file), and trains heads in five folds by patient, for each task, strategy and seed. A part of
each fold's training patients is kept for validation, which chooses the epoch; the test fold chooses nothing. Beside
them stands a linear probe: logistic regression with class weights on the same features.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.results_table import PROBE, Predictions, write_tables
from xray_model.config import Augmentation, BackboneName, FeatureKind, Rebalancing, TrainingOptions
from xray_model.data.augmentation import make_views
from xray_model.data.images import decode_image
from xray_model.data.records import DisplayHints
from xray_model.errors import ConfigurationError
from xray_model.evaluation.decision import decide_classes

WEIGHTS = "mobilenet_v2_1.0_224_no_top.weights.h5"
BACKBONE: BackboneName = "mobilenet_v2"
CANONICAL = 320
STRATEGIES: tuple[Rebalancing, ...] = get_args(Rebalancing)
LAST, DEPTHS = get_args(FeatureKind)
WAYS = [(LAST, PROBE), (LAST, "none"), (DEPTHS, PROBE), *((DEPTHS, strategy) for strategy in STRATEGIES)]
FOLDS, VALIDATION_FOLDS = 5, 8
VIEWS = 2
OPTIONS = TrainingOptions(backbone=BACKBONE)
PROBE_C = {LAST: 0.1, DEPTHS: 0.01}
INTRODUCTION = """# Results on real X-rays

Made by `python bench/results.py --data FOLDER`, which can be run again wherever the images and the weight file are.

MobileNetV2 1.0 at 224 with its ImageNet weights, frozen. Its features are computed once, heads are trained on them as
in a night, with the options' defaults. Five folds by patient, where near-duplicates of several patients count as one
patient's; an eighth of each fold's training images, by patient, is kept for validation and chooses the epoch. Each seed
makes other folds and heads. Figures are of the pooled predictions for images whose patients were not seen, mean over
the seeds; intervals by bootstrap over patients. No threshold is chosen and no probability corrected.

- *last*: the features of the last layer, as the seeds and most published work have them.
- *depths*: averages of the maps at the four places where fine-tuning may begin, the default of MobileNetV2 here.
- *linear probe*: logistic regression with class weights on the same features. It has nothing to choose, so it learns
  from the validation images too, which the heads cannot. On *depths* its strength of regularisation is the best of four
  by these very folds, in its favour.
- `augment_minority` has two augmented views of an image at hand.

*depths* were settled on by looking at these very images (seeds 0 to 2, some thirty sets of features and shapes of the
head, by the folds' test parts), so their lead over *last* is a little too good; strategies and seeds were not chosen.
Classes come from different sources in the three-class tasks: a network may tell sources apart there instead of
findings, and lower layers see a scanner's texture better. The NIH pair, one source with as many images of either class,
is free of that; there the strategies have nothing to balance but what the folds leave uneven.

Below each table the strategy of the highest mean validation F1 is compared with `none` and with the probe, the same
patients drawn for both. A difference whose interval holds 0 shows nothing.
"""
VIEWED = "views of depths"
Features = npt.NDArray[np.float16]
PAIR, THREE = ("normal", "pneumonia"), ("covid", "normal", "pneumonia")


@dataclass(frozen=True, slots=True)
class Task:
    """Classes to tell apart, in some of the sources."""

    name: str
    classes: tuple[str, ...]
    sources: tuple[str, ...]
    """Beginnings of the sources' names."""
    aim: float
    """Minority F1."""
    minority: str = "normal"


TASKS = (
    Task("Kaggle pair", PAIR, ("kaggle",), 0.96),
    Task("NIH pair", PAIR, ("nih",), 0.84),
    Task("Kaggle + NIH pair", PAIR, ("kaggle", "nih"), 0.90),
    Task("Three classes, four sources", THREE, ("kaggle", "nih", "ieee8023", "covid"), 0.88),
    Task("Three classes without Kaggle", THREE, ("nih", "ieee8023", "covid"), 0.76),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """The images of one task."""

    task: Task
    features: dict[str, Features]
    targets: npt.NDArray[np.intp]
    patients: npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Refused:
    """A way of training that says itself that it is none for these images."""

    task: str
    way: str
    seed: int
    reason: str


def main() -> None:
    """Measure, and write the tables after each seed."""
    chosen = arguments()
    images = read_manifest(chosen.data)
    features = load_features(chosen.data, images, chosen.features)
    samples = [take(task, images, features) for task in TASKS]
    found: list[Predictions] = []
    refused: list[Refused] = []
    # The heads are small: threads within a process would only wait for those of the other.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1"))
    with get_context("spawn").Pool(chosen.processes) as pool:
        for seed in range(chosen.seeds):
            jobs = [(sample, way, seed) for way in WAYS for sample in samples]
            for result in pool.imap_unordered(cross_validate, jobs, chunksize=1):
                print(result.seed, result.task, result.way, flush=True)
                if isinstance(result, Refused):
                    refused.append(result)
                else:
                    found.append(result)
            whole = [run for run in found if (run.task, run.way) not in {(one.task, one.way) for one in refused}]
            notes = sorted({f"- {one.way} is not in the table of {one.task}: {one.reason}" for one in refused})
            aims = {task.name: task.aim for task in TASKS}
            write_tables(chosen.out, whole, aims, "\n".join([INTRODUCTION, *notes, ""]) if notes else INTRODUCTION)


def arguments() -> argparse.Namespace:
    """Where the images are and what is written where."""
    repository = Path(__file__).parents[1]
    data = Path(os.environ.get("XRAY_SHARED_DATA", repository.parent / "shared" / "data"))
    home = Path(os.environ.get("XRAY_HOME", Path.home() / ".xray"))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=data, help="folder with xray/manifest.csv and weights/")
    parser.add_argument("--features", type=Path, default=home / "bench", help="folder where they are kept")
    parser.add_argument("--out", type=Path, default=repository / "docs" / "results.md")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


def read_manifest(data: Path) -> pd.DataFrame:
    """The labelled images, with near-duplicates of several patients counted as one patient's."""
    path = data / "xray" / "manifest.csv"
    if not path.is_file() or not (data / "weights" / WEIGHTS).is_file():
        sys.exit(f"no xray/manifest.csv or no weights/{WEIGHTS} in {data}: give the folder that has them with --data")
    images = pd.read_csv(path)
    images = images[images["label"].isin(THREE)].reset_index(drop=True)
    for _, alike in images.groupby("dup_group")["patient_id"]:
        images.loc[images["patient_id"].isin(alike), "patient_id"] = alike.iloc[0]
    return images


def load_features(data: Path, images: pd.DataFrame, folder: Path) -> dict[str, Features]:
    """float16 [images, d] by kind, and [views, images, d] of their views; kept in a file for the same images."""
    from xray_model.network import inference, network
    from xray_model.network.backbones import BACKBONES, Weights, build_parts

    backbone, weights = BACKBONES[BACKBONE], Weights(str(data / "weights" / WEIGHTS))
    frozen = {
        kind: build_parts(backbone, CANONICAL, backbone.default_side, weights, None, features=kind).frozen
        for kind in get_args(FeatureKind)
    }
    marks = "-".join(network.fingerprint(part) for part in frozen.values())
    hashes, path = images["sha256"].to_numpy(dtype=str), folder / f"results-{marks}.npz"
    if path.is_file():
        with np.load(path) as kept:
            if np.array_equal(kept["hashes"], hashes):
                return {name: kept[name] for name in (LAST, DEPTHS, VIEWED)}
    pixels = decode(data, images)
    found = {kind: inference.compute_features(part, pixels) for kind, part in frozen.items()}
    numbers = range(1, VIEWS + 1)
    views = (make_views(pixels, images["sha256"], view, Augmentation()) for view in numbers)
    found[VIEWED] = np.stack([inference.compute_features(frozen[DEPTHS], view) for view in views])
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(path, allow_pickle=False, hashes=hashes, **found)
    return found


def decode(data: Path, images: pd.DataFrame) -> npt.NDArray[np.uint8]:
    """Canonical pixels uint8 [images, side, side]."""

    def read(name: str) -> npt.NDArray[np.uint8]:
        return decode_image((data / "xray" / name).read_bytes(), DisplayHints(), CANONICAL).pixels

    with ThreadPoolExecutor(2) as threads:
        return np.stack(list(threads.map(read, images["path"])))


def take(task: Task, images: pd.DataFrame, features: dict[str, Features]) -> Sample:
    """The images of a task."""
    own = (images["label"].isin(task.classes) & images["source"].str.startswith(task.sources)).to_numpy()
    targets = images["label"][own].map(task.classes.index).to_numpy(np.intp)
    of_task = {kind: values[:, own] if kind == VIEWED else values[own] for kind, values in features.items()}
    return Sample(task, of_task, targets, images["patient_id"][own].to_numpy(dtype=str))


def cross_validate(job: tuple[Sample, tuple[str, str], int]) -> Predictions | Refused:
    """Predictions of every image by the model that has not seen its patient; none where a fold's training refuses."""
    sample, (kind, strategy), seed = job
    try:
        return predict_folds(sample, kind, strategy, seed)
    except ConfigurationError as error:
        return Refused(sample.task.name, f"{kind}: {strategy}", seed, str(error))


def predict_folds(sample: Sample, kind: str, strategy: str, seed: int) -> Predictions:
    """Predictions of every image by the model that has not seen its patient."""
    predicted = np.zeros(len(sample.targets), np.intp)
    validation = []
    for train, held, test in split(sample, seed):
        if strategy == PROBE:
            predicted[test] = predict_by_probe(sample, kind, np.concatenate([train, held]), test)
        else:
            kept, predicted[test] = train_head(sample, kind, strategy, seed, (train, held, test))
            validation.append(kept)
    task = sample.task
    names = np.array(task.classes)
    table = pd.DataFrame({"patient_id": sample.patients, "label": names[sample.targets], "predicted": names[predicted]})
    score = float(np.mean(validation)) if validation else None
    return Predictions(task.name, task.classes, task.minority, f"{kind}: {strategy}", seed, score, table)


Places = npt.NDArray[np.intp]


def split(sample: Sample, seed: int) -> Iterator[tuple[Places, Places, Places]]:
    """Places of the images for training, validation and test; no patient is in two of them."""

    def folds(places: Places, count: int) -> Iterator[tuple[Places, Places]]:
        y, patients = sample.targets[places], sample.patients[places]
        for rest, part in StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(y, y, patients):
            yield places[rest], places[part]

    for learn, test in folds(np.arange(len(sample.targets)), FOLDS):
        train, held = next(folds(learn, VALIDATION_FOLDS))
        yield train, held, test


def predict_by_probe(sample: Sample, kind: str, learn: Places, test: Places) -> npt.NDArray[np.intp]:
    """Classes of the test images; features of several depths are standardised, for their scales differ."""
    features = sample.features[kind].astype(np.float32)
    probe = LogisticRegression(C=PROBE_C[kind], class_weight="balanced", max_iter=1000)
    model = make_pipeline(StandardScaler(), probe) if kind == DEPTHS else probe
    model.fit(features[learn], sample.targets[learn])
    return np.asarray(model.predict(features[test]), np.intp)


def train_head(
    sample: Sample, kind: str, strategy: str, seed: int, places: tuple[Places, Places, Places]
) -> tuple[float, npt.NDArray[np.intp]]:
    """Validation minority F1, and the classes chosen for the test images, of one head."""
    from xray_model.network import inference, network, training
    from xray_model.network.backbones import BACKBONES
    from xray_model.network.samples import LabelledFeatures

    task, features, backbone = sample.task, sample.features[kind], BACKBONES[BACKBONE]
    options = OPTIONS.model_copy(update={"rebalancing": strategy, "seed": seed})
    units = backbone.hidden_units
    head = network.build_head(backbone, features.shape[1:], task.classes, options.dropout, units, seed)
    train, held, test = (
        LabelledFeatures(features[own], sample.targets[own], sample.patients[own], sample.features[VIEWED][:, own])
        for own in places
    )
    lesson = training.Lesson(train, held, task.classes, task.minority)
    training.fit_head(head, lesson, options, backbone.learning_rate)
    weights = network.probabilities_layer(head).decision_weights
    seen, chosen = (decide_classes(inference.predict_features(head, part.features), weights) for part in (held, test))
    score = f1_score(held.targets, seen, labels=[task.classes.index(task.minority)], average=None)[0]
    return float(score), chosen


if __name__ == "__main__":
    main()
