"""`/pictures/…`: one image as the model sees it."""

import pandas as pd
from fastapi import APIRouter, Response

from apps.console.access.visiting import SignedIn
from apps.console.dependencies import OpenedDesk
from storage.reports.pictures import encode_jpeg
from storage.shards import load_image
from xray_model.errors import ObjectNotFound

router = APIRouter()

_FOR_EVER = "private, max-age=31536000, immutable"
"""The pixels of an image never change; only the browser of somebody who may see them keeps them."""


@router.get("/pictures/{batch_id}/{image_id}.jpg")
def show_picture(batch_id: str, image_id: str, visitor: SignedIn, desk: OpenedDesk) -> Response:  # noqa: ARG001
    """A grayscale JPEG of the canonical pixels.

    Raises:
        ObjectNotFound: there is no such image, or nothing of it could be decoded.
    """
    row = desk.review(batch_id).find(image_id)
    if pd.isna(row["shard"]):
        raise ObjectNotFound("this image has no picture: its file could not be decoded")
    pixels = load_image(desk.objects, batch_id, int(row["shard"]), int(row["row"]))
    return Response(encode_jpeg(pixels), media_type="image/jpeg", headers={"Cache-Control": _FOR_EVER})
