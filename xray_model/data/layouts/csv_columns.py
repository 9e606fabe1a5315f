"""The columns of metadata tables: which spelling means what, and which public set writes like that."""

import re
from dataclasses import dataclass

from xray_model.data.layouts.cells import BLANK
from xray_model.data.records import OWN_NUMBERING

_SPELLINGS = {
    "file": (
        "filename", "imagename", "imageid", "imageindex", "image", "imagefile", "imagepath", "file", "filepath", "path",
        "dicom", "dicomid", "dicomfile", "sopinstanceuid", "imageuid",
    ),
    "patient": ("patientid", "patient", "subjectid", "subject", "participant"),
    "finding": ("finding", "findings", "label", "labels", "findinglabels", "diagnosis", "class"),
    "view": ("view", "projection", "viewposition"),
    "sex": ("sex", "patientsex", "gender", "patientgender"),
    "age": ("age", "patientage"),
    "modality": ("modality",),
    "folder": ("folder",),
    "session": ("followup", "sessionid", "session", "studyid", "studyinstanceuid"),
}  # fmt: skip
"""Spellings without case, blanks, hyphens, underscores and signs; the first that a table has counts."""


@dataclass(frozen=True, slots=True)
class _Set:
    """A public set, known by columns that it alone has together."""

    space: str
    """Name space of its patient ids."""
    signature: frozenset[str]
    without: frozenset[str] = frozenset()
    patient: str = r"(.*)"
    """What of the patient cell is the patient."""
    digits: int = 0
    """Digits of a number, zero-padded."""
    finding: str = ""
    """The finding of every image, where the set has no column for it."""


_SETS = (
    _Set("nih", frozenset({"imageindex", "findinglabels", "patientid"}), digits=8),
    _Set("ieee8023", frozenset({"patientid", "offset", "finding", "filename", "modality", "folder"})),
    _Set("actualmed", frozenset({"patientid", "offset", "finding", "imagename"})),
    # No file column: the images are called like the patient, with a letter behind where one has several.
    _Set(
        "figure1",
        frozenset({"patientid", "offset", "finding", "artifactsdistortion"}),
        without=frozenset({"imagename", "filename"}),
        patient=r"(.*\d)[a-z]?",
    ),
    _Set("cxnet", frozenset({"filename", "patientid", "label", "pcrtest"})),
    # Its readme: all patients have COVID-19.
    _Set("hannover", frozenset({"imageid", "patientid", "projection", "icuadmissionoffset"}), finding="COVID-19"),
)


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a table keeps what; None where it has no such column."""

    places: dict[str, int]
    known_set: _Set | None

    @property
    def names_images(self) -> bool:
        """Whether a row tells which image it is about."""
        return "file" in self.places

    def cell(self, row: list[str], meaning: str) -> str:
        """The row's cell for one meaning (`file`, `patient`, `finding`, ...), empty where it is blank or missing."""
        place = self.places.get(meaning)
        text = row[place].strip() if place is not None and place < len(row) else ""
        return "" if text.casefold() in BLANK else text

    def finding(self, row: list[str]) -> str:
        """The source's words for the finding."""
        return self.cell(row, "finding") or (self.known_set.finding if self.known_set else "")

    def patient(self, row: list[str]) -> str | None:
        """The patient behind a name space: the set's where it is a known one, else `OWN_NUMBERING`."""
        cell = re.sub(r"(?<=\d)\.0+$", "", self.cell(row, "patient"))
        if not cell:
            return None
        if self.known_set is None:
            return f"{OWN_NUMBERING}:{cell}"
        match = re.fullmatch(self.known_set.patient, cell)
        number = match[1] if match else cell
        if number.isdecimal():
            number = number.zfill(self.known_set.digits)
        return f"{self.known_set.space}:{number}"


def find_columns(header: tuple[str, ...]) -> Columns:
    """Read a header."""
    spelled: dict[str, int] = {}
    for place, column in enumerate(header):
        spelled.setdefault(re.sub(r"[^a-z0-9]", "", column.casefold()), place)
    places = {
        meaning: next(spelled[spelling] for spelling in spellings if spelling in spelled)
        for meaning, spellings in _SPELLINGS.items()
        if not spelled.keys().isdisjoint(spellings)
    }
    known = next((one for one in _SETS if one.signature <= spelled.keys() and one.without.isdisjoint(spelled)), None)
    if known is not None and known.space == "figure1":
        places["file"] = places["patient"]
    return Columns(places, known)
