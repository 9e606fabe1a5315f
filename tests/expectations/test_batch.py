"""Suite `batch`: which fact fires which rule, and which of them holds the batch."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from expectations.batch import CHANCE, batch_suite
from expectations.facts import describe_batch
from expectations.running import Checked, judge_batch, run_suites

NAN = float("nan")
GOOD: dict[str, Any] = {
    "images": 200,
    "refused_share": 0.01,
    "inverted_share": 0.0,
    "repeats_inside_share": 0.0,
    "repeats_catalog_share": 0.02,
    "smallest_class": 40.0,
    "moved_share": 0.1,
    "moved_chance": 0.2,
    "source_confounding": 0.2,
    "source_confounding_rise": 0.0,
    "age_confounding": 0.2,
    "age_confounding_rise": 0.0,
}
BAD: dict[str, dict[str, Any]] = {
    "no-images": {"images": 0},
    "many-inverted": {"inverted_share": 0.06},
    "mostly-refused": {"refused_share": 0.31},
    "repeats-inside": {"repeats_inside_share": 0.2},
    "repeats-catalog": {"repeats_catalog_share": 0.2},
    "few-of-a-class": {"smallest_class": 2.0},
    "class-shares": {"moved_share": 0.4, "moved_chance": 1e-6},
    "source-confounding": {"source_confounding": 0.6, "source_confounding_rise": 0.05},
    "source-confounding-rises": {"source_confounding": 0.7, "source_confounding_rise": 0.3},
    "age-confounding": {"age_confounding": 0.6, "age_confounding_rise": NAN},
    "age-confounding-rises": {"age_confounding": 0.7, "age_confounding_rise": 0.3},
}


def ask(**changes: Any) -> Checked:
    """The suite on good facts but for these."""
    return run_suites(pd.DataFrame([GOOD | changes]), [batch_suite()])


def fired(checked: Checked) -> set[str]:
    """Codes of the rules that failed; all must have been evaluated."""
    assert all(result.evaluated for result in checked.results)
    return {result.code for result in checked.results if not result.passed}


def images(*groups: tuple[int, str, str, float | None]) -> pd.DataFrame:
    """Rows of so many images of a source, a finding and an age."""
    rows = [(source, label, age) for number, source, label, age in groups for _ in range(number)]
    frame = pd.DataFrame(rows, columns=["source", "label", "age"]).astype({"age": float})
    return frame.assign(image_id=[f"{place:064x}" for place in range(len(frame))], duplicate_of=None)


def held(rows: pd.DataFrame, accepted: pd.DataFrame) -> tuple[str, ...]:
    """Why a batch of sound images is held."""
    return judge_batch(rows, [], accepted).hold


def test_good_facts_fire_nothing() -> None:
    """Facts within all bounds pass, and so do facts where there is nothing to compare with."""
    assert fired(ask()) == set()
    nothing = {name: NAN for name in GOOD if name not in {"images", "refused_share", "inverted_share"}}
    assert fired(ask(**nothing)) == set()


@pytest.mark.parametrize("code", BAD)
def test_bad_fact_fires_its_rule(code: str) -> None:
    """A bad fact fails its rule and no other, except that what rises above a bound also stands above it."""
    assert fired(ask(**BAD[code])) == {code, code.removesuffix("-rises")}


def test_every_rule_has_a_bad_fact() -> None:
    """No rule stands in the suite without a case that makes it fire."""
    assert {item.meta["code"] for item in batch_suite().expectations} == {*BAD}


def test_difference_that_the_draw_explains_is_not_told() -> None:
    """Shares far from the catalog's say nothing where so few images could have been drawn so."""
    assert fired(ask(moved_share=0.6, moved_chance=0.01)) == set()


def test_figures_are_told_and_missing_ones_as_such() -> None:
    """The report shows each fact that was judged, and that there was nothing to compare."""
    told = {result.code: result.observed for result in ask(age_confounding=NAN, images=12_345).results}
    assert told["mostly-refused"] == "1.0%"
    assert told["source-confounding"] == "0.20"
    assert told["age-confounding"] == "nothing to compare"
    assert told["no-images"] == "12345"


def test_repeats_are_counted_inside_and_across() -> None:
    """A second equal file and a near copy of the batch are inside it; what repeats the catalog is across."""
    rows = images((10, "a", "covid", 50.0))
    rows["duplicate_of"] = [
        None,
        None,
        "old",
        "f" * 64,
        rows["image_id"][0],
        None,
        None,
        None,
        None,
        rows["image_id"][1],
    ]
    rows.loc[9, "image_id"] = rows["image_id"][1]
    rows.loc[3, "image_id"] = "f" * 64
    facts = describe_batch(rows, {}, images()).iloc[0]
    assert facts["repeats_inside_share"] == 0.2
    assert facts["repeats_catalog_share"] == 0.2


def test_refused_images_say_nothing_of_the_classes() -> None:
    """Counts, shares and confounding are of the images that no row rule refuses."""
    rows = images((40, "a", "covid", 50.0), (40, "a", "normal", 50.0), (2, "a", "pneumonia", 50.0))
    facts = describe_batch(rows, {80: ["blank"], 81: ["blank"]}, rows.iloc[:80])
    assert facts["smallest_class"].iat[0] == 40
    assert facts["moved_share"].iat[0] == 0


def test_first_batches_of_one_class_each_are_not_held() -> None:
    """Sources that hold one finding alone are confounded by nature: it is told, and no first batch waits for it."""
    first, second = images((200, "a", "covid", 60.0)), images((200, "b", "normal", 30.0))
    assert held(first, images()) == ()
    validation = judge_batch(second, [], first)
    assert validation.hold == ()
    notes = {result.code for result in validation.results if not result.passed}
    assert notes >= {"source-confounding", "age-confounding", "class-shares"}


def test_more_of_the_same_is_not_held() -> None:
    """A source that goes on as it began makes nothing worse, however confounded the catalog is."""
    accepted = images((200, "a", "covid", 60.0), (200, "b", "normal", 30.0))
    assert held(images((200, "a", "covid", 60.0)), accepted) == ()


def test_batch_that_ties_findings_to_its_source_is_held() -> None:
    """Where a source of both findings now sends one alone in bulk, the batch waits; a few such images do not."""
    accepted = images((200, "a", "covid", None), (200, "a", "normal", None))
    accepted = pd.concat([accepted, images((50, "b", "covid", None), (350, "b", "normal", None))], ignore_index=True)
    rows = images((1000, "a", "covid", None))
    (sentence,) = held(rows, accepted)
    assert "Where an image comes from" in sentence
    assert held(rows.iloc[:20], accepted) == ()


def test_batch_that_ties_findings_to_ages_is_held() -> None:
    """Where ages told nothing of the finding and a batch of the same source makes them, it waits."""
    accepted = images(*[(100, "a", label, age) for label in ("covid", "normal") for age in (30.0, 70.0)])
    (sentence,) = held(images((800, "a", "covid", 70.0), (800, "a", "normal", 30.0)), accepted)
    assert "A patient's age" in sentence


def test_small_batches_drawn_from_the_catalog_are_not_told() -> None:
    """Of a hundred batches of 1 to 40 images drawn from the catalog's own shares at most one is called unlike."""
    rng = np.random.default_rng(7)
    accepted = images((600, "a", "covid", 50.0), (900, "a", "normal", 50.0), (100, "a", "pneumonia", 50.0))
    drawn = [accepted.sample(int(size), random_state=seed) for seed, size in enumerate(rng.integers(1, 41, size=100))]
    chances = pd.concat([describe_batch(rows, {}, accepted) for rows in drawn])["moved_chance"]
    assert (chances < CHANCE).sum() <= 1
