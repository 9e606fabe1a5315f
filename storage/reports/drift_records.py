"""The comparisons with the champion's reference, as their own records tell them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from storage.reports import keys
from storage.reports.reading import read_records
from xray_model.errors import ObjectNotFound
from xray_model.outcomes import DriftOutcome, DriftSubject

if TYPE_CHECKING:
    from storage.objects import Objects


@dataclass(frozen=True, slots=True)
class DriftsFound:
    """What the store tells of the comparisons so far."""

    drifts: tuple[DriftOutcome, ...]
    """Newest first."""
    unreadable: tuple[str, ...]
    """Pages of comparisons whose record another version of this project wrote."""
    older: int
    """Comparisons beyond the limit, not read."""


def read_drifts(objects: "Objects", limit: int) -> list[DriftOutcome]:
    """The newest comparisons that can be read, newest first, of at most `limit` that there are.

    Raises:
        StoreUnavailable: a record is there and cannot be got.
    """
    return list(find_drifts(objects, limit).drifts)


def find_drifts(objects: "Objects", limit: int, subject: DriftSubject | None = None) -> DriftsFound:
    """Read the newest `limit` comparisons of one kind of `subject`, or of all; older ones are only counted.

    Raises:
        StoreUnavailable: a record is there and cannot be got.
    """
    folders = _list_folders(objects, keys.drift_suffix(subject) if subject else "")
    pages = [f"{folder}index.html" for folder in folders[:limit]]
    found = read_records(objects, {page: keys.drift_record(page) for page in pages}, DriftOutcome.model_validate_json)
    return DriftsFound(tuple(found.records.values()), found.unreadable, max(len(folders) - limit, 0))


def find_latest(objects: "Objects", subject: DriftSubject, name: str) -> DriftOutcome | None:
    """The newest finished comparison of one batch, night or window; None where there is none to read."""
    for folder in _list_folders(objects, keys.drift_suffix(subject, name)):
        try:
            return DriftOutcome.model_validate_json(objects.get(keys.drift_record(f"{folder}index.html")))
        except (ObjectNotFound, ValidationError):
            continue  # stopped before its end, or written by another version: the one before it counts
    return None


def _list_folders(objects: "Objects", part: str) -> list[str]:
    """Folders of comparisons with `part` in their name, newest first."""
    return sorted((folder for folder in objects.list_folders(keys.DRIFT) if part in folder), reverse=True)
