"""`/batches/<id>`: one batch, its refused images, why, and what to decide."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from apps.console import words
from apps.console.access.visiting import SignedIn
from apps.console.charts import compare_figures
from apps.console.choosing import PAGE, STATUSES, Choice, fingerprint
from apps.console.dependencies import OpenedDesk
from apps.console.galleries import find_typical, show_images
from apps.console.history import tell_decisions
from apps.console.paging import paginate
from apps.console.rendering import render_page
from apps.console.tokens import new_token
from storage.desk import CLUES, Desk, Review, count_reasons
from storage.distributions import Spread
from storage.reports import keys
from storage.reports.drift_records import find_latest
from storage.settling import settle_drift
from xray_model.data.causes import Share, share_out
from xray_model.data.labels import FINDINGS

router = APIRouter()

_REASONS = 12
"""Reasons listed; an image can have several, and a decoder may name each fault in words of its own."""
_CLUES = 3


@dataclass(frozen=True, slots=True)
class Option:
    """One way to choose among the images of a batch."""

    words: str
    images: int
    address: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Clue:
    """The images of a batch by the values of one column."""

    words: str
    shares: list[tuple[Share, str]]
    """Each with the address of its images."""
    is_cause: bool
    """Whether one of the values stands out among the refused images."""


@router.get("/batches/{batch_id}")
def show_batch(batch_id: str, request: Request, visitor: SignedIn, desk: OpenedDesk) -> HTMLResponse:
    """The page of one batch."""
    review = desk.review(batch_id)
    drift = find_latest(desk.objects, "batch", batch_id)
    choice = Choice.of(request.query_params, review)
    chosen = choice.select(review)
    page = paginate(chosen.index.tolist(), choice.page, PAGE)
    accepted = desk.spread_accepted(without=batch_id)
    return render_page(
        "batch.html",
        visitor,
        batch=review.outcome,
        review=review,
        headline=words.batch_headline(review),
        drift=drift and settle_drift(drift, {batch_id: review.statuses}),
        cause=words.cause_sentence(review.cause) if review.cause else None,
        statuses=_statuses(review, choice),
        reasons=_reasons(review, choice),
        clues=_clues(review, choice),
        choice=choice,
        page=page,
        images=show_images(chosen.loc[list(page.items)]),
        releasable=int(chosen["never"].isna().sum()),
        fingerprint=fingerprint(chosen),
        typical=find_typical(review),
        figures=compare_figures(review.spread, accepted),
        findings=_findings(review.spread, accepted),
        accepted_images=accepted.labels.total(),
        decisions=tell_decisions(list(review.decisions)),
        decided=request.query_params.get("decided"),
        labels=FINDINGS,
        report=keys.batch_page(review.outcome),
        validation=_find_validation(desk, review),
        token=new_token(),
    )


def _find_validation(desk: Desk, review: Review) -> str | None:
    """Key of the batch's validation page, which the night writes after the batch is committed."""
    key = keys.validation_page(review.outcome)
    return key if desk.objects.exists(key) else None


def _statuses(review: Review, choice: Choice) -> list[Option]:
    return [
        Option(status, review.statuses.get(status, 0), Choice(status).query, status == choice.status)
        for status in STATUSES
        if review.statuses.get(status) or status == choice.status
    ]


def _reasons(review: Review, choice: Choice) -> list[Option]:
    rows = Choice(choice.status).select(review)
    return [
        Option(reason, images, Choice(choice.status, reason).query, reason == choice.reason)
        for reason, images in count_reasons(review, rows)[:_REASONS]
    ]


def _clues(review: Review, choice: Choice) -> list[Clue]:
    """The column of the cause first, then those that have more than one value."""
    first = [review.cause.column] if review.cause else []
    telling = [column for column in CLUES if review.rows[column].nunique() > 1 and column not in first]
    refused = review.rows["was"] == "quarantined"
    return [
        Clue(
            words.CLUE_WORDS[column],
            [
                (share, Choice(choice.status, clue=column, value=share.value).query)
                for share in share_out(review.rows, refused, column)
            ],
            column in first,
        )
        for column in [*first, *telling][:_CLUES]
    ]


def _findings(batch: Spread, accepted: Spread) -> list[tuple[str, int, float, float | None]]:
    """Each finding: images of the batch, its share there, and its share among the accepted images."""
    mine, theirs = batch.labels.total(), accepted.labels.total()
    names = sorted(batch.labels | accepted.labels, key=lambda name: -batch.labels[name])
    return [
        (
            name,
            batch.labels[name],
            batch.labels[name] / mine if mine else 0.0,
            accepted.labels[name] / theirs if theirs else None,
        )
        for name in names
    ]
