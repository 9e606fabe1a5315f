"""Shortcut probes: whether a model goes by something else than the lungs.

Networks that were said to find COVID-19 had learned where a picture came from (DeGrave et al. 2021). Each probe
measures one way in which that can be, from the prediction table of the test split and from the training images, and
holds it against a bound of the policy.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd

from xray_model.config import ShortcutBounds
from xray_model.evaluation.association import cramers_v, group_ages
from xray_model.outcomes import ProbeName, ProbeResult, format_fraction

_ROUNDING = 1e-9


def run_probes(
    table: pd.DataFrame, training: pd.DataFrame, minority: str, bounds: ShortcutBounds, enough: int
) -> tuple[ProbeResult, ...]:
    """All eight probes, in the order of `ProbeName`.

    Args:
        table: the challenger's predictions on the test split, with those of `predicted_hidden`, `predicted_alone`,
            `predicted_metadata`, `source_from_embedding`, `predicted_linear` and `predicted_elsewhere` that there are.
            A probe whose column is absent or empty says that it was not measured. A gap in one of the first two is a
            prediction that is not a number, and fails its probes.
        training: `label`, `source` and `age` of the training images.
        minority: the class that decides.
        bounds: of each probe.
        enough: test patients of a class below which nothing is said of a source.
    """
    return (
        _probe_lungs_hidden(table, minority, bounds.lungs_hidden),
        _probe_lungs_alone(table, minority, bounds.lungs_alone),
        _probe_metadata(table, minority, bounds.metadata_alone),
        _probe_embedding(table, training, bounds.source_from_embedding, enough),
        _probe_within_source(table, minority, bounds.within_source, enough),
        _probe_left_out_source(table, minority, bounds.left_out_source, enough),
        _probe_class_by_source(training, bounds.class_by_source),
        _probe_class_by_age(training, bounds.class_by_age),
    )


def guessing_f1(share: float) -> float:
    """The best F1 of a guess that does not look, for a class that has this share of the images.

    It is that of calling every image the class (Lipton et al. 2014).
    """
    return 2 * share / (1 + share)


def minority_f1(table: pd.DataFrame, minority: str, column: str = "predicted") -> float:
    """F1 of the minority class by the decisions in a column; 0 where it is neither there nor called."""
    actual, called = table["label"] == minority, table[column] == minority
    either = int(actual.sum() + called.sum())
    return 2 * float((actual & called).sum()) / either if either else 0.0


def _probe_lungs_hidden(table: pd.DataFrame, minority: str, bound: float) -> ProbeResult:
    name: ProbeName = "lungs-hidden"
    if "predicted_hidden" not in table:
        return _not_measured(name, bound, "the model was not asked with the lungs hidden")
    if table["predicted_hidden"].isna().any():
        return _broken(name, bound, table["predicted_hidden"].isna(), "with the lungs hidden")
    whole, hidden = minority_f1(table, minority), minority_f1(table, minority, "predicted_hidden")
    guess = guessing_f1(float((table["label"] == minority).mean()))
    if whole <= guess + _ROUNDING:
        reason = (
            f"with its F1 of {format_fraction(whole)} the model is no better than a guess ({format_fraction(guess)}), "
            "so it has no skill to lose"
        )
        return _not_measured(name, bound, reason)
    left = max(0.0, (hidden - guess) / (whole - guess))
    return ProbeResult(
        name=name,
        value=left,
        bound=bound,
        passed=left <= bound,
        sentence=f"With the lungs hidden this model would still score {format_fraction(hidden)} of its "
        f"{format_fraction(whole)} (F1 of {minority}; a guess scores {format_fraction(guess)}): {left:.0%} of its "
        f"skill is left, {bound:.0%} may be.",
        figures={"f1": whole, "f1_hidden": hidden, "f1_guess": guess},
    )


def _probe_lungs_alone(table: pd.DataFrame, minority: str, bound: float) -> ProbeResult:
    name: ProbeName = "lungs-alone"
    columns = ["predicted_hidden", "predicted_alone"]
    if not set(columns) <= set(table):
        return _not_measured(name, bound, "the model was not asked with all but the lungs hidden")
    if table[columns].isna().any(axis=None):
        return _broken(name, bound, table[columns].isna().any(axis=1), "with the lungs, or all but the lungs, hidden")
    hidden, alone = (minority_f1(table, minority, column) for column in columns)
    return ProbeResult(
        name=name,
        value=hidden - alone,
        bound=bound,
        passed=hidden - alone <= bound,
        sentence=f"From the lungs alone this model scores {format_fraction(alone)}, from all but the lungs "
        f"{format_fraction(hidden)} (F1 of {minority}): the latter may be higher by {format_fraction(bound)} at most.",
        figures={"f1_hidden": hidden, "f1_alone": alone},
    )


def _probe_metadata(table: pd.DataFrame, minority: str, bound: float) -> ProbeResult:
    name: ProbeName = "metadata-alone"
    rows = _rows_with(table, "predicted_metadata")
    if rows.empty:
        return _not_measured(name, bound, "no model without pixels was trained", "at least")
    whole, metadata = minority_f1(rows, minority), minority_f1(rows, minority, "predicted_metadata")
    return ProbeResult(
        name=name,
        value=whole - metadata,
        bound=bound,
        limit="at least",
        passed=whole - metadata >= bound,
        sentence=f"Source, view, sex, age and manufacturer tell {minority} with an F1 of {format_fraction(metadata)} "
        f"without looking at an image; this model, with {format_fraction(whole)}, must be {format_fraction(bound)} "
        "above that at least.",
        figures={"f1": whole, "f1_metadata": metadata},
    )


def _probe_embedding(table: pd.DataFrame, training: pd.DataFrame, bound: float, enough: int) -> ProbeResult:
    """How far the class could be told by the source: how well that is told, times how far it gives the class away.

    The source is told within one class, where the finding cannot help, and counts from 0 (chance) to 1 (always).
    """
    name: ProbeName = "source-from-embedding"
    rows = _rows_with(table, "source", "source_from_embedding")
    association = cramers_v(training["label"], training["source"])
    within = {label: found for label, own in rows.groupby("label") if (found := _tell_sources(own, enough)) is not None}
    if not within or np.isnan(association):
        reason = f"no class has {enough} test patients in each of two sources that were told from the embedding"
        return _not_measured(name, bound, reason)
    told, chance, skill = (float(part) for part in np.mean(list(within.values()), axis=0))
    return ProbeResult(
        name=name,
        value=skill * association,
        bound=bound,
        passed=skill * association <= bound,
        sentence=f"Within one class, what the network sees tells the sources apart with a balanced accuracy of "
        f"{format_fraction(told)} (chance {format_fraction(chance)}), which is {skill:.0%} of the way from chance to "
        f"certainty. Class and source are associated by {format_fraction(association)} (Cramér's V). Their product is "
        f"{format_fraction(skill * association)}, {format_fraction(bound)} may be.",
        figures={"balanced_accuracy": told, "chance": chance, "skill": skill, "cramers_v": association},
    )


def _tell_sources(rows: pd.DataFrame, enough: int) -> tuple[float, float, float] | None:
    """Balanced accuracy over the sources of enough patients, its chance, and how far it is from there to 1.

    None where there are fewer than two such sources.
    """
    right = (rows["source"] == rows["source_from_embedding"]).groupby(rows["source"]).mean()
    recalls = right[rows.groupby("source")["patient_id"].nunique() >= enough]
    if len(recalls) < 2:  # noqa: PLR2004
        return None
    told, chance = float(recalls.mean()), 1 / len(recalls)
    return told, chance, max(0.0, (told - chance) / (1 - chance))


def _probe_within_source(table: pd.DataFrame, minority: str, bound: float, enough: int) -> ProbeResult:
    name: ProbeName = "within-source"
    if len(table["source"].unique()) <= 1:
        return _not_measured(name, bound, "all test images come from one source")
    within = {
        source: minority_f1(rows, minority)
        for source, rows in _by_source(table)
        if len(rows["label"].unique()) > 1 and _minority_patients(rows, minority) >= enough
    }
    if not within:
        return _not_measured(name, bound, f"no source has two classes and {enough} test patients with {minority}")
    whole = minority_f1(table, minority)
    worst = min(within, key=lambda source: within[source])
    patients = _minority_patients(table[table["source"] == worst], minority)
    return ProbeResult(
        name=name,
        value=whole - within[worst],
        bound=bound,
        passed=whole - within[worst] <= bound,
        sentence=f"Within {worst} alone ({patients} test patients with {minority}) F1 of {minority} is "
        f"{format_fraction(within[worst])}, over all sources {format_fraction(whole)}: it may be "
        f"{format_fraction(bound)} lower at most.",
        figures={"f1": whole, **{f"f1 within {source}": f1 for source, f1 in within.items()}},
    )


def _probe_left_out_source(table: pd.DataFrame, minority: str, bound: float, enough: int) -> ProbeResult:
    name: ProbeName = "left-out-source"
    if "predicted_linear" not in table:
        return _not_measured(
            name, bound, "the network is trained whole, so it has no features that no training has seen"
        )
    rows = _rows_with(table, "predicted_linear", "predicted_elsewhere")
    patients = _minority_patients(rows, minority)
    if patients < enough:
        reason = (
            f"{patients} test patients with {minority} come from a source whose classes the others have too, "
            f"{enough} are needed"
        )
        return _not_measured(name, bound, reason)
    linear, elsewhere = (minority_f1(rows, minority, f"predicted_{by}") for by in ("linear", "elsewhere"))
    return ProbeResult(
        name=name,
        value=linear - elsewhere,
        bound=bound,
        passed=linear - elsewhere <= bound,
        sentence=f"A linear probe that learned from all sources scores {format_fraction(linear)}, one that has not "
        f"seen the image's source {format_fraction(elsewhere)} (F1 of {minority}, {patients} patients): "
        + ("no bound is set." if bound >= 1 else f"it may fall by {format_fraction(bound)} at most."),
        figures={
            "f1_linear": linear,
            "f1_elsewhere": elsewhere,
            **{
                f"f1_elsewhere on {source}": minority_f1(own, minority, "predicted_elsewhere")
                for source, own in _by_source(rows)
            },
        },
    )


def _probe_class_by_source(training: pd.DataFrame, bound: float) -> ProbeResult:
    association = cramers_v(training["label"], training["source"])
    if np.isnan(association):
        return _not_measured("class-by-source", bound, "all training images come from one source")
    return _association("class-by-source", "source", association, bound, len(training))


def _probe_class_by_age(training: pd.DataFrame, bound: float) -> ProbeResult:
    groups = group_ages(training["age"])
    association = cramers_v(training["label"], groups)
    if np.isnan(association):
        return _not_measured("class-by-age", bound, "the training images whose age is known are of one age group")
    return _association("class-by-age", "age group", association, bound, int(groups.notna().sum()))


def _association(name: ProbeName, other: str, association: float, bound: float, images: int) -> ProbeResult:
    return ProbeResult(
        name=name,
        value=association,
        bound=bound,
        passed=association <= bound,
        sentence=f"Class and {other} of {images} training images are associated by {format_fraction(association)} "
        f"(Cramér's V: 0 unrelated, 1 one tells the other), {format_fraction(bound)} may be.",
        figures={"cramers_v": association, "images": float(images)},
    )


def _not_measured(
    name: ProbeName, bound: float, reason: str, limit: Literal["at most", "at least"] = "at most"
) -> ProbeResult:
    sentence = f"The probe {name} was not measured: {reason}."
    return ProbeResult(name=name, value=None, bound=bound, limit=limit, passed=True, sentence=sentence)


def _broken(name: ProbeName, bound: float, gaps: "pd.Series[bool]", shown: str) -> ProbeResult:
    """A model that says what is not a number fails, whatever the bound, and has the worst value there is."""
    return ProbeResult(
        name=name,
        value=1.0,
        bound=bound,
        passed=False,
        sentence=f"{gaps.sum()} of {len(gaps)} predictions are not numbers {shown}: the model is broken, train it "
        "again.",
        figures={"broken": float(gaps.sum()), "images": float(len(gaps))},
    )


def _rows_with(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The rows where all these columns are filled; none where one is absent."""
    return table.dropna(subset=list(columns)) if set(columns) <= set(table) else table.iloc[:0]


def _by_source(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    return ((str(source), own) for source, own in rows.groupby("source"))


def _minority_patients(rows: pd.DataFrame, minority: str) -> int:
    return int(rows.loc[rows["label"] == minority, "patient_id"].nunique())
