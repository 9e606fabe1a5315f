"""The nights as their own records tell them."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from storage.reports import keys, words
from storage.reports.reading import read_records
from xray_model.outcomes import NightOutcome

if TYPE_CHECKING:
    from storage.objects import Objects


@dataclass(frozen=True)
class NightRecord:
    """One night with its page."""

    night: NightOutcome
    page: str

    @cached_property
    def headline(self) -> str:
        """Its news in one sentence."""
        return words.headline(self.night)


@dataclass(frozen=True, slots=True)
class NightsFound:
    """What the store tells of the nights so far."""

    nights: tuple[NightRecord, ...]
    """Newest first."""
    unreadable: tuple[str, ...]
    """Pages of nights whose record another version of this project wrote."""
    unfinished: int
    """Nights that left no record."""
    older: int
    """Nights beyond the limit, not read."""


def has_nights(objects: "Objects") -> bool:
    """Whether any night has begun: before the first the index has no parts that a page could link to."""
    return any(True for _ in objects.list_folders(keys.NIGHTS))


def read_nights(objects: "Objects", limit: int) -> NightsFound:
    """Read the newest `limit` nights; older ones are only counted.

    Raises:
        StoreUnavailable: a record is there and cannot be got.
    """
    folders = sorted(objects.list_folders(keys.NIGHTS), reverse=True)
    ids = [folder.removesuffix("/").rpartition("/")[2] for folder in folders]
    record_keys = {keys.night_page(night_id): keys.night_record(night_id) for night_id in ids[:limit]}
    found = read_records(objects, record_keys, NightOutcome.from_json)
    nights = tuple(NightRecord(night, page) for page, night in found.records.items())
    return NightsFound(nights, found.unreadable, found.unfinished, max(len(ids) - limit, 0))
