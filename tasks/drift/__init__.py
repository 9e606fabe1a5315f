"""Drift: Evidently compares the new images with what the champion was trained on."""

from tasks.drift.measuring import Measured, measure
from tasks.drift.workspace import update_workspace

__all__ = ["Measured", "measure", "update_workspace"]
