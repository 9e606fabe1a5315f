"""`xray compare`: what it asks of the flow, what it prints, and how it ends."""

from typing import Any

import pytest
from typer.testing import CliRunner, Result

from apps import comparing
from apps.cli import app
from xray_model.config import CompareOptions
from xray_model.errors import ConfigurationError
from xray_model.outcomes import CompareOutcome, Interval, Standing

SURE = Interval(value=0.875, low=0.8, high=0.95)


@pytest.fixture
def answered(home: object, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the flow was asked; a double answers with one standing."""
    asked: list[Any] = []

    def answer(flow: str, options: Any, *_: object, **__: object) -> CompareOutcome:
        asked.extend([flow, options])
        standing = Standing(
            variant="vgg16",
            title="VGG16",
            minority_f1=SURE,
            macro_f1=SURE,
            recalls={"normal": SURE},
            confusion=((1.0,),),
            accuracy=SURE,
            seconds=12.4,
            images_per_second=1234.5,
            parameters=10,
            trained_parameters=5,
        )
        return CompareOutcome(
            comparison_id="pneumonia-0",
            recipe="pneumonia",
            title="A study",
            study="s",
            snapshot_id="s",
            classes=("normal",),
            minority="normal",
            images=1200,
            patients=900,
            folds=3,
            seeds=1,
            notes=("ViT was left out.",),
            cells=(),
            standings=(standing,),
            page_key="reports/comparisons/pneumonia-0.html",
        )

    monkeypatch.setattr(comparing, "start_flow", answer)
    return asked


def compare(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(app, ["compare", *words], env={"COLUMNS": "160"})


def test_the_flow_is_asked_for_what_the_words_say(answered: list[Any]) -> None:
    """Options, weights and settings by name reach it as one model."""
    words = "--folds 3 --seeds 2 --seed 4 --backbone mobilenet_v2 --weights w.h5 --images 500 --trials 0 --dask local"
    result = compare("pneumonia", *words.split(), "--set", "epochs=3", "--set", "augmentation.rotation=2")
    assert result.exit_code == 0, result.output
    assert answered == [
        "compare",
        CompareOptions(
            recipe="pneumonia",
            folds=3,
            seeds=2,
            seed=4,
            backbone="mobilenet_v2",
            training={"epochs": "3", "augmentation": {"rotation": "2"}, "weights": "w.h5"},
            trials=0,
            images=500,
            dask="local",
        ),
    ]


def test_the_standings_and_the_page_are_told(answered: list[Any]) -> None:
    """F1 with its interval, cost, what was left out, and where to look next."""
    printed = compare("pneumonia").output
    for words in ("1,200 images of 900 patients", "VGG16", ".88 [.80, .95]", "12 s", "1,234", "ViT was left out."):
        assert words in printed
    assert "/reports/comparisons/pneumonia-0.html" in printed


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        (("tea",), ConfigurationError, "there is no recipe 'tea'"),
        (("pneumonia", "--set", "tea=1"), ConfigurationError, "--set tea=1 is no NAME=VALUE"),
        (("pneumonia", "--set", "weights=x"), ConfigurationError, "--set weights=x is no NAME=VALUE"),
    ],
)
def test_a_wrong_word_is_told_before_anything_starts(
    answered: list[Any], words: tuple[str, ...], error: type[Exception], told: str
) -> None:
    """The message names those that there are."""
    result = compare(*words)
    assert isinstance(result.exception, error)
    assert told in str(result.exception)
    assert answered == []


def test_a_backbone_that_there_is_not_is_refused(answered: list[Any]) -> None:
    """As any wrong option."""
    result = compare("pneumonia", "--backbone", "tea")
    assert result.exit_code == 2
    assert answered == []
