"""The sections of the report, in Evidently's own terms. Importing this takes seconds, as Evidently does."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from evidently.core.container import MetricContainer, MetricOrContainer
from evidently.core.datasets import Dataset
from evidently.core.metric_types import SingleValue, SingleValueCalculation, SingleValueMetric
from evidently.core.report import Context
from evidently.core.tests import Reference
from evidently.legacy.metrics import DataDriftTable
from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.renderers.html_widgets import CounterData, counter, plotly_data, text_widget
from evidently.metrics import DriftedColumnsCount, MissingValueCount, RowCount, ValueDrift
from evidently.tests import lt, lte

NULL = "permutations"
"""Name of the frame, and of its one column, by which a run is given the AUCs that chance makes."""
_MOST_VALUES = 30
_MOST_MORE_MISSING = 0.05


def count_moved(methods: dict[str, str], thresholds: dict[str, float]) -> DriftedColumnsCount:
    """How many of all columns moved, which fails from the first on: chance alone is in the thresholds already."""
    return DriftedColumnsCount(
        columns=list(methods),
        per_column_method=methods,
        per_column_threshold=thresholds,
        tests=[lt(1)],
        share_tests=[],
    )


class DriftSection(MetricContainer):  # type: ignore[misc]
    """The columns of one family under a title, with one test of each."""

    title: str
    methods: dict[str, str]
    thresholds: dict[str, float]

    def __init__(self, title: str, methods: dict[str, str], thresholds: dict[str, float]) -> None:
        self.title = title
        self.methods = methods
        self.thresholds = thresholds
        super().__init__()

    def generate_metrics(self, context: Context) -> Sequence[MetricOrContainer]:  # noqa: ARG002 - Evidently's signature
        """The drift of each column."""
        return [
            ValueDrift(column=name, method=method, threshold=self.thresholds[name])
            for name, method in self.methods.items()
        ]

    def render(self, context: Context, child_widgets: Any = None) -> list[BaseWidgetInfo]:  # noqa: ARG002
        """Title, and Evidently's table of the columns, each with both distributions and its threshold."""
        drift = DataDriftTable(
            columns=list(self.methods),
            per_column_stattest=self.methods,
            per_column_stattest_threshold=self.thresholds,
        )
        (table,) = [widget for widget in context.get_legacy_metric(drift, None, None)[1] if widget.type == "big_table"]
        table.params["columns"].append({"title": "Threshold", "field": "threshold"})
        table.params["rowsPerPage"] = len(self.methods)
        shown = {part["id"] for row in table.params["data"] for part in self._finish_row(row)}
        table.additionalGraphs = [graph for graph in table.additionalGraphs if graph.id in shown]
        for graph in table.additionalGraphs:
            del graph.params["layout"]["template"]  # 8 kB each, and only colours
        return [text_widget(text=f"# {self.title}"), table]

    def _finish_row(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        row["threshold"] = round(self.thresholds[row["column_name"]], 4)
        # The other picture draws a number over the position in the sample, which was drawn at random.
        row["details"]["parts"] = [part for part in row["details"]["parts"] if part["title"] == "DATA DISTRIBUTION"]
        values = len(row["reference_distribution"]["x"])
        if row["column_type"] == "cat" and values > _MOST_VALUES:
            row["column_type"] = f"cat, {values} values: too many for a picture"
            row["reference_distribution"] = row["current_distribution"] = {"x": [], "y": []}
            row["details"]["parts"] = []
        parts: list[dict[str, Any]] = row["details"]["parts"]
        return parts


class QualitySection(MetricContainer):  # type: ignore[misc]
    """How many images were compared, and the missing values of the columns that have any."""

    missing: list[str]

    def __init__(self, missing: list[str]) -> None:
        self.missing = missing
        super().__init__()

    def generate_metrics(self, context: Context) -> Sequence[MetricOrContainer]:  # noqa: ARG002 - Evidently's signature
        """A column fails where more is missing than in the reference, by more than five images of a hundred."""
        tests = [lte(Reference(absolute=_MOST_MORE_MISSING))]
        missing = [MissingValueCount(column=name, tests=[], share_tests=tests) for name in self.missing]
        return [RowCount(tests=[]), *missing]

    def render(self, context: Context, child_widgets: Any = None) -> list[BaseWidgetInfo]:
        """Title, and Evidently's own counters."""
        return [text_widget(text="# Data quality"), *super().render(context, child_widgets)]


class DomainClassifier(SingleValueMetric):  # type: ignore[misc]
    """ROC AUC of a classifier that tells the new images from the reference by their embedding.

    It was measured, with its permutations, before the report is made (see `xray_model.evaluation.drift`): 0.5 where
    nothing can be told, and a failed test from the threshold on.
    """

    auc: float
    threshold: float


class DomainClassifierCalculation(SingleValueCalculation[DomainClassifier]):  # type: ignore[misc]
    """Shows what was measured beside what chance makes of it."""

    def calculate(self, context: Context, current_data: Dataset, reference_data: Dataset | None) -> SingleValue:  # noqa: ARG002
        """The AUC, with a picture of the AUCs of the permutations."""
        null = context.additional_data[NULL].as_dataframe()[NULL].to_numpy()
        auc, threshold = self.metric.auc, self.metric.threshold
        chance = (1 + np.sum(null >= auc)) / (1 + len(null))
        result = self.result(auc)
        result.widget = [
            text_widget(text="# Embedding: what the model sees"),
            counter(
                counters=[
                    CounterData("ROC AUC of telling new images from known ones (0.5: cannot)", f"{auc:.3f}"),
                    CounterData("moved from here on", f"{threshold:.3f}"),
                    CounterData("share of permutations as high", f"{chance:.3f}"),
                ]
            ),
            _draw_null(null, auc, threshold),
        ]
        return result

    def display_name(self) -> str:
        """Its name in the list of tests and in the history."""
        return "Embedding: ROC AUC of new against known images"


def classify_domain(auc: float, threshold: float) -> DomainClassifier:
    """The metric with its one test."""
    return DomainClassifier(auc=auc, threshold=threshold, tests=[lt(threshold)])


def _draw_null(null: npt.NDArray[np.float64], auc: float, threshold: float) -> BaseWidgetInfo:
    counts, edges = np.histogram(null, bins=40)
    centres = (edges[:-1] + edges[1:]) / 2
    bars = {"type": "bar", "x": centres.round(4).tolist(), "y": counts.tolist(), "marker": {"color": "#4d4d4d"}}
    lines = [
        {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1, "line": line}
        for x, line in ((threshold, {"dash": "dash"}), (auc, {"color": "#ed0400"}))
    ]
    layout = {
        "xaxis": {"title": {"text": "ROC AUC: dashed where it has moved, red what was measured"}},
        "yaxis": {"title": {"text": "permutations"}},
        "shapes": lines,
        "bargap": 0,
    }
    return plotly_data(title="What chance alone makes of it", data=[bars], layout=layout)
