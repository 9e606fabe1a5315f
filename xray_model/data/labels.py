"""The findings a model may learn, and how every source's words become one of them."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

FINDINGS = ("covid", "pneumonia", "normal")

_SEPARATORS = re.compile(r"[|,;/]")
_COVID = frozenset(
    {
        "covid", "covid19", "covid 19", "covid 19 pneumonia", "covid pneumonia", "coronavirus", "sars cov 2",
        "2019 ncov",
    }
)  # fmt: skip
_NORMAL = frozenset({"normal", "no finding", "no findings", "healthy", "normal chest", "normal chest x ray"})
_PNEUMONIA = frozenset(
    {
        # Germs and kinds under which ieee8023/covid-chestxray-dataset files a pneumonia.
        "aspergillosis", "aspiration", "bacterial", "chlamydophila", "e.coli", "fungal", "h1n1", "herpes",
        "influenza", "klebsiella", "legionella", "lipoid", "mers", "mers cov", "mrsa", "mycoplasma", "nocardia",
        "pneumocystis", "sars", "staphylococcus", "streptococcus", "varicella", "viral",
        # The spelling of one much used Kaggle table.
        "pnemonia",
    }
)  # fmt: skip
_KINDS_OF_PNEUMONIA = _PNEUMONIA | {"atypical", "lobar", "multifocal", "interstitial", "acquired", "community"}
_OTHER_CLASSES = frozenset({"lung opacity", "tuberculosis", "non covid", "noncovid"})
"""Folders that name a class which has no finding here."""


@dataclass(frozen=True, slots=True)
class Labelling:
    """What a source's words come to."""

    label: str | None
    """One of FINDINGS, or None."""
    problem: str | None = None
    """Why there is no label, or what to doubt about the one there is."""


@lru_cache(maxsize=1024)  # a set writes few findings many times
def label_finding(text: str) -> Labelling:
    """The label of a table cell or a folder name, as the public sets and hospitals write it.

    The cell is split at `|`, `,`, `;` and `/` (`Edema|Pneumonia`, `Pneumonia/Viral/COVID-19`); case, hyphens and
    underscores do not matter. The first rule that fits decides:

    1. no words: none; 2. `normal` beside any other word: none, they contradict each other; 3. covid;
    4. pneumonia; 5. normal; 6. anything else: none.
    """
    labels = {_label_word(word) for word in _words(text)}
    if not labels:
        return Labelling(None, "its source names no finding")
    if "normal" in labels and len(labels) > 1:
        return Labelling(None, "its source calls it normal and names a finding")
    for label in FINDINGS:
        if label in labels:
            return Labelling(label)
    return Labelling(None, "its finding is none of " + ", ".join(FINDINGS))


@lru_cache(maxsize=1024)
def names_class(folder: str) -> bool:
    """Whether a folder name stands for a class of images, with or without a label here."""
    return any(_label_word(word) is not None or word in _OTHER_CLASSES for word in _words(folder))


def label_report(words: Collection[str], *, patient_set: str, confirmed: bool, cut: bool = False) -> Labelling:
    """The label of one BIMCV study from the words of its report. The first rule that fits decides.

    | words | label |
    |---|---|
    | none | none |
    | `exclude` | none |
    | `normal` beside anything but `unchanged` | none: they contradict each other |
    | `COVID 19` (in the negative set: confirmed) | covid |
    | `COVID 19 uncertain`, a pneumonia or `infiltrates`, confirmed | covid |
    | `COVID 19 uncertain`, or `COVID 19` in the negative set | none: a suspicion is no finding |
    | a pneumonia, in a cut cell | none: the lost part may say `COVID 19` |
    | a pneumonia in the positive set | none: the patient has COVID 19 at some time, so whose it is is open |
    | a pneumonia | pneumonia |
    | `normal`, in a cut cell or a `suboptimal study` | none: absence cannot be claimed |
    | `normal` | normal |
    | anything else | none |

    What was seen in a suboptimal study was seen, so covid and pneumonia stand, with a problem noted.

    Args:
        words: the items of the label cell, for `unchanged` together with those of the study before.
        patient_set: `positive`, `negative`, or empty where nothing tells which set the table belongs to.
        confirmed: whether a positive PCR lies near the study.
        cut: whether the cell was cut short, so that further words may be missing.
    """
    said = {_normalise(word) for word in words}
    suspected = bool(said & {"covid 19", "covid 19 uncertain"})
    pneumonia = any(_label_word(word) == "pneumonia" for word in said)
    doubt = "its source calls the study suboptimal" if "suboptimal study" in said else None
    if cut:
        doubt = "its label cell is cut short"
    if not said - {"unchanged"} or "exclude" in said:
        return Labelling(None, "its source excludes the study" if "exclude" in said else "its report has no labels")
    if "normal" in said:
        return _label_normal(said, doubt)
    if ("covid 19" in said and patient_set != "negative") or (
        confirmed and (suspected or pneumonia or "infiltrates" in said)
    ):
        return Labelling("covid", doubt)
    if suspected:
        return Labelling(None, "COVID 19 is suspected and no positive PCR near the study confirms it")
    if pneumonia:
        return _label_pneumonia(patient_set, cut, doubt)
    return Labelling(None, doubt or "its finding is none of " + ", ".join(FINDINGS))


def _label_normal(said: set[str], doubt: str | None) -> Labelling:
    if said - {"normal", "unchanged", "suboptimal study"}:
        return Labelling(None, "its report calls it normal and names a finding")
    return Labelling(None if doubt else "normal", doubt)


def _label_pneumonia(patient_set: str, cut: bool, doubt: str | None) -> Labelling:
    if cut:
        return Labelling(None, doubt)
    if patient_set == "positive":
        return Labelling(None, "a pneumonia of a COVID 19 patient, and no positive PCR near the study tells which")
    return Labelling("pneumonia", doubt)


def _words(text: str) -> list[str]:
    return [word for word in map(_normalise, _SEPARATORS.split(text)) if word not in {"", "nan", "none", "?"}]


def _normalise(word: str) -> str:
    return " ".join(re.sub(r"[_\-\s]+", " ", word.casefold()).split())


def _label_word(word: str) -> str | None:
    if word in _COVID:
        return "covid"
    if word in _NORMAL:
        return "normal"
    *kinds, last = word.split() or [""]
    if word in _PNEUMONIA or (last == "pneumonia" and _KINDS_OF_PNEUMONIA.issuperset(kinds)):
        return "pneumonia"
    return None
