"""The BIMCV-COVID19 layout: a BIDS tree of 16-bit PNG images, a sidecar beside each, and tables of labels.

`<anything>/sub-S03044/ses-E06138/mod-rx/sub-S03044_ses-E06138_run-1_bp-chest_vp-pa_dx.png`; the level `mod-rx` may
be missing. Tables and images of one set may come under different leading folders, as its archives do.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from xray_model.data.labels import Labelling
from xray_model.data.layouts.bimcv_labels import Key, label_studies
from xray_model.data.layouts.bimcv_tables import TableKind, Tables, patient_set_of, read_tables, sets_to_try, table_kind
from xray_model.data.layouts.cells import plain_text, read_view
from xray_model.data.layouts.files import FileKind, base_name, class_folder, kind_of, split_path
from xray_model.data.layouts.sidecar import Sidecar, VoiLuts, read_sidecar
from xray_model.data.records import OpenFile, Reading, Record
from xray_model.errors import InvalidInput, ObjectNotFound

_SUBJECT = re.compile(r"sub-([A-Za-z0-9]+)")
_SESSION = re.compile(r"ses-([A-Za-z0-9]+)")
_OWN_NAME = re.compile(r"sub-([A-Za-z0-9]+)_ses-([A-Za-z0-9]+)(?![A-Za-z0-9])")
_VIEW = re.compile(r"_vp-([A-Za-z]+)")
_BODY_PART = re.compile(r"_bp-(?!chest|thorax|torax)[A-Za-z]", re.IGNORECASE)
_CT = re.compile(r"[_.-]ct$", re.IGNORECASE)

_OWN_TABLES = frozenset({TableKind.TESTS, TableKind.SESSIONS, TableKind.JOIN})
_NO_REPORT = Labelling(None, "no label table of this batch names the study")


@dataclass(frozen=True, slots=True)
class _Image:
    name: str
    patient_set: str
    patient: str
    session: str
    problems: tuple[str, ...] = ()


class Bimcv:
    """Reads the positive and the negative set of BIMCV-COVID19, apart or together."""

    name = "bimcv"

    def recognises(self, names: Sequence[str]) -> bool:
        """Whether a file lies in a `sub-…/ses-…` folder, is named like one, or is a table that only BIMCV has."""
        return any(_is_of_tree(name) for name in names)

    def needs(self, names: Sequence[str]) -> list[str]:
        """Every table that is read, then the sidecar of every image that is no CT."""
        files = _sort_files(names)
        return list(dict.fromkeys([*files.tables, *files.sidecars.values()]))

    def headers(self, names: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Nothing: its images are PNG, and their headers lie beside them."""
        return []

    def read(self, names: Sequence[str], open_file: OpenFile) -> Reading:
        """Describe every X-ray; CT images and volumes are passed over and counted.

        Raises:
            InvalidInput: none of the label tables has the columns of one, or the join of the two sets cannot be
                read, so that one patient would be taken for two.
        """
        files = _sort_files(names)
        tables = read_tables(files.tables, open_file)
        luts = VoiLuts()
        opened = [(image, _open_sidecar(files.sidecars.get(image.name), open_file, luts)) for image in files.images]
        images = [(image, sidecar) for image, sidecar in opened if sidecar.modality != "CT"]
        files.passed_over["CT image"] += len(opened) - len(images)
        keys = [_report_key(image, tables) for image, _ in images]
        labels = label_studies(tables, _study_dates(tables, zip(keys, (sidecar for _, sidecar in images), strict=True)))
        records = [
            _describe(image, sidecar, key, tables, labels) for (image, sidecar), key in zip(images, keys, strict=True)
        ]
        return Reading(
            layout=self.name,
            records=tuple(records),
            passed_over=dict(+files.passed_over),
            metadata_files=len(files.tables) + len(set(files.sidecars.values())),
            notes=dict(+(tables.notes + _count_absent(files, tables, set(keys)))),
        )


@dataclass(frozen=True, slots=True)
class _Files:
    images: list[_Image]
    tables: list[str]
    sidecars: dict[str, str]
    """Sidecar by image name."""
    passed_over: Counter[str]


def _sort_files(names: Sequence[str]) -> _Files:
    images: list[_Image] = []
    tables: list[str] = []
    passed_over: Counter[str] = Counter()
    sidecars: set[str] = set()
    for name in sorted(set(names)):
        kind = kind_of(name)
        image = _image_of(name) if kind in (FileKind.IMAGE, FileKind.JSON) else None
        if kind is not FileKind.SYSTEM and table_kind(name):
            tables.append(name)
        elif image is None:
            outside = kind is FileKind.IMAGE
            passed_over["image outside the sub-/ses- folders" if outside else kind.value] += 1
        elif kind is FileKind.JSON:
            sidecars.add(name)
        elif _is_ct(name):
            passed_over["CT image"] += 1
        elif _BODY_PART.search(base_name(name)):
            passed_over["image of another body part"] += 1
        else:
            images.append(image)
    of_image = {image.name: _sidecar_name(image.name) for image in images}
    of_image = {image: sidecar for image, sidecar in of_image.items() if sidecar in sidecars}
    passed_over["sidecar of no X-ray"] += len(sidecars.difference(of_image.values()))
    return _Files(images, tables, of_image, passed_over)


def _is_of_tree(name: str) -> bool:
    kind = table_kind(name)
    if kind is TableKind.REPORTS:
        return "derivatives" in split_path(name)
    folders = split_path(name)[:-1]
    if kind in _OWN_TABLES or (_last_match(_SUBJECT, folders) and _last_match(_SESSION, folders)):
        return True
    # A BIMCV file in a class folder was copied into another set, which has none of the tables.
    return _OWN_NAME.match(base_name(name)) is not None and class_folder(name) is None


def _image_of(name: str) -> _Image | None:
    """Patient and session of a file by its own name, else by its folders; None outside the tree."""
    *folders, base = split_path(name) or [""]
    patient = _last_match(_SUBJECT, folders)
    session = _last_match(_SESSION, folders)
    problems: tuple[str, ...] = ()
    if own := _OWN_NAME.match(base):
        if (patient or own[1], session or own[2]) != (own[1], own[2]):
            problems = ("file name and folders disagree on the patient or the session; the file name counts",)
        patient, session = own[1], own[2]
    if patient is None or session is None:
        return None
    return _Image(name, patient_set_of(name), patient, session, problems)


def _last_match(pattern: re.Pattern[str], folders: Sequence[str]) -> str | None:
    return next((match[1] for folder in reversed(folders) if (match := pattern.fullmatch(folder))), None)


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _sidecar_name(name: str) -> str:
    return _stem(name) + ".json"


def _is_ct(name: str) -> bool:
    return _CT.search(_stem(name)) is not None or "mod-ct" in split_path(name.casefold())


def _open_sidecar(name: str | None, open_file: OpenFile, luts: VoiLuts) -> Sidecar:
    if name is None:
        return Sidecar(problems=("the image has no sidecar",))
    try:
        return read_sidecar(open_file(name), luts)
    except ObjectNotFound:
        return Sidecar(problems=("the image has no sidecar",))
    except InvalidInput:
        return Sidecar(problems=("the sidecar is too large and was not read",))


def _report_key(image: _Image, tables: Tables) -> Key:
    """Set, patient and session under which the tables know the image's study."""
    for patient_set in sets_to_try(image.patient_set):
        key = (patient_set, image.patient, image.session)
        if key in tables.reports:
            return key
    return (image.patient_set, image.patient, image.session)


def _study_dates(tables: Tables, sidecars: Iterable[tuple[Key, Sidecar]]) -> dict[Key, date]:
    """Day of every study that has one: by the sessions table, else by the sidecar of one of its images."""
    dates = {key: sidecar.study_date for key, sidecar in sidecars if sidecar.study_date}
    for patient_set, patient, session in tables.reports:
        for other in sets_to_try(patient_set):
            if day := tables.dates.get((other, patient, session)):
                dates[patient_set, patient, session] = day
                break
    return dates


def _describe(image: _Image, sidecar: Sidecar, key: Key, tables: Tables, labels: Mapping[Key, Labelling]) -> Record:
    labelling = labels.get(key, _NO_REPORT)
    report = tables.reports.get(key)
    patient_set = key[0]
    people = (tables.people.get((other, image.patient)) for other in sets_to_try(patient_set))
    sex, age = next((person for person in people if person), (None, None))
    view, doubt = _view(image.name, sidecar)
    return Record(
        name=image.name,
        patient=f"bimcv:{tables.person(patient_set, image.patient)}",
        session=image.session,
        label=labelling.label,
        finding=plain_text(", ".join(report.words)) if report else None,
        view=view,
        sex=sex or sidecar.sex,
        age=sidecar.age if age is None else age,
        manufacturer=sidecar.manufacturer,
        display=sidecar.display,
        problems=(*image.problems, *sidecar.problems, *doubt, *filter(None, [labelling.problem])),
    )


def _view(name: str, sidecar: Sidecar) -> tuple[str | None, tuple[str, ...]]:
    """The view by the file name, else by the sidecar.

    One that either calls lateral is lateral: by hand review, one in eleven of those named frontal is.
    """
    match = _VIEW.search(base_name(name))
    named = read_view(match[1]) if match else None
    if named is None or sidecar.view in (None, named):
        return named or sidecar.view, ()
    doubt = ("file name and sidecar disagree on the view",)
    return ("L" if sidecar.view == "L" else named), doubt


def _count_absent(files: _Files, tables: Tables, studies: set[Key]) -> Counter[str]:
    present = {base_name(image.name) for image in files.images}
    return Counter(
        {
            "labelled study without an image in this batch": len(tables.reports.keys() - studies),
            "X-ray of partitions.tsv that is not in this batch": sum(
                1 for base in tables.listed - present if not _is_ct(base) and kind_of(base) is FileKind.IMAGE
            ),
        }
    )
