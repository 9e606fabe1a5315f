"""What the catalog says of real images against what their answer sheet says."""

from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from storage import catalog
from storage.objects import Objects
from xray_model.data.layouts.cells import read_sex, read_view

COLUMNS = ("image_id", "key", "source", "patient_id", "view", "sex", "age", "label", "split", "status", "duplicate_of")
MISSING, EXTRA = "it is in the answer sheet and not in the catalog", "it is in the catalog and not in the answer sheet"
UNLIKE = "both were read, and they differ"
TORN = "the answer sheet knows one patient, the catalog several"
MERGED = "the answer sheet knows several patients, the catalog one"

_READ: dict[str, Callable[[str], Any]] = {
    "label": lambda text: text if text != "unlabelled" else None,
    "view": read_view,
    "sex": read_sex,
    "age": lambda text: float(text) if text else None,
    "image_id": str,
}
"""How the words of the answer sheet (`AP Supine`, `male`, `unlabelled`) are to be read."""


def load_answers(folder: Path, batch: str) -> pd.DataFrame:
    """The answer sheet of the folder of real images, with the key of each when pushed as `batch` of its source."""
    sheet = pd.read_csv(folder / "manifest.csv", dtype=str, keep_default_na=False)
    keys = sheet["source"] + f"/{batch}/" + [path.partition("/")[2] for path in sheet["path"]]
    return sheet.assign(key="incoming/" + keys, image_id=sheet["sha256"])


def load_found(objects: Objects) -> pd.DataFrame:
    """Every row of the catalog, accepted or not."""
    return catalog.load_rows(objects, COLUMNS)


def list_differences(found: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Every field of every image in which the catalog is not what the answer sheet says.

    Args:
        found: as `load_found` gives it.
        answers: as `load_answers` gives it.

    Returns:
        `image_id`, `field`, `expected`, `found` and `why`, empty where nothing differs. Patients are compared as
        groups, for their names are pseudonyms: an image stands here when it is apart from, or together with, images
        that the answer sheet says otherwise of.
    """
    both = answers.merge(found, on="key", how="outer", suffixes=("_sheet", ""), indicator="side")
    rows: list[tuple[str, str, object, object, str]] = []
    rows += [(name, "image", True, False, MISSING) for name in both.loc[both["side"] == "left_only", "sha256"]]
    rows += [(name, "image", False, True, EXTRA) for name in both.loc[both["side"] == "right_only", "image_id"]]
    both = both[both["side"] == "both"]
    for field, read in _READ.items():
        expected = [read(text) for text in both[f"{field}_sheet"]]
        for image_id, wanted, got in zip(both["image_id"], expected, both[field], strict=True):
            if _plain(wanted) != _plain(got):
                rows.append((image_id, field, _plain(wanted), _plain(got), UNLIKE))
    rows += _patients_that_differ(both)
    return pd.DataFrame(rows, columns=["image_id", "field", "expected", "found", "why"])


def _patients_that_differ(both: pd.DataFrame) -> list[tuple[str, str, object, object, str]]:
    rows: list[tuple[str, str, object, object, str]] = []
    for by, other, why in (("patient_id_sheet", "patient_id", TORN), ("patient_id", "patient_id_sheet", MERGED)):
        several = both.groupby(by)[other].nunique(dropna=False)
        wrong = both[both[by].isin(several.index[several > 1])]
        rows += [
            (image_id, "patient", sheet, ours, why)
            for image_id, sheet, ours in zip(
                wrong["image_id"], wrong["patient_id_sheet"], wrong["patient_id"], strict=True
            )
        ]
    return rows


def _plain(value: object) -> object:
    """A cell as it compares: what is missing is None, whatever pandas made of it."""
    return None if value is None or value != value else value  # noqa: PLR0124 - only NaN differs from itself


def duplicate_groups(found: pd.DataFrame) -> set[frozenset[str]]:
    """Keys of images that the catalog says show one picture, following `duplicate_of` from image to image."""
    first = found.drop_duplicates("image_id").set_index("image_id")["key"]
    repeats = found[found["duplicate_of"].notna()]
    return _joined(zip(repeats["key"], first.loc[repeats["duplicate_of"]], strict=True))


def expected_groups(answers: pd.DataFrame) -> set[frozenset[str]]:
    """Keys of images that the answer sheet puts into one group; groups of which one image is left are none."""
    named = answers[answers["dup_group"] != ""]
    return {frozenset(group) for _, group in named.groupby("dup_group")["key"] if len(group) > 1}


def _joined(pairs: Iterable[tuple[Hashable, Hashable]]) -> set[frozenset[Any]]:
    """The connected groups of a graph given by its edges."""
    groups: dict[Hashable, set[Hashable]] = {}
    for left, right in pairs:
        joined = groups.get(left, {left}) | groups.get(right, {right})
        groups.update(dict.fromkeys(joined, joined))
    return {frozenset(group) for group in groups.values()}
