"""How frequent the classes are among images without findings, by what the model says of them.

Expectation maximisation after Saerens, Latinne and Decaestecker (Neural Computation 2002): the shares for which the
model's probabilities, put to those shares, are on average those shares.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from xray_model.config import DriftPolicy
from xray_model.evaluation.bootstrap import make_interval
from xray_model.outcomes import ClassShare, Interval

Floats = npt.NDArray[np.float64]

DRAWS = 200
_ROUNDS = 300
_STILL = 1e-5
_LEAST = 1e-9
_TAILS = (2.5, 97.5)


def compare_classes(
    current: pd.DataFrame, reference: pd.DataFrame, classes: Sequence[str], policy: DriftPolicy
) -> tuple[tuple[ClassShare, ...], list[str]]:
    """How frequent each class is in two clean samples, by their findings and by what the model answers.

    The estimate is the share in the reference times the factor by which the answers say it has changed, so that a model
    that leans to one class is not taken for a shift to it.
    """
    if "label" not in reference or not reference["label"].isin(list(classes)).any():
        return (), ["The shares of the classes are not compared: the reference has no findings of these classes."]
    before, recorded = (_count(frame, classes) for frame in (reference, current))
    names = [f"p_{label}" for label in classes]
    new, known = (
        frame[names].dropna().to_numpy() if set(names) <= set(frame) else np.empty((0, len(names)))
        for frame in (current, reference)
    )
    estimated: Sequence[Interval | None] = [None] * len(classes)
    notes = []
    if min(len(new), len(known)) >= policy.minimum_patients:
        estimated = estimate_shares(new, known.mean(axis=0), before, seed=policy.seed)
    else:
        notes.append("The shares of the classes are not estimated: too few images have an answer of the model.")
    return tuple(
        ClassShare(
            label=label,
            reference=round(float(before[place]), 6),
            recorded=None if np.isnan(recorded[place]) else round(float(recorded[place]), 6),
            estimated=estimated[place],
        )
        for place, label in enumerate(classes)
    ), notes


def _count(frame: pd.DataFrame, classes: Sequence[str]) -> Floats:
    """Share of each class among the images with a finding; NaN where none has one."""
    labels = frame["label"].dropna() if "label" in frame else pd.Series(dtype=object)
    counts = labels.value_counts().reindex(list(classes), fill_value=0).to_numpy(np.float64)
    return counts / len(labels) if len(labels) else np.full(len(classes), np.nan)


def estimate_shares(
    probabilities: npt.NDArray[np.floating],
    prior: Floats,
    before: Floats | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[Interval, ...]:
    """Share of each class among new images, with 95 % intervals by bootstrap over them.

    Args:
        probabilities: [n, classes] without NaN, one image of each patient.
        prior: [classes], the mean of the model's probabilities where the classes are as frequent as it expects.
        before: [classes], the true shares where `prior` was taken; as `prior` where None.
        draws: of the bootstrap.
        seed: of the draws.
    """
    images = len(probabilities)
    rng = np.random.default_rng(seed)
    counts = np.vstack([np.ones(images), rng.multinomial(images, np.full(images, 1 / images), size=draws)])
    prior = np.maximum(prior, _LEAST) / np.maximum(prior, _LEAST).sum()
    shares = _maximise(np.asarray(probabilities, np.float64), prior, counts.T)
    if before is not None:
        shares *= (before / prior)[:, None]
        shares /= shares.sum(axis=0)
    low, high = np.percentile(shares[:, 1:], _TAILS, axis=1)
    return tuple(make_interval(*row) for row in zip(shares[:, 0], low, high, strict=True))


def _maximise(probabilities: Floats, prior: Floats, counts: Floats) -> Floats:
    """Shares [classes, 1 + draws] for images counted so often [n, 1 + draws]."""
    shares = np.repeat(prior[:, None], counts.shape[1], axis=1)
    for _ in range(_ROUNDS):
        weights = shares / prior[:, None]
        explained = np.maximum(probabilities @ weights, _LEAST)
        after = weights * (probabilities.T @ (counts / explained))
        after /= after.sum(axis=0)
        moved = float(np.abs(after - shares).max())
        shares = after
        if moved < _STILL:
            break
    return shares
