"""The vocabulary: what the words of every source come to."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xray_model.data.labels import FINDINGS, label_finding, label_report, names_class


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("COVID-19", "covid"),
        ("covid19", "covid"),
        ("COVID", "covid"),
        ("COVID-19, ARDS", "covid"),
        ("Pneumonia/Viral/COVID-19", "covid"),
        ("NORMAL", "normal"),
        ("No Finding", "normal"),
        ("No_findings", "normal"),
        ("Viral Pneumonia", "pneumonia"),
        ("Mycoplasma Bacterial Pneumonia", "pneumonia"),
        ("Pneumonia/Fungal/Pneumocystis", "pneumonia"),
        ("SARS", "pneumonia"),
        ("Edema|Effusion|Infiltration|Pleural_Thickening|Pneumonia", "pneumonia"),
        ("Lung_Opacity", None),
        ("ARDS", None),
        ("todo", None),
        ("Unknown", None),
        ("Effusion", None),
        ("", None),
        ("nan", None),
        ("No pneumonia", None),
        ("non-COVID", None),
        ("COVID 19 uncertain", None),
        ("suspected COVID-19", None),
        ("No Finding|Effusion", None),
        ("normal, COVID-19", None),
        ("Pneumothorax", None),
    ],
)
def test_label_finding(text: str, label: str | None) -> None:
    """Every spelling of the public sets comes to its finding, and what only looks like one to none."""
    labelling = label_finding(text)
    assert labelling.label == label
    assert (labelling.problem is None) == (label is not None)


@settings(deadline=None)
@given(st.text())
def test_label_finding_takes_any_text(text: str) -> None:
    """No text is refused, and nothing but a finding or none comes out."""
    assert label_finding(text).label in {*FINDINGS, None}


@pytest.mark.parametrize(
    ("folder", "is_class"),
    [
        ("COVID", True),
        ("Lung_Opacity", True),
        ("Viral Pneumonia", True),
        ("No_findings", True),
        ("covid19", True),
        ("train", False),
        ("images", False),
        ("chest_xray", False),
        ("covid19_posi", False),
        ("", False),
    ],
)
def test_names_class(folder: str, is_class: bool) -> None:
    """A folder names a class when the vocabulary knows it, also without a label for it."""
    assert names_class(folder) is is_class


REPORTS: list[tuple[str, str, bool, str | None]] = [
    # words, set, confirmed by a PCR, label
    ("COVID 19", "positive", False, "covid"),
    ("COVID 19, pneumonia, viral pneumonia", "positive", False, "covid"),
    ("COVID 19, suboptimal study", "positive", False, "covid"),
    ("COVID 19, exclude", "positive", True, None),
    ("COVID 19, normal", "positive", True, None),
    ("COVID 19", "negative", False, None),
    ("COVID 19, pneumonia", "negative", False, None),
    ("COVID 19", "negative", True, "covid"),
    ("COVID 19 uncertain", "positive", False, None),
    ("COVID 19 uncertain", "positive", True, "covid"),
    ("COVID 19 uncertain, pneumonia", "negative", False, None),
    ("pneumonia", "positive", True, "covid"),
    ("atypical pneumonia", "positive", True, "covid"),
    ("infiltrates", "positive", True, "covid"),
    ("pneumonia", "positive", False, None),
    ("infiltrates", "negative", False, None),
    ("pneumonia, infiltrates, pleural effusion", "negative", False, "pneumonia"),
    ("viral pneumonia", "negative", False, "pneumonia"),
    ("pneumonia", "", False, "pneumonia"),
    ("pneumonia, suboptimal study", "negative", False, "pneumonia"),
    ("normal", "positive", True, "normal"),
    ("normal, unchanged", "negative", False, "normal"),
    ("normal, suboptimal study", "negative", False, None),
    ("normal, cardiomegaly", "negative", False, None),
    ("cardiomegaly", "positive", True, None),
    ("suboptimal study", "positive", True, None),
    ("unchanged", "positive", True, None),
    ("exclude", "negative", False, None),
    ("", "negative", False, None),
]


@pytest.mark.parametrize(("words", "patient_set", "confirmed", "label"), REPORTS)
def test_label_report(words: str, patient_set: str, confirmed: bool, label: str | None) -> None:
    """The rule of precedence holds for every combination that the BIMCV tables hold."""
    said = [word for word in words.split(", ") if word]
    labelling = label_report(said, patient_set=patient_set, confirmed=confirmed)
    assert labelling.label == label
    if label is None:
        assert labelling.problem


@pytest.mark.parametrize(("word", "label"), [("COVID 19", "covid"), ("pneumonia", None), ("normal", None)])
def test_cut_cell_can_only_confirm_covid(word: str, label: str | None) -> None:
    """What a cut cell has lost may be COVID 19 or another finding, so that pneumonia and normal do not stand."""
    labelling = label_report([word], patient_set="negative" if word != "COVID 19" else "", confirmed=False, cut=True)
    assert labelling.label == label
    assert labelling.problem == "its label cell is cut short"
