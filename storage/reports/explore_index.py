"""The index of the pages on snapshots, rebuilt from the small record that lies beside each."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from storage.reports import keys
from storage.reports.rendering import render_page
from xray_model.errors import ObjectNotFound, XrayError
from xray_model.outcomes import Outcome

if TYPE_CHECKING:
    from storage.objects import Objects

LISTED = 100


class ExploreRecord(Outcome):
    """What the index tells of the page on one snapshot."""

    snapshot_id: str
    headline: str
    written: datetime
    images: int
    patients: int
    classes: dict[str, int]
    """Images by class."""

    @property
    def page(self) -> str:
        """Key of the page."""
        return keys.explore_page(self.snapshot_id)


@dataclass(frozen=True, slots=True)
class _Found:
    records: tuple[ExploreRecord, ...]
    unreadable: tuple[str, ...]


def write_explore_index(objects: "Objects") -> str:
    """Write the list of the pages on snapshots, the newest first, over the one before; returns its key."""
    found = _find_records(objects)
    values = {
        "headline": found.records[0].headline if found.records else "No snapshot has been explored yet",
        "records": found.records[:LISTED],
        "older": max(len(found.records) - LISTED, 0),
        "unreadable": found.unreadable,
    }
    objects.put(keys.EXPLORES, render_page("explore_index.html", keys.EXPLORES, values))
    return keys.EXPLORES


def _find_records(objects: "Objects") -> _Found:
    pages = [f"{folder}index.html" for folder in objects.list_folders(keys.EXPLORE)]
    records, unreadable = [], []
    contents = objects.get_many(keys.explore_record(page) for page in pages)
    for page, (_, content) in zip(pages, contents, strict=True):
        if isinstance(content, ObjectNotFound):  # a run that stopped before its end
            continue
        if isinstance(content, XrayError):
            raise content
        try:
            records.append(ExploreRecord.model_validate_json(content))
        except ValidationError:
            unreadable.append(page)
    newest = sorted(records, key=lambda record: (record.written, record.snapshot_id), reverse=True)
    return _Found(tuple(newest), tuple(unreadable))
