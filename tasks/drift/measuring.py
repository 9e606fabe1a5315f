"""One comparison through Evidently: its distances, its page and its run.

Evidently's distances, which `xray_model.evaluation.drift` has without it, are these. Of both samples what is missing
or infinite is left out first.

- `wasserstein`: scipy's first Wasserstein distance over the standard deviation of the reference (of the population,
  `ddof=0`), which counts as 0.001 at least.
- `jensenshannon`: the root of the Jensen-Shannon divergence (natural logarithm) of the shares of all categories that
  either sample holds, with no share put in the place of 0; at most sqrt(ln 2) = 0.83.

A column has moved from its threshold on, which is Evidently's own rule too.
"""

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tasks.drift.samples import Samples, show_samples
from xray_model.errors import InvalidInput
from xray_model.evaluation.drift.comparison import Comparison
from xray_model.outcomes import DriftFamily

_TITLES = {
    DriftFamily.QUALITY: "Data drift: how the pictures look, and how they were made",
    DriftFamily.POPULATION: "Data drift and label shift: who was X-rayed, where, and with what finding",
    DriftFamily.PREDICTION: "Prediction drift: what the model answers",
    DriftFamily.EMBEDDING: "Embedding drift: single axes of what the model sees",
}
_OVER_TIME = ("type", "column")


@dataclass(frozen=True, slots=True)
class Measured:
    """What Evidently made of a comparison."""

    scores: Mapping[str, float]
    """Distance of each column of the comparison, by its name in the frames."""
    html: bytes | None
    """The report as one page that needs nothing else; None where there was nothing to compare."""
    run: bytes | None
    """The same as JSON for a workspace, which `update_workspace` takes in; None likewise."""


def measure(comparison: Comparison) -> Measured:
    """Measure the distance of every column with Evidently, and keep its report and its run.

    Neither holds an id of an image or a patient: only the compared columns go in.

    Raises:
        InvalidInput: a column is missing in one of the frames, holds nothing that can be compared, or numbers that
            Evidently cannot measure.
    """
    if not comparison.columns and comparison.domain is None:
        return Measured({}, None, None)
    samples = show_samples(comparison)
    with quiet_evidently():
        try:
            snapshot = _run_report(comparison, samples)
        except ValueError as error:
            raise InvalidInput(f"Evidently cannot measure these samples: {error}") from error
        page = snapshot.get_html_str(as_iframe=False).encode()
        return Measured(_read_scores(snapshot, samples), page, _keep_run(snapshot))


@contextmanager
def quiet_evidently() -> Iterator[None]:
    """Silence what Evidently's code warns of, on import and on run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _run_report(comparison: Comparison, samples: Samples) -> Any:
    from evidently import DataDefinition, Dataset, Report

    from tasks.drift.sections import NULL

    definition = DataDefinition(numerical_columns=samples.numbers, categorical_columns=samples.categories)
    domain = comparison.domain
    return Report(_sections(comparison, samples), include_tests=True).run(
        Dataset.from_pandas(samples.current, data_definition=definition),
        Dataset.from_pandas(samples.reference, data_definition=definition),
        {NULL: Dataset.from_pandas(pd.DataFrame({NULL: domain.null}))} if domain else None,
    )


def _sections(comparison: Comparison, samples: Samples) -> list[Any]:
    from tasks.drift.sections import DriftSection, QualitySection, classify_domain, count_moved

    methods = {samples.headings[item.column.name]: item.method for item in comparison.columns}
    thresholds = {samples.headings[item.column.name]: item.threshold for item in comparison.columns}
    sections: list[Any] = [count_moved(methods, thresholds)] if methods else []
    for family, title in _TITLES.items():
        names = [samples.headings[item.column.name] for item in comparison.columns if item.column.family == family]
        if names:
            of_names = {name: methods[name] for name in names}
            sections.append(DriftSection(title, of_names, {name: thresholds[name] for name in names}))
    if comparison.domain:
        sections.append(classify_domain(comparison.domain.auc, comparison.domain.threshold))
    if methods:
        sections.append(QualitySection(samples.incomplete))
    return sections


def _read_scores(snapshot: Any, samples: Samples) -> dict[str, float]:
    names = {heading: name for name, heading in samples.headings.items()}
    return {
        names[item["config"]["column"]]: float(item["value"])
        for item in snapshot.dict()["metrics"]
        if item["config"]["type"].endswith(":ValueDrift")
    }


def _keep_run(snapshot: Any) -> bytes:
    run = json.loads(snapshot.dumps())
    for result in run["metric_results"].values():
        result["widget"] = None  # what is shown stands in the run a second time
        for value in (result, result.get("count"), result.get("share")):
            if value:
                # A workspace draws a line through equal parameters, and every run has thresholds of its own.
                metric = value["metric_value_location"]["metric"]
                metric["params"] = {name: metric["params"][name] for name in _OVER_TIME if name in metric["params"]}
    return json.dumps(run).encode()
