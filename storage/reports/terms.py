"""The reports' words for what the outcomes hold: one plain word or sentence for each."""

from storage.reports import figures
from xray_model.outcomes import BatchOutcome, Decision, DriftFamily, DriftOutcome, DriftState, DriftSubject

_LOWERED = {
    "A", "All", "An", "Bad", "Eight", "Fewer", "Five", "Four", "It", "Its", "Kept", "More", "Moved", "Never", "New",
    "Nine", "No", "None", "Not", "Nothing", "One", "Only", "Seven", "Six", "Some", "The", "There", "This", "Three",
    "Too", "Two",
}  # fmt: skip
_SEVERITY = {"row": "refuses the image", "batch": "holds the batch", "note": "only reported"}
_SUITES = {
    "records": "Who, what and which view each image is of",
    "pixels": "What each picture must be like",
    "duplicates": "Whether an image repeats another",
    "batch": "What the batch as a whole must be like",
}
_CHECKS = {
    "evidence": "Enough test patients",
    "floor": "Above the floor",
    "skill": "Better than a guess",
    "champion": "No champion to beat",
    "comparable": "Same classes as the champion",
    "better": "Better than the champion",
    "calibration": "Its probabilities mean what they say",
    "finite": "Every prediction is a number",
    "subgroups": "No subgroup of patients is harmed",
    "probes": "Shortcut probes",
}
_PROBES: dict[str, str] = {
    "lungs-hidden": "With the lungs hidden",
    "lungs-alone": "Of the lungs alone",
    "metadata-alone": "From metadata alone",
    "source-from-embedding": "The source, read from what it sees",
    "within-source": "Within each source",
    "left-out-source": "On a source it has not learned from",
    "class-by-source": "Whether class and source go together",
    "class-by-age": "Whether class and age go together",
}
_OVERALL = {
    "macro_f1": "F1, all classes alike (macro)",
    "weighted_f1": "F1, all images alike (weighted)",
    "balanced_accuracy": "Mean recall (balanced accuracy)",
}
_DRIFT = {
    DriftState.UNKNOWN: "not compared",
    DriftState.OK: "alike",
    DriftState.WATCH: "watch",
    DriftState.RETRAIN: "retrain",
    DriftState.HOLD: "hold",
}
_NOT_HELD = "apart, does not wait"
"""Of `hold` where nothing waits: a person decided, or nobody asked for a hold."""
_DRIFT_MARKS = {
    DriftState.UNKNOWN: "?",
    DriftState.OK: "=",
    DriftState.WATCH: "W",
    DriftState.RETRAIN: "R",
    DriftState.HOLD: "H",
}
_FAMILIES = {
    DriftFamily.QUALITY: "How the pictures look, and how they were made",
    DriftFamily.POPULATION: "Who was X-rayed, where, and with what finding",
    DriftFamily.PREDICTION: "What the model answers",
    DriftFamily.EMBEDDING: "What the model sees",
}
_SUBJECTS: dict[DriftSubject, str] = {
    "batch": "a batch",
    "night": "a night",
    "window": "a window of days",
    "served": "asked in service",
}
_METHODS = {
    "wasserstein": "standard deviations (Wasserstein)",
    "jensenshannon": "Jensen-Shannon distance",
    "domain_classifier": "ROC area: new from known",
}


def full_name(batch: BatchOutcome) -> str:
    """Source and batch as a steward names them: "bimcv / 2026-11-19"."""
    return f"{batch.source} / {batch.name}"


def severity_words(severity: str) -> str:
    """What failing an expectation of this severity leads to."""
    return _SEVERITY.get(severity, severity)


def suite_words(suite: str) -> str:
    """What a suite of expectations asks about, in a few words; its name where that is not known."""
    return _SUITES.get(suite, suite or "Expectations")


def drift_words(drift: DriftOutcome) -> str:
    """One word or a few for what a comparison came to."""
    return _NOT_HELD if drift.state is DriftState.HOLD and not drift.held else _DRIFT[drift.state]


def drift_mark(state: DriftState) -> str:
    """One letter or sign for a drift state, where there is no place for a word."""
    return _DRIFT_MARKS[state]


def family_words(family: DriftFamily) -> str:
    """What the columns of a family speak of."""
    return _FAMILIES[family]


def subject_words(subject: DriftSubject) -> str:
    """What kind of images were compared."""
    return _SUBJECTS[subject]


def method_words(method: str) -> str:
    """What a distance is measured in, in a few words; the method's name where that is not known."""
    return _METHODS.get(method, method)


def share_words(share: float | None) -> str:
    """A share of 0 to 1 in per cent; a dash where it is not known."""
    return figures.percent(0, 0) if share is None else figures.percent(round(share * 10_000), 10_000)


def decision_words(decision: Decision) -> str:
    """What the gate did with the challenger."""
    if not decision.promote:
        return "not promoted"
    return "passed, for approval" if decision.requires_approval else "promoted"


def check_words(name: str) -> str:
    """What a condition of the gate asks, in a few words; its name where that is not known."""
    kind, _, label = name.partition("-")
    if kind == "recall" and label:
        return f"Recall of {label} holds"
    if kind == "floor" and label:
        return f"Recall of {label} above its floor"
    if kind == "subgroup" and label:
        return f"Holds for {label}"
    return _CHECKS.get(name) or _PROBES.get(name, name)


def overall_words(field: str) -> str:
    """What a figure over all classes is, by its field of the evaluation."""
    return _OVERALL.get(field, field)


def deciding_sentence(decision: Decision) -> str:
    """The one sentence that says most of why a decision fell: what failed, or how the champion was beaten."""
    telling = [check for check in decision.checks if not check.holds]
    telling += [check for name in ("better", "floor") for check in decision.checks if check.name == name]
    return telling[0].sentence if telling else ""


def as_clause(sentence: str) -> str:
    """A sentence as part of a longer one: no full stop, and a small letter where it began with a plain word."""
    clause = sentence.strip().rstrip(".")
    first = clause.split(" ", 1)[0]
    if first in _LOWERED:
        return clause[:1].lower() + clause[1:]
    return clause
