"""What each stage of a night came to: small frozen values that tasks exchange and reports show.

They hold pseudonyms, image ids, keys and figures; never arrays, frames, models, or names from a source.
"""

from xray_model.outcomes.base import Interval, Outcome, format_fraction
from xray_model.outcomes.batches import BatchOutcome, BatchStatus, ExpectationResult, Refusal
from xray_model.outcomes.comparing import CellOutcome, CompareOutcome, Standing
from xray_model.outcomes.drift import (
    ClassShare,
    ColumnChart,
    ColumnDrift,
    DriftFamily,
    DriftOutcome,
    DriftState,
    DriftSubject,
    MonitorOutcome,
)
from xray_model.outcomes.evaluation import (
    Calibration,
    ClassScore,
    EvaluationOutcome,
    ProbeName,
    ProbeResult,
    ReliabilityBin,
    SubgroupScore,
)
from xray_model.outcomes.night import NightOutcome, RetrainOutcome, StageTime
from xray_model.outcomes.prediction import NOTICE, ImageWarning, Prediction, ServedModel
from xray_model.outcomes.promotion import ChampionSummary, Check, Decision, PromotionOutcome
from xray_model.outcomes.scoring import ScoreOutcome, WarnedImages
from xray_model.outcomes.training import EpochScore, SnapshotOutcome, Stage, TrainingOutcome

__all__ = [
    "NOTICE",
    "BatchOutcome",
    "BatchStatus",
    "Calibration",
    "CellOutcome",
    "ChampionSummary",
    "Check",
    "ClassScore",
    "ClassShare",
    "ColumnChart",
    "ColumnDrift",
    "CompareOutcome",
    "Decision",
    "DriftFamily",
    "DriftOutcome",
    "DriftState",
    "DriftSubject",
    "EpochScore",
    "EvaluationOutcome",
    "ExpectationResult",
    "ImageWarning",
    "Interval",
    "MonitorOutcome",
    "NightOutcome",
    "Outcome",
    "Prediction",
    "ProbeName",
    "ProbeResult",
    "PromotionOutcome",
    "Refusal",
    "ReliabilityBin",
    "RetrainOutcome",
    "ScoreOutcome",
    "ServedModel",
    "SnapshotOutcome",
    "Stage",
    "StageTime",
    "Standing",
    "SubgroupScore",
    "TrainingOutcome",
    "WarnedImages",
    "format_fraction",
]
