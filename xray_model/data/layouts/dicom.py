"""The DICOM layout: X-rays as a hospital's archive exports them, in any folders, with nothing beside them.

The headers tell patient, study, view, sex and age, and no finding: a steward labels the images, or a table or class
folders are added, whose layouts read DICOM files too.
"""

from collections.abc import Sequence

from xray_model.data.layouts.dicom_headers import add_headers
from xray_model.data.layouts.files import FileKind, count_passed_over, find_inner_copies, sort_by_kind
from xray_model.data.records import OpenFile, Reading, Record

_NO_FINDING = "a DICOM file tells no finding, and no table or class folder does"


class Dicom:
    """Reads DICOM files that come alone."""

    name = "dicom"

    def recognises(self, names: Sequence[str]) -> bool:
        """Whether there are DICOM files, and no fewer than other images."""
        kinds = sort_by_kind(names)
        return len(kinds[FileKind.DICOM]) >= max(1, len(kinds[FileKind.IMAGE]))

    def needs(self, names: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Nothing: there is no table to open."""
        return []

    def headers(self, names: Sequence[str]) -> list[str]:
        """The DICOM files but for inner copies."""
        files = sort_by_kind(names)[FileKind.DICOM]
        return sorted(set(files) - find_inner_copies(files))

    def read(self, names: Sequence[str], open_file: OpenFile) -> Reading:
        """Describe every DICOM file that is an X-ray; the others and all other files are passed over and counted."""
        kinds = sort_by_kind(names)
        files = self.headers(names)
        passed_over = count_passed_over(kinds, FileKind.DICOM)
        passed_over["inner copy"] += len(kinds[FileKind.DICOM]) - len(files)
        records = add_headers(
            (Record(name=name, problems=(_NO_FINDING,)) for name in files), files, open_file, passed_over
        )
        return Reading(layout=self.name, records=records, passed_over=dict(+passed_over))
