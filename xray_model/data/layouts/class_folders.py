"""The class-folder layout: the folder of an image is its label, as in the Kaggle sets.

`chest_xray/{train,val,test}/{NORMAL,PNEUMONIA}/…`, `covid/ normal/ pneumonia/` in any case and below any folders, and
`{COVID,Lung_Opacity,Normal,Viral Pneumonia}/{images,masks}/…`; the images may be DICOM files. A division into train
and test is not used: the split goes by patient.
"""

import re
from collections.abc import Sequence

from xray_model.data.labels import label_finding
from xray_model.data.layouts.cells import plain_text
from xray_model.data.layouts.dicom_headers import add_headers
from xray_model.data.layouts.files import (
    FileKind,
    base_name,
    class_folder,
    count_passed_over,
    find_inner_copies,
    patient_in_name,
    pictures_among,
    sort_by_kind,
)
from xray_model.data.records import OpenFile, Reading, Record

_KIND_IN_NAME = re.compile(r"person\d+_(bacteria|virus)_\d", re.IGNORECASE)
_KINDS = {"bacteria": "bacterial pneumonia", "virus": "viral pneumonia"}


class ClassFolders:
    """Reads sets without a table: label by folder, patient by file name where a public set's name tells it."""

    name = "class_folders"

    def recognises(self, names: Sequence[str]) -> bool:
        """Whether at least half of the images lie below a folder that names a class."""
        images = pictures_among(sort_by_kind(names))
        labelled = sum(1 for name in images if class_folder(name))
        return labelled > 0 and 2 * labelled >= len(images)

    def needs(self, names: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Nothing: there is no table to open."""
        return []

    def headers(self, names: Sequence[str]) -> list[str]:
        """The DICOM files but for inner copies."""
        kinds = sort_by_kind(names)
        return sorted(set(kinds[FileKind.DICOM]) - find_inner_copies(pictures_among(kinds)))

    def read(self, names: Sequence[str], open_file: OpenFile) -> Reading:
        """Describe every image; masks, inner copies and other files are passed over and counted."""
        kinds = sort_by_kind(names)
        images = pictures_among(kinds)
        copies = find_inner_copies(images)
        passed_over = count_passed_over(kinds, FileKind.IMAGE, FileKind.DICOM)
        passed_over["inner copy"] += len(copies)
        records = (_describe(name) for name in images if name not in copies)
        described = add_headers(records, self.headers(names), open_file, passed_over)
        return Reading(layout=self.name, records=described, passed_over=dict(+passed_over))


def _describe(name: str) -> Record:
    folder = class_folder(name)
    if folder is None:
        return Record(name=name, patient=patient_in_name(name), problems=("the image lies in no class folder",))
    labelling = label_finding(folder)
    match = _KIND_IN_NAME.match(base_name(name))
    finding = _KINDS[match[1].lower()] if match and labelling.label == "pneumonia" else plain_text(folder)
    return Record(
        name=name,
        patient=patient_in_name(name),
        label=labelling.label,
        finding=finding,
        problems=(labelling.problem,) if labelling.problem else (),
    )
