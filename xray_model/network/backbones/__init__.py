"""Backbones by name: their registry, their weights, and how one is cut into what is frozen and what may learn."""

from xray_model.network.backbones.cutting import ALL, Parts, build_frozen, build_parts
from xray_model.network.backbones.precision import choose_precision
from xray_model.network.backbones.registry import BACKBONES, Backbone, find_backbone
from xray_model.network.backbones.weights import CHAMPION, Weights

__all__ = [
    "ALL",
    "BACKBONES",
    "CHAMPION",
    "Backbone",
    "Parts",
    "Weights",
    "build_frozen",
    "build_parts",
    "choose_precision",
    "find_backbone",
]
