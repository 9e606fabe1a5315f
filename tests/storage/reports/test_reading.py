"""Reading the records that lie beside pages."""

from pathlib import Path

import pytest

from storage.objects import open_objects
from storage.reports.reading import read_records
from xray_model.errors import InvalidInput
from xray_model.outcomes import Interval

RECORDS = {f"{name}/index.html": f"{name}/record.json" for name in ("late", "stopped", "foreign", "early")}


def test_what_has_no_record_is_told_from_what_has_a_foreign_one(tmp_path: Path) -> None:
    """Records come in the order asked for; a page with another version's is named, and one without is counted."""
    objects = open_objects(tmp_path.as_uri())
    figures = Interval(value=0.5, low=0.4, high=0.6)
    for name in ("early", "late"):
        objects.put(f"{name}/record.json", figures.model_dump_json().encode())
    objects.put("foreign/record.json", b'{"value": "of another version"}')
    found = read_records(objects, RECORDS, Interval.model_validate_json)
    assert list(found.records.items()) == [("late/index.html", figures), ("early/index.html", figures)]
    assert (found.unreadable, found.unfinished) == (("foreign/index.html",), 1)


def test_a_record_that_cannot_be_got_is_an_error(tmp_path: Path) -> None:
    """An index is not written as if a record that is there were not."""
    objects = open_objects(tmp_path.as_uri())
    with pytest.raises(InvalidInput):
        read_records(objects, {"late/index.html": "../record.json"}, Interval.model_validate_json)
