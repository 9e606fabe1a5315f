"""How frequent the classes are by what the model answers."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom

from tests.xray_model.evaluation.drift.frames import CLASSES, POLICY, draw_frame
from xray_model.evaluation.drift.judging import is_shifted
from xray_model.evaluation.drift.label_shift import compare_classes, estimate_shares

PRIOR = np.array([0.2, 0.8])


def answer(shares: npt.NDArray[np.float64], images: int, seed: int) -> npt.NDArray[np.float64]:
    """Right probabilities under PRIOR of images whose classes are as frequent as `shares`."""
    rng = np.random.default_rng(seed)
    label = rng.choice(2, size=images, p=shares)
    likelihoods = np.exp(-(((rng.normal(size=images) + 2.0 * label)[:, None] - [0.0, 2.0]) ** 2) / 2)
    posterior = likelihoods * PRIOR
    return np.asarray(posterior / posterior.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("share", [0.05, 0.2, 0.6])
def test_shares_are_found(share: float) -> None:
    """The interval holds the true share, though the model believes in another, and the shares sum to 1."""
    found = estimate_shares(answer(np.array([share, 1 - share]), 1500, seed=2), answer(PRIOR, 3000, seed=4))
    assert found[0].low <= share <= found[0].high
    assert found[0].value + found[1].value == pytest.approx(1, abs=1e-5)


def test_a_model_that_leans_to_a_class_is_no_shift() -> None:
    """Answers like those on the reference give the reference's shares, however wrong the answers are."""
    answers = answer(PRIOR, 2000, seed=3) ** 3
    answers /= answers.sum(axis=1, keepdims=True)
    found = estimate_shares(answers, answers, findings=(PRIOR, 2000))
    assert found[0].value == pytest.approx(PRIOR[0], abs=0.002)


def test_classes_are_compared_by_findings_and_answers() -> None:
    """Each class has its share in the reference, the recorded one, and the estimate, which agree."""
    shares, notes = compare_classes(draw_frame(400, 1), draw_frame(800, 2), CLASSES, POLICY)
    assert not notes
    assert [share.label for share in shares] == list(CLASSES)
    for share in shares:
        assert share.recorded is not None
        assert share.estimated is not None
        assert share.estimated.value == pytest.approx(share.recorded, abs=0.1)


def test_what_is_missing_is_said() -> None:
    """Without findings nothing is recorded, without answers nothing is estimated, and a note says which."""
    new, known = draw_frame(60, 1), draw_frame(90, 2)
    shares, notes = compare_classes(new.drop(columns=["label", "p_covid"]), known, CLASSES, POLICY)
    assert all(share.recorded is None and share.estimated is None for share in shares)
    assert "not estimated" in notes[0]
    shares, notes = compare_classes(new, known.drop(columns="label"), CLASSES, POLICY)
    assert not shares
    assert "no findings" in notes[0]


@pytest.mark.parametrize(("known", "batches"), [(90, 40), pytest.param(300, 100, marks=pytest.mark.slow)])
def test_no_class_is_said_to_have_shifted_where_none_has(known: int, batches: int) -> None:
    """Of batches whose classes are as frequent as the reference's about one in twenty is told otherwise."""
    told = 0
    for seed in range(batches):
        new, reference = (
            draw_frame(size, own).drop_duplicates("patient_id") for size, own in ((60, seed), (known, 999 + seed))
        )
        told += any(map(is_shifted, compare_classes(new, reference, CLASSES, POLICY)[0]))
    assert told <= binom.isf(0.001, batches, 0.05)


def test_a_class_that_the_reference_has_not_seen_is_not_given_to_the_others() -> None:
    """Where the reference holds no image of a class, no share is estimated, and that is said."""
    known = draw_frame(400, 2)
    shares, notes = compare_classes(draw_frame(200, 1), known[known["label"] != "covid"], CLASSES, POLICY)
    assert all(share.estimated is None for share in shares)
    assert notes == ["The shares of the classes are not estimated: the reference has no image of covid."]
