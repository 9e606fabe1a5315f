"""How frequent the classes are among images without findings, by what the model says of them.

Expectation maximisation after Saerens, Latinne and Decaestecker (Neural Computation 2002): the shares for which the
model's probabilities, put to those shares, are on average those shares.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import norm

from xray_model.config import DriftPolicy
from xray_model.evaluation.bootstrap import make_interval
from xray_model.outcomes import ClassShare, Interval

Floats = npt.NDArray[np.float64]

DRAWS = 200
_ROUNDS = 300
_STILL = 1e-5
_LEAST = 1e-9
_LEAST_SHARE = 1e-4
_MISSES = 0.05
"""How often the interval of any class misses its share."""


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
    if absent := [label for label, share in zip(classes, before, strict=True) if share == 0]:
        # What the model takes for one of these would be given to the others.
        notes.append(f"The shares of the classes are not estimated: the reference has no image of {', '.join(absent)}.")
    elif min(len(new), len(known)) >= policy.minimum_patients:
        findings = before, int(reference["label"].notna().sum())
        estimated = estimate_shares(new, known, findings, seed=policy.seed)
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
    known: npt.NDArray[np.floating],
    findings: tuple[Floats, int] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[Interval, ...]:
    """Share of each class among new images, with intervals of which all hold the share in 95 % of the cases.

    By bootstrap over new and known images: the model's answers on a small reference, and its findings, are chance too.

    Args:
        probabilities: [n, classes] without NaN, one image of each patient.
        known: [m, classes] likewise, of known images.
        findings: shares of the classes among the findings of the reference [classes], and how many these are; where
            None, the model's answers on the known images count as right.
        draws: of the bootstrap.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    counts, known_counts = (_draw_counts(len(images), draws, rng) for images in (probabilities, known))
    prior = np.maximum(np.asarray(known, np.float64).T @ known_counts, _LEAST)
    prior /= prior.sum(axis=0)
    shares = _maximise(np.asarray(probabilities, np.float64), prior, counts)
    if findings is not None:
        before, images = findings
        # Findings of other classes than the model's are the rest, which no answer speaks of.
        drawn = rng.multinomial(images, [*before, max(0.0, 1 - before.sum())], size=draws)[:, :-1] / images
        shares *= np.vstack([before, drawn]).T / prior
        shares /= shares.sum(axis=0)
    return tuple(_estimate(own, _MISSES / len(shares)) for own in shares)


def _estimate(shares: Floats, misses: float) -> Interval:
    """The first of some shares, with an interval by how widely the others lie, in log odds.

    The outermost of few draws are chance themselves; their spread is not.
    """
    odds = logit(np.clip(shares, _LEAST_SHARE, 1 - _LEAST_SHARE))
    reach = float(norm.isf(misses / 2) * odds[1:].std())
    low, high = expit([odds[0] - reach, odds[0] + reach])
    return make_interval(shares[0], min(low, shares[0]), max(high, shares[0]))


def _draw_counts(images: int, draws: int, rng: np.random.Generator) -> Floats:
    """How often each image is counted [n, 1 + draws]: once, and in each draw of the bootstrap."""
    drawn = rng.multinomial(images, np.full(images, 1 / images), size=draws)
    return np.asarray(np.vstack([np.ones(images), drawn]).T, np.float64)


def _maximise(probabilities: Floats, prior: Floats, counts: Floats) -> Floats:
    """Shares [classes, 1 + draws] for images counted so often [n, 1 + draws], by a prior [classes, 1 + draws]."""
    shares = prior.copy()
    for _ in range(_ROUNDS):
        weights = shares / prior
        explained = np.maximum(probabilities @ weights, _LEAST)
        after = weights * (probabilities.T @ (counts / explained))
        after /= after.sum(axis=0)
        moved = float(np.abs(after - shares).max())
        shares = after
        if moved < _STILL:
            break
    return shares
