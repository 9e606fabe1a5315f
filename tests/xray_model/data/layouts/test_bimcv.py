"""A BIMCV tree with every defect of the published sets, each with its record or its reason."""

import json
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from xray_model.data.layouts.bimcv import Bimcv
from xray_model.data.records import Record
from xray_model.errors import InvalidInput, ObjectNotFound

if TYPE_CHECKING:
    from tests.xray_model.data.layouts.conftest import BimcvTree

NORMAL = "[' normal', '', ' normal']"
COVID = "[' COVID 19', ' pneumonia', '']"


def labels(records: Iterable[Record]) -> dict[str | None, str | None]:
    """Label by session."""
    return {record.session: record.label for record in records}


def only(tree: "BimcvTree") -> Record:
    """The one record of a tree."""
    (record,) = tree.read(Bimcv()).records
    return record


def test_a_whole_record(tree: "BimcvTree") -> None:
    """Name, tables and sidecar together describe an image."""
    name = tree.add_image("S03044", "E06138")
    tree.add_labels(("S03044", "E06138", COVID))
    tree.add_table("participants.tsv", "participant\tmodality_dicom\tage\tgender", "sub-S03044\t['DX']\t[63, 64]\tM")
    tree.add_sessions("S03044", E06138="20200315.0")
    record = only(tree)
    assert record.name.endswith(name)
    assert (record.patient, record.session, record.label) == ("bimcv:S03044", "E06138", "covid")
    assert (record.view, record.sex, record.age, record.manufacturer) == ("PA", "M", 63.0, "GMM")
    assert record.finding == "COVID 19, pneumonia"
    assert record.problems == ()


@pytest.mark.parametrize("root", ["", "x", "batch/part 7.tgz/BIMCV-COVID19/covid19_posi"])
@pytest.mark.parametrize("level", ["mod-rx/", ""])
def test_anywhere_below_any_folders(tree: "BimcvTree", root: str, level: str) -> None:
    """The tree is found below any number of folders, with and without the level `mod-rx`."""
    tree.root = root
    tree.add_image("S1", "E1", level=level)
    assert Bimcv().recognises(list(tree.files))
    assert (only(tree).patient, only(tree).session) == ("bimcv:S1", "E1")


def test_tables_under_other_folders_than_the_images(tree: "BimcvTree") -> None:
    """Archives of tables and of images may have been unpacked into folders of their own."""
    tree.root = "covid19_posi_part3/covid19_posi"
    tree.add_image("S1", "E1")
    tree.root = "covid19_posi_head/covid19_posi"
    tree.add_labels(("S1", "E1", NORMAL))
    assert only(tree).label == "normal"


@pytest.mark.parametrize(
    ("rest", "tags", "view", "disagree"),
    [
        ("run-1_bp-chest_vp-pa_dx.png", {}, "PA", False),
        ("acq-2_run-3_bp-chest_vp-ap_cr.png", {}, "AP", False),
        ("run-1_bp-chest_vp-ll_dx.png", {}, "L", False),
        ("run-1_bp-chest_vp-lateral_cr.png", {}, "L", False),
        ("run-1_bp-chest_cr.png", {"00185101": {"Value": ["AP"]}}, "AP", False),
        ("run-1_bp-chest_cr.png", {"00185101": {"Value": [""]}}, None, False),
        ("run-1_bp-chest_vp-pa_cr.png", {"00185101": {"Value": ["LATERAL"]}}, "L", True),
        ("run-1_bp-chest_vp-pa_cr.png", {"00185101": {"Value": ["AP"]}}, "PA", True),
    ],
)
def test_view(tree: "BimcvTree", rest: str, tags: dict[str, object], view: str | None, disagree: bool) -> None:
    """The view stands after `vp-`, else in the sidecar; what either calls lateral is lateral."""
    tree.add_image("S1", "E1", rest, sidecar=tags)
    assert only(tree).view == view
    assert ("file name and sidecar disagree on the view" in only(tree).problems) is disagree


def test_ct_and_other_files_are_passed_over_and_counted(tree: "BimcvTree") -> None:
    """CT images by name or sidecar, volumes, other body parts, tables and stray files become no records."""
    tree.add_image("S1", "E1")
    tree.add_image("S1", "E1", "run-1_bp-chest_ct.png")
    tree.add_image("S1", "E2", "run-1_bp-chest_ct.nii.gz", sidecar=None)
    tree.add_image("S1", "E3", "run-1_bp-chest_dx.png", sidecar={"00080060": {"Value": ["CT"]}})
    tree.add_image("S1", "E4", "run-1_bp-abdomen_dx.png", sidecar=None)
    tree.add_table("sub-S1/ses-E1/sub-S1_ses-E1_scans.tsv", "filename\tacq_time")
    tree.add_table("sha1sum.txt", "abc  file")
    tree.add_table("dataset_description.json", "{}")
    tree.files[".DS_Store"] = tree.files["plots/figure.png"] = None
    reading = tree.read(Bimcv())
    assert len(reading.records) == 1
    assert reading.passed_over == {
        "CT image": 2,
        "CT volume": 1,
        "image of another body part": 1,
        "image outside the sub-/ses- folders": 1,
        "sidecar of no X-ray": 1,
        "other table": 1,
        "document": 1,
        "other JSON file": 1,
        "system file": 1,
    }


@pytest.mark.parametrize(
    ("sidecar", "problem"),
    [
        (None, "the image has no sidecar"),
        (b"{'not': json}", "the sidecar is no valid JSON"),
        (b"[1, 2]", "the sidecar holds no DICOM tags"),
        (b" " * 1_000_001, "the sidecar is larger than 1,000,000 bytes and was not read"),
        (b"[" * 50_000, "the sidecar is no valid JSON"),
        (b"{}", None),
    ],
)
def test_sidecar_defects(tree: "BimcvTree", sidecar: bytes | None, problem: str | None) -> None:
    """An image keeps its label when its sidecar is missing or broken, with the problem noted."""
    tree.add_image("S1", "E1", sidecar=sidecar)
    tree.add_labels(("S1", "E1", NORMAL))
    assert only(tree).label == "normal"
    assert only(tree).problems == ((problem,) if problem else ())


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (ObjectNotFound("gone"), "the image has no sidecar"),
        (InvalidInput("100 MB"), "the sidecar is too large and was not read"),
    ],
)
def test_sidecar_that_cannot_be_fetched(tree: "BimcvTree", error: Exception, problem: str) -> None:
    """A sidecar that vanished, or that the store refuses to fetch, is a problem of its image alone."""
    tree.add_image("S1", "E1")

    def refuse(name: str, /, *, first: int | None = None) -> bytes:
        raise error

    (record,) = Bimcv().read(list(tree.files), refuse).records
    assert record.problems[0] == problem


def test_display_hints_come_from_the_sidecar(tree: "BimcvTree") -> None:
    """Inversion, the first window and bits reach the record; the birth date does not."""
    tree.add_image(
        "S1",
        "E1",
        sidecar={
            "00100030": {"vr": "DA", "Value": ["19570102"]},
            "00280004": {"Value": ["MONOCHROME1"]},
            "00281050": {"Value": [2048, 1]},
            "00281051": {"Value": [4096, 2]},
            "00280101": {"Value": [12]},
        },
    )
    display = only(tree).display
    assert (display.monochrome1, display.window, display.bits_stored) == (True, (2048, 4096), 12)
    assert "1957" not in repr(tree.read(Bimcv()))


@pytest.mark.parametrize(
    ("row", "sex", "age"),
    [
        ("sub-S1\t[63, 64]\tF", "F", 63.0),
        ("sub-S1\t['063Y']\t['F']", "F", 63.0),
        ("sub-S1\t[]\tNone", "M", 40.0),
        ("sub-S1\tnan\t", "M", 40.0),
        ("derivatives\t[63]\tF", "M", 40.0),
    ],
)
def test_participants(tree: "BimcvTree", row: str, sex: str, age: float) -> None:
    """The first item of a list counts; what the table leaves open the sidecar tells."""
    tree.add_image("S1", "E1", sidecar={"00100040": {"Value": ["M"]}, "00101010": {"Value": ["040Y"]}})
    tree.add_table("participants.tsv", "participant\tage\tgender", row)
    assert (only(tree).sex, only(tree).age) == (sex, age)


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


def test_unchanged_by_date(tree: "BimcvTree") -> None:
    """`unchanged` takes the label of the study before, back through unchanged ones, by day and not by number."""
    for session in ("E1", "E2", "E3", "E4"):
        tree.add_image("S1", session)
    tree.add_sessions("S1", E1="20200401.0", E2="20200303.0", E3="20200310.0", E4="20200320.0")
    tree.add_labels(
        ("S1", "E1", "['normal']"),
        ("S1", "E2", COVID),
        ("S1", "E3", "['unchanged']"),
        ("S1", "E4", "['unchanged', 'infiltrates']"),
    )
    read = tree.read(Bimcv()).records
    assert labels(read) == {"E1": "normal", "E2": "covid", "E3": "covid", "E4": "covid"}
    assert {record.session: record.finding for record in read}["E3"] == "unchanged"


def test_unchanged_without_dates_goes_by_session_number(tree: "BimcvTree") -> None:
    """Without days the study with the next lower number is the one before, NaN and missing tables alike."""
    for session in ("E2", "E9", "E10"):
        tree.add_image("S1", session, sidecar=b"{}")
    tree.add_sessions("S1", E2="nan")
    tree.add_labels(("S1", "E10", "['unchanged']"), ("S1", "E9", NORMAL), ("S1", "E2", COVID))
    assert labels(tree.read(Bimcv()).records) == {"E2": "covid", "E9": "normal", "E10": "normal"}


def test_unchanged_takes_days_from_sidecars(tree: "BimcvTree") -> None:
    """Where the sessions table gives no day, the study date of the sidecar does."""
    for session, day in (("E5", "20200301"), ("E4", "20200302"), ("E3", "20200303")):
        tree.add_image("S1", session, sidecar={"00080020": {"Value": [day]}})
    tree.add_labels(("S1", "E5", COVID), ("S1", "E4", NORMAL), ("S1", "E3", "['unchanged']"))
    assert labels(tree.read(Bimcv()).records) == {"E5": "covid", "E4": "normal", "E3": "normal"}


def test_unchanged_since_a_study_without_an_image(tree: "BimcvTree") -> None:
    """The study before needs a report, not an image."""
    tree.add_image("S1", "E2")
    tree.add_labels(("S1", "E1", NORMAL), ("S1", "E2", "['unchanged']"))
    assert only(tree).label == "normal"


def test_unchanged_adds_to_its_own_words(tree: "BimcvTree") -> None:
    """A study that is unchanged and names findings has those of both: they may contradict, or exclude."""
    for session in ("E1", "E2", "E3", "E4"):
        tree.add_image("S1", session)
    tree.add_image("S2", "E5")
    tree.add_image("S2", "E6")
    tree.add_labels(
        ("S1", "E1", NORMAL),
        ("S1", "E2", "['unchanged', 'alveolar pattern']"),
        ("S1", "E3", COVID),
        ("S1", "E4", "['unchanged', 'exclude']"),
        ("S2", "E5", COVID),
        ("S2", "E6", "['unchanged', 'COVID 19 uncertain']"),
    )
    found = {"E1": "normal", "E2": None, "E3": "covid", "E4": None, "E5": "covid", "E6": "covid"}
    assert labels(tree.read(Bimcv()).records) == found


def test_unchanged_never_runs_in_circles(tree: "BimcvTree") -> None:
    """Days and numbers that contradict each other end in no label, not in an endless walk."""
    for session in ("E1", "E2", "E3"):
        tree.add_image("S1", session, sidecar=b"{}")
    tree.add_sessions("S1", E1="20200302", E3="20200301", E2="nan")
    tree.add_labels(*(("S1", session, "['unchanged']") for session in ("E1", "E2", "E3")))
    assert labels(tree.read(Bimcv()).records) == {"E1": None, "E2": None, "E3": None}


def test_a_chain_of_ten_thousand_unchanged_studies(tree: "BimcvTree") -> None:
    """A long history is followed without recursion and in one pass."""
    tree.add_image("S1", "E09999", sidecar=b"{}")
    tree.add_labels(("S1", "E00000", COVID), *(("S1", f"E{i:05}", "['unchanged']") for i in range(1, 10_000)))
    assert only(tree).label == "covid"


@pytest.mark.parametrize(
    ("cell", "test", "label"),
    [
        ("['COVID 19 uncertain']", ("S1", "15.03.2020", "PCR", "POSITIVO"), "covid"),
        ("['pneumonia']", ("S1", "22.03.2020", "PCR", "POSITIVO"), "covid"),
        ("['infiltrates']", ("S1", "08.03.2020", "pcr", "positivo"), "covid"),
        ("['pneumonia']", ("S1", "23.03.2020", "PCR", "POSITIVO"), None),
        ("['pneumonia']", ("S1", "07.03.2020", "PCR", "POSITIVO"), None),
        ("['pneumonia']", ("S1", "15.03.2020", "PCR", "NEGATIVO"), None),
        ("['pneumonia']", ("S1", "15.03.2020", "PCR", "INDETERMINADO"), None),
        ("['pneumonia']", ("S1", "15.03.2020", "IGG", "POSITIVO"), None),
        ("['pneumonia']", ("S2", "15.03.2020", "PCR", "POSITIVO"), None),
        ("['pneumonia']", ("S1", "2020", "PCR", "POSITIVO"), None),
        ("['normal']", ("S1", "15.03.2020", "PCR", "POSITIVO"), "normal"),
        ("['exclude', 'pneumonia']", ("S1", "15.03.2020", "PCR", "POSITIVO"), None),
    ],
)
@pytest.mark.parametrize("name", ["sil_reg_covid_posi.tsv", "SIL_REG_COVID_POSI_iter123.txt"])
def test_pcr_tests(tree: "BimcvTree", name: str, cell: str, test: tuple[str, str, str, str], label: str | None) -> None:
    """A positive PCR of the patient within a week of the study confirms a suspicion; nothing else does."""
    tree.add_image("S1", "E1")
    tree.add_sessions("S1", E1="20200315.0")
    tree.add_labels(("S1", "E1", cell))
    tree.add_tests(test, name=name)
    assert only(tree).label == label


def test_confirmation_is_handed_on_to_unchanged_studies(tree: "BimcvTree") -> None:
    """What was confirmed in the study before stays confirmed when nothing changed."""
    tree.add_image("S1", "E1")
    tree.add_image("S1", "E2")
    tree.add_sessions("S1", E1="20200315.0", E2="20200401.0")
    tree.add_labels(("S1", "E1", "['pneumonia']"), ("S1", "E2", "['unchanged']"))
    tree.add_tests(("S1", "15.03.2020", "PCR", "POSITIVO"))
    assert labels(tree.read(Bimcv()).records) == {"E1": "covid", "E2": "covid"}


def test_negative_set(tree: "BimcvTree") -> None:
    """In the negative set pneumonia and normal stand, and COVID 19 in a report is a suspicion."""
    tree.root = "BIMCV-COVID19-cIter_1_2-Negative/covid19_neg"
    for session in ("E1", "E2", "E3", "E4"):
        tree.add_image("S1", session)
    tree.add_labels(
        ("S1", "E1", "['pneumonia']"),
        ("S1", "E2", NORMAL),
        ("S1", "E3", "['COVID 19']"),
        ("S1", "E4", "['COVID 19 uncertain']"),
        name="Labels_covid_NEG_JAN21.tsv",
    )
    found = {"E1": "pneumonia", "E2": "normal", "E3": None, "E4": None}
    assert labels(tree.read(Bimcv()).records) == found


def test_patients_in_both_sets_are_joined(tree: "BimcvTree") -> None:
    """A negative patient whom the join names is the positive one, and that one's PCR tests count."""
    tree.add_image("S03044", "E1")
    tree.add_tests(("S03044", "15.03.2020", "PCR", "POSITIVO"))
    tree.add_labels(("S03044", "E1", NORMAL))
    tree.root = "data/covid19_neg"
    tree.add_image("S900", "E8")
    tree.add_image("S901", "E9")
    tree.add_labels(("S900", "E8", "['COVID 19']"), ("S901", "E9", NORMAL), name="Labels_covid_NEG_JAN21.tsv")
    tree.add_table("listjoin_ok.tsv", "label\tcovid19_neg\tcovid19_posi", "0\tsub-S900\tsub-S03044")
    read = tree.read(Bimcv()).records
    assert [(record.session, record.patient) for record in read] == [
        ("E8", "bimcv:S03044"),
        ("E9", "bimcv:S901"),
        ("E1", "bimcv:S03044"),
    ]
    assert labels(read) == {"E8": "covid", "E9": "normal", "E1": "normal"}


def test_unchanged_is_followed_across_both_sets(tree: "BimcvTree") -> None:
    """A study of the negative set is unchanged since the joined patient's study in the positive set."""
    tree.add_image("S1", "E1")
    tree.add_sessions("S1", E1="20200315.0")
    tree.add_labels(("S1", "E1", COVID))
    tree.root = "data/covid19_neg"
    tree.add_image("S900", "E8")
    tree.add_sessions("S900", E8="20200316.0")
    tree.add_labels(("S900", "E8", "['unchanged']"), name="Labels_covid_NEG_JAN21.tsv")
    tree.add_table("listjoin_ok.tsv", "label\tcovid19_neg\tcovid19_posi", "0\tsub-S900\tsub-S1")
    assert {record.finding for record in tree.read(Bimcv()).records} == {"COVID 19, pneumonia", "unchanged"}
    # The positive patient's COVID 19 is a suspicion once it is read in the negative set, and no PCR confirms it.
    assert labels(tree.read(Bimcv()).records) == {"E1": "covid", "E8": None}
    tree.root = "data/covid19_posi"
    tree.add_tests(("S1", "15.03.2020", "PCR", "POSITIVO"))
    assert labels(tree.read(Bimcv()).records) == {"E1": "covid", "E8": "covid"}


def test_equal_numbers_in_both_sets_are_kept_apart(tree: "BimcvTree") -> None:
    """A number of the negative set takes no test, label or age from the positive patient of that number."""
    tree.add_image("S1", "E1")
    tree.add_labels(("S1", "E1", COVID))
    tree.add_tests(("S1", "15.03.2020", "PCR", "POSITIVO"))
    tree.add_table("participants.tsv", "participant\tage\tgender", "sub-S1\t[70]\tF")
    tree.root = "data/covid19_neg"
    tree.add_image("S1", "E1", "run-1_bp-chest_vp-ap_dx.png")
    tree.add_labels(("S1", "E1", "['pneumonia']"), name="Labels_covid_NEG_JAN21.tsv")
    by_label = {record.label: (record.view, record.age) for record in tree.read(Bimcv()).records}
    assert by_label == {"covid": ("PA", 70.0), "pneumonia": ("AP", None)}


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


def test_file_name_and_folder_disagree(tree: "BimcvTree") -> None:
    """Where the folders tell another patient than the file name, the name counts and the record says so."""
    tree.files["covid19_posi/sub-S1/ses-E1/mod-rx/sub-S2_ses-E2_run-1_bp-chest_vp-pa_dx.png"] = None
    assert (only(tree).patient, only(tree).session) == ("bimcv:S2", "E2")
    assert "disagree on the patient" in only(tree).problems[0]


def test_file_without_ids_in_its_name(tree: "BimcvTree") -> None:
    """The folders tell patient and session where the file name does not."""
    tree.files["covid19_posi/sub-S1/ses-E1/mod-rx/image.png"] = None
    assert (only(tree).patient, only(tree).session, only(tree).view) == ("bimcv:S1", "E1", None)


def test_no_identity_in_problems_and_notes(tree: "BimcvTree") -> None:
    """Nothing that leaves the reader as text names a patient, a session or a file."""
    for session in ("E06138", "E06139"):
        tree.add_image("S03044", session, "run-1_bp-chest_vp-ap_dx.png", sidecar=b"{")
    tree.add_labels(("S03044", "E06138", "['COVID 19', "), ("S03045", "E9", "['exclude']"))
    reading = tree.read(Bimcv())
    said = repr([record.problems for record in reading.records]) + repr(reading.notes) + repr(reading.passed_over)
    assert "S03044" not in said
    assert "E0613" not in said
    assert ".png" not in said


def test_a_large_listing_is_read_in_one_pass(tree: "BimcvTree") -> None:
    """Four times the images take about four times as long: no step looks at all of them for each."""

    def seconds(patients: int) -> float:
        tree.files.clear()
        for i in range(patients):
            tree.add_image(f"S{i}", f"E{i}", sidecar=json.dumps({"00080060": {"Value": ["DX"]}}).encode())
            tree.add_sessions(f"S{i}", **{f"E{i}": "20200315"})
        tree.add_labels(*((f"S{i}", f"E{i}", COVID) for i in range(patients)))
        started = time.process_time()
        assert len(Bimcv().read(list(tree.files), tree.open_file).records) == patients
        return time.process_time() - started

    seconds(100)
    assert seconds(8_000) < 10 * seconds(2_000)
