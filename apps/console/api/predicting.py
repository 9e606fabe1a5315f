"""`POST /v1/predict`: images in, answers of the model in service out."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from apps.console.api.answers import Predictions, describe_answers
from apps.console.api.callers import Caller
from apps.console.api.problems import describe_problems
from apps.console.dependencies import OpenedService
from apps.console.uploads import FIELD, LIMITS, MULTIPART, RAW_KINDS, Uploads, read_uploads
from apps.serving.errors import NotReady
from apps.serving.service import Answered, PredictionService, Refused
from xray_model.outcomes import ServedModel

router = APIRouter()

_FILE = {"type": "string", "format": "binary", "description": "A PNG, JPEG or DICOM file that holds one image."}
_FORM = {
    "type": "object",
    "required": [FIELD],
    "additionalProperties": False,
    "properties": {FIELD: {"type": "array", "minItems": 1, "maxItems": LIMITS.images, "items": _FILE}},
}
_BODY = {
    "required": True,
    "description": f"One to {LIMITS.images} files as fields `{FIELD}` of a form, or one file as it is. One file may "
    f"have {LIMITS.image_bytes:,} bytes, all together {LIMITS.body_bytes:,}, and they must have arrived within "
    f"{LIMITS.seconds:g} seconds. The names of files are not kept.",
    "content": {
        MULTIPART: {
            "schema": _FORM,
            "encoding": {FIELD: {"contentType": ", ".join(RAW_KINDS)}},
        },
        **{kind: {"schema": _FILE} for kind in RAW_KINDS},
    },
}
_ADDRESS = "http://127.0.0.1:8420/v1/predict"
_TOKEN = "-H 'Authorization: Bearer xray_…'"  # noqa: S105 - an example without one
_EXAMPLES = [
    {"lang": "Shell", "label": "two files", "source": f"curl {_TOKEN} -F image=@a.png -F image=@b.dcm {_ADDRESS}"},
    {
        "lang": "Shell",
        "label": "one file as it is, with a heat map",
        "source": f"curl {_TOKEN} -H 'Content-Type: image/png' --data-binary @a.png '{_ADDRESS}?explain=true'",
    },
]
_EXTRA: dict[str, Any] = {"requestBody": _BODY, "x-codeSamples": _EXAMPLES}


class Wanted(BaseModel):
    """What an answer should hold; a name that stands here for nothing is refused, for it may be a slip."""

    model_config = ConfigDict(extra="forbid")

    explain: bool = Field(False, description="Whether a heat map comes with each answer, which takes far longer.")


@router.post(
    "/predict",
    response_description="An answer to each image, in the order in which they were sent.",
    responses=describe_problems(400, 401, 403, 408, 413, 415, 421, 422, 429, 431, 500, 503),
    openapi_extra=_EXTRA,
)
async def predict_images(
    request: Request,
    caller: Caller,  # noqa: ARG001 - asked for its check
    service: OpenedService,
    wanted: Annotated[Wanted, Query()],
) -> Predictions:
    """Probabilities, a label and warnings for one image or several.

    All images of a request are answered by one model, which the answer names. An image that cannot be answered stands
    with its reason in its place; where it is the only one, the status is 422. The answers are added to the log by which
    drift is watched: figures of the image and of the answer, no pixels, no names, not who asked.
    """
    async with read_uploads(request) as uploads:
        _check(uploads)
        answers = await service.answer(uploads.images, explain=wanted.explain)
    if len(answers) == 1 and isinstance(answers[0], Refused):
        raise HTTPException(422, answers[0].reason)
    return await run_in_threadpool(describe_answers, answers, _model_of(answers, service))


def _check(uploads: Uploads) -> None:
    if uploads.form.fields:
        raise HTTPException(400, f"A form may have nothing but files, each in a field `{FIELD}`.")
    if not uploads.images:
        raise HTTPException(400, f"Send at least one file in the field `{FIELD}`.")


def _model_of(answers: list[Answered | Refused], service: PredictionService) -> ServedModel:
    """The one that answered; where it was asked nothing, because all images were refused, the one in service."""
    answered = next((answer.model for answer in answers if isinstance(answer, Answered)), None)
    model = answered or service.state().model
    if model is None:
        raise NotReady("no model answers any more")
    return model
