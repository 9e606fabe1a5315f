"""What tests of BIMCV trees write into label tables, and what they ask of a reading."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from xray_model.data.layouts.bimcv import Bimcv
from xray_model.data.records import Record

if TYPE_CHECKING:
    from tests.xray_model.data.layouts.conftest import BimcvTree

NORMAL = "[' normal', '', ' normal']"
COVID = "[' COVID 19', ' pneumonia', '']"


def labels(records: Iterable[Record]) -> dict[str | None, str | None]:
    """Label by session."""
    return {record.session: record.label for record in records}


def only(tree: "BimcvTree") -> Record:
    """The one record of a tree."""
    (record,) = tree.read(Bimcv()).records
    return record
