"""Which layout a batch has."""

import re

import pytest

from xray_model.data.layouts.detection import LAYOUTS, detect_layout
from xray_model.errors import UnknownLayout

BIMCV = "covid19_posi/sub-S1/ses-E1/mod-rx/sub-S1_ses-E1_run-1_bp-chest_vp-pa_dx.png"


@pytest.mark.parametrize(
    ("names", "layout"),
    [
        ([BIMCV], "bimcv"),
        ([f"a/b/c/{BIMCV}", "a/b/c/covid19_posi/derivatives/labels/labels_covid_posi.tsv"], "bimcv"),
        (["covid19_neg/derivatives/labels/Labels_covid_NEG_JAN21.tsv"], "bimcv"),
        (["covid/sub-S1/ses-E1/mod-rx/1.png"], "bimcv"),
        (["covid/sub-S1_ses-E1_run-1_bp-chest_vp-pa_dx.png"], "class_folders"),
        (["chest_xray/train/NORMAL/IM-0115-0001.jpeg"], "class_folders"),
        (["COVID-19_Radiography_Dataset/COVID/images/COVID-1.png", "x.xlsx"], "class_folders"),
        (["images/a.png", "metadata.csv"], "csv_table"),
        (["X-Ray Image DataSet/Pneumonia/00000061_012.png", "Data_Entry.csv"], "csv_table"),
        (["covid/a.png", "labels_covid.tsv"], "csv_table"),
        (["a/1.dcm", "a/2.DCM", "a/3.ima"], "dicom"),
        (["DICOM/IM000001", "DICOM/IM000002", "DICOMDIR"], "dicom"),
        (["1.2.840.113619.2.1.1", "1.2.840.113619.2.1.2"], "dicom"),
        (["a/1.dcm", "a/1.png"], "dicom"),
        (["covid/1.dcm", "normal/2.dcm"], "class_folders"),
        (["images/1.dcm", "metadata.csv"], "csv_table"),
    ],
)
def test_detect_layout(names: list[str], layout: str) -> None:
    """Each kind of listing is recognised; a table counts for more than class folders."""
    assert detect_layout(names).name == layout


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], "it holds no files"),
        (["a.txt"], "1 file, 1 document"),
        (["Doe.txt", "Doe.pdf", "x.zip"], "3 files, of them 2 documents, 1 inner archive"),
        (
            [f"Doe/{i}.png" for i in range(12)] + ["README.md", "LICENSE"],
            "14 files, of them 12 images (12 of them in no class folder), 2 documents, no metadata table",
        ),
        (["a/1.dcm", "a/1.png", "a/2.png"], "3 files, of them 2 images (2 of them in no class folder), 1 DICOM file"),
        (["metadata.csv"], "1 file, 1 other table"),
        (["", "/"], "2 files, of them 2 other files"),
    ],
)
def test_unknown_layout_says_what_was_found(names: list[str], found: str) -> None:
    """The refusal counts what is there, says what to do, and names no file."""
    with pytest.raises(UnknownLayout, match=re.escape(found)) as refused:
        detect_layout(names)
    assert "Doe" not in str(refused.value)
    assert all(layout.name in str(refused.value) for layout in LAYOUTS)


@pytest.mark.parametrize(
    ("override", "layout"), [("class_folders", "class_folders"), ("class-folders", "class_folders"), ("BIMCV", "bimcv")]
)
def test_override(override: str, layout: str) -> None:
    """A layout that is named is taken, whatever the names look like."""
    assert detect_layout(["images/a.png", "metadata.csv"], override).name == layout


def test_override_that_is_no_layout() -> None:
    """A layout that does not exist is refused with those that do."""
    with pytest.raises(UnknownLayout, match="choose one of bimcv, csv_table, class_folders, dicom"):
        detect_layout([BIMCV], "dicomdir")
