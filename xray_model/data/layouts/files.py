"""What a file of a batch is, told by its name alone."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from xray_model.data.labels import names_class


class FileKind(StrEnum):
    """The values are the words in which a reader counts what it passed over."""

    IMAGE = "image"
    DICOM = "DICOM file"
    VOLUME = "CT volume"
    MASK = "lung mask"
    TABLE = "other table"
    JSON = "other JSON file"
    SPREADSHEET = "spreadsheet"
    DOCUMENT = "document"
    ARCHIVE = "inner archive"
    SYSTEM = "system file"
    OTHER = "other file"


_EXTENSIONS = {
    FileKind.IMAGE: ("png", "jpg", "jpeg", "jpe", "jfif", "bmp", "gif", "tif", "tiff", "webp"),
    FileKind.DICOM: ("dcm", "dicom", "ima"),
    FileKind.VOLUME: ("nii", "mha", "mhd", "nrrd"),
    FileKind.TABLE: ("csv", "tsv"),
    FileKind.JSON: ("json",),
    FileKind.SPREADSHEET: ("xlsx", "xls", "ods"),
    FileKind.DOCUMENT: ("md", "txt", "pdf", "rst", "html", "doc", "docx"),
    FileKind.ARCHIVE: ("zip", "tar", "tgz", "gz", "7z", "rar", "bz2", "xz"),
}
_KIND_OF_EXTENSION = {extension: kind for kind, extensions in _EXTENSIONS.items() for extension in extensions}
_DICOM_NAME = re.compile(r"[0-2](?:\.\d+){5,}|(?:im|img|image|i|cr|dx)[_-]?\d{1,8}", re.ASCII)
"""Names without an extension that archives of X-rays export under: a UID, or a number as on a patient's disc."""
_DOCUMENTS = frozenset({"license", "licence", "readme", "citation", "authors", "changelog"})
_SYSTEM_FOLDERS = frozenset({"__macosx", "$recycle.bin", "@eadir", "system volume information"})
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "_ready"})
_MASK_FOLDERS = frozenset({"mask", "masks", "lung_masks", "lung masks"})


def split_path(name: str) -> list[str]:
    """The folders of a name and its last part; backslashes count as slashes, empty parts and `.` are dropped."""
    return [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]


def base_name(name: str) -> str:
    """The last part of a name, without its folders."""
    return "".join(split_path(name)[-1:])


def kind_of(name: str) -> FileKind:
    """What a file is by its folders and its extension; what it holds may be something else."""
    *folders, base = [part.casefold() for part in split_path(name)] or [""]
    if base in _SYSTEM_FILES or base.startswith(".") or any(_is_system(folder) for folder in folders):
        return FileKind.SYSTEM
    if base.endswith(".nii.gz"):
        return FileKind.VOLUME
    stem, dot, extension = base.rpartition(".")
    kind = _KIND_OF_EXTENSION.get(extension, FileKind.OTHER) if dot else FileKind.OTHER
    if kind is FileKind.OTHER and _DICOM_NAME.fullmatch(base):
        return FileKind.DICOM
    if kind is FileKind.OTHER and (stem or extension) in _DOCUMENTS:
        return FileKind.DOCUMENT
    if kind is FileKind.IMAGE and not _MASK_FOLDERS.isdisjoint(folders):
        return FileKind.MASK
    return kind


def sort_by_kind(names: Iterable[str]) -> Mapping[FileKind, Sequence[str]]:
    """The names by what they are, each once, sorted; every kind is a key."""
    return _sort_by_kind(tuple(names))


@lru_cache(maxsize=1)  # a reader is asked several things of one batch
def _sort_by_kind(names: tuple[str, ...]) -> Mapping[FileKind, Sequence[str]]:
    kinds: dict[FileKind, list[str]] = {kind: [] for kind in FileKind}
    for name in sorted(set(names)):
        kinds[kind_of(name)].append(name)
    return MappingProxyType({kind: tuple(found) for kind, found in kinds.items()})


def count_passed_over(kinds: Mapping[FileKind, Sequence[str]], *read: FileKind) -> Counter[str]:
    """Files of all kinds but those in `read`, counted by kind."""
    return Counter({kind.value: len(names) for kind, names in kinds.items() if names and kind not in read})


def pictures_among(kinds: Mapping[FileKind, Sequence[str]]) -> list[str]:
    """The images and the DICOM files, sorted."""
    return sorted([*kinds[FileKind.IMAGE], *kinds[FileKind.DICOM]])


def find_inner_copies(names: Iterable[str]) -> set[str]:
    """Names that repeat another file through a doubled folder.

    The Kaggle pneumonia archive holds `chest_xray/val/…` and the same files again as `chest_xray/chest_xray/val/…`.
    """
    paths = {tuple(split_path(name)): name for name in names}
    copies = set()
    for path, name in paths.items():
        for i in range(len(path) - 2):
            if path[i] == path[i + 1] and path[:i] + path[i + 1 :] in paths:
                copies.add(name)
                break
    return copies


def class_folder(name: str) -> str | None:
    """The nearest folder above a file that names a class of images, or None."""
    for folder in reversed(split_path(name)[:-1]):
        if names_class(folder):
            return folder
    return None


_PATIENT_IN_NAME = (
    (re.compile(r"(person\d+)_(?:bacteria|virus)_\d", re.IGNORECASE), "kaggle-cxr", str.lower),
    (re.compile(r"((?:NORMAL2-)?IM-\d+)-\d", re.IGNORECASE), "kaggle-cxr", str.upper),
    (re.compile(r"(\d{8})_\d{3}\.", re.ASCII), "nih", str),
    (re.compile(r"sub-(S\d+)_ses-", re.ASCII), "bimcv", str),
)
"""File names of public sets that tell the patient; joined sets copy them from each other with their names."""


def patient_in_name(name: str) -> str | None:
    """The patient whom a public set's file name tells, behind the set's name space, or None.

    One `person` number in the training and the test folder of the Kaggle set is taken for one patient: the
    numbers may start again between them, but a patient on both sides of a split would be worse.
    """
    base = base_name(name)
    for pattern, space, spell in _PATIENT_IN_NAME:
        if match := pattern.match(base):
            return f"{space}:{spell(match[1])}"
    return None


def _is_system(folder: str) -> bool:
    return folder in _SYSTEM_FOLDERS or folder.startswith(".")
