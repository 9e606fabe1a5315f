"""What a run does: one frozen option model per flow, from which the Prefect UI draws its form.

Where the machine is (store, registry, salt) is `storage.settings.Settings`, never an option: options are
stored on the Prefect server, so they hold no secret.
"""

from xray_model.config.base import FindingName, Options
from xray_model.config.comparing import CompareOptions, Recipe, Search, SearchRange, Variant
from xray_model.config.drift import DriftPolicy, MonitorOptions
from xray_model.config.gate import GatePolicy, ShortcutBounds
from xray_model.config.ingest import IngestOptions
from xray_model.config.night import NightlyOptions, RetrainOptions
from xray_model.config.scoring import ScoreOptions
from xray_model.config.training import (
    FROM_THE_START,
    Augmentation,
    BackboneName,
    FeatureKind,
    Precision,
    Rebalancing,
    SnapshotOptions,
    TrainingOptions,
)

__all__ = [
    "FROM_THE_START",
    "Augmentation",
    "BackboneName",
    "CompareOptions",
    "DriftPolicy",
    "FeatureKind",
    "FindingName",
    "GatePolicy",
    "IngestOptions",
    "MonitorOptions",
    "NightlyOptions",
    "Options",
    "Precision",
    "Rebalancing",
    "Recipe",
    "RetrainOptions",
    "ScoreOptions",
    "Search",
    "SearchRange",
    "ShortcutBounds",
    "SnapshotOptions",
    "TrainingOptions",
    "Variant",
]
