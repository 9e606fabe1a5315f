"""Answers as rows: of a part of a scoring, and of the log of predictions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from storage.objects import Objects
from storage.scoring.answering import RefusedFile, ScoredImage
from storage.scoring.parts import FACTS, Scoring, part_schema
from storage.scoring_log import append_scores
from xray_model.evaluation.drift.columns import EMBEDDING

_ROUTE = "batch"


def build_part(
    answers: Sequence[ScoredImage | RefusedFile], classes: tuple[str, ...], first: int, when: datetime
) -> pa.Table:
    """A part of a scoring.

    Args:
        answers: to its images, in order.
        classes: those of the model.
        first: number of the first image among all.
        when: UTC, when they were answered.
    """
    rows = [
        {"number": number, "when": when, "warnings": [], "warning_texts": [], **_describe(answer)}
        for number, answer in enumerate(answers, start=first)
    ]
    return pa.Table.from_pylist(rows, part_schema(classes))


def log_part(objects: Objects, scoring: Scoring, shard: int, part: pa.Table) -> None:
    """Add the answers of a part to the log of predictions, once for as long as the part is kept."""
    answered = part.filter(part["predicted"].is_valid())
    if not len(answered):
        return
    names = ["when", "image_id", "predicted", *(f"p_{name}" for name in scoring.model.classes)]
    known = [name for name in FACTS if answered[name].null_count < len(answered)]
    table = answered.select([*names, *known]).to_pandas()
    model = scoring.model
    table = table.assign(version=model.version, run_id=model.run_id, route=_ROUTE)
    append_scores(objects, table, f"{scoring.id}-{shard:05d}")


def _describe(answer: ScoredImage | RefusedFile) -> dict[str, Any]:
    if isinstance(answer, RefusedFile):
        return {"image_id": answer.image_id, "refused": answer.reason}
    prediction = answer.prediction
    return {
        "image_id": prediction.image_id,
        "predicted": prediction.label,
        **{f"p_{name}": value for name, value in prediction.probabilities.items()},
        "warnings": [warning.code for warning in prediction.warnings],
        "warning_texts": [warning.text for warning in prediction.warnings],
        **answer.read.facts(),
        **dict(zip(EMBEDDING, answer.coordinates.tolist(), strict=False)),
    }
