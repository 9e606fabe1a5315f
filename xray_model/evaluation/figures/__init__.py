"""Pictures of an evaluation: SVG that reads at a glance, with an interval on every score and one sentence each."""

import pandas as pd

from xray_model.evaluation.figures.canvas import Drawing
from xray_model.evaluation.figures.curves import draw_precision_recall, draw_roc
from xray_model.evaluation.figures.groups import draw_probes, draw_subgroups
from xray_model.evaluation.figures.reliability import draw_reliability
from xray_model.evaluation.figures.scores import draw_confusion, draw_scores
from xray_model.outcomes import EvaluationOutcome

__all__ = ["Drawing", "draw_evaluation"]


def draw_evaluation(
    challenger: EvaluationOutcome, champion: EvaluationOutcome | None = None, table: pd.DataFrame | None = None
) -> tuple[Drawing, ...]:
    """All pictures that these figures allow, in the order in which they are read.

    Args:
        challenger: the model they are about.
        champion: the model in service on the same images; None where there is none.
        table: the challenger's prediction table; without it there are no curves and no probes.
    """
    drawings = [
        draw_scores(challenger, champion),
        draw_confusion(challenger),
        None if table is None else draw_roc(challenger, table),
        None if table is None else draw_precision_recall(challenger, table),
        draw_reliability(challenger.calibration) if challenger.calibration and challenger.calibration.bins else None,
        draw_subgroups(challenger),
        None if table is None else draw_probes(challenger, table),
    ]
    return tuple(drawing for drawing in drawings if drawing is not None)
