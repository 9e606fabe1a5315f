"""Reading the comparisons back from the store."""

import pytest

from storage.objects import Objects
from storage.reports import keys, read_drifts, write_drift_report
from storage.reports.drift_records import find_drifts, find_latest
from tests.storage.reports.comparing import BATCH, compared
from xray_model.errors import InvalidInput
from xray_model.outcomes import DriftOutcome, DriftState


def write(objects: Objects, drift: DriftOutcome) -> DriftOutcome:
    """Write a comparison without pictures and without Evidently."""
    return write_drift_report(objects, drift, None, None, [], [])


def test_newest_comes_first_and_comes_back_whole(objects: Objects) -> None:
    """What is written is read back as it was, the newest first, and at most as many as are asked for."""
    written = [write(objects, compared(day=day)) for day in (0, 2, 1)]
    assert read_drifts(objects, 2) == [written[1], written[2]]
    assert find_drifts(objects, 2).older == 1


def test_subjects_are_told_apart(objects: Objects) -> None:
    """One kind of subject can be read without the others, and the newest of one batch by its id."""
    write(objects, compared(name="bimcv.other.1"))
    newest = [write(objects, compared(day=day)) for day in (0, 1)][-1]
    night = write(objects, compared(DriftState.OK, subject="night", name="n", day=2))
    assert find_drifts(objects, 9, "night").drifts == (night,)
    assert find_latest(objects, "batch", BATCH) == newest
    assert find_latest(objects, "batch", "bimcv.none.1") is None


def test_unfinished_and_foreign_records_are_passed_over(objects: Objects) -> None:
    """A run that stopped leaves no record; one of another version is named, and the one before it counts."""
    whole = write(objects, compared())
    foreign, stopped = (keys.drift_page(compared(day=day)) for day in (1, 2))
    objects.put(keys.drift_record(foreign), b'{"state": "of another version"}')
    objects.put(stopped, b"<!doctype html>")
    found = find_drifts(objects, 9)
    assert (found.drifts, found.unreadable) == ((whole,), (foreign,))
    assert find_latest(objects, "batch", BATCH) == whole


def test_page_is_named_by_time_subject_and_name() -> None:
    """The folders stand in the order of time, and the same batch at the same time has the same."""
    key = keys.drift_page(compared())
    assert key.startswith("reports/drift/20260301T021000Z-batch-")
    assert key == keys.drift_page(compared(DriftState.OK))
    assert key != keys.drift_page(compared(name="bimcv.other.1"))
    with pytest.raises(InvalidInput, match="no `when`"):
        keys.drift_page(compared(when=None))
