"""Thresholds that many columns pass together by chance as seldom as was asked for."""

import numpy as np
import pytest

from xray_model.evaluation.drift.chance import Chance, deal_labels, share_chances

RNG = np.random.default_rng(0)


def test_as_many_are_new_in_each_stratum() -> None:
    """A deal exchanges images within their stratum only."""
    new = np.array([True] * 10 + [False] * 50)
    strata = np.where(np.arange(60) % 10 < 3, 0, 1)
    labels = deal_labels(new, strata, 40, seed=1)
    for stratum in (0, 1):
        assert (labels[strata == stratum].sum(axis=0) == new[strata == stratum].sum()).all()
    assert len(np.unique(labels, axis=1).T) > 30


@pytest.mark.parametrize("together", [0.0, 0.9], ids=["independent", "correlated"])
def test_any_column_passes_by_chance_as_seldom_as_asked(together: float) -> None:
    """In a share `false_alarms` of the cases some column is beyond its threshold, whatever the scales."""
    common = RNG.normal(size=4000)
    columns = [
        np.abs(together * common + (1 - together) * RNG.normal(size=4000)) * scale for scale in (0.01, 1.0, 50.0)
    ]
    chance = Chance.of([column[:2000] for column in columns])
    passed = [column[2000:] > chance.threshold(column[:2000], 0.05) for column in columns]
    assert np.mean(np.any(passed, axis=0)) == pytest.approx(0.05, abs=0.025)


def test_probability_is_that_of_the_threshold() -> None:
    """At its threshold a column has the probability that was asked for, and far beyond it nearly none."""
    nulls = [RNG.exponential(size=1000) for _ in range(4)]
    chance = Chance.of(nulls)
    assert chance.probability(nulls[0], chance.threshold(nulls[0], 0.1)) == pytest.approx(0.1, abs=0.01)
    assert chance.probability(nulls[0], 100.0) == pytest.approx(1 / 1001)
    assert chance.probability(nulls[0], 0.0) == 1.0


def test_rare_jumps_do_not_set_the_pace() -> None:
    """A column that stands still in most permutations leaves the others' thresholds near where they were."""
    steady = RNG.exponential(size=1000)
    jumping = np.where(RNG.random(1000) < 0.04, 1.0, 0.1)
    alone = Chance.of([steady]).threshold(steady, 0.02)
    assert Chance.of([steady, jumping]).threshold(steady, 0.02) < 1.3 * alone


def test_a_column_that_never_moves_by_chance_is_moved_by_anything() -> None:
    """Where every permutation gives the same distance the threshold is that distance."""
    still = np.full(100, 0.2)
    assert Chance.of([still]).threshold(still, 0.02) == pytest.approx(0.2)


def test_findings_have_half_of_the_false_alarms() -> None:
    """Findings pass as often as all other columns together, and both together as often as was asked for."""
    nulls = {name: RNG.exponential(size=4000) for name in ("label", *"abcdefgh")}
    chances = share_chances(nulls)
    passed = {name: null > chances[name].threshold(null, 0.1) for name, null in nulls.items()}
    findings = passed.pop("label")
    assert findings.mean() == pytest.approx(0.05, abs=0.005)
    assert np.any(list(passed.values()), axis=0).mean() == pytest.approx(0.05, abs=0.005)
    at_threshold = chances["label"].threshold(nulls["label"], 0.1)
    assert chances["label"].probability(nulls["label"], at_threshold) == pytest.approx(0.1, abs=0.01)


def test_without_findings_the_others_have_all() -> None:
    """Where no image has a finding the other columns raise all the false alarms, and nothing has none."""
    nulls = {name: RNG.exponential(size=100) for name in "ab"}
    assert {chance.part for chance in share_chances(nulls).values()} == {1.0}
    assert not share_chances({})


def test_a_distance_that_is_no_number_is_refused() -> None:
    """No threshold is made of what is no number: every column would pass it."""
    with pytest.raises(ValueError, match="no number"):
        Chance.of([np.array([0.1, np.nan, 0.2]), np.array([0.1, 0.2, 0.3])])


def test_deals_over_other_strata_go_together() -> None:
    """By one seed, images that are new in one deal are often new in that among fewer images."""
    new = np.arange(200) < 50
    whole = deal_labels(new, np.zeros(200, np.int64), 200, seed=1)
    some = deal_labels(new, (np.arange(200) % 2).astype(np.int64), 200, seed=1)
    assert np.corrcoef(whole.ravel(), some.ravel())[0, 1] > 0.8
