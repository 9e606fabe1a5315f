"""`/batches/<id>/images/<image>`: one image, large, with its reasons and what to decide."""

import pandas as pd
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from apps.console.access.visiting import SignedIn
from apps.console.choosing import PAGE, Choice
from apps.console.dependencies import OpenedDesk
from apps.console.galleries import find_typical, show_image
from apps.console.history import tell_decisions
from apps.console.rendering import render_page
from apps.console.tokens import new_token
from storage.distributions import FIGURES
from xray_model.data.causes import spell_values
from xray_model.data.labels import FINDINGS

router = APIRouter()

_FACTS = {
    "manufacturer": "Scanner",
    "bits": "Bits a pixel",
    "mode": "Kind of pixels",
    "window_path": "Windowed by",
    "split": "Side of the split",
}


@router.get("/batches/{batch_id}/images/{image_id}")
def show_one(batch_id: str, image_id: str, request: Request, visitor: SignedIn, desk: OpenedDesk) -> HTMLResponse:
    """The page of one image, with the ones before and after it among those that were chosen."""
    review = desk.review(batch_id)
    row = review.find(image_id)
    choice = Choice.of(request.query_params, review)
    others = choice.select(review)["image_id"].tolist()
    place = others.index(image_id) if image_id in others else None
    about = [one for one in review.decisions if not one.image_ids or image_id in one.image_ids]
    return render_page(
        "image.html",
        visitor,
        batch=review.outcome,
        image=show_image(row),
        label=row["label"],
        size=(int(row["width"]), int(row["height"])) if pd.notna(row["width"]) else None,
        choice=choice if place is None else choice.turn(place // PAGE + 1),
        place=place,
        whole=len(others),
        before=others[place - 1] if place else None,
        after=others[place + 1] if place is not None and place + 1 < len(others) else None,
        typical=find_typical(review),
        facts=_facts(row),
        decisions=tell_decisions(about),
        decided=request.query_params.get("decided"),
        labels=FINDINGS,
        token=new_token(),
    )


def _facts(row: pd.Series) -> list[tuple[str, str]]:
    """What is known of an image beside its picture, as far as it is known."""
    words = [(_FACTS[column], str(spell_values(row[[column]]).iloc[0])) for column in _FACTS if pd.notna(row[column])]
    figures = [(one.words, f"{round(row[one.column], 2):g}") for one in FIGURES if pd.notna(row[one.column])]
    return words + figures
