"""Which layout a batch has, told by the names of its files."""

from collections.abc import Sequence

from xray_model.data.layouts.bimcv import Bimcv
from xray_model.data.layouts.class_folders import ClassFolders
from xray_model.data.layouts.csv_table import CsvTable
from xray_model.data.layouts.dicom import Dicom
from xray_model.data.layouts.files import FileKind, class_folder, sort_by_kind
from xray_model.data.records import Layout
from xray_model.errors import UnknownLayout

LAYOUTS: tuple[Layout, ...] = (Bimcv(), CsvTable(), ClassFolders(), Dicom())
"""In the order in which they are tried: a table says more of an image than the folder it lies in, or its header."""


def detect_layout(names: Sequence[str], override: str | None = None) -> Layout:
    """The layout of a batch.

    Args:
        names: the names of its files.
        override: the name of a layout to use whatever the names look like (`bimcv`, `csv_table`, `class_folders`,
            `dicom`).

    Raises:
        UnknownLayout: there is no layout of that name, or the names look like none.
    """
    choices = ", ".join(layout.name for layout in LAYOUTS)
    if override is not None:
        for layout in LAYOUTS:
            if layout.name == override.strip().casefold().replace("-", "_"):
                return layout
        raise UnknownLayout(f"there is no layout {override!r}; choose one of {choices}")
    for layout in LAYOUTS:
        if layout.recognises(names):
            return layout
    raise UnknownLayout(
        f"the batch follows no known layout: {_describe(names)}. Put the images into class folders (covid, pneumonia, "
        "normal), or add a metadata.csv with the columns filename, finding and, where known, patient_id, view, sex "
        f"and age, or name a layout with --layout ({choices})"
    )


def _describe(names: Sequence[str]) -> str:
    """What was found, in counts: a file name may carry a patient's."""
    kinds = {kind: found for kind, found in sort_by_kind(names).items() if found}
    total = sum(len(found) for found in kinds.values())
    if not total:
        return "it holds no files"
    parts = [f"{len(found):,} {kind.value}{'s' * (len(found) > 1)}" for kind, found in kinds.items()]
    images = kinds.get(FileKind.IMAGE, [])
    if images:
        loose = sum(1 for name in images if class_folder(name) is None)
        parts[0] += f" ({loose:,} of them in no class folder)"
        parts.append("no metadata table")
    return f"{total:,} files, of them {', '.join(parts)}" if total > 1 else f"1 file, {', '.join(parts)}"
