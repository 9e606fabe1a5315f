"""The page of one batch: what became of it, why, its pictures, and what to do."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.reports import advice, keys, words
from storage.reports.drift_records import find_latest
from storage.reports.drift_words import drift_headline
from storage.reports.entries import Step, rank_refusals, reason_anchor
from storage.reports.pictures import (
    NO_REASON,
    REFUSED_LIMIT,
    TYPICAL_LIMIT,
    Picture,
    ShownPicture,
    spread_pictures,
    write_pictures,
)
from storage.reports.rendering import render_page
from xray_model.outcomes import BatchOutcome, ExpectationResult, Refusal

if TYPE_CHECKING:
    from storage.objects import Objects

_SEVERITIES = ("batch", "row", "note")


@dataclass(frozen=True, slots=True)
class ReasonSection:
    """The refused images of one reason."""

    anchor: str
    reason: str
    images: int
    pictures: tuple[tuple[ShownPicture, bool], ...]
    """Each with whether this is its first place on the page, which carries its anchor."""


def write_batch_page(
    objects: "Objects",
    outcome: BatchOutcome,
    refused: Sequence[Picture],
    typical: Sequence[Picture],
    refused_total: int,
    validation: str | None = None,
) -> str:
    """Write the page of one batch, with its pictures beside it, unless it is there already.

    It leads to the newest comparison of the batch with the champion's reference, where there is one.

    Args:
        objects: the store.
        outcome: what became of the batch.
        refused: refused images that may be shown; at most `REFUSED_LIMIT` are, spread over the reasons.
        typical: sound images to compare with; the first two are shown.
        refused_total: how many images of the batch were refused, shown or not.
        validation: key of the page of what it was asked; None where it was not.

    Returns:
        The page's key.
    """
    page = keys.batch_page(outcome)
    if objects.exists(page):
        return page
    folder = keys.folder_of(page)
    drift = find_latest(objects, "batch", outcome.batch_id)
    shown = write_pictures(objects, folder, "refused", choose_refused(outcome, refused))
    values = {
        "batch": outcome,
        "headline": words.batch_headline(outcome),
        "advice": advice.advise(outcome),
        "steps": _steps(outcome),
        "sections": divide_by_reason(outcome, shown),
        "refused": shown,
        "typical": write_pictures(objects, folder, "typical", typical[:TYPICAL_LIMIT]),
        "refused_total": max(refused_total, len(shown)),
        "validation": validation,
        "drift": drift,
        "drift_news": drift_headline(drift) if drift else "",
        "expectations": sort_expectations(outcome.expectations),
    }
    objects.create(page, render_page("batch.html", page, values))
    return page


def choose_refused(batch: BatchOutcome, refused: Sequence[Picture]) -> list[Picture]:
    """The refused pictures to show, spread over the reasons, those of the most common reason first."""
    ranks = {refusal.reason: place for place, refusal in enumerate(rank_refusals(batch))}

    def rank(picture: Picture) -> int:
        return min((ranks.get(reason, len(ranks)) for reason in picture.reasons), default=len(ranks))

    return sorted(spread_pictures(refused, REFUSED_LIMIT), key=rank)


def divide_by_reason(batch: BatchOutcome, shown: Sequence[ShownPicture]) -> tuple[ReasonSection, ...]:
    """One section per reason, most images first; a picture stands under each of its reasons."""
    known = list(rank_refusals(batch))
    counted = {refusal.reason for refusal in known}
    uncounted = Counter(reason for picture in shown for reason in _reasons(picture) if reason not in counted)
    known += [Refusal(reason=reason, images=images) for reason, images in uncounted.items()]
    placed: set[str] = set()
    sections = []
    for place, refusal in enumerate(known):
        members = [picture for picture in shown if refusal.reason in _reasons(picture)]
        marked = tuple((picture, picture.anchor not in placed) for picture in members)
        placed.update(picture.anchor for picture in members)
        sections.append(ReasonSection(reason_anchor(place), refusal.reason, refusal.images, marked))
    return tuple(sections)


def sort_expectations(results: Sequence[ExpectationResult]) -> list[ExpectationResult]:
    """What could not be evaluated first, then what failed by severity, then what passed."""

    def place(result: ExpectationResult) -> tuple[bool, bool, int, int]:
        severity = _SEVERITIES.index(result.severity) if result.severity in _SEVERITIES else len(_SEVERITIES)
        return result.evaluated, result.passed, severity, -result.failures

    return sorted(results, key=place)


def _steps(batch: BatchOutcome) -> list[Step]:
    steps = [
        (batch.files, "files arrived", "#arrived"),
        (batch.read, "X-rays read", "#arrived"),
        (batch.accepted, "accepted", "#accepted"),
        (batch.quarantined, "quarantined", "#refused"),
        (batch.held, "held", "#held"),
    ]
    return [Step(number, label, link if number else None) for number, label, link in steps]


def _reasons(shown: ShownPicture) -> tuple[str, ...]:
    return shown.picture.reasons or (NO_REASON,)
