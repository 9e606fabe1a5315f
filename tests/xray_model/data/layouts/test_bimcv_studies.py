"""What one study of a BIMCV patient says of another: unchanged reports, PCR tests, and the negative set."""

from typing import TYPE_CHECKING

import pytest

from tests.xray_model.data.layouts.reading import COVID, NORMAL, labels, only
from xray_model.data.layouts.bimcv import Bimcv

if TYPE_CHECKING:
    from tests.xray_model.data.layouts.conftest import BimcvTree


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
