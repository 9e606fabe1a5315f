"""The csv-table layout: images in any folders and a table that describes them, one row or more per image.

The table counts, also where the images lie in class folders: what it leaves blank has no label. Of DICOM files the
header fills what else the table leaves open. An image without a row becomes a record without a label, with the
reason; a row without an image is only counted.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from xray_model.data.labels import label_finding
from xray_model.data.layouts.cells import plain_text, read_age, read_sex, read_view
from xray_model.data.layouts.csv_columns import Columns, find_columns
from xray_model.data.layouts.dicom_headers import add_headers
from xray_model.data.layouts.files import (
    FileKind,
    class_folder,
    count_passed_over,
    find_inner_copies,
    patient_in_name,
    pictures_among,
    sort_by_kind,
    split_path,
)
from xray_model.data.layouts.tables import read_table
from xray_model.data.records import OpenFile, Reading, Record
from xray_model.errors import InvalidInput

_CT_WORDS = frozenset({"ct", "cta", "hrct", "axial", "coronal", "sagittal"})
_OTHER_MODALITIES = frozenset({"mr", "mri", "us", "ultrasound", "pt", "pet", "mg", "nm"})


@dataclass(frozen=True, slots=True)
class _Row:
    """One row, as far as it is used."""

    patient: str | None
    finding: str
    view: str
    sex: str
    age: str
    session: str
    modality: str
    too_long: bool


@dataclass(slots=True)
class _TableRows:
    """The rows of one table that name images of the batch."""

    by_image: dict[str, list[_Row]] = field(default_factory=dict)
    ambiguous: set[str] = field(default_factory=set)
    without_image: int = 0


class CsvTable:
    """Reads an image folder with a metadata table in any of the spellings of `csv_columns`."""

    name = "csv_table"

    def recognises(self, names: Sequence[str]) -> bool:
        """Whether there are images and a csv or tsv file."""
        kinds = sort_by_kind(names)
        return bool(pictures_among(kinds) and kinds[FileKind.TABLE])

    def needs(self, names: Sequence[str]) -> list[str]:
        """Every csv and tsv file: only its header tells whether it describes the images."""
        return list(sort_by_kind(names)[FileKind.TABLE])

    def headers(self, names: Sequence[str]) -> list[str]:
        """The DICOM files but for inner copies."""
        kinds = sort_by_kind(names)
        return sorted(set(kinds[FileKind.DICOM]) - find_inner_copies(pictures_among(kinds)))

    def read(self, names: Sequence[str], open_file: OpenFile) -> Reading:
        """Describe every image by its rows; CT images and other files are passed over and counted.

        Raises:
            InvalidInput: no table of the batch names any of its images.
        """
        kinds = sort_by_kind(names)
        pictures = pictures_among(kinds)
        copies = find_inner_copies(pictures)
        images = [name for name in pictures if name not in copies]
        tables = _read_tables(kinds[FileKind.TABLE], open_file, images)
        rows: dict[str, list[_Row]] = {}
        ambiguous: set[str] = set()
        for table in sorted(tables, key=lambda table: len(table.by_image), reverse=True):
            ambiguous |= table.ambiguous - rows.keys()
            rows = table.by_image | rows
        scans = {name: kind for name, found in rows.items() for row in found if (kind := _scan_kind(row))}
        passed_over = count_passed_over(kinds, FileKind.IMAGE, FileKind.DICOM, FileKind.TABLE) + Counter(scans.values())
        passed_over["inner copy"] += len(copies)
        described = (_describe(name, rows.get(name, []), name in ambiguous) for name in images if name not in scans)
        records = add_headers(described, self.headers(names), open_file, passed_over)
        notes = Counter(
            {
                "table row without an image": sum(table.without_image for table in tables),
                "table that describes no image": len(kinds[FileKind.TABLE]) - len(tables),
            }
        )
        return Reading(
            layout=self.name,
            records=records,
            passed_over=dict(+passed_over),
            metadata_files=len(kinds[FileKind.TABLE]),
            notes=dict(+notes),
        )


def _read_tables(names: Iterable[str], open_file: OpenFile, images: Sequence[str]) -> list[_TableRows]:
    finder = _ImageFinder(images)
    found, reasons = [], []
    for name in names:
        try:
            table = read_table(open_file(name))
            columns = find_columns(table.columns)
            if not columns.names_images:
                reasons.append("no column with image names")
                continue
            rows = _match_rows(table.rows, columns, len(table.columns), finder)
        except InvalidInput as error:
            reasons.append(str(error))
            continue
        if rows.by_image:
            found.append(rows)
        else:
            reasons.append("no row names an image of the batch")
    if not found:
        why = "; ".join(dict.fromkeys(reasons))
        raise InvalidInput(
            f"no table describes the {len(images):,} images of the batch ({why}); add one with the columns filename, "
            "finding and, where known, patient_id, view, sex and age, or name another layout with --layout"
        )
    return found


def _match_rows(rows: Iterable[list[str]], columns: Columns, width: int, finder: "_ImageFinder") -> _TableRows:
    matched = _TableRows()
    for row in rows:
        images = finder.find(columns.cell(row, "file"), columns.cell(row, "folder"))
        if not images:
            matched.without_image += 1
        if len(images) > 1:
            matched.ambiguous.update(images)
        for image in images:
            matched.by_image.setdefault(image, []).append(
                _Row(
                    patient=columns.patient(row),
                    finding=columns.finding(row),
                    view=columns.cell(row, "view"),
                    sex=columns.cell(row, "sex"),
                    age=columns.cell(row, "age"),
                    session=columns.cell(row, "session"),
                    modality=columns.cell(row, "modality"),
                    too_long=any(cell.strip() for cell in row[width:]),
                )
            )
    return matched


class _ImageFinder:
    """Finds the images that a table cell means: by file name, else by the name without its last extension.

    The latter serves tables that name images without an extension, and images that were converted (`364.jfif` in the
    table, `364.jfif.jpg` in the folder).
    """

    def __init__(self, images: Iterable[str]) -> None:
        self._by_base: defaultdict[str, list[str]] = defaultdict(list)
        self._by_stem: defaultdict[str, list[str]] = defaultdict(list)
        self._folders: dict[str, str] = {}
        for image in images:
            *folders, base = split_path(image.casefold())
            self._by_base[base].append(image)
            self._by_stem[base.rpartition(".")[0]].append(image)
            self._folders[image] = "/" + "/".join(folders)

    def find(self, cell: str, folder: str) -> list[str]:
        """The images of a cell; more than one where neither it nor the folder cell tells them apart."""
        *folders, base = split_path(cell.casefold()) or [""]
        found = self._by_base.get(base) or self._by_stem.get(base) or []
        if len(found) < 2:  # noqa: PLR2004
            return found
        above = "/" + "/".join(folders or split_path(folder.casefold()))
        return [image for image in found if self._folders[image].endswith(above)] or found


def _scan_kind(row: _Row) -> str | None:
    """What the image is where its row says that it is no X-ray."""
    words = set(f"{row.modality} {row.view}".casefold().split())
    if words & _CT_WORDS:
        return "CT image"
    return "image of another modality" if words & _OTHER_MODALITIES else None


def _describe(name: str, rows: Sequence[_Row], is_ambiguous: bool) -> Record:
    if not rows:
        return Record(name=name, patient=patient_in_name(name), problems=("no table row describes the image",))
    if is_ambiguous:
        problem = "the table names several images of the batch alike, so that none can be told from the other"
        return Record(name=name, patient=patient_in_name(name), problems=(problem,))
    problems: list[str] = []
    finding = "|".join(dict.fromkeys(row.finding for row in rows if row.finding))
    labelling = label_finding(finding)
    label = None if any(row.too_long for row in rows) else labelling.label
    if label != labelling.label:
        problems.append("the table row has more cells than the table has columns, so that they may be shifted")
    if labelling.problem:
        problems.append(labelling.problem)
    folder = class_folder(name)
    if folder is not None and label_finding(folder).label not in (None, label):
        problems.append("the class folder and the table disagree on the finding; the table counts")
    view, sex, age = _agreed("view", rows, problems), _agreed("sex", rows, problems), _agreed("age", rows, problems)
    if age and read_age(age) is None:
        problems.append("the age in the table is no number of years")
    return Record(
        name=name,
        patient=_agreed("patient", rows, problems) or patient_in_name(name),
        session=plain_text(_agreed("session", rows, problems)),
        label=label,
        finding=plain_text(finding),
        view=read_view(view),
        sex=read_sex(sex),
        age=read_age(age),
        problems=tuple(problems),
    )


def _agreed(column: str, rows: Sequence[_Row], problems: list[str]) -> str:
    """The one value that all rows of an image give for a column; empty where they differ, with a problem noted."""
    values = {value for row in rows if (value := getattr(row, column))}
    if len(values) > 1:
        problems.append(f"the table rows of the image disagree on the {column}")
        return ""
    return str(*values)
