"""The page of one night, and its outcome as JSON beside it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.reports import keys, terms, words
from storage.reports.drift_index import list_rows
from storage.reports.entries import Step, list_entry, rank_refusals, reason_anchor, waiting_entry
from storage.reports.rendering import render_page
from xray_model.outcomes import NightOutcome

if TYPE_CHECKING:
    from storage.objects import Objects


@dataclass(frozen=True, slots=True)
class NightRefusal:
    """One reason of one batch, with the link to its pictures."""

    reason: str
    batch: str
    images: int
    link: str


def write_night_page(objects: "Objects", night: NightOutcome) -> str:
    """Write the page of a night and, beside it, its outcome as `night.json`; keep what is there already.

    The pages of its batches and of its model are written before it. The JSON comes last: a night
    that has one is finished.

    Returns:
        The page's key.
    """
    page = keys.night_page(night.night_id)
    if not objects.exists(page):
        values = {
            "night": night,
            "headline": words.headline(night),
            "steps": count_steps(night, page),
            "waiting": [waiting_entry(objects, batch) for batch in night.batches if batch.needs_person],
            "entries": [list_entry(batch) for batch in night.batches],
            "refusals": _refusals(night, page),
            "promotion": night.retrain.promotion,
            "model_news": words.model_headline(night.retrain),
            "drift": night.drift,
            "compared": list_rows(night.batch_drift),
        }
        objects.create(page, render_page("night.html", page, values))
    objects.create(keys.night_record(night.night_id), night.model_dump_json(indent=1).encode())
    return page


def count_steps(night: NightOutcome, page: str) -> list[Step]:
    """The night's images from arrival to the catalog; the links lead from `page` to the night's page."""
    own = keys.night_page(night.night_id)
    quarantined = night.total("quarantined")
    steps = [
        Step(len(night.batches), "batch arrived" if len(night.batches) == 1 else "batches arrived", "batches"),
        Step(night.total("read"), "X-rays read", "batches"),
        Step(night.total("accepted"), "accepted", "batches"),
        Step(quarantined, "quarantined", "quarantined" if _any_refusal(night) else "batches"),
        Step(
            night.total("held"),
            "held",
            "decisions" if any(batch.needs_person for batch in night.batches) else "batches",
        ),
    ]
    return [
        Step(
            step.number, step.label, f"#{step.link}" if page == own else keys.relative_link(page, f"{own}#{step.link}")
        )
        for step in steps
    ]


def _any_refusal(night: NightOutcome) -> bool:
    return any(batch.refusals for batch in night.batches)


def _refusals(night: NightOutcome, page: str) -> list[NightRefusal]:
    rows = [
        NightRefusal(
            refusal.reason,
            terms.full_name(batch),
            refusal.images,
            keys.relative_link(page, f"{keys.batch_page(batch)}#{reason_anchor(place)}"),
        )
        for batch in night.batches
        for place, refusal in enumerate(rank_refusals(batch))
    ]
    return sorted(rows, key=lambda row: -row.images)
