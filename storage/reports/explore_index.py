"""The index of the pages on snapshots, rebuilt from the small record that lies beside each."""

from datetime import datetime
from typing import TYPE_CHECKING

from storage.reports import keys
from storage.reports.reading import read_records
from storage.reports.rendering import render_page
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


def write_explore_index(objects: "Objects") -> str:
    """Write the list of the pages on snapshots, the newest first, over the one before; returns its key."""
    pages = [f"{folder}index.html" for folder in objects.list_folders(keys.EXPLORE)]
    record_keys = {page: keys.explore_record(page) for page in pages}
    found = read_records(objects, record_keys, ExploreRecord.model_validate_json)
    newest = sorted(found.records.values(), key=lambda record: (record.written, record.snapshot_id), reverse=True)
    values = {
        "headline": newest[0].headline if newest else "No snapshot has been explored yet",
        "records": newest[:LISTED],
        "older": max(len(newest) - LISTED, 0),
        "unreadable": found.unreadable,
    }
    objects.put(keys.EXPLORES, render_page("explore_index.html", keys.EXPLORES, values))
    return keys.EXPLORES
