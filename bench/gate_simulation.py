"""Test sets on which two models of known true F1 are scored, to see what the gate makes of them.

A patient has one class, minority or other, and one to many images. What makes a patient hard, or an image, is partly
the same for both models, so they err on the same ones more often than chance would have it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from xray_model.config import GatePolicy
from xray_model.evaluation.bootstrap import Floats
from xray_model.evaluation.comparison import Difference, compare_counts

CLASSES = ("minority", "other")
_OF_PATIENT, _OF_IMAGE = 0.4, 0.2
"""Shares of a score's variance that a patient's images have in common, and the two models on one image."""
_MOST_IMAGES = 25


@dataclass(frozen=True, slots=True)
class Skill:
    """What a model truly does."""

    recall: float
    """Share of minority images that it calls so."""
    false_calls: float
    """Share of the others that it calls minority."""


@dataclass(frozen=True, slots=True)
class Population:
    """Whom test sets are drawn from."""

    share: float
    """Of the minority class among patients."""
    minority_patients: int
    """That a test set holds on average."""
    uneven: bool = False
    """Whether some patients have many images (log-normal), not two on average (Poisson)."""

    @property
    def patients(self) -> int:
        """Of a test set."""
        return round(self.minority_patients / self.share)


@dataclass(frozen=True, slots=True)
class EqualPair:
    """Champion and challenger of the same true F1."""

    name: str
    f1: float
    champion_recall: float
    challenger_recall: float
    uneven: bool

    def draw(self, share: float, minority_patients: int, pairs: int, seed: int) -> Iterator[tuple[Floats, Floats]]:
        """Test sets that both are scored on."""
        champion, challenger = (
            make_skill(self.f1, recall, share) for recall in (self.champion_recall, self.challenger_recall)
        )
        return draw_pairs(Population(share, minority_patients, self.uneven), champion, challenger, pairs, seed)


EQUAL_PAIRS = (
    EqualPair("alike", 0.8, 0.8, 0.8, uneven=False),
    EqualPair("alike and good", 0.92, 0.92, 0.92, uneven=False),
    EqualPair("recall given for precision", 0.65, 0.8, 0.5, uneven=True),
    EqualPair("precision given for recall", 0.65, 0.5, 0.8, uneven=True),
)
"""The third is the hardest found for a bootstrap: a skewed difference, much of it of few patients."""


def make_skill(f1: float, recall: float, share: float) -> Skill:
    """The model of this true F1 and recall, where the minority class has this share of the images."""
    return Skill(recall, share * (2 * recall / f1 - 1 - recall) / (1 - share))


def draw_pairs(
    population: Population, champion: Skill, challenger: Skill, pairs: int, seed: int
) -> Iterator[tuple[Floats, Floats]]:
    """Challenger's and champion's confusion matrices by patient, float64 [patients, 2, 2], of `pairs` test sets."""
    rng = np.random.default_rng(seed)
    for _ in range(pairs):
        size = population.patients
        many = rng.lognormal(0.3, 1.1, size).astype(int) if population.uneven else rng.poisson(1, size)
        images = np.minimum(1 + many, _MOST_IMAGES)
        minority = rng.random(size) < population.share
        whose = np.repeat(np.arange(size), images)
        shared = np.sqrt(_OF_PATIENT) * rng.standard_normal(size)[whose]
        shared += np.sqrt(_OF_IMAGE) * rng.standard_normal(len(whose))
        yield (
            _score(challenger, shared, whose, minority, images, rng),
            _score(champion, shared, whose, minority, images, rng),
        )


def _score(
    skill: Skill,
    shared: Floats,
    whose: npt.NDArray[np.intp],
    minority: npt.NDArray[np.bool_],
    images: npt.NDArray[np.intp],
    rng: np.random.Generator,
) -> Floats:
    own = np.sqrt(1 - _OF_PATIENT - _OF_IMAGE) * rng.standard_normal(len(whose))
    threshold = norm.ppf(np.where(minority, skill.recall, skill.false_calls))
    called = np.bincount(whose, weights=shared + own < threshold[whose], minlength=len(images))
    counts = np.zeros((len(images), 2, 2))
    counts[np.arange(len(images)), np.where(minority, 0, 1)] = np.stack([called, images - called], axis=1)
    return counts


def compare_pair(pair: tuple[Floats, Floats], policy: GatePolicy) -> Difference:
    """The difference in minority F1 as the gate sees it."""
    return compare_counts(*pair, policy.draws, policy.seed)[0][1]


def is_promoted(pair: tuple[Floats, Floats], policy: GatePolicy) -> bool:
    """Whether the gate finds the challenger better."""
    return compare_pair(pair, policy).chance_above(-policy.margin) >= policy.confidence


def with_evidence(pairs: Iterator[tuple[Floats, Floats]], policy: GatePolicy) -> Iterator[tuple[Floats, Floats]]:
    """Those on which the gate would judge at all."""
    return (pair for pair in pairs if (pair[0][:, 0].sum(axis=1) > 0).sum() >= policy.minimum_patients)


def make_table(counts: Floats) -> pd.DataFrame:
    """A prediction table that has these confusion matrices by patient."""
    cells = np.argwhere(counts)
    patient, label, predicted = np.repeat(cells, counts[counts > 0].astype(int), axis=0).T
    names = np.array(CLASSES)
    return pd.DataFrame(
        {
            "image_id": [f"image {place}" for place in range(len(patient))],
            "patient_id": [f"patient {number:06d}" for number in patient],
            "label": names[label],
            "predicted": names[predicted],
            **{f"p_{name}": (names[predicted] == name).astype(np.float32) for name in CLASSES},
        }
    )
