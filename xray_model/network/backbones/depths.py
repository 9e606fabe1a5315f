"""Features of several depths of a backbone in place of those of its last layer.

The last layers of a network trained on photographs tell their objects apart; the textures of a chest X-ray are told by
lower ones. `docs/results.md` has what either is worth on real X-rays.
"""

import logging

import keras
from keras import layers

from xray_model.config import FeatureKind
from xray_model.errors import ConfigurationError
from xray_model.network.backbones.registry import ALL, Backbone

DEPTHS, AVERAGE = "depths", "depth_"
"""Name of the layer that puts the averages side by side, and how theirs begin."""
_log = logging.getLogger(__name__)


def choose_features(backbone: Backbone, asked: FeatureKind | None, boundary: str | None) -> FeatureKind:
    """The features asked for, else a backbone's own where fine-tuning may begin at `boundary` with them.

    Raises:
        ConfigurationError: the backbone has no maps of several depths, or some lie below the boundary.
    """
    fits = boundary in {None, ALL, *backbone.boundaries[:1]}
    if asked is None and backbone.features == "depths" and not fits:
        _log.warning(
            "%s is tuned from %s on, so the head sees its last layer alone; from %s on, or whole, several depths",
            backbone.name,
            boundary,
            backbone.boundaries[0],
        )
        return "last"
    if asked is None:
        return backbone.features
    if asked == "depths" and not (backbone.boundaries and backbone.cam_layer and not backbone.trunk()):
        raise ConfigurationError(f"{backbone.name} has no maps of several depths to average: leave the features out")
    if asked == "depths" and not fits:
        raise ConfigurationError(
            f"fine-tuning of {backbone.name} at {boundary} leaves out the lower of its features of several depths: "
            f"begin at {backbone.boundaries[0]} or {ALL}, or take the features of the last layer"
        )
    return asked


def average_depths(network: keras.Model, backbone: Backbone) -> keras.Model:
    """The averages of the maps at each boundary, side by side: images to features [n, d].

    What lies above the last boundary is not run.
    """
    maps = [network.get_layer(boundary).output for boundary in backbone.boundaries]
    averages = [layers.GlobalAveragePooling2D(name=f"{AVERAGE}{place}")(found) for place, found in enumerate(maps)]
    return keras.Model(network.input, layers.Concatenate(name=DEPTHS)(averages), name=network.name)
