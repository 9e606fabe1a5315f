"""How a network is made for a training: what the options leave open is the backbone's to say."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras

from xray_model.config import FeatureKind, Precision, TrainingOptions
from xray_model.errors import ConfigurationError
from xray_model.network import network
from xray_model.network.backbones import (
    ALL,
    Backbone,
    Parts,
    Weights,
    build_parts,
    check_boundary,
    choose_features,
    choose_precision,
    find_backbone,
)
from xray_model.network.devices import find_devices

_ON_FEATURES = frozenset({"augment_minority", "smote", "adasyn", "mixup_minority"})


@dataclass(frozen=True, slots=True)
class Recipe:
    """Every choice that makes a network, but its weights."""

    options: TrainingOptions
    backbone: Backbone
    canonical_side: int
    side: int
    """At which the backbone sees the pixels."""
    precision: Precision
    features: FeatureKind
    hidden_units: int
    learning_rate: float
    fine_tune_rate: float

    def build_parts(self, weights: Weights, boundary: str | None) -> Parts:
        """The backbone, cut at a boundary; the same weights each time, also where they are drawn."""
        seed = self.options.seed
        return build_parts(
            self.backbone, self.canonical_side, self.side, weights, boundary, self.precision, self.features, seed
        )

    def build_head(self, parts: Parts, classes: Sequence[str]) -> keras.Model:
        """A head on the pooled features of parts that nothing is fine-tuned of, the champion's if these are its."""
        shape, options = parts.frozen.output_shape[1:], self.options
        head = network.build_head(self.backbone, shape, classes, options.dropout, self.hidden_units, options.seed)
        if parts.champion is not None:
            network.warm_start(head, parts.champion)
        return head


def choose_recipe(options: TrainingOptions, canonical_side: int) -> Recipe:
    """The choices of the options, and the backbone's own where they name none.

    Raises:
        ConfigurationError: they do not go together.
    """
    backbone = find_backbone(options.backbone, options.alpha)
    check_boundary(backbone, options.fine_tune)
    if options.fine_tune == ALL and options.rebalancing in _ON_FEATURES:
        raise ConfigurationError(
            f"{options.rebalancing} makes images of features, and there are none where the whole of {backbone.name} is "
            f"tuned: take another rebalancing, or begin at one of {', '.join(backbone.boundaries)}"
        )
    return Recipe(
        options=options,
        backbone=backbone,
        canonical_side=canonical_side,
        side=options.input_side or backbone.default_side,
        precision=choose_precision(backbone, options.precision, find_devices().accelerators),
        features=choose_features(backbone, options.features, options.fine_tune),
        hidden_units=backbone.hidden_units if options.hidden_units is None else options.hidden_units,
        learning_rate=options.learning_rate or backbone.learning_rate,
        fine_tune_rate=options.fine_tune_rate or backbone.fine_tune_rate,
    )
