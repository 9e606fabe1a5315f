"""`/`: what needs a decision, last night, and the model in service."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from apps.console import words
from apps.console.access.visiting import SignedIn
from apps.console.dependencies import OpenedDesk
from apps.console.rendering import render_page
from storage import ledger
from storage.desk import NO_REASON, BatchSummary, Desk
from storage.reports import keys
from storage.reports.drift_records import find_latest
from storage.reports.drift_timeline import mark_nights
from storage.reports.history import draw_champions
from storage.reports.records import NightRecord, read_nights
from storage.reports.words import quiet_headline
from storage.settling import settle_night
from xray_model.outcomes import BatchStatus, DriftState

router = APIRouter()

_NIGHTS = 30
"""Nights read for the page."""
_LISTED = 8
"""Batches listed under each heading; the others are on the page of all batches."""
_RECENT = timedelta(days=14)
_THUMBNAILS = 3


@dataclass(frozen=True, slots=True)
class Waiting:
    """A batch on the desk."""

    summary: BatchSummary
    pictures: tuple[str, ...]
    """Image ids of a few refused images, of the most common reason."""
    cause: str | None
    """What stands out among them."""
    drift: str | None
    """Key of the page that compares it with the champion's reference, where that asks for a decision."""


@router.get("/")
def show_desk(visitor: SignedIn, desk: OpenedDesk) -> HTMLResponse:
    """The home page."""
    batches = desk.list_batches()
    held = [one for one in batches if one.held]
    refused = [one for one in batches if one.quarantined and not one.held]
    unread = [
        one
        for one in batches
        if one.outcome.status is BatchStatus.REFUSED and datetime.now(UTC) - one.committed < _RECENT
    ]
    nights = read_nights(desk.objects, _NIGHTS).nights
    counts = {one.outcome.batch_id: one.statuses for one in batches}
    entries = ledger.load_entries(desk.objects)
    champion, waiting = ledger.champion_of(entries), ledger.find_waiting(entries)
    return render_page(
        "desk.html",
        visitor,
        headline=words.desk_headline(held, unread, refused, waiting),
        model=waiting,
        batches=len(batches),
        held=[_describe(desk, one) for one in held[:_LISTED]],
        more_held=max(len(held) - _LISTED, 0),
        refused=[_describe(desk, one) for one in refused[:_LISTED]],
        more_refused=max(len(refused) - _LISTED, 0),
        unread=unread,
        night=nights[0] if nights else None,
        news=quiet_headline(nights[0].night) if nights else "",
        champion=champion,
        history=draw_champions(nights, champion, entries) if champion else "",
        marks=mark_nights([NightRecord(settle_night(one.night, counts), one.page) for one in nights]),
        compared=desk.objects.exists(keys.DRIFTS),
        explored=desk.objects.exists(keys.EXPLORES),
    )


def _describe(desk: Desk, summary: BatchSummary) -> Waiting:
    review = desk.review(summary.outcome.batch_id)
    told = review.told[review.rows["shard"].reindex(review.told.index).notna()]
    # Pictures of what is wrong with it; of its sound images only where none is refused.
    told = told[told != NO_REASON] if (told != NO_REASON).any() else told
    common = told[told == told.mode()[0]] if len(told) else told
    drift = find_latest(desk.objects, "batch", summary.outcome.batch_id)
    return Waiting(
        summary=summary,
        pictures=tuple(review.rows["image_id"].reindex(common.index[:_THUMBNAILS])),
        cause=words.cause_sentence(review.cause) if review.cause else None,
        drift=drift.page_key if drift and drift.state is DriftState.HOLD else None,
    )
