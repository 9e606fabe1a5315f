"""A BIMCV tree of drawn images with every defect of the published sets, and what the catalog must say of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.xray_model.data.layouts.conftest import BimcvTree
from xray_model.data.phantoms import CohortOptions, plan_cohort
from xray_model.data.phantoms.encoding import Storage, encode_png, store_picture

POSITIVE, NEGATIVE = "data/covid19_posi", "data/covid19_neg"
NO_LABEL = "has no finding that the models here know"
LATERAL = "is a lateral view"
COVID, NORMAL = "[' COVID 19', ' pneumonia', '']", "[' normal', '', ' normal']"
_PA = "run-1_bp-chest_vp-pa_dx.png"
_BITS = Storage(12, 0.05, 0.9, monochrome1=False)
_DARK = Storage(12, 0.05, 0.9, monochrome1=True)
_CENTRE, _WIDTH = _BITS.window
_PLAIN: Mapping[str, Any] = {
    "00080020": {"vr": "DA", "Value": ["20200315"]},
    "00080060": {"vr": "CS", "Value": ["DX"]},
    "00080070": {"vr": "LO", "Value": ["GMM"]},
    "00280004": {"vr": "CS", "Value": ["MONOCHROME2"]},
    "00280101": {"vr": "US", "Value": [12]},
}


@dataclass(frozen=True)
class Case:
    """One study of one image, and what the catalog must say of it."""

    what: str
    cell: str | None = COVID
    """Its cell in the label table; None where no row names the study."""
    label: str | None = "covid"
    rest: str = _PA
    tags: Mapping[str, Any] | bytes | None = field(default_factory=dict)
    """Added to a sound sidecar; bytes in its place, None for no sidecar."""
    person: str | None = "[63, 64]\tM"
    """Age and gender in participants.tsv; None for no row."""
    view: str | None = "PA"
    sex: str | None = "M"
    age: float | None = 63.0
    level: str = "mod-rx/"
    day: str = "20200315.0"
    patient: str = ""
    """Another case's patient where it is the same person; one of its own where it is empty."""
    tests: tuple[tuple[str, str, str], ...] = ()
    """Day, test and result."""
    problems: tuple[str, ...] = ()
    refused: str | None = None
    window_path: str | None = None
    tree: str = POSITIVE


def _value(*values: object) -> dict[str, object]:
    return {"Value": list(values)}


_LUT = {"00283002": _value(4096, 0, 8), "00283006": _value(*(entry // 16 for entry in range(4096)))}
_RESCALED = {
    "00281052": _value(-100),
    "00281053": _value(2),
    "00281050": _value(2 * _CENTRE - 100),
    "00281051": _value(2 * _WIDTH),
}
_POSITIVE_PCR = ("15.03.2020", "PCR", "POSITIVO")
_OPEN = "a pneumonia of a COVID 19 patient, and no positive PCR near the study tells which"
_SUSPECTED = "COVID 19 is suspected and no positive PCR near the study confirms it"
_CUT, _EXCLUDED, _EMPTY = "its label cell is cut short", "its source excludes the study", "its report has no labels"
_SUBOPTIMAL = "its source calls the study suboptimal"
_FILE_NAMES = (
    Case("vp-pa stands behind a hyphen"),
    Case("acq and a run above 1", rest="acq-2_run-3_bp-chest_vp-ap_cr.png", view="AP"),
    Case("vp-ll", rest="run-1_bp-chest_vp-ll_dx.png", view="L", refused=LATERAL),
    Case("vp-lateral", rest="run-1_bp-chest_vp-lateral_cr.png", view="L", refused=LATERAL),
    Case("no vp, view in the sidecar", rest="run-1_bp-chest_cr.png", tags={"00185101": _value("AP")}, view="AP"),
    Case("no vp, view empty in the sidecar", rest="run-1_bp-chest_dx.png", tags={"00185101": {}}, view=None),
    Case(
        "named vp-pa and lateral",
        tags={"00185101": _value("LATERAL")},
        view="L",
        refused=LATERAL,
        problems=("file name and sidecar disagree on the view",),
    ),
    Case("no folder mod-rx", level=""),
)
_SIDECARS = (
    Case("no sidecar", tags=None, problems=("the image has no sidecar",)),
    Case("sidecar that is no JSON", tags=b"{'vr': CS", problems=("the sidecar is no valid JSON",)),
    Case("sidecar without any tag", tags=b"{}"),
    Case("a birth date in the sidecar", tags={"00100030": _value("19570102")}),
    Case("MONOCHROME1", tags={"00280004": _value("MONOCHROME1")}),
    Case(
        "several windows",
        tags={"00281050": _value(_CENTRE, 100), "00281051": _value(_WIDTH, 200)},
        window_path="window",
    ),
    Case("no window", window_path="percentiles"),
    Case("a VOI LUT", tags={"00283010": _value(_LUT)}, window_path="voi_lut"),
    Case("a rescale", tags=_RESCALED, window_path="window"),
)
_PEOPLE = (
    Case("gender None, sex in the sidecar", person="[50]\tNone", tags={"00100040": _value("F")}, sex="F", age=50.0),
    Case("gender None, no sex in the sidecar", person="[50]\tNone", sex=None, age=50.0),
    Case("age empty, in the sidecar", person="[]\tF", tags={"00101010": _value("071Y")}, sex="F", age=71.0),
    Case("age nowhere", person="nan\tF", tags={"00101010": {}}, sex="F", age=None),
    Case("in no table of participants", person=None, sex=None, age=None),
)
_CELLS = (
    Case("blanks, empty items and repeats", NORMAL, "normal"),
    Case("tab-separated items", "['COVID 19'\t'infiltrates']"),
    Case("cut, covid said before", "['COVID 19', 'pneum", problems=(_CUT,)),
    Case("cut, normal said before", "['normal', 'cardiom", None, problems=(_CUT,), refused=NO_LABEL),
    Case("label cell NaN", "nan", None, problems=(_EMPTY,), refused=NO_LABEL),
    Case("label cell empty", "", None, problems=(_EMPTY,), refused=NO_LABEL),
    Case("in no label table", None, None, problems=("no label table of this batch names the study",), refused=NO_LABEL),
    Case("exclude", "['COVID 19', 'exclude']", None, problems=(_EXCLUDED,), refused=NO_LABEL),
    Case("suboptimal covid", "['COVID 19', 'suboptimal study']", problems=(_SUBOPTIMAL,)),
    Case("suboptimal normal", "['normal', 'suboptimal study']", None, problems=(_SUBOPTIMAL,), refused=NO_LABEL),
    Case("study date NaN", day="nan"),
)
_TESTS = (
    Case("uncertain, PCR on the day", "['COVID 19 uncertain']", tests=(_POSITIVE_PCR,)),
    Case("pneumonia, PCR a week later", "['pneumonia']", tests=(("22.03.2020", "PCR", "POSITIVO"),)),
    Case("infiltrates, PCR before", "['infiltrates']", tests=(("10.03.2020", "PCR", "POSITIVO"),)),
    Case("uncertain, no PCR", "['COVID 19 uncertain']", None, problems=(_SUSPECTED,), refused=NO_LABEL),
    Case("pneumonia, no PCR", "['viral pneumonia']", None, problems=(_OPEN,), refused=NO_LABEL),
    Case(
        "pneumonia, other tests and other days",
        "['pneumonia']",
        None,
        tests=(
            ("15.03.2020", "IGG", "POSITIVO"),
            ("15.03.2020", "ACT", "POSITIVO"),
            ("15.03.2020", "IGM", "POSITIVO"),
            ("15.03.2020", "PCR", "NEGATIVO"),
            ("15.03.2020", "PCR", "INDETERMINADO"),
            ("15.05.2020", "PCR", "POSITIVO"),
        ),
        problems=(_OPEN,),
        refused=NO_LABEL,
    ),
)
_UNCHANGED = (
    Case("a first study", NORMAL, "normal", day="20200301.0", patient="history"),
    Case("unchanged since the first", "['unchanged']", "normal", day="20200302.0", patient="history"),
    Case("unchanged since the unchanged", "[' unchanged', '']", "normal", day="20200303.0", patient="history"),
    Case(
        "unchanged since nothing",
        "['unchanged']",
        None,
        problems=("unchanged since a study that has no report in this batch",),
        refused=NO_LABEL,
    ),
)
_NEGATIVE = (
    Case("normal of the negative set", NORMAL, "normal", tree=NEGATIVE),
    Case("pneumonia of the negative set", "['pneumonia']", "pneumonia", tree=NEGATIVE),
    Case("COVID 19 of the negative set", "['COVID 19']", None, tree=NEGATIVE, problems=(_SUSPECTED,), refused=NO_LABEL),
    Case("a patient of both sets, in the positive", tests=(_POSITIVE_PCR,), patient="both"),
    Case("a patient of both sets, in the negative", "['COVID 19 uncertain']", tree=NEGATIVE),
    *(Case(f"a sound study, {number}", NORMAL, "normal") for number in range(20)),
)
CASES = (*_FILE_NAMES, *_SIDECARS, *_PEOPLE, *_CELLS, *_TESTS, *_UNCHANGED, *_NEGATIVE)
IN_BOTH = ("a patient of both sets, in the positive", "a patient of both sets, in the negative")
PASSED_OVER = {"CT image": 2, "CT volume": 1, "other table": 1, "document": 1}
NOTES = {
    "labelled study without an image in this batch": 2,
    "X-ray of partitions.tsv that is not in this batch": 1,
    "label cell cut short": 2,
}


def write_defective_tree(folder: Path) -> dict[str, Case]:
    """Write the tree below `folder`; returns the cases by the name of their image, relative to it."""
    tree = BimcvTree(root=POSITIVE)
    drawn = _draw(len(CASES))
    named = {_add_case(tree, case, number, next(drawn)): case for number, case in enumerate(CASES)}
    _add_tables(tree)
    _add_strangers(tree)
    for name, data in tree.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data or b"")
    return named


def _draw(number: int) -> Iterator[Any]:
    sizes = {"smallest_side": 200, "largest_side": 240, "lateral_share": 0.0, "further_share": 0.0}
    exams = plan_cohort(CohortOptions(patients=number, shares={"covid": 1.0, "normal": 1.0}, seed=9, **sizes))
    return (exam.draw() for exam in exams)


def _ids(case: Case, number: int) -> tuple[str, str]:
    first = next((place for place, other in enumerate(CASES) if other.patient == case.patient != ""), number)
    return f"S{10_000 + first}", f"E{20_000 + number}"


def _add_case(tree: BimcvTree, case: Case, number: int, picture: Any) -> str:
    tree.root = case.tree
    sidecar = {**_PLAIN, **case.tags} if isinstance(case.tags, Mapping) else case.tags
    name = tree.add_image(*_ids(case, number), case.rest, sidecar=sidecar, level=case.level)
    path = next(path for path in tree.files if path.endswith(f"/{name}"))
    tree.files[path] = encode_png(store_picture(picture, _DARK if "MONOCHROME1" in case.what else _BITS))
    return path


def _add_tables(tree: BimcvTree) -> None:
    numbered = list(enumerate(CASES))
    for root, labels in ((POSITIVE, "labels_covid_posi.tsv"), (NEGATIVE, "Labels_covid_NEG_JAN21.tsv")):
        tree.root = root
        own = [(*_ids(case, number), case) for number, case in numbered if case.tree == root]
        rows = [(patient, session, case.cell) for patient, session, case in own if case.cell is not None]
        tree.add_labels(*rows, ("S1", "E1", NORMAL), name=labels)
        people = {f"sub-{patient}\t['CR','DX']\t[['CHEST']]\t{case.person}" for patient, _, case in own if case.person}
        header = "participant\tmodality_dicom\tbody_parts\tage\tgender"
        tree.add_table("participants.tsv", header, "derivatives\t[]\t[]\t[]\tNone", *sorted(people))
        for patient in {patient for patient, _, _ in own}:
            tree.add_sessions(patient, **{session: case.day for who, session, case in own if who == patient})
    tree.add_table(
        "derivatives/partitions.tsv",
        "Unnamed: 0\tx\ty",
        *(
            f"sub-{who}\tses-{session}\tsub-{who}/ses-{session}/sub-{who}_ses-{session}_{_PA}"
            for who, session, _ in own
        ),
        "sub-S1\tses-E1\tsub-S1/ses-E1/sub-S1_ses-E1_run-1_bp-chest_vp-pa_dx.png",
    )
    both = {case.what: _ids(case, number)[0] for number, case in numbered}
    joined = f"0\tsub-{both[IN_BOTH[1]]}\tsub-{both[IN_BOTH[0]]}"
    tree.add_table("listjoin_ok.tsv", "label\tcovid19_neg\tcovid19_posi", joined)
    tree.root = POSITIVE
    tree.add_tests(*((_ids(case, number)[0], *test) for number, case in numbered for test in case.tests))


def _add_strangers(tree: BimcvTree) -> None:
    """CT by name, by form and by sidecar, and what else lies in the tree."""
    tree.add_image("S2", "E2", "run-1_bp-chest_ct.png", sidecar=None)
    tree.add_image("S2", "E2", "run-1_bp-chest_ct.nii.gz", sidecar=None)
    tree.add_image("S2", "E3", _PA, sidecar={"00080060": {"Value": ["CT"]}})
    tree.add_table("sub-S2/ses-E2/sub-S2_ses-E2_scans.tsv", "filename\tacq_time")
    tree.add_table("sha1sum.txt", "abc  covid19_posi_part1.tgz")
