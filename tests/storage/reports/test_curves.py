"""The curves of a training as a picture of their own."""

import math
from collections.abc import Callable
from xml.etree import ElementTree as ET

from storage.reports.curves import draw_picture
from xray_model.outcomes import EpochScore, RetrainOutcome, TrainingOutcome

SVG = "{http://www.w3.org/2000/svg}"


def draw(make_retrain: Callable[..., RetrainOutcome], epochs: tuple[EpochScore, ...]) -> ET.Element:
    """The picture of a training with these epochs, read as XML."""
    training = make_retrain().training
    assert isinstance(training, TrainingOutcome)
    return ET.fromstring(draw_picture(training.model_copy(update={"epochs": epochs, "best_epoch": 2})))  # noqa: S314  our own


def test_picture_stands_alone_and_shows_every_epoch(make_retrain: Callable[..., RetrainOutcome]) -> None:
    """It is well-formed SVG with its style inside, a dot for each value, and a line at the best epoch of each chart."""
    epochs = tuple(
        EpochScore(epoch=number, loss=1 / number, validation_loss=math.nan, validation_minority_f1=0.5)
        for number in (1, 2, 3)
    )
    picture = draw(make_retrain, epochs)
    assert picture.tag == f"{SVG}svg"
    assert ".chart .line" in (picture.findtext(f"{SVG}style") or "")
    assert len(picture.findall(f".//{SVG}circle")) == 2 * 3
    assert len(picture.findall(f".//{SVG}path[@class='best']")) == 2
    assert [text.text for text in picture.findall(f"{SVG}text")] == [
        "Loss: training, and validation dashed",
        "F1 of the minority class, validation",
    ]


def test_picture_of_no_epoch_is_empty(make_retrain: Callable[..., RetrainOutcome]) -> None:
    """A training without an epoch has charts without a curve."""
    assert not draw(make_retrain, ()).findall(f".//{SVG}circle")
