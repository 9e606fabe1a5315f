"""Two models on the same images: how far a figure of one lies above that of the other, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from xray_model.errors import InvalidInput
from xray_model.evaluation.bootstrap import Floats, resample
from xray_model.evaluation.confusion import class_figures, patient_confusions


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of two models: the challenger's less the champion's."""

    champion: float
    challenger: float
    error: float
    """Standard error of the difference, by paired bootstrap over patients."""
    freedom: float
    """Degrees of freedom of that error."""

    @property
    def value(self) -> float:
        """How far the challenger lies above the champion."""
        return self.challenger - self.champion

    def chance_above(self, bound: float) -> float:
        """P(true difference > bound): Student's t with the bootstrap's standard error.

        At a confidence of 95 % it promotes 4 % of equal challengers in simulation (`bench/gate.py`). The share of draws
        above the bound is too sure of itself with few patients: 6 %, and up to 9 % of one kind.
        """
        if self.error == 0:
            return float(self.value > bound)
        return float(student.cdf((self.value - bound) / self.error, self.freedom))


@dataclass(frozen=True, slots=True)
class ClassDifference:
    """One class, told by two models."""

    label: str
    patients: int
    """Who have it."""
    recall: Difference
    f1: Difference


def pair_tables(challenger: pd.DataFrame, champion: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two prediction tables, row by row the same image.

    Raises:
        InvalidInput: the two tables do not hold the same images, with the same patients and labels.
    """
    tables = [table.sort_values("image_id", ignore_index=True) for table in (challenger, champion)]
    if not np.array_equal(tables[0]["image_id"], tables[1]["image_id"]):
        raise InvalidInput("champion and challenger were scored on different images: score both on one snapshot")
    told = [table[["patient_id", "label"]].to_numpy(dtype=str) for table in tables]
    if not np.array_equal(told[0], told[1]):
        raise InvalidInput("champion and challenger were scored with different labels: score both on one snapshot")
    return tables[0], tables[1]


def compare_tables(
    challenger: pd.DataFrame, champion: pd.DataFrame, classes: Sequence[str], draws: int, seed: int
) -> dict[str, ClassDifference]:
    """Every class of two tables that `pair_tables` gave.

    Raises:
        InvalidInput: a label, or a class decided on, is none of `classes`.
    """
    counts = [patient_confusions(table, classes) for table in (challenger, champion)]
    found = compare_counts(counts[0], counts[1], draws, seed)
    patients = (counts[0].sum(axis=2) > 0).sum(axis=0)
    return {
        name: ClassDifference(name, int(having), *differences)
        for name, having, differences in zip(classes, patients, found, strict=True)
    }


def compare_counts(challenger: Floats, champion: Floats, draws: int, seed: int) -> list[tuple[Difference, Difference]]:
    """Recall and F1 of every class.

    Args:
        challenger: float64 [patients, classes, classes] as `patient_confusions` gives it.
        champion: likewise, of the same patients.
        draws: bootstrap draws.
        seed: of the draws.
    """
    patients, classes, _ = challenger.shape
    # The same draws for both take the difference between patients out of the comparison.
    both = np.concatenate([counts.reshape(patients, -1) for counts in (challenger, champion)], axis=1)
    (confusions,) = resample([lambda drawn: drawn @ both], patients, draws, seed)
    figures = np.stack(class_figures(confusions.reshape(-1, 2, classes, classes))[1:])
    errors = (figures[:, 1:, 0] - figures[:, 1:, 1]).std(axis=1)
    freedom = degrees_of_freedom(challenger)

    def difference(figure: int, place: int) -> Difference:
        return Difference(
            champion=float(figures[figure, 0, 1, place]),
            challenger=float(figures[figure, 0, 0, place]),
            error=float(errors[figure, place]),
            freedom=float(freedom[place]),
        )

    return [(difference(0, place), difference(1, place)) for place in range(classes)]


def degrees_of_freedom(counts: Floats) -> Floats:
    """float64 [classes]: one less than the effective number of patients who have a class, 1 at least.

    A patient with many images weighs more than one with few, so there are fewer in effect (Kish 1965).

    Args:
        counts: float64 [patients, classes, classes] as `patient_confusions` gives it.
    """
    images = counts.sum(axis=2)
    effective = images.sum(axis=0) ** 2 / np.maximum((images**2).sum(axis=0), 1)
    freedom: Floats = np.maximum(effective - 1, 1)
    return freedom
