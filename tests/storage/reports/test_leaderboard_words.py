"""What a comparison of ways of training says in sentences."""

import pytest

from storage.reports.leaderboard_words import conclusions, distance_words, option_words, parameter_words
from tests.xray_model.evaluation.variants import compared
from xray_model.outcomes import Interval


def test_distance_says_its_direction() -> None:
    """A distance and the ends of its interval are each said to be lower or higher."""
    distance = Interval(value=-0.04, low=-0.07, high=0.012)
    assert distance_words(distance) == ".04 lower, 95 % interval .07 lower to .01 higher"
    assert distance_words(Interval(value=-0.001, low=-0.02, high=0.001)) == ".00, 95 % interval .02 lower to .00"


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0"), (1204, "1,204"), (14_714_688, "14.7 million"), (999_999, "999,999")]
)
def test_parameters(number: int, words: str) -> None:
    """Numbers of weights are read in millions, small ones whole."""
    assert parameter_words(number) == words


@pytest.mark.parametrize(
    ("value", "words"), [(0.3125, "o 0.312"), (64, "o 64"), (True, "o yes"), ("smote", "o smote"), (1e-4, "o 0.0001")]
)
def test_chosen_options(value: str | float | bool, words: str) -> None:
    """What a search chose is written without more digits than matter."""
    assert option_words("o", value) == words


def test_conclusions_of_a_clear_first() -> None:
    """Where the others are behind, the nearest is named with its distance, and no luck is hidden."""
    said = " ".join(conclusions(compared({"vgg16": 0.9, "basic": 0.3})))
    assert "Vgg16 is better on covid than each of the others, Basic being the nearest" in said
    assert "first by luck too" in said


def test_conclusions_of_a_tie() -> None:
    """Where another may be as good, the faster of them is named."""
    said = " ".join(conclusions(compared({"small": 0.8, "large": 0.81})))
    assert "cannot be told from" in said
    assert "Of those that may be as good, Small trains fastest" in said


def test_nobody_is_called_fastest_for_the_features_of_another() -> None:
    """Where one of a tie computed features that the other found, their seconds say nothing of which is faster."""
    outcome = compared({"small": 0.8, "large": 0.81})
    cells = tuple(
        cell.model_copy(update={"training": cell.training.model_copy(update={"features_computed": 900})})
        if cell.variant == "large"
        else cell
        for cell in outcome.cells
    )
    said = " ".join(conclusions(outcome.model_copy(update={"cells": cells})))
    assert "cannot be told from" in said
    assert "fastest" not in said


def test_conclusions_of_one() -> None:
    """A single way of training is compared with nothing."""
    said = " ".join(conclusions(compared({"vgg16": 0.8})))
    assert "luck" not in said
    assert "cannot be told" not in said
    assert "finds" in said
