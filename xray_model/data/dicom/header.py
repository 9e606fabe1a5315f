"""What a DICOM header says of an image, without the tags that name a person."""

import re
from dataclasses import dataclass, field
from datetime import date

from pydicom.dataset import Dataset

from xray_model.data.dicom.display import DISPLAY_TAGS, read_display
from xray_model.data.dicom.parsing import integers_of, parse_dicom, text_of
from xray_model.data.layouts.cells import plain_text, read_age, read_date, read_sex, read_view
from xray_model.data.records import DisplayHints

_STUDY_DATE = 0x00080020
_MODALITY = 0x00080060
_MANUFACTURER = 0x00080070
_PATIENT = 0x00100020
_BIRTH_DATE = 0x00100030
_SEX = 0x00100040
_AGE = 0x00101010
_BODY_PART = 0x00180015
_VIEW = 0x00185101
_STUDY = 0x0020000D
_ROWS, _COLUMNS = 0x00280010, 0x00280011
_BURNED_IN = 0x00280301
_TAGS = (
    _STUDY_DATE, _MODALITY, _MANUFACTURER, _PATIENT, _BIRTH_DATE, _SEX, _AGE, _BODY_PART, _VIEW, _STUDY, _ROWS,
    _COLUMNS, _BURNED_IN, *DISPLAY_TAGS,
)  # fmt: skip

X_RAYS = frozenset({"CR", "DX", "DR", "RG"})
"""Modalities of projection radiographs: computed, digital (and its unofficial spelling), on film."""
_NO_STATEMENT = frozenset({"", "OT"})
_OTHER_PARTS = frozenset(
    {
        "ABDOMEN", "ANKLE", "ARM", "BREAST", "CLAVICLE", "CSPINE", "ELBOW", "EXTREMITY", "FEMUR", "FINGER", "FOOT",
        "FOREARM", "HAND", "HEAD", "HIP", "HUMERUS", "KNEE", "LEG", "LSPINE", "NECK", "PELVIS", "SHOULDER", "SKULL",
        "SSPINE", "TOE", "TSPINE", "WRIST",
    }
)  # fmt: skip
"""Terms of DICOM PS3.16 annex L that cannot mean a chest radiograph."""
_NO_PATIENT = re.compile(
    r"[0\W_]*|anon(?:ymi[sz]ed|ymous|ym)?[\W_]*0*|unknown|none|null|n/?a|no[\W_]?(?:id|name)|patient|test|x+",
    re.IGNORECASE,
)
_YEAR = 365.25
_MANUFACTURER_LENGTH = 64
_MOST_INFLATED = 1_000_000


@dataclass(frozen=True, slots=True)
class DicomHeader:
    """One header, as far as it is used. Birth date, names and further identities are not in it."""

    complete: bool
    """Whether the bytes held all of it: something follows the last tag that is used, as pixels do."""
    patient: str | None = None
    """The patient's id; None also where it is one that stands for anybody (`ANONYMOUS`)."""
    study: str | None = None
    view: str | None = None
    sex: str | None = None
    age: float | None = None
    """Years."""
    manufacturer: str | None = None
    display: DisplayHints = field(default_factory=DisplayHints)
    """Without lookup tables, for values as they are stored."""
    other_kind: str | None = None
    """What the file is where it is no chest X-ray, in the words in which it is counted."""
    problems: tuple[str, ...] = ()


def read_header(data: bytes) -> DicomHeader:
    """Read a header from a file or the start of one.

    Raises:
        InvalidInput: the bytes are no DICOM, or damaged.
    """
    file = parse_dicom(data, _TAGS, stop_after=max(_TAGS), most=_MOST_INFLATED)
    dataset = file.dataset
    problems: list[str] = []
    modality = text_of(dataset, _MODALITY).upper()
    if text_of(dataset, _BURNED_IN).upper() == "YES":
        problems.append("the DICOM header says that text is burned into the picture, which may show a name")
    if not modality:
        problems.append("the DICOM header does not say that the image is an X-ray")
    age = text_of(dataset, _AGE)
    if age and read_age(age) is None:
        problems.append("the age in the DICOM header is no number of years, months, weeks or days")
    return DicomHeader(
        complete=file.complete,
        patient=_patient(text_of(dataset, _PATIENT)),
        study=text_of(dataset, _STUDY) or None,
        view=read_view(text_of(dataset, _VIEW)),
        sex=read_sex(text_of(dataset, _SEX)),
        age=read_age(age) if age else _age_by_dates(dataset),
        manufacturer=plain_text(text_of(dataset, _MANUFACTURER), _MANUFACTURER_LENGTH),
        display=read_display(dataset, problems),
        other_kind=_other_kind(dataset, modality),
        problems=tuple(problems),
    )


def _other_kind(dataset: Dataset, modality: str) -> str | None:
    if modality == "CT":
        return "CT image"
    has_picture = integers_of(dataset, _ROWS) and integers_of(dataset, _COLUMNS)
    if not has_picture or modality not in X_RAYS | _NO_STATEMENT:
        return "DICOM file that is no X-ray"
    part = re.sub(r"[\W_]", "", text_of(dataset, _BODY_PART).upper())
    return "image of another body part" if part in _OTHER_PARTS else None


def _patient(text: str) -> str | None:
    return None if _NO_PATIENT.fullmatch(text) else text


def _age_by_dates(dataset: Dataset) -> float | None:
    """Whole years between birth and study; the birth date itself goes no further."""
    born, taken = read_date(text_of(dataset, _BIRTH_DATE)), read_date(text_of(dataset, _STUDY_DATE))
    if born is None or taken is None or born == date(1900, 1, 1) or taken < born:
        return None
    return read_age(str(int((taken - born).days / _YEAR)))
