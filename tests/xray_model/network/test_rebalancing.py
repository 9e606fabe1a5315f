"""Rebalancing: what each strategy does to the counts, and that it makes its images of the training split alone."""

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xray_model.config import Rebalancing, TrainingOptions
from xray_model.errors import ConfigurationError, InvalidInput
from xray_model.network.rebalancing import STRATEGIES, rebalance
from xray_model.network.rebalancing.drawing import BalancedBatches
from xray_model.network.rebalancing.epoch import Epoch, Imbalance
from xray_model.network.samples import LabelledFeatures

CLASSES = ("covid", "normal", "pneumonia")
VIEWS = 3
names = st.sampled_from(list(STRATEGIES))
class_counts = st.lists(st.integers(6, 40), min_size=2, max_size=3)


def clouds(counts: list[int], seed: int = 0) -> LabelledFeatures:
    """Overlapping clouds of 4-d features, `counts` images of each class; the last feature of all is 1."""
    rng = np.random.default_rng(seed)
    targets = np.repeat(np.arange(len(counts)), counts)
    features = rng.normal(size=(len(targets), 4)).astype(np.float32)
    features[:, 0] += 0.2 * targets
    views = features + rng.normal(scale=0.1, size=(VIEWS, *features.shape)).astype(np.float32)
    features[:, -1] = views[..., -1] = 1
    return LabelledFeatures(features, targets, views=views)


def rebalanced(method: Rebalancing, counts: list[int], train: LabelledFeatures | None = None, **options: Any) -> Epoch:
    """What a strategy makes of clouds with these counts."""
    train = clouds(counts) if train is None else train
    return rebalance(train, CLASSES[: len(counts)], TrainingOptions(rebalancing=method, **options))


def drawn(epoch: Epoch) -> tuple[np.ndarray, np.ndarray]:
    """All features and targets of one epoch, in the order they come."""
    if epoch.batches is None:
        return epoch.features, epoch.targets
    batches = [epoch.batches[place] for place in range(len(epoch.batches))]
    return np.concatenate([batch[0] for batch in batches]), np.concatenate([batch[1] for batch in batches])


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("none", [80, 10, 40]),
        ("focal", [80, 10, 40]),
        ("class_weight", [130 / 3] * 3),
        ("oversample", [80, 80, 80]),
        ("undersample", [10, 10, 10]),
        ("augment_minority", [80, 80, 80]),
        ("smote", [80, 80, 80]),
        ("balanced_batches", [160 / 3] * 3),  # 5 batches of 32 hold the 130 images
    ],
)
def test_counts_after(method: Rebalancing, expected: list[float]) -> None:
    """Each strategy ends with the counts it promises."""
    assert rebalanced(method, [80, 10, 40]).counts == pytest.approx(expected)


def test_adasyn_meets_about() -> None:
    """ADASYN fills each class up to the largest, but for the rounding of each image's share."""
    counts = rebalanced("adasyn", [80, 10, 40]).counts
    assert counts[0] == 80
    assert (np.abs(counts[1:] - 80) <= 15).all()


def test_effective_numbers_lie_between_none_and_class_weight() -> None:
    """Class-balanced weights are those of `none` at beta 0 and near those of `class_weight` at beta 1."""
    counts = [80, 10, 40]
    assert rebalanced("class_balanced", counts, effective_number_beta=0).counts == pytest.approx(counts)
    nearly = rebalanced("class_balanced", counts, effective_number_beta=0.999999).counts
    assert nearly == pytest.approx([130 / 3] * 3, rel=1e-3)
    between = rebalanced("class_balanced", counts, effective_number_beta=0.95).counts
    assert 10 < between[1] < 130 / 3
    # Cui et al. 2019, equation 2: (1 - .95 ** 80) / (1 - .95) = 19.67, and 8.025 for 10 images.
    assert between[0] / between[1] == pytest.approx((80 / 19.67) / (10 / 8.025), rel=1e-3)


@settings(max_examples=60, deadline=None)
@given(method=names, counts=class_counts, seed=st.integers(0, 99))
def test_every_image_comes_of_the_training_split(method: Rebalancing, counts: list[int], seed: int) -> None:
    """What is drawn, weighted or made lies between training images of the class it counts for, and nowhere else."""
    train = clouds(counts, seed)
    before = train.features.copy()
    try:
        epoch = rebalanced(method, counts, train, seed=seed)
    except ConfigurationError:
        assert method == "adasyn"  # no other class near: it says so
        return
    features, targets = drawn(epoch)
    assert np.array_equal(train.features, before)
    assert features[:, -1] == pytest.approx(1, abs=1e-5)  # the mark of the split survives any mean with weights 1
    assert targets.sum(axis=1) == pytest.approx(1, abs=1e-5)
    for place in range(len(counts)):
        own = train.features[train.targets == place]
        if method == "augment_minority":
            assert train.views is not None
            own = np.concatenate([own, train.views[:, train.targets == place].reshape(-1, own.shape[1])])
        of_class = features[targets[:, place] == 1]
        assert (of_class >= own.min(axis=0) - 1e-5).all()
        assert (of_class <= own.max(axis=0) + 1e-5).all()


@settings(max_examples=60, deadline=None)
@given(method=names, counts=class_counts, seed=st.integers(0, 99))
def test_counts_are_those_of_the_images(method: Rebalancing, counts: list[int], seed: int) -> None:
    """The counts reported are what the targets of an epoch add up to, weights included."""
    try:
        epoch = rebalanced(method, counts, clouds(counts, seed), seed=seed, batch_size=6)
    except ConfigurationError:
        assert method == "adasyn"
        return
    _, targets = drawn(epoch)
    weights = np.ones(len(targets)) if epoch.weights is None else epoch.weights
    assert epoch.counts == pytest.approx(weights @ targets, rel=1e-4)
    if method != "undersample":
        assert (epoch.counts > 0).all()


@pytest.mark.parametrize("method", STRATEGIES)
def test_draws_follow_the_seed(method: Rebalancing) -> None:
    """The same seed gives the same epoch."""
    first, second = (drawn(rebalanced(method, [40, 12, 20], seed=5)) for _ in range(2))
    assert all(np.array_equal(*pair) for pair in zip(first, second, strict=True))


@pytest.mark.parametrize("method", STRATEGIES)
def test_equal_classes_need_nothing(method: Rebalancing) -> None:
    """Where the classes are equal already no strategy changes the shares."""
    counts = rebalanced(method, [12, 12]).counts
    assert counts[0] == pytest.approx(counts[1])


@pytest.mark.parametrize("method", STRATEGIES)
def test_activations_keep_their_shape(method: Rebalancing) -> None:
    """Features of any shape are rebalanced, not pooled ones alone."""
    flat = clouds([20, 8])
    assert flat.views is not None
    train = LabelledFeatures(flat.features.reshape(-1, 2, 2), flat.targets, views=flat.views.reshape(VIEWS, -1, 2, 2))
    features, _ = drawn(rebalanced(method, [20, 8], train))
    assert features.shape[1:] == (2, 2)


@pytest.mark.parametrize("method", ["smote", "adasyn"])
def test_few_neighbours_are_stated(method: Rebalancing) -> None:
    """With fewer images than neighbours wanted, fewer are taken and the report says so."""
    assert rebalanced(method, [40, 4]).note == "3 neighbours instead of 5: normal has 4 images"
    assert rebalanced(method, [40, 6]).note == "5 neighbours"


@pytest.mark.parametrize("method", ["smote", "adasyn"])
def test_a_single_image_has_no_neighbour(method: Rebalancing) -> None:
    """SMOTE and ADASYN refuse a class of one image by name, and never do something else."""
    with pytest.raises(ConfigurationError, match=f"{method} needs two training images of a class, normal has 1"):
        rebalanced(method, [40, 1])


def test_adasyn_refuses_separated_classes() -> None:
    """Where no image of another class is near, ADASYN has no place for points and says so."""
    train = clouds([40, 12])
    train.features[train.targets == 1] += 100
    with pytest.raises(ConfigurationError, match="ADASYN finds no place"):
        rebalanced("adasyn", [40, 12], train)


def test_missing_views_are_refused() -> None:
    """Without views there is nothing to augment with: an error, not repeats."""
    train = clouds([40, 12])
    with pytest.raises(ConfigurationError, match="needs augmented views"):
        rebalanced("augment_minority", [40, 12], LabelledFeatures(train.features, train.targets))


def test_an_empty_class_is_refused() -> None:
    """A class without a training image is an error that names it."""
    with pytest.raises(InvalidInput, match="no image of normal"):
        rebalance(clouds([5]), CLASSES[:2], TrainingOptions(rebalancing="none"))


@given(majority=st.integers(10, 60), minority=st.integers(2, 10), seed=st.integers(0, 99))
def test_views_are_used_up_before_any_repeats(majority: int, minority: int, seed: int) -> None:
    """No view of a class comes twice before all its views have come once."""
    epoch = rebalanced("augment_minority", [majority, minority], seed=seed)
    views = epoch.features[majority + minority :]
    _, times = np.unique(views, axis=0, return_counts=True)
    missing = majority - minority
    assert len(views) == missing
    assert len(times) == min(missing, VIEWS * minority)
    assert times.max(initial=0) <= times.min(initial=missing) + 1
    assert ("used up to" in epoch.note) == (missing > VIEWS * minority)


def test_views_are_added_to_the_images_themselves() -> None:
    """Every image is seen as it came, and what is added are views of images of the class it counts for."""
    counts = [40, 6, 15]
    train = clouds(counts)
    assert train.views is not None
    train.features[:, 1], train.views[..., 1] = np.arange(61), np.arange(61)
    epoch = rebalanced("augment_minority", counts, train)
    assert np.array_equal(epoch.features[:61], train.features)
    added = epoch.features[61:, 1].astype(int)
    assert np.array_equal(train.targets[added], epoch.targets[61:].argmax(axis=1))
    assert np.bincount(train.targets[added]).tolist() == [0, 34, 25]


@given(counts=st.lists(st.integers(1, 30), min_size=2, max_size=3), each=st.integers(1, 6), seed=st.integers(0, 99))
def test_batches_are_balanced(counts: list[int], each: int, seed: int) -> None:
    """Every batch of a size that the classes divide holds equally many of each, in every epoch."""
    train = clouds(counts)
    batches = BalancedBatches(Imbalance(train, CLASSES[: len(counts)]), each * len(counts), seed)
    for _ in range(2):
        for place in range(len(batches)):
            assert (batches[place][1].sum(axis=0) == each).all()


def test_left_over_places_go_round() -> None:
    """Where the classes do not divide the batch, none is ahead by more than chance over many epochs."""
    train = clouds([30, 5, 9])
    batches = BalancedBatches(Imbalance(train, CLASSES), 8, seed=1)
    total = np.zeros(3)
    for epoch in range(200):
        batches.begin_epoch(epoch)
        sizes = np.array([batches[place][1].sum(axis=0) for place in range(len(batches))])
        assert np.isin(sizes, (2, 3)).all()
        total += sizes.sum(axis=0)
    assert total / total.sum() == pytest.approx([1 / 3] * 3, abs=0.01)


@given(alpha=st.floats(0.05, 5), seed=st.integers(0, 99))
def test_mixtures_belong_mostly_to_their_class(alpha: float, seed: int) -> None:
    """The image of the smaller class has at least half of each mixture, and features are mixed as targets are."""
    train = clouds([30, 8])
    train.features[:] = np.eye(4, dtype=np.float32)[train.targets]
    epoch = rebalanced("mixup_minority", [30, 8], train, mixup_alpha=alpha, seed=seed)
    mixed = slice(38, None)
    assert len(epoch.targets[mixed]) == 22
    assert (epoch.targets[mixed, 1] >= 0.5).all()
    assert epoch.features[mixed, :2] == pytest.approx(epoch.targets[mixed], abs=1e-6)


def test_focal_loss_counts_sure_images_less() -> None:
    """The focal loss of Lin et al. is (1 - p)^gamma times cross-entropy."""
    loss = rebalanced("focal", [8, 8], focal_gamma=2.0).loss
    for p in (0.3, 0.9):
        found = float(keras.ops.convert_to_numpy(loss(np.array([[1.0, 0.0]]), np.array([[p, 1 - p]]))))
        assert found == pytest.approx(-((1 - p) ** 2) * np.log(p), rel=1e-4)
