"""Pictures for `bench/drift_power.py`, what is planted in them, and what the frame of each says."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.ndimage import gaussian_filter
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.results import WEIGHTS, read_manifest
from xray_model.data.images import read_content
from xray_model.data.phantoms import CohortOptions, plan_cohort
from xray_model.data.quality import measure_quality, sketch_picture
from xray_model.data.records import DisplayHints
from xray_model.evaluation.drift.frame import build_frame, fit_axes

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating]
Pictures = Sequence[Pixels]

SIDE = 320
NETWORK_SIDE = 128
SOURCE = "archive"
CHILDREN = "kaggle-chest-xray-pneumonia"
ROWS = ("image_id", "patient_id", "label", "view", "sex", "age")
METADATA = ["view", "sex", "age", "age_recorded"]
_GAMMA, _BLUR = 1.3, 1.5
_LEAST_CHILDREN = 300
_TINY, _HIDDEN = 32, 64


@dataclass(frozen=True, slots=True)
class Images:
    """Rows and pictures of adults, of children, and of another scanner."""

    adults: pd.DataFrame
    adult_pictures: Pictures
    children: pd.DataFrame
    child_pictures: Pictures
    other_scanner: Pictures
    embed: Callable[[Pictures], Floats]
    """From pictures to the pooled features of a network [n, d]."""
    told: str
    """What they are, for the table."""


@dataclass(frozen=True, slots=True)
class Head:
    """A classifier on a network's features, and the axes on which embeddings are put."""

    model: LogisticRegression
    classes: tuple[str, ...]

    def frame(self, rows: pd.DataFrame, pictures: Pictures, features: Floats, reference: Floats) -> pd.DataFrame:
        """The drift frame of some pictures."""
        figures = pd.DataFrame(measure_quality([sketch_picture(picture) for picture in pictures]), index=rows.index)
        probabilities = self.model.predict_proba(features)
        predicted = np.array(self.classes)[probabilities.argmax(axis=1)].tolist()
        known = rows.assign(source=SOURCE).join(figures)
        return build_frame(known, self.classes, probabilities, predicted, features, fit_axes(reference))


def fit_head(features: Floats, labels: pd.Series) -> Head:
    """Logistic regression on standardised features."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500)).fit(features, labels)
    return Head(model, tuple(str(name) for name in model.classes_))


def plant(pictures: Pictures, other_scanner: Pictures) -> Iterator[tuple[str, list[Pixels]]]:
    """Each shift of how pictures look, planted in all of them (the inversion in every second)."""
    histogram = np.mean(
        [np.bincount(picture.ravel(), minlength=256) / picture.size for picture in other_scanner], axis=0
    )
    gamma = np.round(255 * (np.arange(256) / 255) ** _GAMMA).astype(np.uint8)
    yield f"gamma {_GAMMA}", [gamma[picture] for picture in pictures]
    yield f"blur of {_BLUR} pixels at {SIDE}", [gaussian_filter(picture, _BLUR) for picture in pictures]
    yield "half inverted", [255 - picture if place % 2 else picture for place, picture in enumerate(pictures)]
    yield "another scanner's histogram", [match_histogram(picture, histogram) for picture in pictures]


def match_histogram(picture: Pixels, histogram: npt.NDArray[np.float64]) -> Pixels:
    """The picture with its gray levels moved so that they are as frequent as in `histogram` [256]."""
    own = np.bincount(picture.ravel(), minlength=256)
    middle = (np.cumsum(own) - own / 2) / picture.size
    levels = np.searchsorted(np.cumsum(histogram), middle).clip(0, 255).astype(np.uint8)
    return np.asarray(levels[picture])


def load_real(data: Path) -> Images:
    """The X-rays of the data folder: adults of three sources as one, and Kaggle's children."""
    rows = read_manifest(data).rename(columns={"sha256": "image_id"})
    rows["view"] = rows["view"].replace("AP Supine", "AP")
    own = rows["source"] == CHILDREN
    children = rows[own].sample(2 * _LEAST_CHILDREN, random_state=0)

    def read(name: str) -> Pixels:
        return read_content((data / "xray" / name).read_bytes(), DisplayHints(), SIDE).gray

    def read_all(some: pd.DataFrame) -> list[Pixels]:
        with ThreadPoolExecutor(2) as threads:
            return list(threads.map(read, some["path"]))

    adult_pictures, child_pictures = read_all(rows[~own]), read_all(children)
    told = (
        "real X-rays of adults (NIH, ieee8023 and COVID-CXNet as one sender), MobileNetV2 with its ImageNet weights "
        f"at {NETWORK_SIDE} pixels; the other scanner's histogram is the mean of Kaggle's"
    )
    return Images(
        _take(rows[~own]), adult_pictures, _take(children), child_pictures, child_pictures, _mobilenet(data), told
    )


def draw_phantoms(patients: int, side: int) -> Images:
    """Drawn X-rays: adults, children, and adults of another scanner; the network is random."""
    shares = {"covid": 5.0, "pneumonia": 3.0, "normal": 2.0}

    def draw(count: int, seed: int, **more: float | bool) -> tuple[pd.DataFrame, list[Pixels]]:
        options = CohortOptions(
            patients=count, shares=shares, seed=seed, smallest_side=side, largest_side=side + 16, **more
        )
        exams = plan_cohort(options)
        rows = [
            (f"{seed}-{place:05d}", f"{seed}-{exam.patient.number}", exam.patient.finding, exam.view, exam.patient.sex)
            for place, exam in enumerate(exams)
        ]
        frame = pd.DataFrame(rows, columns=list(ROWS[:5])).assign(age=[exam.patient.age for exam in exams])
        return frame, [np.round(exam.draw() * 255).astype(np.uint8) for exam in exams]

    adults, children = draw(patients, 1), draw(max(40, patients // 3), 2, children=True)
    other = draw(10, 3, drift=1.0)[1]
    told = "drawn X-rays, a random network; the other scanner is one of phantoms"
    return Images(*adults, *children, other, _random_network, told)


def _take(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[list(ROWS)].reset_index(drop=True)


def _mobilenet(data: Path) -> Callable[[Pictures], Floats]:
    from xray_model.network import inference
    from xray_model.network.backbones import BACKBONES, Weights, build_parts

    backbone = BACKBONES["mobilenet_v2"]
    weights = Weights(str(data / "weights" / WEIGHTS))
    frozen = build_parts(backbone, SIDE, NETWORK_SIDE, weights, None, features="last").frozen
    return lambda pictures: inference.compute_features(frozen, np.stack([_pad(own) for own in pictures])).astype(float)


def _pad(picture: Pixels) -> Pixels:
    padded = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (SIDE - picture.shape[0]) // 2, (SIDE - picture.shape[1]) // 2
    padded[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return padded


def _random_network(pictures: Pictures) -> Floats:
    """One hidden layer of random weights on small pictures."""
    rng = np.random.default_rng(0)
    small = np.array([sketch_picture(picture).small[::2, ::2].ravel() for picture in pictures]) / 255
    weights = rng.normal(size=(_TINY * _TINY, _HIDDEN)) / _TINY
    return np.asarray(np.maximum((small - small.mean(axis=1, keepdims=True)) @ weights, 0))
