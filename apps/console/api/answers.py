"""What the API answers, with an example of each."""

import base64
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import numpy as np
from PIL import Image
from pydantic import ConfigDict, Field

from apps.serving.service import Answered, Refused
from xray_model.evaluation.strangeness import UNCHECKED
from xray_model.outcomes import NOTICE, Outcome, Prediction, ServedModel

_ID = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_MODEL_EXAMPLE: dict[str, Any] = {
    "version": 7,
    "run_id": "0d9f3a5c1b7e4f6a8c2d4e6f8a0b1c3d",
    "snapshot_id": "5e884898da280471",
    "model_sha256": _ID[::-1],
    "backbone": "mobilenet_v2",
    "classes": ["normal", "pneumonia", "covid"],
    "minority": "covid",
    "minority_f1": {"value": 0.86, "low": 0.81, "high": 0.9},
    "test_patients": 412,
    "since": "2026-11-20T03:12:45Z",
}
_PREDICTION_EXAMPLE: dict[str, Any] = {
    "image_id": _ID,
    "label": "pneumonia",
    "probabilities": {"normal": 0.08, "pneumonia": 0.71, "covid": 0.21},
    "warnings": [],
    "version": 7,
    "snapshot_id": "5e884898da280471",
    "heat_map": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg==",
}


class _Described(Outcome):
    model_config = ConfigDict(use_attribute_docstrings=True, json_schema_serialization_defaults_required=True)


class PredictedImage(Prediction):
    """A model's answer to one image."""

    heat_map: Annotated[
        str | None, Field(json_schema_extra={"contentEncoding": "base64", "contentMediaType": "image/png"})
    ] = None
    """What speaks for the label, where it was asked for: a PNG of 8-bit gray in Base64, as large as the square that the
    model saw (the image, with black bars where it is no square). 0 is nothing, 255 most."""


class RefusedImage(_Described):
    """An image that cannot be answered; others that were sent with it are."""

    image_id: str
    """sha256 of the file's bytes, in hex."""
    refused: str
    """Why."""


class Predictions(_Described):
    """Answers to the images of one request, all by one model."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": _MODEL_EXAMPLE,
                    "predictions": [_PREDICTION_EXAMPLE, {"image_id": _ID, "refused": "the image is damaged"}],
                    "notice": NOTICE,
                }
            ]
        }
    )

    model: ServedModel
    """Which answered."""
    predictions: tuple[PredictedImage | RefusedImage, ...]
    """In the order in which the files were sent."""
    notice: str = NOTICE
    """What the answers may be used for."""


class ModelInService(_Described):
    """The model that answers now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": _MODEL_EXAMPLE,
                    "reason": "the registry does not answer",
                    "unsure_since": "2026-11-21T22:10:05Z",
                    "unchecked": UNCHECKED,
                    "unkept": "the copy of model v7 on this machine, for when the store is down, cannot be kept: No "
                    "space left on device",
                    "notice": NOTICE,
                }
            ]
        }
    )

    model: ServedModel
    """Which answers."""
    reason: str | None
    """Why another model might be in service by now; null where all is well."""
    unsure_since: datetime | None
    """When the ledger was last seen to name this model, where that cannot be seen now."""
    unchecked: str | None
    """What its answers are not checked for, in a sentence: a model that has no known images to compare with warns of
    nothing that is unlike its training. Null where they are."""
    unkept: str | None
    """Why the console's machine cannot keep a copy of it, with which it would answer after a restart while the store is
    down; null where it has one."""
    notice: str = NOTICE
    """What its answers may be used for."""


class Health(_Described):
    """The console runs."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"alive": True}]})

    alive: bool = True
    """Always true: a console that does not run does not answer."""


class Readiness(_Described):
    """Images are answered."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ready": True}]})

    ready: bool = True
    """Always true: while no image would be answered, the status is 503."""


def describe_answers(answers: Sequence[Answered | Refused], model: ServedModel) -> Predictions:
    """The service's answers as the API gives them."""
    return Predictions(model=model, predictions=tuple(map(_describe, answers)))


def _describe(answer: Answered | Refused) -> PredictedImage | RefusedImage:
    if isinstance(answer, Refused):
        return RefusedImage(image_id=answer.image_id, refused=answer.reason)
    said: dict[str, Any] = dict(answer.prediction)
    heat_map = None
    if answer.heat is not None:
        picture = io.BytesIO()
        Image.fromarray(np.rint(answer.heat * 255).astype(np.uint8)).save(picture, "PNG")
        heat_map = base64.b64encode(picture.getvalue()).decode()
    return PredictedImage(**said, heat_map=heat_map)
