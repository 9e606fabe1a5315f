"""Images and sidecars of a BIMCV tree with every defect of the published sets, each with its record or its reason."""

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.xray_model.data.layouts.reading import COVID, NORMAL, only
from xray_model.data.layouts.bimcv import Bimcv
from xray_model.errors import InvalidInput, ObjectNotFound

if TYPE_CHECKING:
    from tests.xray_model.data.layouts.conftest import BimcvTree


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
