"""Drift: Evidently compares the new images with what the champion was trained on."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from storage.decisions import load_rows_now
from storage.objects import Objects
from storage.settings import Settings
from storage.snapshots import load_snapshot
from storage.store import open_store
from tasks.skin import stage_task
from xray_model.config import DriftPolicy
from xray_model.data.quality import QUALITY_FIGURES
from xray_model.evaluation.drift_policy import decide_drift
from xray_model.outcomes import ChampionSummary, ColumnDrift, DriftOutcome

NUMBERS = (*(name for name in QUALITY_FIGURES if name not in {"min", "max"}), "age")
CATEGORIES = ("view", "sex", "manufacturer", "label")
WORDS = {
    "mean": "brightness",
    "std": "contrast",
    "entropy": "gray levels used",
    "saturated": "pure black or white",
    "aspect": "width over height",
    "inversion": "likeness to a negative",
    "manufacturer": "scanner maker",
    "label": "finding",
}
"""What a steward calls a column; the others are called what they are."""
_MOST_REFERENCE = 5000
_MOST_SHARES = 3
_NO_MARKUP = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"


@stage_task("monitor-drift")
def monitor_drift(
    batch_ids: tuple[str, ...], champion: ChampionSummary, policy: DriftPolicy, report_key: str
) -> DriftOutcome:
    """Compare the images of some batches that train, or wait to, with the champion's training images."""
    objects = open_store(Settings()).objects
    columns = [*NUMBERS, *CATEGORIES]
    current = load_rows_now(objects, columns, batches=batch_ids, statuses=("accepted", "held"))
    reference = load_snapshot(objects, champion.snapshot_id, "train")[columns]
    if len(reference) > _MOST_REFERENCE:
        reference = reference.sample(_MOST_REFERENCE, random_state=0)
    if len(current) < policy.minimum_images:
        return decide_drift((), len(current), len(reference), policy)
    moved = compare(current, reference, policy, objects, report_key)
    outcome = decide_drift(moved, len(current), len(reference), policy)
    return outcome.model_copy(update={"report_key": report_key if moved else None})


def compare(
    current: pd.DataFrame, reference: pd.DataFrame, policy: DriftPolicy, objects: Objects, report_key: str
) -> list[ColumnDrift]:
    """Distance of each column that both frames hold enough of; Evidently's own report goes to `report_key`."""
    numbers = [name for name in NUMBERS if _comparable(name, current, reference, policy.minimum_images)]
    categories = [name for name in CATEGORIES if _comparable(name, current, reference, policy.minimum_images)]
    if not numbers and not categories:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Evidently's own deprecations, on import and on run
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset

        definition = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
        preset = DataDriftPreset(
            columns=[*numbers, *categories],
            num_method="wasserstein",
            num_threshold=policy.number_threshold,
            cat_method="jensenshannon",
            cat_threshold=policy.category_threshold,
        )
        found = Report([preset]).run(
            Dataset.from_pandas(_plain(current, numbers, categories), data_definition=definition),
            Dataset.from_pandas(_plain(reference, numbers, categories), data_definition=definition),
        )
        with TemporaryDirectory(prefix="xray-drift-") as folder:
            path = Path(folder) / "drift.html"
            found.save_html(str(path))
            objects.create(report_key, path.read_bytes())
    return [_column_drift(item, current, reference) for item in _column_metrics(found.dict()["metrics"])]


def describe_column(values: pd.Series) -> str:
    """Mean of a number, or the largest shares of a category, as a person reads them."""
    present = values.dropna()
    if pd.api.types.is_numeric_dtype(present):
        return f"mean {present.mean():.3g}"
    shares = present.value_counts(normalize=True).head(_MOST_SHARES)
    return ", ".join(f"{name} {share:.0%}" for name, share in shares.items())


def _column_drift(item: dict[str, Any], current: pd.DataFrame, reference: pd.DataFrame) -> ColumnDrift:
    column, threshold, score = item["config"]["column"], float(item["config"]["threshold"]), float(item["value"])
    return ColumnDrift(
        column=WORDS.get(column, column),
        method=item["config"]["method"],
        score=round(score, 4),
        threshold=threshold,
        moved=score >= threshold,
        current=describe_column(current[column]),
        reference=describe_column(reference[column]),
    )


def _comparable(name: str, current: pd.DataFrame, reference: pd.DataFrame, minimum: int) -> bool:
    return bool(current[name].notna().sum() >= minimum and reference[name].notna().sum() >= minimum)


def _plain(frame: pd.DataFrame, numbers: Sequence[str], categories: Sequence[str]) -> pd.DataFrame:
    # Evidently writes values into a script as they are, and a scanner's maker can be called `</script>…`.
    words = {name: frame[name].astype(object).fillna("unknown").str.replace("<", _NO_MARKUP) for name in categories}
    return pd.DataFrame({name: frame[name].astype(float) for name in numbers} | words)


def _column_metrics(metrics: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for item in metrics if "column" in item["config"] and "method" in item["config"]]
