"""A batch as a row of the night's page or the index."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from storage.reports import keys, pictures
from xray_model.outcomes import BatchOutcome, Refusal

if TYPE_CHECKING:
    from storage.objects import Objects

_THUMBNAILS = 3


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """One batch, with the page it leads to."""

    batch: BatchOutcome
    page: str
    pictures: tuple[str, ...] = ()
    """Keys of a few refused images."""
    since: datetime | None = None
    """When it began to wait for a person."""

    @property
    def top_refusal(self) -> Refusal | None:
        """The reason for which most of its images were refused."""
        return max(self.batch.refusals, key=lambda refusal: refusal.images, default=None)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way from arrival to the catalog, with where its images are shown."""

    number: int
    label: str
    link: str | None


def list_entry(batch: BatchOutcome) -> BatchEntry:
    """The row of a batch in a table."""
    return BatchEntry(batch, keys.batch_page(batch))


def waiting_entry(objects: "Objects", batch: BatchOutcome, since: datetime | None = None) -> BatchEntry:
    """The row of a batch that waits for a person, with pictures of what was refused."""
    page = keys.batch_page(batch)
    return BatchEntry(batch, page, pictures.find_refused(objects, keys.folder_of(page), _THUMBNAILS), since)


def rank_refusals(batch: BatchOutcome) -> tuple[Refusal, ...]:
    """The reasons of a batch, most images first: the order of the sections on its page."""
    return tuple(sorted(batch.refusals, key=lambda refusal: -refusal.images))


def reason_anchor(place: int) -> str:
    """Anchor of the section for the reason in this place (from 0) of `rank_refusals`."""
    return f"reason-{place + 1}"
