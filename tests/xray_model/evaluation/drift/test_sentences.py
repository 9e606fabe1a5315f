"""Sentences that a radiographer would agree with."""

import numpy as np
import pandas as pd
import pytest

from xray_model.evaluation.drift.columns import list_columns
from xray_model.evaluation.drift.sentences import describe_change, describe_domain, describe_values, say_share

COLUMNS = {column.name: column for column in list_columns(("covid", "pneumonia"))}


def spread(middle: float, width: float = 0.1) -> list[float]:
    """Numbers around a middle."""
    return list(np.linspace(middle - width, middle + width, 101))


def shares(**parts: int) -> list[str]:
    """Categories so many times."""
    return [name for name, times in parts.items() for _ in range(times)]


@pytest.mark.parametrize(
    ("name", "current", "reference", "sentence"),
    [
        ("mean", spread(102), spread(131), "The images are darker: mean gray level 102, before 131."),
        ("mean", spread(140), spread(131), "The images are brighter: mean gray level 140, before 131."),
        (
            "sharpness",
            spread(np.log1p(100), 1e-6),
            spread(np.log1p(300), 1e-6),
            "The images are more blurred: sharpness 100, before 300.",
        ),
        (
            "saturated",
            spread(0.3),
            spread(0.12),
            "The images are more clipped: 30 % of a picture pure black or white, before 12 %.",
        ),
        (
            "inversion",
            [-4.0] * 5 + [4.0] * 5,
            spread(-4),
            "The images look more like negatives: 50 % seem to be one, before 0 %.",
        ),
        (
            "inversion",
            spread(-2),
            spread(-6),
            "The images look more like negatives: score -2.0 (above 0 is a negative), before -6.0.",
        ),
        (
            "mean",
            spread(131, 90),
            spread(131, 10),
            (
                "The brightness varies more from image to image: nine of ten lie between 50 and 212, "
                "before between 122 and 140."
            ),
        ),
        (
            "age",
            [3.0] * 49 + [40.0],
            [47.0] * 49 + [3.0],
            "The patients are younger: median age 3 years, before 47; 98 % are under 18, before 2 %.",
        ),
        ("age", spread(71), spread(60), "The patients are older: median age 71 years, before 60."),
        (
            "age",
            spread(1, 0),
            spread(60),
            "The patients are younger: median age 1 year, before 60; 100 % are under 18, before 0 %.",
        ),
        (
            "age_recorded",
            shares(yes=1, no=4),
            shares(yes=5),
            "The age is recorded for 20 % of the images, before 100 %.",
        ),
        (
            "manufacturer",
            shares(Agfa=80, Siemens=20),
            shares(Agfa=5, Siemens=95),
            "The films come from another maker: Agfa 80 %, before 5 %.",
        ),
        ("view", shares(L=34, PA=66), shares(L=4, PA=96), "More are lateral views: 34 %, before 4 %."),
        ("view", shares(unknown=49, PA=51), shares(PA=100), "The view is not recorded for 49 %, before 0 %."),
        ("sex", shares(F=7, M=3), shares(F=4, M=6), "More of the patients are women or girls: 70 %, before 40 %."),
        (
            "source",
            shares(clinic=10),
            shares(ward=10),
            "The images come from a new source: clinic 100 %, before 0 %.",
        ),
        ("bits", ["16"] * 4 + ["8"], ["8"] * 5, "More images store 16 bits: 80 %, before 0 %."),
        (
            "window_path",
            shares(percentiles=8, window=2),
            shares(window=10),
            "More images were made gray by percentiles, for want of a window: 80 %, before 0 %.",
        ),
        (
            "label",
            shares(covid=4, pneumonia=6),
            shares(covid=2, pneumonia=8),
            "More images come with the finding covid: 40 %, before 20 %.",
        ),
        (
            "predicted",
            shares(pneumonia=64, covid=36),
            shares(pneumonia=31, covid=69),
            "The model calls pneumonia in 64 %, before 31 %.",
        ),
        (
            "p_pneumonia",
            spread(0.64),
            spread(0.31),
            "The model holds pneumonia for more probable: .64 on average, before .31.",
        ),
        (
            "uncertainty",
            spread(0.9),
            spread(0.5),
            "The model finds the images harder to tell: uncertainty of 0.90 bits, before 0.50.",
        ),
    ],
)
def test_sentence(name: str, current: list[object], reference: list[object], sentence: str) -> None:
    """What changed is said with both figures, in the units of a person; missing values play no part."""
    column = COLUMNS[name]
    score = 0.0
    if column.kind == "number":
        values = np.array(reference, np.float64)
        score = abs(np.mean(np.array(current, np.float64)) - values.mean()) / max(values.std(), 0.001)
        score = max(score, 1.0)
    missing: list[object] = [None]
    assert describe_change(column, pd.Series(current + missing), pd.Series(reference + missing), score) == sentence


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_has_words(name: str) -> None:
    """Every column that is compared can be described and its change told."""
    column = COLUMNS[name]
    new, known = (spread(5), spread(4)) if column.kind == "number" else (shares(a=4, b=1), shares(b=4, c=1))
    sentence = describe_change(column, pd.Series(new), pd.Series(known), 1.0)
    assert sentence.endswith(".")
    assert "nan" not in sentence
    assert describe_values(column, pd.Series(new))


def test_what_the_model_sees_is_told_with_chance_beside_it() -> None:
    """The sentence on the embedding says what no difference would be."""
    assert describe_domain(0.934) == (
        "What the model sees differs: a classifier tells new images from known ones with ROC AUC .93 "
        "(.50 is no better than chance)."
    )


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.0, "0 %"), (0.001, "under 1 %"), (0.34, "34 %"), (0.9951, "over 99 %"), (1.0, "100 %")],
)
def test_few_are_not_none(share: float, said: str) -> None:
    """A share that is not none is not told as none, and one that is not all not as all."""
    assert say_share(share) == said
