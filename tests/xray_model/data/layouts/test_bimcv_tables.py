"""The label tables and the other tables of a BIMCV tree, with every defect of the published ones."""

from typing import TYPE_CHECKING

import pytest

from tests.xray_model.data.layouts.reading import COVID, NORMAL, labels, only
from xray_model.data.layouts.bimcv import Bimcv
from xray_model.errors import InvalidInput

if TYPE_CHECKING:
    from tests.xray_model.data.layouts.conftest import BimcvTree


@pytest.mark.parametrize(
    ("cell", "label", "problem"),
    [
        (COVID, "covid", None),
        ("['COVID 19'\t'infiltrates']", "covid", None),
        ("\"['COVID 19'\t'infiltrates']\"", "covid", None),
        ("['COVID 19', 'pneum", "covid", "its label cell is cut short"),
        ("\"['COVID 19', 'pneum", "covid", "its label cell is cut short"),
        ("['normal', ", None, "its label cell is cut short"),
        ("[' exclude']", None, "its source excludes the study"),
        ("['', ' ']", None, "its report has no labels"),
        ("", None, "its report has no labels"),
        ("nan", None, "its report has no labels"),
        ("['COVID 19', 'suboptimal study']", "covid", "its source calls the study suboptimal"),
        ("['unchanged']", None, "unchanged since a study that has no report in this batch"),
    ],
)
def test_label_cells(tree: "BimcvTree", cell: str, label: str | None, problem: str | None) -> None:
    """Every kind of label cell comes to its label or its reason, and harms no row behind it."""
    tree.add_image("S1", "E1")
    tree.add_image("S1", "E2")
    tree.add_labels(("S1", "E1", cell), ("S1", "E2", NORMAL))
    first, second = tree.read(Bimcv()).records
    assert first.label == label
    assert first.problems == ((problem,) if problem else ())
    assert second.label == "normal"


def test_row_cut_in_the_middle_of_its_label_cell(tree: "BimcvTree") -> None:
    """A row that ends inside its label cell, as two of the published table do, is cut; the rows around it are whole."""
    for session in ("E1", "E2", "E3", "E4"):
        tree.add_image("S1", session)
    tree.add_table(
        "derivatives/labels/labels_covid_posi.tsv",
        "\tPatientID\tReportID\tReport\tLabels\tLocalizations",
        f"0\tsub-S1\tses-E1\tinforme\t{NORMAL}\t[]",
        "1\tsub-S1\tses-E2\tinforme\t['COVID 19', 'increased dens",
        "2\tsub-S1\tses-E3\tinforme\t\"['normal', 'unch",
        f"3\tsub-S1\tses-E4\tinforme\t{NORMAL}\t[]",
    )
    reading = tree.read(Bimcv())
    assert labels(reading.records) == {"E1": "normal", "E2": "covid", "E3": None, "E4": "normal"}
    cut = ("its label cell is cut short",)
    assert [record.problems for record in reading.records] == [(), cut, cut, ()]
    assert reading.notes == {"label cell cut short": 2}


def test_every_image_of_a_study_has_its_label(tree: "BimcvTree") -> None:
    """Views, acquisitions and runs of one study are records of their own under one label, patient and session."""
    names = ("run-1_bp-chest_vp-pa_dx.png", "run-2_bp-chest_vp-ll_dx.png", "acq-1_run-3_bp-chest_vp-ap_cr.png")
    for rest in names:
        tree.add_image("S1", "E1", rest)
    tree.add_labels(("S1", "E1", COVID))
    found = [(record.label, record.patient, record.session, record.view) for record in tree.read(Bimcv()).records]
    assert found == [("covid", "bimcv:S1", "E1", view) for view in ("AP", "PA", "L")]


def test_study_without_a_label_row(tree: "BimcvTree") -> None:
    """An image whose study no table names has no label, and label rows without an image are counted."""
    tree.add_image("S1", "E1")
    tree.add_labels(("S1", "E2", NORMAL), ("S9", "E1", NORMAL))
    assert only(tree).label is None
    assert only(tree).problems == ("no label table of this batch names the study",)
    assert tree.read(Bimcv()).notes == {"labelled study without an image in this batch": 2}


@pytest.mark.parametrize(
    "name",
    [
        "labels_covid_posi.tsv",
        "labels_covid19_posi.tsv",
        "Labels_covid_123.tsv",
        "Labels_covid_NEG_JAN21.tsv",
        "labels_SARS-cov-2_nega.tsv",
        "something_else.tsv",
    ],
)
def test_label_table_names(tree: "BimcvTree", name: str) -> None:
    """Every published name of the label table is found, and any other under derivatives/labels."""
    tree.root = "data"
    tree.add_image("S1", "E1")
    tree.add_labels(("S1", "E1", NORMAL), name=name)
    assert only(tree).label == "normal"


def test_the_later_iteration_counts(tree: "BimcvTree") -> None:
    """Where two label tables label one study, that of the later iteration is believed."""
    tree.add_image("S1", "E1")
    tree.add_labels(("S1", "E1", COVID), name="labels_covid19_posi.tsv")
    tree.add_labels(("S1", "E1", NORMAL), name="Labels_covid_123.tsv")
    assert only(tree).label == "normal"


def test_several_rows_of_one_study_are_joined(tree: "BimcvTree") -> None:
    """Two reports of one study are read as one."""
    tree.add_image("S1", "E1")
    tree.add_labels(("S1", "E1", "['cardiomegaly']"), ("S1", "E1", COVID))
    assert (only(tree).label, only(tree).finding) == ("covid", "cardiomegaly, COVID 19, pneumonia")


@pytest.mark.parametrize(
    ("name", "table"),
    [("derivatives/labels/a.tsv", "x\ty"), ("derivatives/labels/a.tsv", ""), ("listjoin_ok.tsv", "label\tx")],
)
def test_tables_that_contradict_the_layout(tree: "BimcvTree", name: str, table: str) -> None:
    """Without a label table that labels, or a join that joins, no row can be trusted."""
    tree.add_image("S1", "E1")
    tree.add_table(name, table)
    with pytest.raises(InvalidInput, match="send the"):
        tree.read(Bimcv())


@pytest.mark.parametrize(
    "name", ["participants.tsv", "sub-S1/sub-S1_sessions.tsv", "derivatives/partitions.tsv", "derivatives/labels/b.tsv"]
)
def test_other_broken_tables_are_counted(tree: "BimcvTree", name: str) -> None:
    """A broken table that is not needed stops nothing."""
    tree.add_image("S1", "E1")
    tree.add_labels(("S1", "E1", NORMAL))
    tree.files[f"{tree.root}/{name}"] = b"\x00\x01"
    assert only(tree).label == "normal"
    assert tree.read(Bimcv()).notes == {"table that cannot be read": 1}


def test_partitions_are_read_by_place_and_without_folders(tree: "BimcvTree") -> None:
    """The partitions table has a wrong header and may omit `mod-rx`; images it names beyond the batch are counted."""
    name = tree.add_image("S1", "E1")
    tree.add_table(
        "derivatives/partitions.tsv",
        "Unnamed\tx\ty",
        f"sub-S1\tses-E1\tsub-S1/ses-E1/{name}",
        "sub-S1\tses-E2\tsub-S1/ses-E2/sub-S1_ses-E2_run-1_bp-chest_vp-pa_dx.png",
        "sub-S1\tses-E3\tsub-S1/ses-E3/sub-S1_ses-E3_run-1_bp-chest_ct.nii.gz",
    )
    assert tree.read(Bimcv()).notes == {"X-ray of partitions.tsv that is not in this batch": 1}


def test_partitions_of_the_negative_set(tree: "BimcvTree") -> None:
    """The negative set's table leaves out the folder `mod-rx`, and still names the images that are there."""
    tree.root = "data/covid19_neg"
    names = [tree.add_image(f"S{number}", f"E{number}") for number in (1, 2)]
    lines = [f"S{i}\tE{i}\tsub-S{i}/ses-E{i}/{name}" for i, name in enumerate(names, start=1)]
    tree.add_table("derivatives/partitions.tsv", "subject\tsession\tfilepath", *lines)
    assert tree.read(Bimcv()).notes == {}
