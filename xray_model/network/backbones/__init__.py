"""Backbones by name: their registry, their weights, and how one is cut into what is frozen and what may learn."""

from xray_model.network.backbones.cutting import Parts, build_frozen, build_parts, check_boundary
from xray_model.network.backbones.depths import choose_features
from xray_model.network.backbones.precision import choose_precision, computes_in_float16
from xray_model.network.backbones.presets import preset_folder, say_how_to_bring_preset
from xray_model.network.backbones.registry import ALL, BACKBONES, Backbone, find_backbone
from xray_model.network.backbones.weights import CHAMPION, Weights, imagenet_path, say_how_to_bring

__all__ = [
    "ALL",
    "BACKBONES",
    "CHAMPION",
    "Backbone",
    "Parts",
    "Weights",
    "build_frozen",
    "build_parts",
    "check_boundary",
    "choose_features",
    "choose_precision",
    "computes_in_float16",
    "find_backbone",
    "imagenet_path",
    "preset_folder",
    "say_how_to_bring",
    "say_how_to_bring_preset",
]
